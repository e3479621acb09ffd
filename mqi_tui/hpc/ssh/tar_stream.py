"""Files as one tar stream: many small files travel in one go instead of a round trip each."""

from __future__ import annotations

import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from mqi_tui.domain.errors import TransientError
from mqi_tui.hpc.local_files import file_errors, in_thread

PIECE = 1024 * 1024
"""Bytes read and sent at once."""


async def tar_stream(files: Mapping[str, Path] | Mapping[str, bytes]) -> AsyncIterator[bytes]:
    """The pieces of a tar archive that unpacks to `files` by name, local files or contents, each 0600.

    Raises PermanentError or TransientError for a file that cannot be read, or that changes while it is.
    """
    pieces = _pieces(files)
    while piece := await in_thread(_joined, pieces):
        yield piece


def _joined(pieces: Iterator[bytes]) -> bytes:
    """Small pieces together make a larger one, so that a thread is not asked for each of them."""
    collected = bytearray()
    for piece in pieces:
        collected += piece
        if len(collected) >= PIECE:
            break
    return bytes(collected)


def _pieces(files: Mapping[str, Path] | Mapping[str, bytes]) -> Iterator[bytes]:
    for name, source in files.items():
        if isinstance(source, bytes):
            yield _header(name, len(source)) + source + _padding(len(source))
        else:
            yield from _member(name, source)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, path: Path) -> Iterator[bytes]:
    with file_errors(path, "read"), path.open("rb") as file:
        size = path.stat().st_size
        yield _header(name, size)
        left = size
        while left:
            content = file.read(min(left, PIECE))
            if not content:
                raise TransientError(f"{path} has changed while it was sent.")
            left -= len(content)
            yield content
        yield _padding(size)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o600
    return member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
