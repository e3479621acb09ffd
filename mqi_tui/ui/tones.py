"""Colours by meaning, and lines painted with them. A state is never told by its tone alone: see `mqi_tui.ui.marks`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from mqi_tui.ui.text import cut, wrap


class Tone(StrEnum):
    NORMAL = "normal"
    MUTED = "muted"
    STRONG = "strong"
    ACCENT = "accent"
    ACTIVE = "active"
    WAITING = "waiting"
    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    KEY = "key"

    @property
    def component(self) -> str:
        """The component class that carries the tone's style; see app.tcss."""
        return f"tone--{self.value}"


TONE_CLASSES = frozenset(tone.component for tone in Tone)
"""For the COMPONENT_CLASSES of a widget that paints with tones."""

Part = tuple[str, Tone]
"""A piece of a line; its text is safe (see `mqi_tui.ui.text`)."""

Line = Sequence[Part]


def paint(widget: Widget, line: Line, width: int, row: str | None = None) -> Strip:
    """`line` as a strip of exactly `width` cells in the widget's styles.

    `row` names a component class of the widget whose background and weight the whole line takes.
    """
    base = widget.rich_style
    if row is not None:
        base += widget.get_component_rich_style(row, partial=True)
    segments = [Segment(text, base + _style(widget, tone)) for text, tone in line if text]
    return Strip(segments).adjust_cell_length(width, base)


def paint_instead(widget: Widget, text: str, y: int, width: int) -> Strip:
    """Line `y` of a text that stands where there are no rows; what finds no room ends with an ellipsis."""
    lines = wrap(text, width - 2)
    if y >= len(lines):
        return paint(widget, [], width)
    shown = cut(" ".join(lines[y:]), width - 2) if y == widget.size.height - 1 else lines[y]
    return paint(widget, [(f" {shown}", Tone.MUTED)], width)


def content_of(widget: Widget, lines: Sequence[Line]) -> Content:
    """`lines` as Content for a widget that wraps; never read as markup."""
    parts: list[Content] = []
    for number, line in enumerate(lines):
        if number:
            parts.append(Content("\n"))
        parts.extend(Content.styled(text, widget.get_visual_style(tone.component, partial=True)) for text, tone in line)
    return Content("").join(parts)


def _style(widget: Widget, tone: Tone) -> Style:
    return widget.get_component_rich_style(tone.component, partial=True)
