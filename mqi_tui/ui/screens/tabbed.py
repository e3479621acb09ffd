"""A screen with tabs: one after the other by keys, any of them by a click on its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from textual import on

from mqi_tui.ui.screens.reading import Reading
from mqi_tui.ui.widgets.tab_line import TabLine

T = TypeVar("T", bound=str)


class Tabbed(Reading, Generic[T]):
    _all_tabs: Sequence[T]
    """In their order."""
    _tab: T
    """The one that is open."""

    def _show_tab(self, tab: T) -> None:
        raise NotImplementedError

    def action_previous_tab(self) -> None:
        self._show_tab(self._all_tabs[max(self._all_tabs.index(self._tab) - 1, 0)])

    def action_next_tab(self) -> None:
        self._show_tab(self._all_tabs[min(self._all_tabs.index(self._tab) + 1, len(self._all_tabs) - 1)])

    @on(TabLine.Chosen)
    def _tab_chosen(self, event: TabLine.Chosen) -> None:
        self._show_tab(next(tab for tab in self._all_tabs if tab == event.tab))
