"""When a question that came by itself begins to take keys: those on their way were meant for what was there before."""

from __future__ import annotations

from collections.abc import Callable

SEEN_SECONDS = 1.0
"""How long a question is on the screen before anybody can have read that it is one."""
QUIET_SECONDS = 0.5
"""Somebody who types a word pauses less than this between two keys."""


class Settling:
    """Begins when it is made."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells seconds and never goes back."""
        self._clock = clock
        self._ends_at = clock() + SEEN_SECONDS

    @property
    def is_over(self) -> bool:
        return self._clock() >= self._ends_at

    def prolong(self) -> None:
        """A key came that was not meant for the question: others may follow it."""
        self._ends_at = max(self._ends_at, self._clock() + QUIET_SECONDS)
