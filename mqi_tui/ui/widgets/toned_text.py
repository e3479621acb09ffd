"""Lines of toned text that wrap; their colours are those of the theme, also after it was changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.widgets import Static

from mqi_tui.ui.tones import TONE_CLASSES, Line, content_of


class TonedText(Static):
    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    def __init__(self, lines: Sequence[Line] = (), *, classes: str | None = None) -> None:
        super().__init__("", markup=False, classes=classes)
        self._lines = lines

    @property
    def lines(self) -> Sequence[Line]:
        return self._lines

    def on_mount(self) -> None:
        self.show(self._lines)
        self.app.theme_changed_signal.subscribe(self, lambda _: self.show(self._lines))

    def show(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self.update(content_of(self, lines))
