"""The line at the top of the case screen: which case and how it is, and that nothing here is for diagnosis."""

from __future__ import annotations

from rich.cells import cell_len

from mqi_tui.domain.snapshot import CaseView
from mqi_tui.ui.details import beam_counts
from mqi_tui.ui.dose_words import NOT_FOR_DIAGNOSIS
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import CASE_MARKS
from mqi_tui.ui.text import cut, cut_middle
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.one_line import OneLine

_SHORTEST_NAME = 12


class CaseHead(OneLine):
    def __init__(self, case: CaseView, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._case = case

    def show(self, case: CaseView) -> None:
        if case != self._case:
            self._case = case
            self.refresh()

    def line(self, width: int) -> Line:
        mark = CASE_MARKS[self._case.status]
        state = f"{mark.glyph} {_(self._case.status.value)}"
        warning = _(NOT_FOR_DIAGNOSIS)
        room = width - cell_len(state) - cell_len(warning) - 6
        name = cut_middle(self._case.case_id, max(room, _SHORTEST_NAME))
        counts = cut(beam_counts(self._case), max(room - cell_len(name), 0))
        gap = max(width - cell_len(name) - cell_len(state) - cell_len(counts) - cell_len(warning) - 6, 1)
        return [
            (f" {name}", Tone.STRONG),
            (f"  {state}", mark.tone),
            (f"  {counts}", Tone.MUTED),
            (" " * gap, Tone.NORMAL),
            (warning, Tone.WARNING),
        ]
