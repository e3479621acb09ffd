"""Which beams something outside is in the way of, from its first sign until they have gone on for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mqi_tui.domain.hold_up import HoldUp

PASSING_SECONDS = 60.0
"""What is in the way for less than this mostly goes by itself."""
LEFT_BEHIND_SECONDS = 90.0
"""A beam at work for so long is not held up now: a command that gets no answer has mostly failed before."""
GOING_ON_SECONDS = 300.0
"""After so long at work, what is in the way is another trouble than before."""


@dataclass(frozen=True, slots=True)
class _Entry:
    hold_up: HoldUp
    began_at: float
    """Of the monotonic clock, as `tried_at`."""
    in_outage: bool
    tried_at: float | None = None
    """When the beam was last let go on; None while it pauses."""


class HoldUps:
    """Kept by the workers, each for its own beam."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    @property
    def lasting(self) -> Mapping[str, HoldUp]:
        """By beam id: what has been in the way for a minute and was not left behind; an outage is not told by beams."""
        return {beam_id: entry.hold_up for beam_id, entry in self._entries.items() if self._lasts(entry)}

    def _lasts(self, entry: _Entry) -> bool:
        now = self._clock()
        last = now if entry.tried_at is None else entry.tried_at
        has_lasted = last - entry.began_at >= PASSING_SECONDS
        return has_lasted and now - last <= LEFT_BEHIND_SECONDS and not entry.in_outage

    def is_known(self, beam_id: str, *, in_outage: bool) -> bool:
        """Whether a trouble now, while the HPC is unreachable or not, is the one that was noted last."""
        entry = self._entries.get(beam_id)
        return entry is not None and (in_outage or not entry.in_outage)

    def has_gone_on(self, beam_id: str) -> bool:
        """Whether the beam has been at work for so long that another trouble is a new one."""
        entry = self._entries.get(beam_id)
        if entry is None:
            return True
        return entry.tried_at is not None and self._clock() - entry.tried_at > GOING_ON_SECONDS

    def note(self, beam_id: str, reason: str, *, in_outage: bool) -> datetime:
        """The beam pauses for the reason; returns since when (UTC) it has been held up."""
        since, began_at = datetime.now(UTC), self._clock()
        if self.is_known(beam_id, in_outage=in_outage):
            earlier = self._entries[beam_id]
            since, began_at = earlier.hold_up.since, earlier.began_at
        self._entries[beam_id] = _Entry(HoldUp(since, reason), began_at, in_outage)
        return since

    def let_go(self, beam_id: str) -> None:
        """The pause is over, and the beam tries again."""
        self._entries[beam_id] = replace(self._entries[beam_id], tried_at=self._clock())

    def drop(self, beam_id: str) -> None:
        """The beam has gone on, or has ended."""
        self._entries.pop(beam_id, None)
