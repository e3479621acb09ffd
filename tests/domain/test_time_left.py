"""The guess of how long a beam still computes: right at a steady pace, a range at an unsteady one, else unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.domain.time_left import Pace


def paced(*steps: tuple[float, float]) -> Pace:
    pace = Pace()
    for at, fraction in steps:
        pace.note(fraction, at)
    return pace


def test_a_steady_pace_gives_a_narrow_range_around_the_truth() -> None:
    pace = paced(*((10.0 * step, 0.1 * step) for step in range(6)))
    left = pace.left(50.0)
    assert left is not None
    assert left.shortest_s == pytest.approx(45.0)
    assert left.longest_s == pytest.approx(55.0)


def test_the_time_since_the_last_step_counts() -> None:
    left = paced((0.0, 0.0), (10.0, 0.1), (20.0, 0.2)).left(25.0)
    assert left is not None
    assert left.shortest_s == pytest.approx(0.9 * 75.0)


def test_a_pace_that_changes_gives_a_wide_range() -> None:
    slower = paced((0.0, 0.0), (1.0, 0.2), (2.0, 0.4), (6.0, 0.5)).left(6.0)
    assert slower is not None
    # All in all 12 s a run, lately 40 s: 6 s and 20 s for the second half.
    assert slower.shortest_s == pytest.approx(0.9 * 6.0)
    assert slower.longest_s == pytest.approx(1.1 * 20.0)


@pytest.mark.parametrize(
    "steps",
    [(), ((0.0, 0.5),), ((0.0, 0.5), (10.0, 0.6)), ((0.0, 0.5), (10.0, 0.5), (20.0, 0.5))],
    ids=["nothing", "only a start", "one step", "no growth"],
)
def test_too_little_is_unknown(steps: tuple[tuple[float, float], ...]) -> None:
    assert paced(*steps).left(21.0) is None


def test_half_a_run_read_at_once_is_no_pace() -> None:
    # A program that was started again reads the log so far in one go.
    left = paced((100.0, 0.5), (110.0, 0.6), (120.0, 0.7)).left(120.0)
    assert left is not None
    assert left.longest_s == pytest.approx(1.1 * 30.0)


def test_a_run_that_stands_still_is_unknown() -> None:
    pace = paced((0.0, 0.0), (10.0, 0.1), (20.0, 0.2))
    assert pace.left(49.0) is not None
    assert pace.left(51.0) is None


@given(
    st.lists(st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1.0)), max_size=30).map(sorted),
    st.floats(0.0, 1e6),
)
def test_whatever_is_seen_the_range_is_a_range(steps: list[tuple[float, float]], later: float) -> None:
    left = paced(*steps).left((steps[-1][0] if steps else 0.0) + later)
    assert left is None or 0.0 <= left.shortest_s <= left.longest_s
