"""What the workflow makes of a job's end and of its waiting, before any file is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from mqi_tui.domain.errors import JobLostError, PermanentError
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.hpc.job_place import parse_place
from mqi_tui.hpc.protocols import ExitRecord, JobEnd, JobRef, JobReport, JobState
from mqi_tui.workflow.states.hpc_execution import trusted_record
from mqi_tui.workflow.states.log_follower import describe

NOW = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)
JOB = JobRef("12", "token", PurePosixPath("/hpc/run-001"))
PLACE = JobPlace("node1", "3 GPU-aaaa", "12")
TIME_LIMIT = JobReport(JobState.GONE, "Slurm ended it at its time limit", is_final=True)
PREEMPTED = JobReport(JobState.GONE, "Slurm took its GPU for another job")
GONE = JobReport(JobState.GONE)


def record(exit_code: int) -> ExitRecord:
    return ExitRecord("token", exit_code, NOW, NOW, "node1", "3")


@pytest.mark.parametrize("report", [None, GONE, PREEMPTED, TIME_LIMIT])
def test_a_job_that_wrote_that_it_succeeded_did(report: JobReport | None) -> None:
    assert trusted_record(JOB, JobEnd(record(0), report)) == record(0)


@pytest.mark.parametrize("report", [None, GONE])
def test_a_failure_of_its_own_is_explained_by_its_record(report: JobReport | None) -> None:
    assert trusted_record(JOB, JobEnd(record(3), report)) == record(3)


@pytest.mark.parametrize("left", [None, record(143)])
def test_what_another_attempt_would_meet_again_fails_the_beam_in_the_schedulers_words(left: ExitRecord | None) -> None:
    with pytest.raises(PermanentError, match="time limit"):
        trusted_record(JOB, JobEnd(left, TIME_LIMIT))


@pytest.mark.parametrize("left", [None, record(143)])
def test_what_another_attempt_may_be_spared_loses_the_job(left: ExitRecord | None) -> None:
    with pytest.raises(JobLostError, match="for another job"):
        trusted_record(JOB, JobEnd(left, PREEMPTED))


def test_a_job_that_is_gone_without_any_word_is_lost() -> None:
    with pytest.raises(JobLostError, match=r"left no exit record in /hpc/run-001 .*node lost"):
        trusted_record(JOB, JobEnd(None, GONE))


@pytest.mark.parametrize(
    ("report", "place", "words"),
    [
        (None, None, ""),
        (JobReport(JobState.RUNNING), None, ""),
        (JobReport(JobState.RUNNING), PLACE, "on node1, GPU 3"),
        (JobReport(JobState.RUNNING), JobPlace("node1", "", ""), "on node1"),
        (JobReport(JobState.RUNNING, "suspended"), PLACE, "on node1, GPU 3; suspended"),
        (JobReport(JobState.PENDING), None, "waits in the scheduler's queue"),
        (JobReport(JobState.PENDING, "Resources"), None, "waits in the scheduler's queue (Resources)"),
        (
            JobReport(JobState.PENDING, "Priority", expected_start=NOW + timedelta(minutes=71)),
            None,
            "waits in the scheduler's queue (Priority), expected to start at 20:41 UTC",
        ),
        (
            JobReport(JobState.PENDING, "Priority", expected_start=NOW + timedelta(hours=12)),
            None,
            "waits in the scheduler's queue (Priority), expected to start at 2026-11-25 07:30 UTC",
        ),
        (
            JobReport(JobState.PENDING, "Priority", expected_start=NOW - timedelta(minutes=1)),
            None,
            "waits in the scheduler's queue (Priority)",
        ),
    ],
)
def test_a_job_says_what_it_waits_for_or_where_it_is(
    report: JobReport | None, place: JobPlace | None, words: str
) -> None:
    assert describe(report, place, NOW) == words


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"gpu=3\n", b"host=\ngpu=3\n"])
def test_a_place_without_a_host_is_none(content: bytes) -> None:
    assert parse_place(content) is None
