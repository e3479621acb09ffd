"""Asks before something is ended: says what will happen; `y` does it, everything else does not."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from mqi_tui.ui.language import _
from mqi_tui.ui.questions import Question
from mqi_tui.ui.screens.question import QuestionScreen, QuestionText
from mqi_tui.ui.text import cut_middle, one_line

LONGEST_TITLE = 260
"""Cells; the name of a file has 255 bytes at most."""


class ConfirmScreen(QuestionScreen[bool]):
    """Dismissed with True only by `y` or by pressing the button that is not the default."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape,q", "answer(False)", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical(id="dialog"):
            yield Static(Content(cut_middle(question.title, LONGEST_TITLE)), id="question")
            with QuestionText(id="consequences"):
                for line in question.consequences:
                    yield Static(Content(one_line(line)))
            with Horizontal(id="answers"):
                yield Button(Content(_("No (n, esc, enter)")), id="no", compact=True)
                yield Button(Content(_("Yes, {deed} (y)").format(deed=one_line(question.yes))), id="yes", compact=True)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    @on(Button.Pressed)
    def answer_by_button(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
