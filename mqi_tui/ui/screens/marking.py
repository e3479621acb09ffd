"""The main screen's actions that mark beams, so that one key acts on all of them."""

from __future__ import annotations

from collections.abc import Set

from textual import on

from mqi_tui.ui.language import _
from mqi_tui.ui.rows import BeamRow, CaseRow
from mqi_tui.ui.screens.cockpit import Cockpit
from mqi_tui.ui.widgets.beam_list import BeamList
from mqi_tui.ui.widgets.case_tree import CaseTree
from mqi_tui.ui.widgets.row_list import Row, RowList


class Marking(Cockpit):
    def action_toggle_mark(self) -> None:
        wanted = self._attention.cursor_row
        if self._attention.has_focus and wanted is not None:
            self._toggle(wanted.beam_ids)
        else:
            self._toggle(self._beam_ids_of(self._row_in_focus))

    @on(RowList.MarkWanted)
    def _mark_by_mouse(self, event: RowList.MarkWanted) -> None:
        self._toggle(self._beam_ids_of(event.row))

    def _toggle(self, ids: Set[str]) -> None:
        self._marked = self._marked - ids if ids <= self._marked else self._marked | ids
        self._show_rows()

    def action_mark_up(self) -> None:
        self._mark_and_move(-1)

    def action_mark_down(self) -> None:
        self._mark_and_move(1)

    def _mark_and_move(self, step: int) -> None:
        """Mark the row that is left and the one that is reached."""
        rows = self._list_in_focus
        before = rows.cursor_row
        rows.move_by(step)
        self._marked |= self._beam_ids_passed(before) | self._beam_ids_passed(rows.cursor_row)
        self._show_rows()

    def action_mark_range(self) -> None:
        """Begin a range at the cursor; the second time, mark every beam from there to the cursor."""
        rows = self._list_in_focus
        here = rows.cursor_row
        if here is None:
            self._say(_("Nothing is selected."))
        elif self._anchor is None:
            self._anchor = here.key
        else:
            between = rows.rows_between(self._anchor, here.key)
            if not between:
                self._say(_("The row where the range was begun is not in this list; it begins here now."))
            self._anchor = None if between else here.key
            for row in between:
                self._marked |= self._beam_ids_passed(row)
        self._show_rows()

    @property
    def _list_in_focus(self) -> CaseTree | BeamList:
        return self._cases if self._cases.has_focus else self._beams

    def _beam_ids_of(self, row: Row | None) -> set[str]:
        match row:
            case BeamRow():
                return {row.beam.beam_id}
            case CaseRow(case):
                return {beam.beam_id for beam in self._view.beams_of(case) or ()}
            case _:
                return set()

    def _beam_ids_passed(self, row: Row | None) -> set[str]:
        """Those that a row adds when the marking goes over it: the beams of an unfolded case are rows of their own."""
        if isinstance(row, CaseRow) and row.is_expanded:
            return set()
        return self._beam_ids_of(row)

    def action_clear_marks(self) -> None:
        self._marked.clear()
        self._anchor = None
        self._show_rows()
