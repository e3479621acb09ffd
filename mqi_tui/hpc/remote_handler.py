"""The HPC as one object for the workflow: files, jobs and logs, whatever transport and scheduler are behind it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from mqi_tui.domain.errors import PermanentError
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading
from mqi_tui.hpc.download import download
from mqi_tui.hpc.exit_record import EXIT_RECORD_NAME, MAX_EXIT_RECORD_BYTES, parse_exit_record
from mqi_tui.hpc.gpu_readings import read_gpus
from mqi_tui.hpc.job_monitor import JobMonitor
from mqi_tui.hpc.job_place import MAX_PLACE_BYTES, PLACE_NAME, parse_place
from mqi_tui.hpc.job_readings import read_job_readings
from mqi_tui.hpc.job_script import CLAIM_NAME, JOB_SCRIPT_NAME, LOG_NAME
from mqi_tui.hpc.protocols import ExitRecord, JobEnd, JobRef, JobSpec, Scheduler, Transport
from mqi_tui.hpc.storage import free_bytes, used_bytes
from mqi_tui.hpc.upload import publish

INPUT_PATTERNS = ("*.csv", "moqui_tps.in")
"""The files of a beam folder that belong to an upload; an earlier upload's never stay beside a new one's."""
EXIT_RECORD_CHECK_SECONDS = 30.0
"""How often a running job's exit record is looked for, in case the scheduler cannot be asked for long."""


