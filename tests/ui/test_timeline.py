"""The steps of a beam's way, with their times."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mqi_tui.domain.records import EventRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.timeline import elapsed, span, steps_of
from tests.support.scripted_engine import NOW


def at(seconds: float, message: str, status: BeamStatus | None = None) -> EventRecord:
    return EventRecord(round(seconds * 10), NOW + timedelta(seconds=seconds), "case", "case_b", "info", message, status)


WAY = [
    at(0, "dispatched", BeamStatus.INITIAL),
    at(1, "19 layers", BeamStatus.PREPROCESSING),
    at(4, "19 CSVs", BeamStatus.UPLOADING),
    at(5, "held up"),
    at(9, "20 files are there", BeamStatus.HPC_QUEUED),
]


def test_a_step_lasts_until_the_next_one_and_keeps_what_happened_meanwhile() -> None:
    steps = steps_of(WAY)
    assert [step.status for step in steps] == [event.status for event in WAY if event.status]
    now = NOW + timedelta(seconds=20)
    assert [step.duration(now).total_seconds() for step in steps] == [1, 3, 5, 11]
    assert [note.message for note in steps[2].notes] == ["held up"]
    assert steps[-1].ends is None


def test_events_of_before_the_status_was_kept_are_one_step_without_a_status() -> None:
    steps = steps_of([at(0, "dispatched"), at(2, "19 CSVs"), at(3, "failed", BeamStatus.FAILED)])
    assert [(step.status, len(step.notes)) for step in steps] == [(None, 2), (BeamStatus.FAILED, 0)]
    assert steps[0].duration(NOW) == timedelta(seconds=3)


def test_without_events_there_are_no_steps() -> None:
    assert steps_of([]) == []
    assert elapsed([], NOW) is None


def test_a_clock_that_was_set_back_gives_no_negative_duration() -> None:
    assert steps_of(WAY)[-1].duration(NOW).total_seconds() == 0


def test_elapsed_counts_the_latest_way_to_its_end() -> None:
    now = NOW + timedelta(seconds=100)
    assert elapsed(steps_of(WAY), now) == timedelta(seconds=100)
    done = [*WAY, at(30, "dose verified", BeamStatus.COMPLETED)]
    assert elapsed(steps_of(done), now) == timedelta(seconds=30)
    again = [*done, at(60, "full rerun", BeamStatus.INITIAL)]
    assert elapsed(steps_of(again), now) == timedelta(seconds=40)


def test_the_time_from_the_slot_until_the_job_computes_is_one_in_the_hpc_queue() -> None:
    steps = steps_of(
        [
            at(0, "has GPU slot 1", BeamStatus.HPC_RUNNING),
            at(1, "attempt 1 is job 7"),
            at(60, "its job computes", BeamStatus.HPC_RUNNING),
            at(90, "computed", BeamStatus.DOWNLOADING),
        ]
    )
    assert [(step.is_in_hpc_queue, step.duration(NOW).total_seconds()) for step in steps[:2]] == [
        (True, 60),
        (False, 30),
    ]
    assert not steps[2].is_in_hpc_queue


def test_elapsed_leaves_out_the_time_in_which_the_beam_waited_for_a_person() -> None:
    failed = [*WAY, at(30, "no route", BeamStatus.FAILED), at(930, "retry", BeamStatus.UPLOADING)]
    assert elapsed(steps_of(failed[:-1]), NOW + timedelta(seconds=500)) == timedelta(seconds=30)
    assert elapsed(steps_of(failed), NOW + timedelta(seconds=940)) == timedelta(seconds=40)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00"),
        (372, "6:12"),
        (3972, "1:06:12"),
        (2 * 86400 + 3960, "2 d 01:06"),
    ],
)
def test_a_span_is_as_exact_as_one_wants_to_know_it(seconds: float, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text
