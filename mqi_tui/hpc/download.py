"""Brings one file home: into a `.part` that resumes, verified by size and sha256, then renamed into place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.local_files import file_errors, in_thread, make_private_folder, sha256_of, sync_folder
from mqi_tui.hpc.protocols import Transport


async def download(
    transport: Transport,
    remote: PurePosixPath,
    local: Path,
    *,
    size: int,
    sha256: str,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Bring `remote` to `local`; `size` in bytes and hex `sha256` are what it must have.

    An older file by the final name stands until the new one is verified. Raises PermanentError when the remote file is
    missing or is not what it should be, TransientError when it arrived damaged twice.
    """
    if await in_thread(_is_right, local, size, sha256):
        return
    await in_thread(_make_folder, local.parent)
    part = local.with_name(f"{local.name}.part")
    await in_thread(_drop_if_too_long, part, size)
    for _ in range(2):
        await _check_remote_size(transport, remote, size)
        await transport.get_file(remote, part, on_progress=on_progress)
        if await in_thread(_is_right, part, size, sha256):
            await in_thread(_replace, part, local)
            return
        await in_thread(_drop, part)
    there = (await transport.sha256([remote])).get(remote)
    if there != sha256:
        raise PermanentError(
            f"{remote} is not the file that the job wrote: its sha256 is {there}, the job's exit record says {sha256}. "
            "Someone changed it, or its disk is failing; start another attempt."
        )
    raise TransientError(f"{remote} arrived damaged twice; the disk of {part.parent} or the way there is at fault.")


async def _check_remote_size(transport: Transport, remote: PurePosixPath, size: int) -> None:
    there = await transport.stat(remote)
    if there is None:
        raise PermanentError(f"{remote} is not there any more; someone removed it. Start another attempt.")
    if there.size != size:
        raise PermanentError(
            f"{remote} has {there.size} bytes, the job's exit record says {size}; someone changed it. "
            "Start another attempt."
        )


def _is_right(path: Path, size: int, sha256: str) -> bool:
    with file_errors(path, "read"):
        try:
            return path.stat().st_size == size and sha256_of(path) == sha256
        except FileNotFoundError:
            return False


def _make_folder(path: Path) -> None:
    with file_errors(path, "make the folder"):
        make_private_folder(path)


def _drop_if_too_long(part: Path, size: int) -> None:
    with file_errors(part, "remove"):
        if part.exists() and part.stat().st_size > size:
            part.unlink()


def _drop(part: Path) -> None:
    with file_errors(part, "remove"):
        part.unlink(missing_ok=True)


def _replace(part: Path, local: Path) -> None:
    with file_errors(local, "write"):
        part.replace(local)
        sync_folder(local.parent)
