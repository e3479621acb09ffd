"""What a series of readings tells: no value that was not read, no device offline or foreign that may not be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.domain.readings import READINGS_KEPT, GpuReading, GpuWatch
from mqi_tui.workflow.gpu_watcher import GpuRound, GpuWatcher

START = datetime(2026, 3, 4, 10, 41, tzinfo=UTC)
IDLE = GpuReading(0, "GPU-0", 0.0, 12.0, 24576.0, slot=0)
USED = GpuReading(0, "GPU-0", 98.0, 8000.0, 24576.0, slot=0)
NAME = IDLE.device


def watched(*looks: GpuRound) -> GpuWatch:
    """What is told after the last of these rounds, which are a second apart."""
    watcher, watch = GpuWatcher(), GpuWatch()
    for number, look in enumerate(looks):
        watch = watcher.note(look, START + timedelta(seconds=number))
    return watch


def free(reading: GpuReading) -> GpuRound:
    return GpuRound((reading,), not_ours=frozenset({reading.device}))


def missing(reason: str = "") -> GpuRound:
    return GpuRound(why_offline=lambda _: reason)


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=2 * READINGS_KEPT))
def test_a_history_is_the_readings_that_were_made_and_nothing_between(loads: list[float | None]) -> None:
    made = [None if load is None else GpuReading(0, "GPU-0", load) for load in loads]
    watch = watched(*(GpuRound((one,) if one else ()) for one in made))
    begun = next((number for number, one in enumerate(made) if one), len(made))
    kept = made[begun:][-READINGS_KEPT:]
    assert watch.histories.get(NAME, ()) == (tuple(kept) if any(kept) else ())


def test_a_device_that_is_missed_is_offline_only_where_that_is_known() -> None:
    assert watched(GpuRound((IDLE,)), missing()).offline == ()
    [offline] = watched(GpuRound((IDLE,)), missing(), missing("not listed"), missing("not listed")).offline
    assert offline.reading == IDLE
    assert offline.since == START + timedelta(seconds=1)
    assert offline.reason == "not listed"


def test_a_device_that_comes_back_is_not_offline_and_begins_anew_when_it_goes_again() -> None:
    gone = missing("not listed")
    assert watched(GpuRound((IDLE,)), gone, GpuRound((IDLE,))).offline == ()
    [offline] = watched(GpuRound((IDLE,)), gone, GpuRound((IDLE,)), gone).offline
    assert offline.since == START + timedelta(seconds=3)


def test_what_is_offline_stays_told_and_what_is_only_silent_is_forgotten() -> None:
    gone, silent = [missing("not listed")] * 2 * READINGS_KEPT, [missing()] * 2 * READINGS_KEPT
    assert watched(GpuRound((IDLE,)), *gone).offline
    assert watched(GpuRound((IDLE,)), *silent) == GpuWatch()


def test_use_without_a_beam_of_ours_is_foreign_at_the_second_reading() -> None:
    assert watched(free(USED)).foreign == frozenset()
    assert watched(free(USED), free(USED)).foreign == {NAME}
    assert watched(free(USED), free(USED), free(IDLE)).foreign == frozenset()
    assert watched(free(USED), GpuRound((USED,)), free(USED)).foreign == frozenset()
    assert watched(GpuRound((USED,)), GpuRound((USED,))).foreign == frozenset()


def test_the_little_that_a_driver_or_a_screen_needs_is_no_use() -> None:
    for load, memory, is_used in ((5.0, 512.0, False), (5.1, 0.0, True), (0.0, 513.0, True), (None, None, False)):
        reading = GpuReading(0, "GPU-0", load, memory, 24576.0)
        assert watched(free(reading), free(reading)).foreign == ({NAME} if is_used else frozenset())
