"""Runs a site's program on this machine: output to a file, a time limit, and no process left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from mqi_tui.domain.errors import PermanentError
from mqi_tui.hpc.cancellation import started, to_its_end

_LAST_BYTES = 64 * 1024
_GRACE_SECONDS = 3.0
_NICENESS = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 10)
"""Of a site's program: the screen and what feeds the GPUs go first on a busy machine."""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    exit_code: int
    output: str
    """The end of stdout and stderr together (64 KiB), decoded with replacement characters."""

    def replaced(self, old: str, new: str) -> ProgramResult:
        """The same result, with a text in its output replaced."""
        return ProgramResult(self.exit_code, self.output.replace(old, new))

    def last_lines(self, count: int = 3) -> str:
        """The last non-empty lines, joined by ` / `; "no output" if there are none."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return " / ".join(lines[-count:]) or "no output"


async def run_program(command: Sequence[str], *, folder: Path, log: Path, timeout: float, what: str) -> ProgramResult:
    """Run `command` (no shell) in `folder` with its output in `log`.

    Raises PermanentError if it cannot be started or runs longer than `timeout` seconds; it and its children are
    ended then, and also when the caller is cancelled. It runs at a lower priority than this process.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = await started(asyncio.to_thread(os.open, log, flags, 0o600), _close)
    try:
        process = await started(
            asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            ),
            _end,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PermanentError(
            f"{what} cannot be started: {command[0]}: {reason}; check its command in config.yaml."
        ) from None
    finally:
        os.close(descriptor)
    _give_way(process.pid)
    try:
        async with asyncio.timeout(timeout):
            exit_code = await process.wait()
    except TimeoutError:
        output = await asyncio.to_thread(_tail, log)
        quoted = ProgramResult(-1, output).last_lines()
        raise PermanentError(
            f"{what} ran longer than {timeout:g} s and was ended; its last words: {quoted} (whole output: {log})."
        ) from None
    finally:
        await to_its_end(_end(process))
    return ProgramResult(exit_code, await asyncio.to_thread(_tail, log))


async def _close(descriptor: int) -> None:
    os.close(descriptor)


def _give_way(pid: int) -> None:
    """Lower the priority of a process that leads its session."""
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).nice(_NICENESS)
    # Where Linux shares the processors out between sessions first, only the session's own priority counts: sched(7).
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICENESS), encoding="ascii")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    tree = await asyncio.to_thread(_tree_of, process.pid)
    for member in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    alive = tree[1:]
    try:
        _, alive = await asyncio.to_thread(psutil.wait_procs, alive, _GRACE_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
    finally:
        # Also where the end of the event loop cuts the wait short.
        for member in [*alive, *tree[:1]]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    await process.wait()


def _tree_of(pid: int) -> list[psutil.Process]:
    """The program, first, and every process that it started, also those whose parent has ended since."""
    try:
        leader = psutil.Process(pid)
        tree = [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [
        *tree,
        *(process for process in psutil.process_iter() if _session_of(process.pid) == pid and process not in tree),
    ]


def _session_of(pid: int) -> int | None:
    if not hasattr(os, "getsid"):
        return None
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _LAST_BYTES, 0))
        return file.read().decode(errors="replace")
