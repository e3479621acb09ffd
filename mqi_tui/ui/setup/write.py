"""The end of the set-up: the very text that would be written, and the question whether it shall be."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from mqi_tui.ui.language import _
from mqi_tui.ui.questions import Question
from mqi_tui.ui.screens.confirm import ConfirmScreen


class WriteScreen(ConfirmScreen):
    """As every question it does nothing but by `y`; its text can be long, so that it has more room and scrolls."""

    CSS_PATH = "../screens/confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(
            Question(_("Write this to {path}?").format(path=path), tuple(text.splitlines()), _("write it"))
        )

    def action_scroll(self, lines: int) -> None:
        self.query_one("#consequences", VerticalScroll).scroll_relative(y=lines, animate=False)
