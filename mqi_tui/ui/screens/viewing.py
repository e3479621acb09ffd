"""The main screen's actions on what is shown: filter, views, and the screens over it."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from mqi_tui.ui.filtering import Filter
from mqi_tui.ui.screens.cockpit import Cockpit
from mqi_tui.ui.screens.events import EventsScreen
from mqi_tui.ui.widgets.filter_input import FilterInput


class Viewing(Cockpit):
    def action_filter(self) -> None:
        self._filter_input.display = True
        self._filter_input.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._filter = Filter(event.value)
        self._show_rows()

    @on(Input.Submitted, "#filter")
    @on(FilterInput.Left)
    def _leave_filter(self) -> None:
        self._filter_input.display = self._filter.is_on
        self._cases.focus()

    def action_clear_filter(self) -> None:
        if self._filter.is_on:
            self._filter_input.action_clear()

    def action_toggle_all(self) -> None:
        """On a narrow screen the list of all beams takes the tree's place: ids of beams are long."""
        self._beams.shows_all_cases = show_all = not self._beams.shows_all_cases
        self.set_class(show_all, "all-beams")
        self._beams.refresh()
        (self._beams if show_all else self._cases).focus()
        self._show_rows()

    def action_events(self) -> None:
        self.app.push_screen(EventsScreen(self._snapshot))
