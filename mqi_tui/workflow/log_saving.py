"""Saves the whole log of an attempt into a file: from the copy beside the result where there is one, else from the HPC.

What is read is what the log holds when the saving begins. Nothing is in the file's place before all of it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Protocol

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.records import AttemptRecord, BeamRecord
from mqi_tui.hpc.local_files import (
    file_errors,
    in_thread,
    make_private_file,
    make_private_folder,
    sync_folder,
    temporary_name,
)
from mqi_tui.hpc.remote_handler import RemoteHandler
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.inspection import SavedLog
from mqi_tui.workflow.log_at_home import log_at_home

_PIECE = 1024 * 1024


class _Source(Protocol):
    async def size(self) -> int: ...

    async def read(self, offset: int, limit: int) -> bytes: ...


class _AtHome:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def size(self) -> int:
        return await in_thread(self._size)

    async def read(self, offset: int, limit: int) -> bytes:
        return await in_thread(self._read, offset, limit)

    def _size(self) -> int:
        with file_errors(self._path, "read"):
            return self._path.stat().st_size

    def _read(self, offset: int, limit: int) -> bytes:
        with file_errors(self._path, "read"), self._path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)


class _OnHpc:
    def __init__(self, run_folder: PurePosixPath, remote: RemoteHandler) -> None:
        self._run_folder = run_folder
        self._remote = remote

    async def size(self) -> int:
        return await self._remote.log_size(self._run_folder)

    async def read(self, offset: int, limit: int) -> bytes:
        return await self._remote.read_log(self._run_folder, offset, limit)


def suggested_log_file(beam: BeamRecord, attempt: int, context: WorkflowContext) -> Path:
    """Beside the beam's result, by the attempt: a later attempt's log has another name."""
    return context.result_folder(beam) / f"simulation-attempt-{attempt}.log"


async def save_log(
    beam: BeamRecord,
    number: int,
    target: Path,
    context: WorkflowContext,
    *,
    replace: bool,
    on_progress: Callable[[float], None],
) -> SavedLog:
    """As `BeamInspector.save_log`; `number` is the attempt's."""
    attempts = await context.attempts.list_attempts(beam.beam_id)
    attempt = next((each for each in attempts if each.attempt == number), None)
    if attempt is None:
        raise InputError(f"{beam.beam_id} has no attempt {number}: there is no log of it.")
    source = await _source(beam, attempt, context, is_latest=attempt is attempts[-1])
    size = await source.size()
    if not size:
        raise InputError(f"The log of attempt {number} of {beam.beam_id} is empty, or not there (any more).")
    file = _SavedFile(target, replaces=replace)
    try:
        await in_thread(file.begin, context.result_folder(beam))
        await _copy(source, size, file, on_progress)
        await in_thread(file.finish)
    except BaseException:
        await in_thread(file.undo)
        raise
    return SavedLog(target, size, number)


async def _copy(source: _Source, size: int, file: _SavedFile, on_progress: Callable[[float], None]) -> None:
    done = 0
    while done < size:
        data = await source.read(done, min(_PIECE, size - done))
        if not data:
            raise InputError(f"The log ended after {done:,} of {size:,} bytes: it has changed since. Save it again.")
        await in_thread(file.append, data)
        done += len(data)
        on_progress(done / size)


async def _source(beam: BeamRecord, attempt: AttemptRecord, context: WorkflowContext, *, is_latest: bool) -> _Source:
    # What the caller knows of the beam may be older than its attempts.
    at_home = await in_thread(log_at_home, beam, attempt.attempt, context) if is_latest else None
    if at_home is not None:
        return _AtHome(at_home)
    return _OnHpc(PurePosixPath(attempt.run_folder), context.remote)


class _SavedFile:
    """The file to be: its name is taken at once, its content gets there when all of it is written."""

    def __init__(self, target: Path, *, replaces: bool) -> None:
        self._target = target
        self._replaces = replaces
        self._part = target.with_name(temporary_name(target.name))
        self._ours: list[Path] = []
        """What is there by now and goes again if the saving does not come to its end."""

    def begin(self, result_folder: Path) -> None:
        """Take the name, so that no other can have it meanwhile; `result_folder` is made if the file is to be in it."""
        target = self._target
        with file_errors(target, "write"):
            if target.parent == result_folder:
                make_private_folder(result_folder)
            if not target.parent.is_dir():
                raise InputError(f"{target.parent} is no folder; make it, or name another place.")
            if target.is_dir():
                raise InputError(f"{target} is a folder; name a file in it.")
            if not self._replaces:
                try:
                    make_private_file(target)
                except FileExistsError:
                    raise InputError(f"{target} is there already; nothing was written.") from None
                self._ours.append(target)
            self._part.unlink(missing_ok=True)
            make_private_file(self._part)
            self._ours.append(self._part)

    def append(self, data: bytes) -> None:
        with file_errors(self._part, "write"), self._part.open("ab") as file:
            file.write(data)

    def finish(self) -> None:
        with file_errors(self._target, "write"):
            with self._part.open("rb+") as file:
                os.fsync(file.fileno())
            self._part.replace(self._target)
            sync_folder(self._target.parent)
            self._ours.clear()

    def undo(self) -> None:
        """Leave nothing behind, also not the name that was taken."""
        with file_errors(self._target, "remove what was begun of"):
            for path in reversed(self._ours):
                path.unlink(missing_ok=True)
