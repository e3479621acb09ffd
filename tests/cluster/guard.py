"""Takes a cluster down when the process that brought it up is killed before it could."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT = 'read word || { "$@"; rm -rf "$0"; }'
_WAIT_AND_KEEP = 'read word || "$@"'


@contextmanager
def guarded(folder: Path, *, remove: bool) -> Iterator[None]:
    """While in it, the end of this process, whatever its kind, is the end of the cluster in `folder` too."""
    down = [sys.executable, "-m", "tests.cluster", "down", str(folder)]
    with subprocess.Popen(
        ["sh", "-c", _WAIT if remove else _WAIT_AND_KEEP, str(folder), *down],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    ) as guard:
        try:
            yield
        finally:
            guard.communicate(b"all is well\n")
