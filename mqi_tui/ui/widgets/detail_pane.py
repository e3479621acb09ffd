"""Everything about what is selected, above all the full text of why a beam failed; wraps, and scrolls if it must."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.language import N_
from mqi_tui.ui.text import wrap
from mqi_tui.ui.tones import TONE_CLASSES, Line, content_of

_FEWEST_LINES = 2


class DetailPane(VerticalScroll):
    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.LOG)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG,)
    HELP = N_("All that is known about what the cursor is on, above all why a beam failed and what to do.")

    def __init__(self, *, id: str, share: int = 5) -> None:  # noqa: A002
        """It takes at most one part in `share` of the screen's height."""
        super().__init__(id=id)
        self._share = share
        self._lines: Sequence[Line] = ()
        self._title = ""
        self._static = Static("", markup=False)

    def compose(self) -> ComposeResult:
        yield self._static

    @property
    def text(self) -> str:
        """What is shown, as plain lines."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, title: str, lines: Sequence[Line]) -> None:
        if title != self._title:
            self._title = title
            self.border_title = Content(title)
        if lines != self._lines:
            self._lines = lines
            self._static.update(content_of(self, lines))
            self._fit_height()

    def on_resize(self) -> None:
        self._fit_height()

    def _fit_height(self) -> None:
        """As high as its text, within limits; a grid asks for limits alone where a widget spans columns."""
        width = self.content_size.width
        if width > 0:
            most = max(self.screen.size.height // self._share + 1, _FEWEST_LINES)
            lines = min(max(len(wrap(self.text, width)), _FEWEST_LINES), most)
            self.styles.min_height = self.styles.max_height = lines + self.gutter.height
