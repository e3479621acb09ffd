"""Pieces of which pages of text are made: headings, facts, tables, and text that wraps under itself."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from mqi_tui.ui.text import cut, fit, fit_right, one_line, wrap
from mqi_tui.ui.tones import Line, Part, Tone

BLANK: Line = ()
_INDENT = 4
_FEWEST_CELLS = 16


def heading(text: str) -> Line:
    return [(one_line(text), Tone.ACCENT)]


def hanging(head: Line, text: str, tone: Tone, width: int) -> list[Line]:
    """`text` behind `head`, its further lines indented to where it begins; all of it, in lines of `width` cells."""
    indent = sum(cell_len(part) for part, _ in head)
    if width - indent < _FEWEST_CELLS:
        # Behind so long a head there is no room: the text begins on a line of its own.
        below = wrap(text, width - _INDENT)
        return [
            *paragraph("".join(part for part, _ in head), head[-1][1], width),
            *[[(" " * _INDENT, Tone.NORMAL), (line, tone)] for line in below],
        ]
    first, *others = wrap(text, width - indent)
    return [[*head, (first, tone)], *[[(" " * indent, Tone.NORMAL), (line, tone)] for line in others]]


def paragraph(text: str, tone: Tone, width: int) -> list[Line]:
    return [[(line, tone)] for line in wrap(text, width)]


def fact(name: str, value: str, width: int, name_width: int = 16) -> list[Line]:
    return hanging([(fit(name, name_width - 1) + " ", Tone.MUTED)], value, Tone.NORMAL, width)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, left: int = 1) -> list[Line]:
    """Columns as wide as they need, two cells between; the first `left` are aligned to the left.

    What does not fit into `width` cells is cut at the right.
    """
    widths = [max(cell_len(one_line(cell)) for cell in column) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str], tone: Tone) -> list[Part]:
        fitted = [
            fit(cell, size) if number < left else fit_right(cell, size)
            for number, (cell, size) in enumerate(zip(cells, widths, strict=True))
        ]
        return [(cut("  ".join(fitted), width), tone)]

    return [line(head, Tone.MUTED), *[line(row, Tone.NORMAL) for row in rows]]
