"""Asks what a connection wants to know: a password behind a mask, or whether a host is the right one."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.widgets import Button, Input, Static

from mqi_tui.domain.questions import ACCEPTED, Question, QuestionKind
from mqi_tui.ui.language import _
from mqi_tui.ui.screens.question import QuestionScreen, QuestionText
from mqi_tui.ui.settling import Settling
from mqi_tui.ui.text import cut_middle, one_line
from mqi_tui.ui.widgets.safe_input import SafeInput

_LONGEST_LINE = 130
_LOOK_SECONDS = 0.05


class AskScreen(QuestionScreen[str | None]):
    """Dismissed with the answer, or with None when the reader declines; nothing typed here is kept.

    It comes between two keystrokes of somebody at work: until it has settled it swallows every key, for a `y` would
    accept a host that nobody has looked at, and the rest of a word would be sent as a password.
    """

    CSS_PATH = "ask.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "decline", show=False)]

    def __init__(self, question: Question, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(classes="ask")
        self.question = question
        self._clock = clock
        self._settling = Settling(clock)
        self._takes_keys = False
        self._is_over = False

    def compose(self) -> ComposeResult:
        question = self.question
        with Vertical(id="dialog"):
            yield Static(Content(cut_middle(question.title, _LONGEST_LINE)), id="question")
            with QuestionText(id="told"):
                for line in question.text.splitlines():
                    yield Static(Content(one_line(line)), classes="text")
            if question.kind is QuestionKind.HOST_KEY:
                yield Static(Content(cut_middle(question.fingerprint, _LONGEST_LINE)), id="fingerprint")
                with Horizontal(id="answers", disabled=True):
                    yield Button(Content(_("No (n, esc, enter)")), id="no", compact=True)
                    yield Button(Content(_("Yes, this is the host (y)")), id="yes", compact=True)
            else:
                # What is hidden is sent as it was typed or pasted; what is seen is safe to be seen.
                kind = SafeInput if question.kind is QuestionKind.VISIBLE else Input
                field = kind(password=question.kind is QuestionKind.SECRET, id="answer", compact=True, disabled=True)
                field.cursor_blink = False
                yield field
                yield Static(Content(_("enter sends it, esc declines; it is kept in memory alone")), id="hint")

    def on_mount(self) -> None:
        self._show_title()
        self._take_keys_when_settled()

    def _show_title(self) -> None:
        """Why no key is taken, while none is."""
        title = _("not asked any more") if self._is_over else "" if self._takes_keys else _("takes keys in a moment")
        for dialog in self.query("#dialog"):
            dialog.border_title = Content(title)

    def _take_keys_when_settled(self) -> None:
        if self._is_over:
            return
        if not self._settling.is_over:
            self.set_timer(_LOOK_SECONDS, self._take_keys_when_settled)
            return
        self._takes_keys = True
        self._show_title()
        self.query("#answers, #answer").set(disabled=False)
        self.set_focus(self.query_one("#no" if self.question.kind is QuestionKind.HOST_KEY else "#answer"))

    def end(self) -> None:
        """It is not asked any more: it goes when nobody types into it, for the screen below would take the rest."""
        if not self._is_over:
            self._is_over, self._takes_keys = True, False
            self._settling = Settling(self._clock)
            self.query("#answers, #answer").set(disabled=True)
            self._show_title()
            self._go_when_settled()

    def _go_when_settled(self) -> None:
        if self._settling.is_over and self.is_current:
            self.dismiss(None)
        else:
            self.set_timer(_LOOK_SECONDS, self._go_when_settled)

    def on_key(self, event: Key) -> None:
        """`y` and `n` answer a host key; in a password they are letters."""
        if not self._takes_keys:
            self._settling.prolong()
            event.stop()
        elif self.question.kind is QuestionKind.HOST_KEY and event.key in {"y", "n"}:
            self.dismiss(ACCEPTED if event.key == "y" else None)

    def action_decline(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def send(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    @on(Button.Pressed)
    def answer_by_button(self, event: Button.Pressed) -> None:
        self.dismiss(ACCEPTED if event.button.id == "yes" else None)
