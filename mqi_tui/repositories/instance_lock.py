"""The lock that keeps a second program off the same database, and says who holds it."""

from __future__ import annotations

import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from mqi_tui.domain.errors import MqiError

_WAIT_SECONDS = 2.0
"""A look at the lock holds it for a moment; a program that starts just then waits for that."""


class InstanceLockedError(MqiError):
    """Another program runs on the same database; the message names it."""


@dataclass(frozen=True, slots=True)
class Holder:
    pid: int
    host: str
    user: str
    since: str
    """ISO 8601, UTC."""

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user} on {self.host}, since {self.since}"


class InstanceLock:
    """`with InstanceLock(path):` raises InstanceLockedError while another process is inside.

    The operating system releases the lock when its holder dies, however it dies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path, timeout=_WAIT_SECONDS, mode=0o600)

    def __enter__(self) -> Self:
        try:
            self._lock.acquire()
        except Timeout:
            raise InstanceLockedError(
                f"mqi-tui already runs here: {_written_holder(self._path) or 'a process that has not said its name'}. "
                "Use that one (`mqi-tui status` shows its beams), or end it first."
            ) from None
        except OSError as error:
            raise InstanceLockedError(
                f"{self._path} cannot be locked: {error.strerror}; check state_directory and its rights."
            ) from None
        me = Holder(os.getpid(), socket.gethostname(), _user(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        note = _note_path(self._path)
        note.touch(mode=0o600)
        note.write_text(json.dumps(asdict(me)), encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _note_path(self._path).unlink(missing_ok=True)
        self._lock.release()


def holder(path: Path) -> Holder | None:
    """Who holds the lock `path` now; None if nobody does. Blocks for at most a moment."""
    if not path.exists():
        return None
    try:
        with FileLock(path, blocking=False, mode=0o600):
            return None
    except Timeout:
        return _written_holder(path) or Holder(0, "unknown", "unknown", "unknown")


def _note_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


def _written_holder(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(_note_path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an unknown user"
