"""What the beams of a site say of the next one: a range of times that were measured, or nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.domain.compute_times import BEAMS_KEPT, BEAMS_NEEDED, ComputeTime, ComputeTimes
from mqi_tui.domain.time_left import TimeLeft

SECONDS = st.floats(0, 1e5)


def noted(*seconds: float, host: str = "node1") -> ComputeTimes:
    times = ComputeTimes()
    for number, each in enumerate(seconds):
        times.note(ComputeTime(f"b{number}", host, each))
    return times


@given(st.lists(SECONDS, max_size=2 * BEAMS_KEPT))
def test_the_range_is_one_of_measured_times_and_most_lie_in_it(seconds: list[float]) -> None:
    usual = noted(*seconds).usual
    latest = seconds[-BEAMS_KEPT:]
    if len(latest) < BEAMS_NEEDED:
        assert usual is None
        return
    assert usual is not None
    assert usual.of_beams == len(latest)
    assert {usual.shortest_s, usual.longest_s} <= set(latest)
    inside = sum(usual.shortest_s <= each <= usual.longest_s for each in latest)
    assert inside >= 0.8 * len(latest)


@given(st.lists(SECONDS, min_size=BEAMS_NEEDED, max_size=BEAMS_KEPT), st.randoms())
def test_the_order_does_not_matter_while_all_are_kept(seconds: list[float], random: Random) -> None:
    shuffled = list(seconds)
    random.shuffle(shuffled)
    assert noted(*seconds).usual == noted(*shuffled).usual


@given(st.lists(SECONDS, max_size=BEAMS_KEPT), SECONDS, SECONDS)
def test_the_rest_shrinks_with_the_time_and_never_gets_negative(
    seconds: list[float], elapsed: float, later: float
) -> None:
    times = noted(*seconds)
    now, then = times.left("node1", elapsed), times.left("node1", elapsed + later)
    if then is not None:
        assert now is not None
        assert 0 <= then.shortest_s <= now.shortest_s
        assert 0 < then.longest_s <= now.longest_s


def test_a_beam_that_takes_longer_than_all_is_unknown() -> None:
    times = noted(60, 80, 100)
    assert times.left("node1", 70) == TimeLeft(0, 30, 3)
    assert times.left("node1", 100) is None


def test_beams_of_the_same_host_count_alone_where_they_are_enough() -> None:
    times = noted(60, 80, 100)
    for number in range(BEAMS_NEEDED - 1):
        times.note(ComputeTime(f"c{number}", "node2", 10))
    assert times.left("node2", 0) == TimeLeft(10, 100, 5)
    times.note(ComputeTime("d", "node2", 20))
    assert times.left("node2", 0) == TimeLeft(10, 20, 3)
    assert times.usual == TimeLeft(10, 100, 6)


def test_one_outlier_among_many_is_left_out_and_a_beam_counts_once() -> None:
    times = noted(*[100.0] * 9, 9000.0)
    assert times.usual == TimeLeft(100, 100, 10)
    again = noted(60, 80, 100)
    again.note(ComputeTime("b0", "node1", 90))
    assert again.usual == TimeLeft(80, 100, 3)
