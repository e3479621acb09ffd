"""The main screen's actions that mark beams, so that one key acts on all of them."""

from __future__ import annotations

from mqi_tui.ui.rows import BeamRow, CaseRow
from mqi_tui.ui.screens.cockpit import Cockpit


class Marking(Cockpit):
    def action_toggle_mark(self) -> None:
        row = self._row_in_focus
        beams = self._filter.beams_of(row.case) or () if isinstance(row, CaseRow) else ()
        ids = {row.beam.beam_id} if isinstance(row, BeamRow) else {beam.beam_id for beam in beams}
        self._marked = self._marked - ids if ids <= self._marked else self._marked | ids
        self._show_rows()

    def action_clear_marks(self) -> None:
        self._marked.clear()
        self._show_rows()
