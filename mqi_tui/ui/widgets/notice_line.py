"""What holds up the whole engine, such as an HPC that cannot be reached; takes no room while all is well."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from mqi_tui.ui.text import one_line


class NoticeLine(Static):
    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__("", markup=False, id=id)
        self._text = ""
        self.display = False

    def show(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.display = bool(text)
            self.update(Content(f"! {one_line(text)}"))
