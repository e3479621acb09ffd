"""The two seams of the HPC side: Transport and Scheduler. Nothing above `hpc/` knows which one is in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CommandResult:
    exit_status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    name: str
    size: int
    """Bytes."""
    is_folder: bool


class Transport(Protocol):
    """Files and commands on the HPC. Every path is absolute.

    Whatever fails for being unreachable raises TransientError; what is refused there raises PermanentError.
    """

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        """Run a program without a shell; a non-zero exit is a result, a lost connection or time-out an error."""
        ...

    async def read(self, path: PurePosixPath, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes from `offset`; empty at the end of the file and for a missing file."""
        ...

    async def write(self, path: PurePosixPath, content: bytes) -> None:
        """Write a small file (0600) whole (temporary name, fsync, rename); its folder must exist."""
        ...

    async def write_folder(self, path: PurePosixPath, contents: Mapping[str, bytes]) -> None:
        """Make the folder as `make_folder` does, and small files in it (0600), in one go over the connection.

        Nobody may read them meanwhile; called again it writes them anew.
        """
        ...

    async def stat(self, path: PurePosixPath) -> RemoteFile | None:
        """The file or folder, or None when there is nothing by that name."""
        ...

    async def list_folder(self, path: PurePosixPath) -> list[RemoteFile]:
        """What is in the folder, by name; empty for a missing folder."""
        ...

    async def make_folder(self, path: PurePosixPath) -> None:
        """Make the folder and its parents (0700); no error if it is there."""
        ...

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """Atomic; `target` must not be there."""
        ...

    async def put_files(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        """Copy local files into the remote `folder` (made if missing) under the names given."""
        ...

    async def sha256(self, paths: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
        """Hex digests computed on the far side; a missing file is missing in the answer."""
        ...

    async def get_file(
        self, source: PurePosixPath, target: Path, *, on_progress: Callable[[int], None] | None = None
    ) -> None:
        """Append the rest of `source` to the local `target` (resumes at its size) and fsync it.

        `on_progress` is called in the event loop with the bytes that are there.
        """
        ...

    @property
    def unreachable_since(self) -> datetime | None:
        """When the connection was lost (UTC); None while it stands, or where there is none to lose."""
        ...

    async def aclose(self) -> None: ...


class JobState(StrEnum):
    """What the scheduler says of a job. Absence is no state: UNKNOWN is not the end."""

    PENDING = "pending"
    RUNNING = "running"
    GONE = "gone"
    """Proven to run no more; how it ended is for the exit record to say."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class JobReport:
    state: JobState
    reason: str = ""
    """Why a job waits, in the scheduler's own words; why it is GONE, as a sentence, where the scheduler knows more than
    the exit record (time limit, out of memory, node lost, cancelled outside this program)."""
    is_final: bool = False
    """GONE for a reason that another attempt would meet again (time limit, out of memory, cancelled by a person)."""
    expected_start: datetime | None = None
    """When a PENDING job is expected to start (UTC), where the scheduler says."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One attempt's job: what is needed to submit it, and to find it again."""

    name: str
    """`moqui_{beam_id}`."""
    token: str
    run_folder: PurePosixPath
    script: PurePosixPath
    """The job script in the run folder, already uploaded."""
    gpu_id: int
    beam_id: str = ""
    """For people who look at the scheduler's own list."""


@dataclass(frozen=True, slots=True)
class JobRef:
    """A job that was submitted."""

    job_id: str
    token: str
    run_folder: PurePosixPath


@dataclass(frozen=True, slots=True)
class JobEnd:
    """A job that is proven over."""

    record: ExitRecord | None
    """None when it left none: it is lost, for the report's reason if that is known."""
    report: JobReport | None = None
    """The scheduler's last word on it, if it was asked."""


class Scheduler(Protocol):
    """Who runs the jobs. Unreachable raises TransientError."""

    def device_index(self, slot: int) -> int:
        """The number by which a job in this slot finds its GPU: the slot's own, or 0 where the scheduler gives one."""
        ...

    def slots(self, gpu_count: int) -> int:
        """How many jobs may be there at once: one a GPU, and those that may wait in the scheduler's own queue."""
        ...

    async def submit(self, job: JobSpec) -> str:
        """Start the job and return its id. Never starts a second one while one with this token exists."""
        ...

    async def find(self, job: JobSpec) -> str | None:
        """The id of the job with this token if it was ever started, running or not; None if it never was."""
        ...

    async def poll(self, jobs: Sequence[JobRef]) -> dict[str, JobReport]:
        """The state of all jobs, by token, with one status command."""
        ...

    async def cancel(self, job: JobRef) -> None:
        """Ask the job to end; proves nothing, poll until it is GONE."""
        ...


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """What a job writes at its end: `key=value` lines in `exit_record` in its run folder."""

    token: str
    exit_code: int
    started_at: datetime
    ended_at: datetime
    host: str
    gpu: str
    """The device as the job saw it."""
    raw_files: tuple[str, ...] = field(default=())
    """Names of the files in the run folder that match the raw pattern; a sound run has exactly one."""
    raw_size: int | None = None
    raw_sha256: str | None = None
