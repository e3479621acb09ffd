"""A curve draws what was measured, each value at its place, and nothing that was not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mqi_tui.ui.sparkline import sparkline

VALUES = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=40)


def heights(text: str) -> list[int]:
    """The dots of each column, from the left."""
    columns = []
    for cell in text:
        dots = 0 if cell == " " else ord(cell) - 0x2800
        columns += [(dots & 0b01000111).bit_count(), (dots & 0b10111000).bit_count()]
    return columns


@given(VALUES, st.integers(0, 30))
def test_a_curve_has_its_width_and_draws_just_what_was_measured(values: list[float | None], width: int) -> None:
    text = sparkline(values, width)
    assert cell_len(text) == width
    shown = ([None] * 2 * width + values)[-2 * width :] if width else []
    assert [bool(height) for height in heights(text)] == [value is not None for value in shown]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_more_is_never_lower(values: list[float]) -> None:
    columns = heights(sparkline(sorted(values), 10))
    assert columns == sorted(columns)


def test_zero_is_a_dot_a_gap_is_none_and_the_newest_stands_at_the_right() -> None:
    assert sparkline([0.0, None, 1.0, 0.5], 3) == " ⡀⣷"
    assert sparkline([1.0, 0.0, 0.0], 1) == "⣀"
    assert heights(sparkline([0.0, 0.24, 0.25, 0.5, 0.75, 1.0], 3)) == [1, 1, 2, 3, 4, 4]
