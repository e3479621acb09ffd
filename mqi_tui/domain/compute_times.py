"""How long beams computed at this site, and what that says of a beam that has no pace of its own yet."""

from __future__ import annotations

from dataclasses import dataclass

from mqi_tui.domain.time_left import TimeLeft

BEAMS_NEEDED = 3
"""Fewer are no experience."""

BEAMS_KEPT = 50
"""The latest; a site changes its engine's settings and its patients."""

_TRIMMED_OF = 10
"""Of so many beams the quickest and the slowest are left out."""


@dataclass(frozen=True, slots=True)
class ComputeTime:
    beam_id: str
    host: str
    """Where it computed."""
    seconds: float
    """From the job's start to its end, without any queue."""


class ComputeTimes:
    """Keeps the latest BEAMS_KEPT of them, one for each beam."""

    def __init__(self) -> None:
        self._times: dict[str, ComputeTime] = {}
        self._usual: TimeLeft | None = None

    def note(self, time: ComputeTime) -> None:
        """A beam has been computed; an earlier time of the same beam counts no more."""
        self._times.pop(time.beam_id, None)
        self._times[time.beam_id] = time
        if len(self._times) > BEAMS_KEPT:
            del self._times[next(iter(self._times))]
        self._usual = _range_of([one.seconds for one in self._times.values()])

    @property
    def usual(self) -> TimeLeft | None:
        """How long a beam computes here; None while too few were computed."""
        return self._usual

    def left(self, host: str, elapsed_s: float) -> TimeLeft | None:
        """The rest for a beam that has computed for `elapsed_s` on the host: as beams did there, or else anywhere.

        None where that is not known, and for a beam that takes longer than all of them.
        """
        there = _range_of([one.seconds for one in self._times.values() if one.host == host]) or self._usual
        if there is None or there.longest_s <= elapsed_s:
            return None
        return TimeLeft(max(there.shortest_s - elapsed_s, 0.0), there.longest_s - elapsed_s, there.of_beams)


def _range_of(seconds: list[float]) -> TimeLeft | None:
    """The range of these times, of many without the tenth at either end; None for too few."""
    if len(seconds) < BEAMS_NEEDED:
        return None
    trimmed = len(seconds) // _TRIMMED_OF
    inner = sorted(seconds)[trimmed : len(seconds) - trimmed]
    return TimeLeft(inner[0], inner[-1], len(seconds))
