"""A widget that is one painted line."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual.strip import Strip

from mqi_tui.ui.tones import TONE_CLASSES, Line, paint
from mqi_tui.ui.widgets.tips import Tips


class OneLine(Tips):
    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    @abstractmethod
    def line(self, width: int) -> Line:
        """What the line says in at most `width` cells."""

    def tip_at(self, x: int, y: int) -> str:  # noqa: ARG002
        return ""

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return paint(self, self.line(width) if y == 0 else [], width)
