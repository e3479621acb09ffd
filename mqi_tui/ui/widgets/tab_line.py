"""The line that names the tabs of a screen and shows which one is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.events import Click
from textual.message import Message

from mqi_tui.ui.language import _
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.ui.widgets.one_line import OneLine


class TabLine(OneLine):
    """Each tab stands there with its key, its number from 1; they can be clicked too. The first one is open."""

    @dataclass
    class Chosen(Message):
        tab: str

    def __init__(self, tabs: Sequence[str], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._tabs = tabs
        self._current = tabs[0]

    def show(self, current: str) -> None:
        if current != self._current:
            self._current = current
            self.refresh()

    def line(self, width: int) -> Line:  # noqa: ARG002
        parts: list[Part] = []
        for number, tab in enumerate(self._tabs, start=1):
            # The present one is told by its brackets too, not by its colour alone.
            if tab == self._current:
                parts.append((f"[{number} {_(tab)}]", Tone.KEY))
            else:
                parts += [(f" {number} ", Tone.ACCENT), (f"{_(tab)} ", Tone.MUTED)]
        return parts

    def on_click(self, event: Click) -> None:
        end = 0
        for number, tab in enumerate(self._tabs, start=1):
            end += cell_len(f" {number} {_(tab)} ")
            if event.x < end:
                self.post_message(self.Chosen(tab))
                return
