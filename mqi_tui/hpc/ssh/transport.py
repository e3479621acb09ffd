"""The transport of a machine behind SSH: commands, files over SFTP, and uploads as one stream."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath

import asyncssh

from mqi_tui.config import SshSettings
from mqi_tui.domain.errors import MqiError, PermanentError, TransientError
from mqi_tui.hpc.cancellation import started
from mqi_tui.hpc.local_files import file_errors, in_thread, temporary_name
from mqi_tui.hpc.protocols import CommandResult, RemoteFile
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.ssh.connection import SshConnection
from mqi_tui.hpc.ssh.digests import remote_digests
from mqi_tui.hpc.ssh.errors import CONNECTION_ERRORS, file_error, may_pass, reason_in
from mqi_tui.hpc.ssh.sftp import SftpSession
from mqi_tui.hpc.ssh.shell import COMMANDS_AT_ONCE, SshShell
from mqi_tui.hpc.ssh.tar_stream import tar_stream
from mqi_tui.hpc.storage import free_bytes

BLOCK = 4 * 1024 * 1024
"""Bytes of a download that are asked for at once, and lost at most when the connection is."""
_PIECE = 128 * 1024
_SURE_READ = 32 * 1024
"""Bytes that a server gives at once if the file has them; of more it may send a part (SFTP draft 02, chapter 3)."""
UPLOADS_AT_ONCE = COMMANDS_AT_ONCE - 2
"""Questions for the jobs never wait for uploads alone."""
_UPLOAD_SECONDS = 6 * 3600.0
_MAKE_FOLDER = 'umask 077; LC_ALL=C; export LC_ALL; exec mkdir -p -- "$1"'
# -o: files belong to the one who unpacks them; -m: their time is now.
_UNPACK = """\
umask 077
LC_ALL=C
export LC_ALL
mkdir -p -- "$1" && cd -- "$1" && exec tar -xomf -
"""


class SshTransport:
    """Implements `Transport` over one SSH connection."""

    def __init__(
        self, settings: SshSettings, questions: QuestionBoard, *, on_change: Callable[[], None] | None = None
    ) -> None:
        """`on_change` is called in the event loop when the connection was lost or stands again."""
        self._connection = SshConnection(settings, questions, on_change=on_change)
        self._shell = SshShell(self._connection)
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._sftp = SftpSession(self._connection, self._shell, settings.connect_timeout_seconds)

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        answer = await self._shell.run(arguments, timeout)
        return CommandResult(
            answer.exit_status or 0, answer.stdout.decode(errors="replace"), answer.stderr.decode(errors="replace")
        )

    async def read(self, path: PurePosixPath, offset: int, limit: int) -> bytes:
        async with self._files("read", path) as sftp:
            with suppress(asyncssh.SFTPNoSuchFile):
                async with _opened_to_read(sftp, path) as file:
                    return await _read(file, offset, limit)
        return b""

    async def write(self, path: PurePosixPath, content: bytes) -> None:
        temporary = str(path.with_name(temporary_name(path.name)))
        attributes = asyncssh.SFTPAttrs(permissions=0o600)
        async with self._files("write", path) as sftp:
            async with _opened(sftp.open(temporary, "wb", attributes)) as file:
                await file.write(content)
                await file.setstat(attributes)
                with suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()
            await sftp.posix_rename(temporary, str(path))

    async def stat(self, path: PurePosixPath) -> RemoteFile | None:
        async with self._files("look at", path) as sftp:
            with suppress(asyncssh.SFTPNoSuchFile):
                return _remote_file(path.name, await sftp.stat(str(path)))
        return None

    async def list_folder(self, path: PurePosixPath) -> list[RemoteFile]:
        files = []
        async with self._files("list", path) as sftp:
            with suppress(asyncssh.SFTPNoSuchFile):
                for entry in await sftp.readdir(str(path)):
                    name = str(entry.filename)
                    if name in {".", ".."}:
                        continue
                    if entry.attrs.type != asyncssh.FILEXFER_TYPE_SYMLINK:
                        files.append(_remote_file(name, entry.attrs))
                    elif (target := await self.stat(path / name)) is not None:
                        files.append(target)
        return sorted(files, key=lambda file: file.name)

    async def make_folder(self, path: PurePosixPath) -> None:
        result = await self.run(["sh", "-c", _MAKE_FOLDER, "mqi-mkdir", str(path)])
        if result.exit_status != 0:
            raise await self._refused("make the folder", path, reason_in(result.stderr))

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        async with self._files(f"rename to {target.name}", source) as sftp:
            try:
                await sftp.rename(str(source), str(target))
            except asyncssh.SFTPFailure:
                # OpenSSH's rename never replaces anything, and says no more than this.
                if await sftp.lexists(str(target)):
                    raise PermanentError(
                        f"Cannot rename {source} to {target}: there is something by that name; move it away."
                    ) from None
                raise

    async def write_folder(self, path: PurePosixPath, contents: Mapping[str, bytes]) -> None:
        await self._unpack(tar_stream(contents), path)

    async def put_files(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        async with self._uploads:
            await self._unpack(tar_stream(files), folder)

    async def _unpack(self, archive: AsyncIterator[bytes], folder: PurePosixPath) -> None:
        unpack = ["sh", "-c", _UNPACK, "mqi-unpack", str(folder)]
        answer = await self._shell.feed(unpack, archive, _UPLOAD_SECONDS)
        if answer.exit_status != 0:
            reason = reason_in(answer.stderr.decode(errors="replace"))
            raise await self._refused("write in", folder, reason)

    async def sha256(self, paths: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
        return await remote_digests(self._shell, paths)

    async def get_file(
        self, source: PurePosixPath, target: Path, *, on_progress: Callable[[int], None] | None = None
    ) -> None:
        there = await in_thread(_append, target, b"")
        async with self._files("read", source) as sftp, _opened_to_read(sftp, source) as file:
            # The next block is on its way while one is written.
            coming = asyncio.create_task(_read_block(file, there))
            try:
                while True:
                    block = await coming
                    coming = asyncio.create_task(
                        _read_block(file, there + len(block)) if len(block) == BLOCK else _end()
                    )
                    there = await in_thread(_append, target, block)
                    if on_progress is not None:
                        on_progress(there)
                    if len(block) < BLOCK:
                        break
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
        await in_thread(_sync, target)

    @property
    def unreachable_since(self) -> datetime | None:
        return self._connection.unreachable_since

    async def aclose(self) -> None:
        await self._connection.aclose()

    @asynccontextmanager
    async def _files(self, doing: str, path: PurePosixPath) -> AsyncIterator[asyncssh.SFTPClient]:
        """The SFTP session; its errors become sentences about `path`."""
        async with self._sftp.client() as sftp:
            try:
                yield sftp
            except CONNECTION_ERRORS:
                raise
            except asyncssh.SFTPFailure as error:
                raise await self._bare_failure(sftp, doing, path) from error
            except asyncssh.SFTPError as error:
                raise file_error(doing, path, error.reason) from error

    async def _bare_failure(self, sftp: asyncssh.SFTPClient, doing: str, path: PurePosixPath) -> MqiError:
        """OpenSSH says "Failure" for a full or read-only disk, and for nearly everything else."""
        if await sftp.isdir(str(path)):
            return file_error(doing, path, "is a directory")
        free = await self._free(path.parent)
        return TransientError(
            f"Cannot {doing} {path}: SFTP there says only 'Failure'{free}, as it does of a full or read-only disk."
        )

    async def _refused(self, doing: str, path: PurePosixPath, reason: str) -> MqiError:
        return file_error(doing, path, reason, await self._free(path) if may_pass(reason) else "")

    async def _free(self, folder: PurePosixPath) -> str:
        free = await free_bytes(self, folder)
        return "" if free is None else f" ({free / 1e9:.2f} GB free there)"


def _opened_to_read(
    sftp: asyncssh.SFTPClient, path: PurePosixPath
) -> AbstractAsyncContextManager[asyncssh.SFTPClientFile]:
    # Without a block size a read is one request: asyncssh's own tasks for several outlive the one who waits for them.
    return _opened(sftp.open(str(path), "rb", block_size=0))


@asynccontextmanager
async def _opened(opening: Awaitable[asyncssh.SFTPClientFile]) -> AsyncIterator[asyncssh.SFTPClientFile]:
    """The file, closed at the end; also if the caller is cancelled while the server opens it."""
    file = await started(opening, asyncssh.SFTPClientFile.close)
    try:
        yield file
    finally:
        await file.close()


async def _read_block(file: asyncssh.SFTPClientFile, offset: int) -> bytes:
    """BLOCK bytes from the offset, fewer only at the end of the file; all asked for at once."""
    pieces = await asyncio.gather(*(_read(file, offset + there, _PIECE) for there in range(0, BLOCK, _PIECE)))
    short = next((number for number, piece in enumerate(pieces) if len(piece) < _PIECE), len(pieces))
    return b"".join(pieces[: short + 1])


async def _read(file: asyncssh.SFTPClientFile, offset: int, limit: int) -> bytes:
    """`limit` bytes from the offset, fewer only at the end of the file."""
    content = b""
    while (asked := limit - len(content)) > 0:
        piece = await file.read(asked, offset + len(content))
        assert isinstance(piece, bytes), "the file was opened for reading text"  # noqa: S101  (asyncssh types both)
        content += piece
        if len(piece) < min(asked, _SURE_READ):
            break
    return content


async def _end() -> bytes:
    return b""


def _remote_file(name: str, attributes: asyncssh.SFTPAttrs) -> RemoteFile:
    return RemoteFile(name, attributes.size or 0, attributes.type == asyncssh.FILEXFER_TYPE_DIRECTORY)


def _append(target: Path, content: bytes) -> int:
    """Append whole to the file, made 0600 if it is missing; its size now."""
    with file_errors(target, "write"):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "ab") as file:  # noqa: PTH123  (a descriptor, not a path)
            file.write(content)
            return file.tell()


def _sync(target: Path) -> None:
    with file_errors(target, "write"), target.open("rb+") as file:
        os.fsync(file.fileno())
