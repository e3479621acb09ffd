"""One setting of the set-up: its name, what is typed, what it means, and what is wrong with it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.widgets import Static

from mqi_tui.ui.language import _
from mqi_tui.ui.setup.fields import Field
from mqi_tui.ui.text import one_line
from mqi_tui.ui.widgets.safe_input import SafeInput


class FieldRow(Vertical):
    def __init__(self, field: Field, value: str) -> None:
        super().__init__(classes="field")
        self.field = field
        self.was_visited = False
        """Whether it was left once: nothing is said about a field that nobody has come to yet."""
        self.input = SafeInput(
            value,
            placeholder=_("such as {example}").format(example=field.example) if field.example else "",
            compact=True,
        )
        self.input.cursor_blink = False
        self.problem = ""
        """What is said to be wrong; empty for nothing."""
        self._told = Static(classes="problem")

    def compose(self) -> ComposeResult:
        with Horizontal(classes="line"):
            yield Static(Content(_(self.field.label)), classes="name")
            yield self.input
        yield Static(Content(_(self.field.meaning)), classes="meaning")
        yield self._told

    def tell(self, problem: str) -> None:
        self.problem = problem
        self._told.update(Content(f"✗ {one_line(problem)}" if problem else ""))
        self._told.display = bool(problem)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """What the field means is read with it."""
        event.stop()
        self.scroll_visible(animate=False)
