"""Picks the transport and the scheduler that the settings name; a new one of either is one class and one line here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from mqi_tui.config import HpcSettings, Settings
from mqi_tui.hpc.direct_scheduler import DirectScheduler
from mqi_tui.hpc.job_monitor import JobMonitor
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import Scheduler, Transport
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.remote_handler import RemoteHandler
from mqi_tui.hpc.slurm.scheduler import SlurmScheduler

OnChange = Callable[[], None] | None


def _over_ssh(hpc: HpcSettings, questions: QuestionBoard, on_change: OnChange) -> Transport:
    # The SSH library is an eighth of what the whole program imports; not every site needs it, and no help text does.
    from mqi_tui.hpc.ssh.transport import SshTransport  # noqa: PLC0415

    return SshTransport(hpc.ssh, questions, on_change=on_change)


_TRANSPORTS: Mapping[str, Callable[[HpcSettings, QuestionBoard, OnChange], Transport]] = {
    "local": lambda _, __, ___: LocalTransport(),
    "ssh": _over_ssh,
}
_SCHEDULERS: Mapping[str, Callable[[HpcSettings, Transport], Scheduler]] = {
    "direct": lambda _, transport: DirectScheduler(transport),
    "slurm": lambda hpc, transport: SlurmScheduler(transport, hpc.slurm),
}
LONGEST_MONITOR_PAUSE_SECONDS = 5.0
"""One question for all jobs costs little: what waits for the end of an outage learns of it within seconds."""


@asynccontextmanager
async def open_transport(
    settings: Settings, *, questions: QuestionBoard | None = None, on_change: OnChange = None
) -> AsyncIterator[Transport]:
    """The way to the HPC that the settings name, alone.

    `questions` takes what a connection has to ask a person; without it, what needs an answer is an error.
    `on_change` is called in the event loop when the connection was lost or stands again.
    """
    transport = _TRANSPORTS[settings.hpc.transport](settings.hpc, questions or QuestionBoard(), on_change)
    try:
        yield transport
    finally:
        await transport.aclose()


@asynccontextmanager
async def open_hpc(
    settings: Settings, *, questions: QuestionBoard | None = None, on_change: OnChange = None
) -> AsyncIterator[RemoteHandler]:
    """The HPC that the settings name, with its job monitor running; `questions` as for `open_transport`.

    `on_change` is called in the event loop when the monitor's reports or reachability have changed.
    """
    hpc = settings.hpc
    monitor: JobMonitor | None = None

    def connection_changed() -> None:
        if monitor is not None and transport.unreachable_since is None:
            monitor.ask_now()
        if on_change is not None:
            on_change()

    async with open_transport(settings, questions=questions, on_change=connection_changed) as transport:
        scheduler = _SCHEDULERS[hpc.scheduler](hpc, transport)
        async with JobMonitor(
            scheduler,
            interval=hpc.poll_interval_seconds,
            first_pause=settings.retry.first_pause_seconds,
            longest_pause=min(settings.retry.longest_pause_seconds, LONGEST_MONITOR_PAUSE_SECONDS),
            on_change=on_change,
        ) as monitor:
            yield RemoteHandler(transport, scheduler, monitor, exit_record_grace=hpc.exit_record_grace_seconds)
