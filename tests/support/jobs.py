"""Makes small real jobs: run folders with a job script whose engine is a line of sh."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePosixPath

from mqi_tui.hpc.job_script import JOB_SCRIPT_NAME, render_job_script
from mqi_tui.hpc.protocols import JobRef, JobSpec

TOKEN = "0123456789abcdef"


def shell(line: str) -> list[str]:
    """An engine command that runs a line of sh."""
    return ["sh", "-c", line]


def write_job(
    run_folder: Path,
    command: Sequence[str],
    *,
    token: str = TOKEN,
    raw_pattern: str = "*.raw",
    setup_lines: Sequence[str] = (),
    readings_command: Sequence[str] = (),
) -> JobSpec:
    """A run folder with its job script."""
    run_folder.mkdir(parents=True, exist_ok=True)
    script = run_folder / JOB_SCRIPT_NAME
    script.write_bytes(
        render_job_script(
            token=token,
            run_folder=PurePosixPath(run_folder),
            command=command,
            raw_pattern=raw_pattern,
            setup_lines=setup_lines,
            readings_command=readings_command,
            readings_interval=1,
        )
    )
    return JobSpec("moqui_case_beam", token, PurePosixPath(run_folder), PurePosixPath(script), 3)


def reference(job: JobSpec, job_id: str) -> JobRef:
    return JobRef(job_id, job.token, job.run_folder)


async def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait until `condition` holds; fails the test with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)


async def until_it(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 60.0) -> None:
    """As `until`, for a condition that is asked asynchronously."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether the process runs (one that has ended and waits to be collected does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
