"""Writing a config where there is none."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.hpc.local_files import make_private_folder, sync_folder, temporary_name


def can_be_written(path: Path) -> bool:
    """Whether there is nothing at `path`, and a file can be put there."""
    if os.path.lexists(path):
        return False
    nearest = next((place for place in path.parents if os.path.lexists(place)), None)
    return nearest is not None and nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def write_new_config(path: Path, text: str) -> None:
    """Write the file whole and readable by its owner alone; raises RequestRefusedError if something is there already.

    Blocking: call it in a thread.
    """
    temporary = path.with_name(temporary_name(path.name))
    try:
        make_private_folder(path.parent)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor, not a path)
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            _rename_to_new(temporary, path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise RequestRefusedError(f"{path} cannot be written: {error.strerror}.") from None


def _rename_to_new(temporary: Path, path: Path) -> None:
    """A rename that never replaces; where it can, it is the file system that says whether something is there."""
    try:
        os.link(temporary, path)
    except OSError:
        if os.path.lexists(path):
            raise RequestRefusedError(f"{path} is there already; nothing was written.") from None
        # Some shares and removable disks know no second name for a file.
        temporary.rename(path)
