"""The end of the set-up: the very text that would be written, and the question whether it shall be."""

from __future__ import annotations

from pathlib import Path

from mqi_tui.ui.language import _
from mqi_tui.ui.questions import Question
from mqi_tui.ui.screens.confirm import ConfirmScreen


class WriteScreen(ConfirmScreen):
    """As every question it does nothing but by `y`; its text can be long, so that it has more room."""

    CSS_PATH = "../screens/confirm.tcss"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(
            Question(_("Write this to {path}?").format(path=path), tuple(text.splitlines()), _("write it"))
        )
