"""The transport of this machine: its own files and programs, behind the same interface as a cluster's."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.cancellation import started
from mqi_tui.hpc.local_files import file_errors, in_thread, make_private_folder, sha256_of, sync_folder, write_whole
from mqi_tui.hpc.protocols import CommandResult, RemoteFile

CHUNK = 4 * 1024 * 1024
"""Bytes copied at once."""


class LocalTransport:
    """Implements `Transport` for programs and files of this machine."""

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        # A session of its own: Ctrl-C in our terminal does not reach it, and a time-out can end all of it.
        try:
            process = await started(
                asyncio.create_subprocess_exec(
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    start_new_session=True,
                ),
                _end_group,
            )
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}:
                raise TransientError(f"Cannot start {arguments[0]}: {error.strerror}.") from error
            raise PermanentError(
                f"Cannot start {arguments[0]}: {error.strerror}; install it or mend PATH on this machine."
            ) from error
        try:
            async with asyncio.timeout(timeout):
                stdout, stderr = await process.communicate()
        except (TimeoutError, asyncio.CancelledError) as error:
            await _end_group(process)
            if isinstance(error, TimeoutError):
                raise TransientError(f"{arguments[0]} gave no answer within {timeout:g} s.") from error
            raise
        exit_status = await process.wait()
        return CommandResult(exit_status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    async def read(self, path: PurePosixPath, offset: int, limit: int) -> bytes:
        return await in_thread(_read, Path(path), offset, limit)

    async def write(self, path: PurePosixPath, content: bytes) -> None:
        await in_thread(_write, Path(path), content)

    async def write_folder(self, path: PurePosixPath, contents: Mapping[str, bytes]) -> None:
        await in_thread(_make_folder, Path(path))
        for name, content in contents.items():
            await in_thread(_write, Path(path) / name, content)

    async def stat(self, path: PurePosixPath) -> RemoteFile | None:
        return await in_thread(_stat, Path(path))

    async def list_folder(self, path: PurePosixPath) -> list[RemoteFile]:
        return await in_thread(_list_folder, Path(path))

    async def make_folder(self, path: PurePosixPath) -> None:
        await in_thread(_make_folder, Path(path))

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        await in_thread(_rename, Path(source), Path(target))

    async def put_files(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        await in_thread(_make_folder, Path(folder))
        # One thread call a file, so that a cancelled upload ends soon.
        for name, source in files.items():
            await in_thread(_copy, source, Path(folder) / name)

    async def sha256(self, paths: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
        digests = {}
        for path in paths:
            digest = await in_thread(_sha256, Path(path))
            if digest is not None:
                digests[path] = digest
        return digests

    async def get_file(
        self, source: PurePosixPath, target: Path, *, on_progress: Callable[[int], None] | None = None
    ) -> None:
        there = await in_thread(_size, target)
        while True:
            copied = await in_thread(_append, Path(source), target, there)
            there += copied
            if on_progress is not None:
                on_progress(there)
            if copied < CHUNK:
                return

    @property
    def unreachable_since(self) -> None:
        """This machine is always there."""
        return None

    async def aclose(self) -> None:
        """Nothing is held open."""


async def _end_group(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    # A grandchild that left the group may hold the pipes open.
    with suppress(TimeoutError):
        async with asyncio.timeout(5.0):
            await process.communicate()


def _read(path: Path, offset: int, limit: int) -> bytes:
    with file_errors(path, "read"):
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(limit)
        except (FileNotFoundError, NotADirectoryError):
            return b""


def _write(path: Path, content: bytes) -> None:
    with file_errors(path, "write"):
        write_whole(path, content, 0o600)


def _stat(path: Path) -> RemoteFile | None:
    with file_errors(path, "look at"):
        try:
            size = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        return RemoteFile(path.name, size, path.is_dir())


def _list_folder(path: Path) -> list[RemoteFile]:
    with file_errors(path, "list"):
        try:
            names = sorted(entry.name for entry in path.iterdir())
        except FileNotFoundError:
            return []
    return [file for name in names if (file := _stat(path / name)) is not None]


def _make_folder(path: Path) -> None:
    with file_errors(path, "make the folder"):
        make_private_folder(path)


def _rename(source: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise PermanentError(f"Cannot rename {source} to {target}: there is something by that name; move it away.")
    with file_errors(source, f"rename to {target.name}"):
        source.rename(target)
        sync_folder(target.parent)


def _copy(source: Path, target: Path) -> None:
    with file_errors(source, "read"):
        content = source.open("rb")
    with content, file_errors(target, "write"):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as copy:  # noqa: PTH123  (a descriptor, not a path)
            while chunk := content.read(CHUNK):
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())


def _sha256(path: Path) -> str | None:
    with file_errors(path, "read"):
        try:
            return sha256_of(path)
        except FileNotFoundError:
            return None


def _size(path: Path) -> int:
    with file_errors(path, "look at"):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0


def _append(source: Path, target: Path, offset: int) -> int:
    with file_errors(source, "read"), source.open("rb") as file:
        file.seek(offset)
        chunk = file.read(CHUNK)
    with file_errors(target, "write"):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "ab") as copy:  # noqa: PTH123  (a descriptor, not a path)
            copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
    return len(chunk)
