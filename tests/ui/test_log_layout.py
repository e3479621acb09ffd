"""Where the lines of a log stand, counted from their widths alone."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mqi_tui.ui.log_layout import LogLayout, rows_of
from mqi_tui.ui.tones import Line, Tone


def _width(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)


def _text(line: Line) -> str:
    return "".join(text for text, _ in line)


@given(
    st.lists(st.tuples(st.text("ab 한글🙂e\u0301", max_size=40), st.sampled_from(list(Tone))), max_size=3),
    st.integers(8, 20),
)
def test_a_line_has_as_many_rows_as_its_width_says_and_loses_nothing(line: Line, row_width: int) -> None:
    layout = LogLayout()
    layout.wrap_at(row_width)
    layout.change(0, 0, [_width(line)])
    rows = rows_of(line, row_width)
    assert len(rows) == max(layout.rows, 1)
    assert "".join(map(_text, rows)) == _text(line)
    assert all(_width(row) <= row_width + 1 for row in rows)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 12), st.data())
def test_rows_and_lines_find_each_other(widths: list[int], row_width: int, data: st.DataObject) -> None:
    layout = LogLayout()
    layout.wrap_at(row_width)
    layout.change(0, 0, widths)
    line = data.draw(st.integers(0, len(widths) - 1))
    first = layout.first_row(line)
    assert layout.place_of(first) == (line, 0)
    last = (layout.first_row(line + 1) if line + 1 < len(widths) else layout.rows) - 1
    assert layout.place_of(last) == (line, last - first)
    if row_width:
        assert layout.row_at(line, max(widths[line] - 1, 0)) == last


def test_lines_come_at_the_end_and_go_at_the_top() -> None:
    layout = LogLayout()
    layout.wrap_at(10)
    layout.change(0, 0, [5, 25, 3])
    layout.change(1, 1, [12, 40])
    assert (layout.rows, layout.widest) == (3 + 2 + 4, 40)
    layout.wrap_at(0)
    assert layout.rows == 3


def test_a_full_window_of_lines_as_long_as_they_are_kept_is_wrapped_at_once() -> None:
    layout = LogLayout()
    layout.change(0, 0, [2_050] * 5_000)
    begin = time.process_time()
    layout.wrap_at(70)
    # Some milliseconds; half a second and more if each row were looked at.
    assert time.process_time() - begin < 0.2
    assert layout.rows == 5_000 * 30
