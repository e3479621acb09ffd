"""The line at the top of the beam screen: which beam and how it is; and what its tabs are."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from rich.cells import cell_len

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.priority import shown_priority
from mqi_tui.domain.records import BeamRecord
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import mark_of
from mqi_tui.ui.measured import place_text
from mqi_tui.ui.text import bar, cut_middle, one_line, percent
from mqi_tui.ui.timeline import span
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.ui.widgets.one_line import OneLine

_BAR_WIDTH = 12
_SHORTEST_NAME = 24


class Tab(StrEnum):
    """In their order; the value is the tab's name, its key is its number from 1."""

    OVERVIEW = "Overview"
    FILES = "Files"
    INPUT = "Input"
    LOG = "Log"
    DOSE = "Dose"


class BeamHead(OneLine):
    def __init__(self, beam: BeamRecord, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._beam = beam
        self._place: JobPlace | None = None
        self._elapsed: timedelta | None = None

    def show(self, beam: BeamRecord, place: JobPlace | None, elapsed: timedelta | None) -> None:
        """`elapsed`: how long it was on its way so far, as `timeline.elapsed`; None while that is not known."""
        text = None if elapsed is None else span(elapsed)
        before = None if self._elapsed is None else span(self._elapsed)
        if (beam, place, text) != (self._beam, self._place, before):
            self._beam, self._place, self._elapsed = beam, place, elapsed
            self.refresh()

    def line(self, width: int) -> Line:
        beam, mark = self._beam, mark_of(self._beam)
        state = f"{mark.glyph} {_(beam.word)}"
        done, still_open = bar(beam.progress, _BAR_WIDTH)
        right: list[Part] = [(done, mark.tone), (still_open, Tone.MUTED), (f" {percent(beam.progress)} ", Tone.NORMAL)]
        facts = [
            _("attempt {number}").format(number=beam.attempt) if beam.attempt else "",
            _("priority {number}").format(number=priority) if (priority := shown_priority(beam)) else "",
            _("slot {number}").format(number=beam.gpu_id) if beam.gpu_id is not None else "",
            one_line(place_text(self._place)) if self._place is not None else "",
            span(self._elapsed) if self._elapsed is not None else "",
        ]
        shown = [fact for fact in facts if fact]
        # What fits: first the bar goes, then the facts from the left; the name is shortened last, in its middle.
        while True:
            middle = "".join(f"  {fact}" for fact in shown)
            used = cell_len(state) + cell_len(middle) + sum(cell_len(text) for text, _ in right) + 4
            if width - used >= min(_SHORTEST_NAME, cell_len(beam.beam_id)) or not (right or shown):
                break
            if right:
                right = []
            else:
                del shown[0]
        name = cut_middle(beam.beam_id, max(width - used, 8))
        gap = max(width - used - cell_len(name) + 1, 1)
        return [
            (f" {name}", Tone.STRONG),
            (f"  {state}", mark.tone),
            (middle, Tone.MUTED),
            (" " * gap, Tone.NORMAL),
            *right,
        ]
