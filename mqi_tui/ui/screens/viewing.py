"""The main screen's actions on what is shown: filter, views, and the screens over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual import on
from textual.widgets import Input

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.domain.text import printable
from mqi_tui.ui.filtering import Filter
from mqi_tui.ui.language import _
from mqi_tui.ui.ordering import Order
from mqi_tui.ui.rows import BeamRow, CaseRow
from mqi_tui.ui.screens.cockpit import Cockpit
from mqi_tui.ui.screens.doctor import DoctorScreen
from mqi_tui.ui.screens.events import EventsScreen
from mqi_tui.ui.screens.paths import PathRow, PathsScreen, paths_of
from mqi_tui.ui.screens.settings import SettingsScreen
from mqi_tui.ui.text import counted
from mqi_tui.ui.widgets.beam_list import BeamList
from mqi_tui.ui.widgets.filter_input import FilterInput


class Viewing(Cockpit):
    def action_filter(self) -> None:
        self._filter_input.display = True
        self._filter_input.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._view = replace(self._view, filter=Filter(event.value))
        self._show_rows()

    @on(Input.Submitted, "#filter")
    @on(FilterInput.Left)
    def _leave_filter(self) -> None:
        self._filter_input.display = self._view.filter.is_on
        self._focus_list()

    def action_clear_filter(self) -> None:
        """Escape leaves what was begun, one thing at a time."""
        if self._anchor is not None:
            self._anchor = None
            self._show_rows()
        elif self._view.filter.text:
            self._filter_input.empty()

    def action_toggle_finished(self) -> None:
        self._view = replace(self._view, hides_finished=not self._view.hides_finished)
        self._show_rows()

    def action_sort(self) -> None:
        self._sort(self._view.order.following)

    @on(BeamList.OrderWanted)
    def _sort_by_column(self, event: BeamList.OrderWanted) -> None:
        self._sort(event.order)

    def _sort(self, order: Order) -> None:
        self._view = replace(self._view, order=order)
        self._show_rows()

    def action_next_failed(self) -> None:
        self._go_to_failed(1)

    def action_previous_failed(self) -> None:
        self._go_to_failed(-1)

    def _go_to_failed(self, step: int) -> None:
        """From the cursor on, over all cases as they are shown; goes round at the end and says so."""
        beams = [beam for _case, beams in self._view.cases_of(self._snapshot) for beam in beams]
        failed = [number for number, beam in enumerate(beams) if beam.status is BeamStatus.FAILED]
        if not failed:
            self._say(self._why_none_has_failed())
            return
        here = self._place_of_cursor(beams)
        ahead = [number for number in failed[::step] if (number - here) * step > 0]
        if not ahead:
            round_again = (
                _("Round again: the first of {beams}.") if step > 0 else _("Round again: the last of {beams}.")
            )
            self.notify(round_again.format(beams=counted(len(failed), "failed beam")), markup=False)
        beam = beams[(ahead or failed[::step])[0]]
        self._reveal(beam)

    def _place_of_cursor(self, beams: Sequence[BeamRecord]) -> float:
        """A number among those of `beams`; just before its first beam for a case."""
        row, case = self._row_in_focus, self._case_in_focus
        for number, beam in enumerate(beams):
            if isinstance(row, BeamRow) and beam.beam_id == row.beam.beam_id:
                return number
            if isinstance(row, CaseRow) and case is not None and beam.parent_case_id == case.case_id:
                return number - 0.5
        return -0.5 if row is None else len(beams)

    def _why_none_has_failed(self) -> str:
        failed = sum(beam.status is BeamStatus.FAILED for case in self._snapshot.cases for beam in case.beams)
        if not failed:
            return _("No beam has failed.")
        hidden = counted(failed, "failed beam")
        return _("No beam has failed of those shown; the filter hides {beams}.").format(beams=hidden)

    def _reveal(self, beam: BeamRecord) -> None:
        """Put both cursors on the beam; the focus stays in the beam list if it is there."""
        self._cases.expanded.add(f"case {beam.parent_case_id}")
        self._show_rows()
        self._put_cursors_on(f"beam {beam.beam_id}")
        if not self._beams.has_focus:
            self._focus_list()

    def action_toggle_all(self) -> None:
        """On a narrow screen the list of all beams takes the tree's place: ids of beams are long."""
        self._beams.shows_all_cases = show_all = not self._beams.shows_all_cases
        self.set_class(show_all, "all-beams")
        self._beams.refresh()
        (self._beams if show_all else self._cases).focus()
        self._show_rows()

    def action_events(self) -> None:
        self.app.push_screen(EventsScreen(self._snapshot, self._actions))

    def action_doctor(self) -> None:
        self.app.push_screen(DoctorScreen(self._engine, self._actions))

    def action_settings(self) -> None:
        self.app.push_screen(SettingsScreen(self._config, self._actions))

    def action_copy_path(self) -> None:
        if paths := self._paths_or_say():
            self._copy(str(paths[0].path))

    def action_show_paths(self) -> None:
        if paths := self._paths_or_say():
            self.app.push_screen(PathsScreen(paths), lambda path: self._copy(path) if path else None)

    def _paths_or_say(self) -> Sequence[PathRow]:
        row = self._row_in_focus
        paths = paths_of(row) if row is not None else []
        if not paths:
            self._say(_("Nothing with a folder is selected."))
        return paths

    def _copy(self, path: str) -> None:
        try:
            path.encode()
        except UnicodeEncodeError:
            no_text = _("{path} cannot be copied: the name is not UTF-8, so it is no text for a clipboard.")
            self._say(no_text.format(path=path))
            return
        # The terminal does it, and does not say whether it did: so the path is shown, where a mouse can select it.
        self.app.copy_to_clipboard(path)
        self.notify(
            _("{path}\n{key} shows it, if your terminal has no clipboard.").format(
                path=printable(path), key=self._actions.way_to("show_paths")
            ),
            title=_("Handed to the clipboard"),
            markup=False,
        )
