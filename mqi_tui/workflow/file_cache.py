"""What was made of files, kept for as long as the files stay the same and there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

Stamp = tuple[int, int]
"""(time of a file's last change in ns, bytes)."""

_SMALL = 4096
"""Bytes that a value counts for whose size is not told."""


def stamp_of(path: Path) -> Stamp | None:
    """None for a missing file; raises OSError when it cannot be told whether it is there."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_mtime_ns, status.st_size


class FileCache:
    """At most `capacity` bytes; what was not asked for longest goes first. May be used from several threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._values: OrderedDict[tuple[Path, str], tuple[Stamp, int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        path: Path,
        what: str,
        stamp: Stamp,
        make: Callable[[], T],
        *,
        weigh: Callable[[T], int] = lambda _: _SMALL,
    ) -> T:
        """The value named `what` of the file as it is at `stamp`: kept from an earlier call, or made now."""
        key = path, what
        with self._lock:
            kept = self._values.get(key)
            if kept is not None and kept[0] == stamp:
                self._values.move_to_end(key)
                value: T = kept[2]
                return value
        # Outside the lock: making it may take seconds, and a second maker does no harm.
        value = make()
        with self._lock:
            self._drop(key)
            self._values[key] = (stamp, weigh(value), value)
            self._used += self._values[key][1]
            while self._used > self._capacity and len(self._values) > 1:
                self._drop(next(iter(self._values)))
        return value

    def _drop(self, key: tuple[Path, str]) -> None:
        dropped = self._values.pop(key, None)
        if dropped is not None:
            self._used -= dropped[1]
