"""A clock that a test sets."""

from __future__ import annotations


class Clock:
    """Stands still unless a test sets it, in seconds; counts how often it was read."""

    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now
