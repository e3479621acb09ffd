"""The second step of the set-up: the settings of the chosen place."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button, Input, Static
from textual.worker import Worker

from mqi_tui.config.source import KeyPath
from mqi_tui.ui.language import _
from mqi_tui.ui.setup.connection import ConnectionScreen
from mqi_tui.ui.setup.draft import Checked, Draft
from mqi_tui.ui.setup.field_row import FieldRow
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.setup.write import WriteScreen
from mqi_tui.ui.text import one_line
from mqi_tui.workflow.doctor.patience import patiently

_CHECK = "check"


class Fields(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolls with the field that has the focus: the arrow keys are left to the form, which goes to the next one."""


class FormScreen(Screen[None]):
    """Keeps what is typed in `typed`, which outlives it; posts the text that a person wants to be written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("f2", "test", show=False),
        Binding("f3", "write", show=False),
        Binding("down,enter", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("pagedown", "scroll(1)", show=False),
        Binding("pageup", "scroll(-1)", show=False),
    ]

    class Accepted(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, place: Place, path: Path, typed: dict[KeyPath, str]) -> None:
        super().__init__()
        self._place = place
        self._path = path
        self._typed = typed
        self._rows = [FieldRow(field, typed.get(field.key, field.default)) for field in place.fields]
        self._complaint = Static(id="complaint", classes="problem")

    def compose(self) -> ComposeResult:
        yield Static(Content(f"mqi-tui · {_('set-up 2 of 2')} · {_(self._place.title)}"), classes="head")
        with Fields(id="fields"):
            folder = one_line(str(self._path.parent))
            note = _("Paths on this machine that are relative are relative to {folder}.").format(folder=folder)
            yield Static(Content(note), id="note")
            yield from self._rows
        yield self._complaint
        with Horizontal(id="actions"):
            if self._place.is_remote:
                yield Button(Content(_("Test the connection (f2)")), id="test", compact=True)
            yield Button(Content(_("See and write it (f3)")), id="write", compact=True)
            yield Button(Content(_("Back (esc)")), id="back", compact=True)

    def on_mount(self) -> None:
        self._rows[0].input.focus()

    def complain(self, problem: str) -> None:
        """Say what concerns no single field; empty: nothing."""
        self._complaint.update(Content(f"✗ {one_line(problem)}" if problem else ""))
        self._complaint.display = bool(problem)

    def action_back(self) -> None:
        self.app.pop_screen()

    def action_scroll(self, pages: int) -> None:
        fields = self.query_one(Fields)
        fields.scroll_relative(y=pages * (fields.size.height - 2), animate=False)

    def action_test(self) -> None:
        if self._place.is_remote:
            self._when_all_is_right(self._test)

    def action_write(self) -> None:
        self._when_all_is_right(self._show)

    @on(Button.Pressed)
    async def _press(self, event: Button.Pressed) -> None:
        await self.run_action(str(event.button.id))

    @on(Input.Changed)
    def _keep(self) -> None:
        self._typed.update({row.field.key: row.input.value for row in self._rows})

    @on(Input.Blurred)
    def _left(self, event: Input.Blurred) -> None:
        for row in self._rows:
            row.was_visited = row.was_visited or row.input is event.input
        self._begin(self._check)

    def _when_all_is_right(self, go_on: Callable[[Checked], None]) -> None:
        async def check() -> None:
            for row in self._rows:
                row.was_visited = True
            checked = await self._check()
            if checked.config is not None:
                go_on(checked)
                return
            wrong = next((row for row in self._rows if row.field.key in checked.problems), None)
            if wrong is not None and self.is_current:
                wrong.input.focus()

        self._begin(check)

    def _begin(self, check: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Instead of a check that is at work; one that is replaced before it began must not be a coroutine already."""
        self._checking: Worker[object] = self.run_worker(check, group=_CHECK, exclusive=True)

    async def _check(self) -> Checked:
        """Patiently: one of the folders may be on a share that does not answer."""
        checked = await patiently(Draft(self._place, dict(self._typed)).check, self._path)
        for row in self._rows:
            row.tell(checked.problems.get(row.field.key, "") if row.was_visited else "")
        self.complain(checked.problems.get((), ""))
        return checked

    def _test(self, checked: Checked) -> None:
        if checked.config is not None and self.is_current:
            self.app.push_screen(ConnectionScreen(checked.config))

    def _show(self, checked: Checked) -> None:
        def answered(answer: bool | None) -> None:
            if answer:
                self.post_message(self.Accepted(checked.text))

        if self.is_current:
            self.app.push_screen(WriteScreen(self._path, checked.text), answered)
