"""What an engine prints while it runs -> how far it is and what it complains about.

Progress only: no line ever proves that a run has succeeded, and engines print "finalizing" before they write the dose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mqi_tui.domain.engine_formats import EngineProfile
from mqi_tui.moqui.log_errors import LogError, explain_exit, find_error

__all__ = ["LogError", "RunLogParser", "RunLogState", "explain_exit"]

_LONGEST_LINE = 4096
"""Bytes of a line that are looked at; the engines' own lines are shorter by far."""
_MOST_ERRORS = 20


@dataclass(frozen=True, slots=True)
class RunLogState:
    """What the log has told so far."""

    fraction: float | None
    """Of the run, from 0 to 1, never less than before; None while the log has not told."""
    histories_asked: int | None
    """In all beams whose sources have been read."""
    histories_done: int | None
    errors: tuple[LogError, ...]
    """The first ones, each line once."""
    last_line: str = field(default="", compare=False)
    """The last line that is not blank, for a failure that no known line explains; empty for an empty log."""


class RunLogParser:
    """Takes a log in pieces that may be cut anywhere; the state depends on their sum alone.

    A last line without its end counts as an error only, for a number in it may be cut short.
    """

    def __init__(self, profile: EngineProfile) -> None:
        self._families = [family() for family in _FAMILIES[profile]]
        self._pending = bytearray()
        self._errors: dict[str, LogError] = {}
        self._fraction: float | None = None
        self._last_line = ""

    def feed(self, data: bytes) -> None:
        """The next bytes of the log."""
        first, *others = data.replace(b"\r", b"\n").split(b"\n")
        self._append(first)
        for part in others:
            self._end_line()
            self._append(part)

    @property
    def state(self) -> RunLogState:
        errors = dict(self._errors)
        _note(errors, self._pending)
        asked = [family.asked for family in self._families if family.asked is not None]
        done = [family.done for family in self._families if family.done is not None]
        return RunLogState(
            fraction=self._fraction,
            histories_asked=sum(asked) if asked else None,
            histories_done=sum(done) if done else None,
            errors=tuple(errors.values()),
            last_line=_text(self._pending) or self._last_line,
        )

    def _append(self, part: bytes) -> None:
        self._pending += part[: _LONGEST_LINE - len(self._pending)]

    def _end_line(self) -> None:
        line = _text(self._pending)
        self._last_line = line or self._last_line
        for family in self._families:
            family.read(line)
            if family.fraction is not None:
                self._fraction = max(self._fraction or 0.0, min(family.fraction, 1.0))
        _note(self._errors, self._pending)
        self._pending.clear()


def _text(line: bytearray) -> str:
    return line.decode(errors="replace").strip()


def _note(errors: dict[str, LogError], line: bytearray) -> None:
    if line and len(errors) < _MOST_ERRORS:
        error = find_error(line.decode(errors="replace"))
        if error is not None:
            errors.setdefault(error.line, error)


_Rule = tuple[re.Pattern[str], Callable[..., None]]
"""How a line begins, and the method that takes the numbers in it."""


def _rule(pattern: str, tell: Callable[..., None]) -> _Rule:
    return re.compile(pattern.replace("%d", "([0-9]{1,15})")), tell


class _Family:
    """One family's wording."""

    rules: ClassVar[tuple[_Rule, ...]]

    def __init__(self) -> None:
        self.fraction: float | None = None
        self.asked: int | None = None
        self.done: int | None = None

    def read(self, line: str) -> None:
        for pattern, tell in self.rules:
            found = pattern.match(line)
            if found:
                tell(self, *map(int, found.groups()))
                return


class _LogFork(_Family):
    """The forks that read logs. In a run of several beams the first one alone is counted: they do not say how many."""

    def __init__(self) -> None:
        super().__init__()
        self._asked_of_beam = 0
        self._done_before = 0
        self._batch_size = 0
        self._now = (0, 0)
        """(batch, batches)"""

    def _histories(self, count: int) -> None:
        self._done_before = self.done or 0
        self._asked_of_beam = count
        self.asked = (self.asked or 0) + count

    def _batches(self, size: int, batches: int) -> None:
        self._batch_size = size
        self._now = (0, batches)

    def _whole(self, count: int) -> None:
        self._batch_size = count
        self._now = (1, 1)

    def _batch(self, batch: int, batches: int) -> None:
        self._now = (batch, batches)
        if batches:
            self.fraction = max(batch - 1, 0) / batches

    def _transported(self) -> None:
        batch, batches = self._now
        if batches:
            self.fraction = batch / batches
            self.done = self._done_before + min(batch * self._batch_size, self._asked_of_beam)

    rules = (
        _rule(r"Total histories \(Particles\) : %d$", _histories),
        _rule(r"Uploading particles with batch\.\. : Particle count --> %d with %d batch", _batches),
        _rule(r"Uploading particles with no batch\.\. : Particle count --> %d$", _whole),
        _rule(r"Generating particles for \(%d of %d\b", _batch),
        _rule(r"Particle transportation complete!", _transported),
    )


class _Mgh(_Family):
    """The public upstream. One that runs until its statistics are good cannot say how far it is."""

    def __init__(self) -> None:
        super().__init__()
        self._beams_selected = 1
        self._runs_all_beams = False
        self._beams_done = 0
        self._asked_of_beam = 0
        self._done_before = 0
        self._cumulated: int | None = None

    def _selected(self, count: int) -> None:
        self._beams_selected = max(count, 1)

    def _first_selected(self, number: int) -> None:
        self._runs_all_beams = number == 0

    def _beams(self, count: int) -> None:
        if self._runs_all_beams:
            self._beams_selected = max(count, 1)

    def _histories(self, count: int) -> None:
        self._done_before = self.done or 0
        self._asked_of_beam = count
        self.asked = (self.asked or 0) + count

    def _vertices(self, cumulated: int, in_batch: int) -> None:
        self._cumulated = cumulated
        self._tell_fraction(cumulated - in_batch)

    def _transported(self) -> None:
        if self._cumulated is not None:
            self.done = self._done_before + self._cumulated
            self._tell_fraction(self._cumulated)

    def _tracked(self, count: int) -> None:
        self.done = self._done_before + count

    def _saved(self) -> None:
        self._beams_done += 1
        self._cumulated = None

    def _tell_fraction(self, histories: int) -> None:
        if self._asked_of_beam:
            in_beam = min(max(histories, 0) / self._asked_of_beam, 1.0)
            self.fraction = (self._beams_done + in_beam) / self._beams_selected

    rules = (
        _rule(r"Number of beam selected %d$", _selected),
        _rule(r"The first selected beam number %d$", _first_selected),
        _rule(r"There are %d beams$", _beams),
        _rule(r"histories %d$", _histories),
        _rule(r"cum_vertiex %d %d$", _vertices),
        _rule(r"Run transportation [0-9.]", _transported),
        _rule(r"Number of particles tracked %d$", _tracked),
        _rule(r"Reshape and save done", _saved),
    )


_FAMILIES: Mapping[EngineProfile, tuple[type[_Family], ...]] = {
    EngineProfile.LOGFORK: (_LogFork,),
    EngineProfile.MGH: (_Mgh,),
    # One of either family, and their wordings have nothing in common.
    EngineProfile.CUSTOM: (_LogFork, _Mgh),
}
