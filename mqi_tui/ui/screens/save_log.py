"""Asks for the file into which a log is saved."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mqi_tui.domain.text import printable
from mqi_tui.ui.language import _
from mqi_tui.ui.widgets.safe_input import SafeInput


class SaveLogScreen(ModalScreen[Path | None]):
    """Dismissed with the file, or with None when the reader leaves it."""

    CSS_PATH = "ask.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, suggested: Path) -> None:
        super().__init__(classes="ask")
        self._suggested = suggested

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content(_("Save the whole log as")), id="question")
            yield Static(Content(_("The name of a file in this folder, or a path of your own:")), classes="text")
            yield Static(Content(printable(str(self._suggested.parent))), classes="text")
            field = SafeInput(self._suggested.name, id="answer", compact=True, select_on_focus=False)
            field.cursor_blink = False
            yield field
            yield Static(
                Content(
                    _("enter saves it, for you alone to read; a file that is there is not replaced unasked; esc leaves")
                ),
                id="hint",
            )

    def action_leave(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def send(self, event: Input.Submitted) -> None:
        """A name alone, or a relative path, is in the folder that is suggested."""
        named = event.value.strip()
        # Shown made safe: its own name is kept where the reader left it as it was.
        is_suggested = named in {"", printable(self._suggested.name)}
        self.dismiss(self._suggested if is_suggested else self._suggested.parent / _without_tilde(named))


def _without_tilde(named: str) -> Path:
    try:
        return Path(named).expanduser()
    except RuntimeError:  # there is no such user
        return Path(named)
