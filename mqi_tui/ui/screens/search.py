"""Asks for the words to look for in the log."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mqi_tui.ui.language import _
from mqi_tui.ui.widgets.safe_input import SafeInput


class SearchScreen(ModalScreen[str | None]):
    """Dismissed with the words, or with None when the reader leaves it."""

    CSS_PATH = "ask.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, words: str) -> None:
        super().__init__(classes="ask")
        self._words = words

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content(_("Look for in this log")), id="question")
            field = SafeInput(self._words, id="answer", compact=True)
            field.cursor_blink = False
            yield field
            yield Static(
                Content(_("enter looks from here on, upper and lower case are the same; esc leaves")), id="hint"
            )

    def action_leave(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def send(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
