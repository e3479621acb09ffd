"""Tooltips of widgets that paint their own lines: what a sign means where the mouse is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TypeVar

from rich.cells import cell_len
from textual.content import Content
from textual.events import MouseMove
from textual.geometry import Offset
from textual.widget import Widget

from mqi_tui.ui.text import cut

_LONGEST_LINE = 300
"""Cells; names and errors from outside have any length."""

T = TypeVar("T")


def under(x: int, parts: Iterable[tuple[str, T]]) -> T | None:
    """What belongs to the text `x` cells from the left of a line of these (text, what belongs to it)."""
    end = 0
    for text, told in parts:
        end += cell_len(text)
        if 0 <= x < end:
            return told
    return None


class Tips(Widget):
    """To be mixed in, behind the widget whose styles are meant.

    The tooltip follows the mouse, and what is under the mouse when that changes.
    """

    _mouse_at: Offset | None = None
    """Where the mouse is in the content; None while it is elsewhere."""

    @abstractmethod
    def tip_at(self, x: int, y: int) -> str:
        """What is to be said of the cell of the content; empty where nothing is. Any text: it is made safe here."""

    def on_mouse_move(self, event: MouseMove) -> None:
        self._mouse_at = event.get_content_offset(self)
        if self._mouse_at is None:
            self.tooltip = None
        self.renew_tip()

    def on_leave(self) -> None:
        self._mouse_at = None

    def renew_tip(self) -> None:
        """What is shown has changed: a tooltip must not tell of what was there before."""
        at = self._mouse_at
        if at is None:
            return
        text = self.tip_at(at.x, at.y)
        tip = Content("\n".join(cut(line, _LONGEST_LINE) for line in text.split("\n"))) if text else None
        if tip != self.tooltip:
            self.tooltip = tip
