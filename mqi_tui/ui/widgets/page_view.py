"""A page of lines that is made anew for each width; scrolls, and repaints only when a line has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.language import N_
from mqi_tui.ui.tones import TONE_CLASSES, Line, Part, Tone, paint

Page = Callable[[int], Sequence[Line]]
"""Makes the lines for a width in cells."""

_MARGIN = 1


class PageView(ScrollView, can_focus=True):
    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.LOG)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG,)
    HELP = N_("A page on the beam: all that is known, as it is read now; it scrolls if it must.")

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._page: Page = lambda _width: ()
        self._lines: list[list[Part]] = []

    @property
    def text(self) -> str:
        """What the page says, as plain lines."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, page: Page) -> None:
        """Show this page instead; a reader who has scrolled stays where he is."""
        self._page = page
        self._make()

    def on_resize(self) -> None:
        self._make()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        line = self._lines[number] if number < len(self._lines) else []
        return paint(self, [(" " * _MARGIN, Tone.NORMAL), *line], width)

    def _make(self) -> None:
        lines = [list(line) for line in self._page(max(self.scrollable_content_region.width - 2 * _MARGIN, 10))]
        if lines != self._lines:
            self._lines = lines
            self.virtual_size = Size(0, len(lines))
            self.refresh()
