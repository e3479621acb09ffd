"""The way of a beam as steps with their times, made of its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mqi_tui.domain.records import EventRecord
from mqi_tui.domain.status import BeamStatus


@dataclass(frozen=True, slots=True)
class Step:
    """A status that the beam had."""

    status: BeamStatus | None
    """None for what is recorded of before the first known status."""
    begins: datetime
    """UTC, as all times here."""
    ends: datetime | None
    """None for the status that the beam has now."""
    message: str
    """What was recorded when the beam took the status."""
    level: str
    notes: tuple[EventRecord, ...]
    """What happened meanwhile and changed no status."""
    is_in_hpc_queue: bool = False
    """It had its slot, and its job was not seen to compute yet."""

    def duration(self, now: datetime) -> timedelta:
        """Until its end, or until `now`; never below 0, should the clock have been set back."""
        return max((self.ends or now) - self.begins, timedelta(0))


def steps_of(events: Sequence[EventRecord]) -> list[Step]:
    """The steps in their order; `events` are the beam's, oldest first."""
    changes = [number for number, event in enumerate(events) if event.status is not None]
    steps = []
    first = changes[0] if changes else len(events)
    if first:
        ends = events[first].at if changes else None
        steps.append(Step(None, events[0].at, ends, "", "info", tuple(events[:first])))
    for number, following in zip(changes, [*changes, len(events)][1:], strict=True):
        event = events[number]
        ends = events[following].at if following < len(events) else None
        notes = tuple(events[number + 1 : following])
        # The history takes the status twice: with the slot, and when the job is seen to compute.
        follows = events[following].status if following < len(events) else None
        waits = event.status is follows is BeamStatus.HPC_RUNNING
        steps.append(Step(event.status, event.at, ends, event.message, event.level, notes, waits))
    return steps


def span(duration: timedelta) -> str:
    """`0.4 s`, `12 s`, `6:12`, `1:06:12`, `2 d 01:06`: as exact as one wants to know it."""
    seconds = max(duration.total_seconds(), 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"


def elapsed(steps: Sequence[Step], now: datetime) -> timedelta | None:
    """How long the beam was on its latest way from the beginning, to its end or until now; None before it began.

    The time in which it had failed or was cancelled, and waited for a person, is none of it.
    """
    starts = [number for number, step in enumerate(steps) if step.status is BeamStatus.INITIAL]
    if not starts:
        return None
    way = [step for step in steps[starts[-1] :] if step.status is not None and step.status.is_active]
    return sum((step.duration(now) for step in way), timedelta(0))
