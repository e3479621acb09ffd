"""On which row each line of a log stands: one row a line, or as many as it takes when long lines are wrapped.

Lines are known by their widths alone, so that nothing of them is laid out before it is seen. A wrapped line is broken
by cells, not between words: a character stands on the row in which its last cell falls, so that the rows of a line can
be counted from its width. A row may therefore be one cell wider than `row_width`, where a wide character crosses it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from rich.cells import cell_len

from mqi_tui.ui.tones import Line, Part


class LogLayout:
    """Rows and lines are counted from 0."""

    def __init__(self) -> None:
        self._widths: list[int] = []
        self._widest = 0
        self._row_width = 0
        self._ends: list[int] = []
        """Of each line the row after its last one; empty while lines are not wrapped."""

    @property
    def row_width(self) -> int:
        """The cells that a row holds; 0 while lines are not wrapped."""
        return self._row_width

    @property
    def widest(self) -> int:
        """Cells of the widest line."""
        return self._widest

    @property
    def rows(self) -> int:
        return self._ends[-1] if self._ends else len(self._widths)

    def wrap_at(self, row_width: int) -> None:
        """Wrap at so many cells; 0 does not wrap."""
        self._row_width = row_width
        self._count_rows()

    def change(self, dropped: int, first: int, widths: Iterable[int]) -> None:
        """So many lines went from the top; of what is left, the lines from `first` on have these widths (cells)."""
        del self._widths[:dropped]
        self._widths[first:] = widths
        self._count_rows()

    def first_row(self, line: int) -> int:
        return self._ends[line - 1] if self._ends and line else line

    def row_at(self, line: int, cell: int) -> int:
        """The row of the line on which this cell of it stands."""
        return self.first_row(line) + (cell // self._row_width if self._row_width else 0)

    def place_of(self, row: int) -> tuple[int, int]:
        """The line that stands on the row, and the number of the row in it."""
        if not self._ends:
            return row, 0
        line = bisect_right(self._ends, row)
        return line, row - self.first_row(line)

    def _count_rows(self) -> None:
        self._widest = max(self._widths, default=0)
        self._ends = (
            list(accumulate(max(width - 1, 0) // self._row_width + 1 for width in self._widths))
            if self._row_width
            else []
        )


def rows_of(line: Line, row_width: int) -> Sequence[Line]:
    """The line in its rows, as many as `LogLayout` counts for its width."""
    rows: list[list[Part]] = [[]]
    used = 0
    for text, tone in line:
        begin = 0
        for end, character in enumerate(text):
            width = 1 if character.isascii() else cell_len(character)
            if used + width > len(rows) * row_width:
                if end > begin:
                    rows[-1].append((text[begin:end], tone))
                rows.append([])
                begin = end
            used += width
        rows[-1].append((text[begin:], tone))
    return rows
