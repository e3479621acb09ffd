"""How long a beam still computes, as a range: a guess from how fast it went so far."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

_STEPS_NEEDED = 2
_MARGIN = 0.1
_STALLED_AFTER_STEPS = 3


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds until the computing ends, at least and at most; both may turn out wrong."""

    shortest_s: float
    longest_s: float
    of_beams: int = 0
    """How many beams of this site it is taken from; 0 for one that is taken from the beam's own pace."""


class Pace:
    """Notes how a run's fraction grows and says how long the rest takes at that pace.

    The rest is computed twice, with the pace of all steps and with that of the latest third, and a tenth is given on
    either side. The first value only sets the start: a log that is read for the first time may hold half of the run.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[float, float]] = []

    def note(self, fraction: float, at: float) -> None:
        """`fraction` (0..1) was done at `at` (seconds of any one clock); only growth counts."""
        if not self._seen or fraction > self._seen[-1][1]:
            self._seen.append((at, fraction))

    @property
    def is_known(self) -> bool:
        """There were steps enough for a pace, be it that none came of late."""
        return len(self._seen) > _STEPS_NEEDED

    def left(self, now: float) -> TimeLeft | None:
        """None while it is not known: too few steps yet, or none for much longer than each took so far."""
        if not self.is_known:
            return None
        steps = len(self._seen) - 1
        last_at, last_fraction = self._seen[-1]
        longest_step = max(after - before for (before, _), (after, _) in pairwise(self._seen))
        if now - last_at > _STALLED_AFTER_STEPS * max(longest_step, 1.0):
            return None
        starts = (self._seen[0], self._seen[-1 - max(steps // 3, 1)])
        rests = []
        for at, fraction in starts:
            if last_at <= at:
                return None
            rests.append((1.0 - last_fraction) * (last_at - at) / (last_fraction - fraction) - (now - last_at))
        return TimeLeft(max(min(rests) * (1 - _MARGIN), 0.0), max(max(rests) * (1 + _MARGIN), 0.0))