class RemoteHandler:
    """What the workflow may do on the HPC. Everything in it can be called again after an interruption.

    Unreachable raises TransientError; what is refused or cannot be right raises PermanentError.
    """

    def __init__(
        self, transport: Transport, scheduler: Scheduler, monitor: JobMonitor, *, exit_record_grace: float
    ) -> None:
        """`exit_record_grace`: seconds that a job's exit record may come later than the job's end."""
        self._transport = transport
        self._scheduler = scheduler
        self._monitor = monitor
        self._exit_record_grace = exit_record_grace

    @property
    def transport(self) -> Transport:
        """For what looks at the way itself; the work goes through this handler."""
        return self._transport

    @property
    def monitor(self) -> JobMonitor:
        return self._monitor

    @property
    def unreachable_since(self) -> datetime | None:
        """Since when the connection is lost or the scheduler does not answer (UTC); None while all is well."""
        return min(filter(None, (self._transport.unreachable_since, self._monitor.unreachable_since)), default=None)

    def device_index(self, slot: int) -> int:
        """The number by which a job in this slot finds its GPU."""
        return self._scheduler.device_index(slot)

    def slots(self, gpu_count: int) -> int:
        """How many jobs may be there at once."""
        return self._scheduler.slots(gpu_count)

    async def wait_for_return(self, seconds: float) -> None:
        """Pause for `seconds`; an outage that ends meanwhile ends the pause."""
        await self._monitor.wait_for_return(seconds)

    async def upload_beam(self, files: Mapping[str, Path], folder: PurePosixPath) -> int:
        """Publish a beam's inputs whole in its remote folder; returns the bytes sent.

        What is there with the same content is not sent again; old inputs are moved to `superseded-<UTC time>/`.
        """
        return await publish(
            self._transport,
            files,
            folder,
            replaces=lambda name: any(fnmatchcase(name.lower(), pattern) for pattern in INPUT_PATTERNS),
        )

    async def upload_file(self, local: Path, remote: PurePosixPath) -> int:
        """Publish one file; another one by that name is moved to `superseded-<UTC time>/`. Returns the bytes sent."""
        await self._transport.make_folder(remote.parent)
        return await publish(self._transport, {remote.name: local}, remote.parent, replaces=lambda _: False)

    async def download_file(
        self,
        remote: PurePosixPath,
        local: Path,
        *,
        size: int,
        sha256: str,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        """Bring a file home; only one of this size (bytes) and hex digest ever gets the name `local`."""
        await download(self._transport, remote, local, size=size, sha256=sha256, on_progress=on_progress)

    async def submit_simulation_job(
        self,
        beam_id: str,
        attempt_folder: PurePosixPath,
        token: str,
        gpu_id: int,
        *,
        script: bytes,
        inputs: Mapping[str, bytes],
    ) -> str:
        """Start the attempt's one job and return its id; the id of the job with this token if it was ever started."""
        job = _job_spec(beam_id, attempt_folder, token, gpu_id)
        if (job_id := await self._scheduler.find(job)) is not None:
            return job_id
        await self._transport.write_folder(attempt_folder, {**inputs, JOB_SCRIPT_NAME: script})
        return await self._scheduler.submit(job)

    async def is_there(self, path: PurePosixPath) -> bool:
        """Whether there is anything by that name."""
        return await self._transport.stat(path) is not None

    async def find_job(self, beam_id: str, attempt_folder: PurePosixPath, token: str, gpu_id: int) -> str | None:
        """The id of the attempt's job if it was ever started."""
        return await self._scheduler.find(_job_spec(beam_id, attempt_folder, token, gpu_id))

    async def wait_for_job(self, job: JobRef) -> JobEnd:
        """Return when the job is over: with its exit record, or without one when it left none (lost).

        Raises PermanentError for an exit record that is damaged or another job's.
        """
        while True:
            record = await self._own_exit_record(job)
            if record is not None and record.exit_code == 0:
                return JobEnd(record)
            # Of a job that failed, the scheduler may know why: a time limit looks like a signal to the job itself.
            try:
                async with asyncio.timeout(EXIT_RECORD_CHECK_SECONDS):
                    report = await self._monitor.wait_for_end(job)
            except TimeoutError:
                continue
            return JobEnd(record or await self._last_look(job), report)

    async def cancel_job(self, job: JobRef) -> None:
        """Ask the job to end; proves nothing, `wait_for_job` does."""
        await self._scheduler.cancel(job)

    async def exit_record(self, run_folder: PurePosixPath) -> ExitRecord | None:
        """The attempt's exit record, None if there is none; raises PermanentError if it is damaged."""
        path = run_folder / EXIT_RECORD_NAME
        if await self._transport.stat(path) is None:
            return None
        return parse_exit_record(await self._transport.read(path, 0, MAX_EXIT_RECORD_BYTES), path)

    async def place(self, run_folder: PurePosixPath) -> JobPlace | None:
        """Where the attempt's job computes; None before it began."""
        return parse_place(await self._transport.read(run_folder / CLAIM_NAME / PLACE_NAME, 0, MAX_PLACE_BYTES))

    async def read_log(self, run_folder: PurePosixPath, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes of the simulation log from byte `offset`; empty at its end and before it exists."""
        return await self._transport.read(run_folder / LOG_NAME, offset, limit)

    async def read_run_file(self, run_folder: PurePosixPath, name: str, limit: int) -> bytes:
        """Up to `limit` bytes of a file that an attempt was given; empty for a missing one."""
        return await self._transport.read(run_folder / name, 0, limit)

    async def log_size(self, run_folder: PurePosixPath) -> int:
        """Bytes in the simulation log; 0 before it exists."""
        log = await self._transport.stat(run_folder / LOG_NAME)
        return 0 if log is None else log.size

    async def read_gpus(self, command: Sequence[str]) -> tuple[GpuReading, ...]:
        """The GPUs of the machine to which the transport leads; as `gpu_readings.read_gpus`."""
        return await read_gpus(self._transport, command)

    async def read_job_gpus(self, run_folders: Sequence[PurePosixPath]) -> dict[PurePosixPath, tuple[GpuReading, ...]]:
        """What the jobs in these folders read of their GPUs; as `job_readings.read_job_readings`."""
        return await read_job_readings(self._transport, run_folders)

    async def used_bytes(self, folder: PurePosixPath) -> int | None:
        """What the folder holds; None if that cannot be counted in time."""
        return await used_bytes(self._transport, folder)

    async def free_bytes(self, folder: PurePosixPath) -> int | None:
        """What can still be written in the folder; None if the system does not say."""
        return await free_bytes(self._transport, folder)

    async def _own_exit_record(self, job: JobRef) -> ExitRecord | None:
        record = await self.exit_record(job.run_folder)
        if record is not None and record.token != job.token:
            raise PermanentError(
                f"The exit record in {job.run_folder} is of another job (token {record.token!a}, expected "
                f"{job.token}); something else works in that folder. Move it away and start another attempt."
            )
        return record

    async def _last_look(self, job: JobRef) -> ExitRecord | None:
        # A shared file system may show the record later than the scheduler shows the end.
        pause = min(0.2, self._exit_record_grace / 5)
        for _ in range(round(self._exit_record_grace / pause)):
            if (record := await self._own_exit_record(job)) is not None:
                return record
            await asyncio.sleep(pause)
        return await self._own_exit_record(job)


def _job_spec(beam_id: str, attempt_folder: PurePosixPath, token: str, gpu_id: int) -> JobSpec:
    return JobSpec(job_name(beam_id), token, attempt_folder, attempt_folder / JOB_SCRIPT_NAME, gpu_id, beam_id)


def job_name(beam_id: str) -> str:
    """`moqui_{beam_id}` in characters that every batch system takes in a job's name, at most 200 of them."""
    return f"moqui_{re.sub(r'[^A-Za-z0-9._-]', '_', beam_id)}"[:200]
