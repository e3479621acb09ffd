"""What every question over the screen shares: all of what it says can be read, however little room there is for it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen, ScreenResultType
from textual.widget import Widget

from mqi_tui.ui.language import _


class QuestionText(VerticalScroll, can_focus=False):
    """Scrolls; the frame around it says so while there is more below."""

    def on_resize(self, _event: Resize) -> None:
        self._tell_of_more()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._tell_of_more()

    def _tell_of_more(self) -> None:
        if isinstance(self.parent, Widget):
            is_more = round(self.scroll_y) < self.max_scroll_y
            self.parent.border_subtitle = Content(_("more below: ↓ pagedown")) if is_more else ""


class QuestionScreen(ModalScreen[ScreenResultType]):
    """The focus stays on the answers: what is asked is scrolled from there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll_page(1)", show=False),
        Binding("pageup", "scroll_page(-1)", show=False),
    ]

    def action_scroll(self, lines: int) -> None:
        self._text.scroll_relative(y=lines, animate=False)

    def action_scroll_page(self, pages: int) -> None:
        self.action_scroll(pages * max(self._text.size.height - 1, 1))

    @property
    def _text(self) -> QuestionText:
        return self.query_one(QuestionText)
