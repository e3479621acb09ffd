"""Asks what a connection wants to know: a password behind a mask, or whether a host is the right one."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mqi_tui.domain.questions import ACCEPTED, Question, QuestionKind
from mqi_tui.ui.language import _
from mqi_tui.ui.text import cut_middle, one_line
from mqi_tui.ui.widgets.safe_input import SafeInput

_LONGEST_LINE = 130


class AskScreen(ModalScreen[str | None]):
    """Dismissed with the answer, or with None when the reader declines; nothing typed here is kept."""

    CSS_PATH = "ask.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "decline", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__(classes="ask")
        self.question = question

    def compose(self) -> ComposeResult:
        question = self.question
        with Vertical(id="dialog"):
            yield Static(Content(cut_middle(question.title, _LONGEST_LINE)), id="question")
            with VerticalScroll(id="told", can_focus=False):
                for line in question.text.splitlines():
                    yield Static(Content(one_line(line)), classes="text")
            if question.kind is QuestionKind.HOST_KEY:
                yield Static(Content(cut_middle(question.fingerprint, _LONGEST_LINE)), id="fingerprint")
                with Horizontal(id="answers"):
                    yield Button(Content(_("No (n, esc, enter)")), id="no", compact=True)
                    yield Button(Content(_("Yes, this is the host (y)")), id="yes", compact=True)
            else:
                # What is hidden is sent as it was typed or pasted; what is seen is safe to be seen.
                kind = SafeInput if question.kind is QuestionKind.VISIBLE else Input
                field = kind(password=question.kind is QuestionKind.SECRET, id="answer", compact=True)
                field.cursor_blink = False
                yield field
                yield Static(Content(_("enter sends it, esc declines; it is kept in memory alone")), id="hint")

    def on_mount(self) -> None:
        self.query_one("#no" if self.question.kind is QuestionKind.HOST_KEY else "#answer").focus()

    def on_key(self, event: Key) -> None:
        """`y` and `n` answer a host key; in a password they are letters."""
        if self.question.kind is QuestionKind.HOST_KEY and event.key in {"y", "n"}:
            self.dismiss(ACCEPTED if event.key == "y" else None)

    def action_scroll(self, lines: int) -> None:
        """What the other side says can be longer than there is room for it."""
        self.query_one("#told", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_decline(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def send(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    @on(Button.Pressed)
    def answer_by_button(self, event: Button.Pressed) -> None:
        self.dismiss(ACCEPTED if event.button.id == "yes" else None)
