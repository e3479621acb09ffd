"""The whole list, in the order in which a site gets it right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from pathlib import Path

from mqi_tui.config import Config, load_config
from mqi_tui.domain.errors import ConfigError
from mqi_tui.hpc.factory import open_transport
from mqi_tui.hpc.protocols import Transport
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.workflow.config_check import check_engine_parameters
from mqi_tui.workflow.doctor.check import Check, Outcome, Step, take_steps
from mqi_tui.workflow.doctor.compute import ComputeChecks
from mqi_tui.workflow.doctor.connection import ConnectionChecks
from mqi_tui.workflow.doctor.folders import PROBE_NAME, FolderChecks
from mqi_tui.workflow.doctor.patience import patiently
from mqi_tui.workflow.doctor.programs import ProgramChecks
from mqi_tui.workflow.doctor.scheduler import DirectChecks, SlurmChecks
from mqi_tui.workflow.doctor.ssh_files import ssh_steps

CONFIG = "config"


async def check_up(path: Path) -> AsyncIterator[Check]:
    """Every check of the site that the config at `path` describes, each as soon as it is known.

    A config that cannot be used is all that is told then. It takes no lock and opens a transport of its own, so it can
    run beside the program; all that it writes is one small file in each folder.
    """
    try:
        config = await patiently(load_config, path)
        check_engine_parameters(config)
    except ConfigError as error:
        for line in str(error).splitlines():
            yield Check(
                CONFIG, Outcome.FAILED, line.rstrip("."), "correct that line; `mqi-tui config` prints what is in force"
            )
        return
    yield Check(CONFIG, Outcome.OK, _words_of(config))
    async for check in _all(config, open_transport(config.settings), asks=False):
        yield check


async def check_up_running(config: Config, transport: Transport) -> AsyncIterator[Check]:
    """The same for the program that runs with `config`, over the connection that it has: none is opened or closed."""
    yield await _config_now(config)
    async for check in _all(config, nullcontext(transport), asks=True):
        yield check


async def check_connection(config: Config, questions: QuestionBoard) -> AsyncIterator[Check]:
    """Only the checks of the way to the HPC and of its scheduler; what a connection wants to know goes to `questions`.

    It makes `hpc.remote_root` there, and writes one small file into it.
    """
    async with AsyncExitStack() as stack:
        way = open_transport(config.settings, questions=questions)
        async for check in take_steps(_Way(config, stack, way, asks=questions.has_audience).steps()):
            yield check


async def _all(config: Config, way: AbstractAsyncContextManager[Transport], *, asks: bool) -> AsyncIterator[Check]:
    async with AsyncExitStack() as stack:
        checks = _Way(config, stack, way, asks=asks)
        steps = [
            *FolderChecks(config).steps(),
            *ProgramChecks(config).steps(),
            *checks.steps(),
            *ComputeChecks(checks.transport, config.settings, PROBE_NAME).steps(),
        ]
        async for check in take_steps(steps):
            yield check


def _words_of(config: Config) -> str:
    hpc = config.settings.hpc
    return f"{config.path}: transport {hpc.transport}, scheduler {hpc.scheduler}"


async def _config_now(config: Config) -> Check:
    """What the file says now, against what the program that runs has read."""
    try:
        now = await patiently(load_config, config.path)
        check_engine_parameters(now)
    except ConfigError as error:
        first, *others = str(error).splitlines()
        more = f" (and {len(others)} more)" if others else ""
        return Check(
            CONFIG,
            Outcome.FAILED,
            f"{first.rstrip('.')}{more}; what is looked at below was read at the start",
            "correct it before the next start; `mqi-tui doctor` tells every line",
        )
    if now.settings != config.settings:
        return Check(
            CONFIG,
            Outcome.WARNING,
            f"{config.path} has changed since the start; what is looked at below is what is in force",
            "quit and start again, so that it counts",
        )
    return Check(CONFIG, Outcome.OK, _words_of(config))


class _Way:
    """The way to the HPC, and who runs the jobs there."""

    def __init__(
        self, config: Config, stack: AsyncExitStack, way: AbstractAsyncContextManager[Transport], *, asks: bool
    ) -> None:
        self._hpc = config.settings.hpc
        self._connection = ConnectionChecks(config, stack, way, asks=asks)

    def transport(self) -> Transport:
        return self._connection.transport

    def steps(self) -> list[Step]:
        is_slurm = self._hpc.scheduler == "slurm"
        scheduler = SlurmChecks(self.transport, self._hpc) if is_slurm else DirectChecks(self.transport)
        return [
            *(ssh_steps(self._hpc.ssh) if self._hpc.transport == "ssh" else ()),
            *self._connection.steps(),
            *scheduler.steps(),
        ]
