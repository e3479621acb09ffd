"""The beams' priorities as the turns look at them; what the database holds, kept where no await is needed to see it."""

from __future__ import annotations

from collections.abc import Callable


class Priorities:
    def __init__(self) -> None:
        self._values: dict[str, int] = {}

    def set(self, beam_id: str, priority: int) -> None:
        """The database has this priority for the beam now."""
        self._values[beam_id] = priority

    def of(self, beam_id: str) -> Callable[[], int]:
        """Tells the priority that the beam has whenever it is asked."""
        return lambda: self._values.get(beam_id, 0)
