"""Durable file operations on this machine, and what an OSError means to the user. Blocking: call them in a thread."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from mqi_tui.domain.errors import AccessError, PermanentError, TransientError, is_passing
from mqi_tui.hpc.cancellation import to_its_end

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking file work in a thread; when cancelled, wait for its end first, so that nothing writes behind us."""
    return await to_its_end(asyncio.to_thread(function, *args, **kwargs))


@contextmanager
def file_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError of the block into a sentence about `path`.

    Raises TransientError for what passes or is mended outside (full disk, lost share), AccessError for what is not
    allowed, PermanentError for the rest.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if is_passing(error):
            raise TransientError(f"Cannot {doing} {path}: {reason}{_free_space(path)}.") from error
        kind = AccessError if isinstance(error, PermissionError) else PermanentError
        raise kind(f"Cannot {doing} {path}: {reason}; {_remedy(error)}.") from error


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write `path` under a temporary name, fsync it, rename it into place; raises OSError."""
    temporary = path.with_name(temporary_name(path.name))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor, not a path)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.chmod(mode)
    temporary.replace(path)
    sync_folder(path.parent)


def temporary_name(name: str) -> str:
    """The name under which a file is written before it gets the name `name` in the same folder."""
    # Part of the name for a person who finds it, a digest of all of it for names that begin alike.
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:12]
    return f".{name[:40]}.{digest}.new"


def make_private_folder(path: Path) -> None:
    """Make the folder and its missing parents, each 0700; raises OSError."""
    if path.is_dir():
        return
    make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file, 0600; raises OSError, FileExistsError if there is something already."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut, where the system can (Windows cannot open folders)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The hex digest of a file's content; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _free_space(path: Path) -> str:
    folder = next((folder for folder in path.parents if folder.is_dir()), None)
    if folder is None:
        return ""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return f" ({free / 1e9:.2f} GB free there)"


def _remedy(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "give this user the right to it"
    if isinstance(error, FileNotFoundError):
        return "it is not there (any more); put it back or check the path in the config"
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return "something else is there by that name; move it away"
    if error.errno == errno.ENAMETOOLONG:
        return "shorten the case's name or the configured folder"
    return "look at that path on this machine"
