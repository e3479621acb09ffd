"""Attempts: written down before the job is submitted, numbered, kept, one open at a time."""

from __future__ import annotations

import pytest

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.records import AttemptOutcome, EndedAttempt
from mqi_tui.domain.status import BeamStatus
from tests.repositories.conftest import Store


@pytest.fixture
async def computing(store: Store) -> str:
    """A beam with a slot and no attempt yet."""
    await store.gpus.set_gpu_count(1)
    (beam_id,) = await store.add_case("A")
    await store.queue_up(beam_id)
    await store.gpus.assign_free_gpu(beam_id)
    return beam_id


async def test_the_intent_is_written_down_before_there_is_a_job(store: Store, computing: str) -> None:
    attempt = await store.attempts.open_attempt(computing, token="t1", run_folder="/hpc/run-001")
    assert (attempt.attempt, attempt.run_folder, attempt.gpu_id) == (1, "/hpc/run-001", 0)
    assert (attempt.hpc_job_id, attempt.submitted_at, attempt.outcome) == (None, None, None)
    assert await store.attempts.current_attempt(computing) == attempt


async def test_only_one_attempt_of_a_beam_is_open(store: Store, computing: str) -> None:
    await store.attempts.open_attempt(computing, token="t1", run_folder="/hpc/run-001")
    with pytest.raises(RequestRefusedError, match="attempt 1 of A_1 is still open"):
        await store.attempts.open_attempt(computing, token="t2", run_folder="/hpc/run-001")


async def test_a_beam_without_a_slot_begins_no_attempt(store: Store) -> None:
    await store.add_case("A")
    with pytest.raises(RequestRefusedError, match="holds no GPU slot"):
        await store.attempts.open_attempt("A_1", token="t1", run_folder="/hpc/run-001")


async def test_a_submitted_job_is_known_by_its_id_with_attempt_and_beam(store: Store, computing: str) -> None:
    await store.attempts.open_attempt(computing, token="t1", run_folder="/hpc/run-001")
    await store.attempts.record_submission(computing, 1, "4711")
    attempt = await store.attempts.current_attempt(computing)
    beam = await store.cases.get_beam_by_id(computing)
    assert attempt is not None
    assert beam is not None
    assert (attempt.hpc_job_id, beam.hpc_job_id, beam.attempt) == ("4711", "4711", 1)
    assert attempt.submitted_at is not None


async def test_the_next_attempt_has_the_next_number_and_the_earlier_one_is_kept(store: Store, computing: str) -> None:
    await store.attempts.open_attempt(computing, token="t1", run_folder="/hpc/run-001")
    await store.attempts.record_submission(computing, 1, "4711")
    ended = EndedAttempt(AttemptOutcome.LOST)
    await store.cases.update_beam_status_by_id(computing, BeamStatus.HPC_QUEUED, message="lost", ended=ended)
    await store.gpus.assign_free_gpu(computing)
    second = await store.attempts.open_attempt(computing, token="t2", run_folder="/hpc/run-001")
    beam = await store.cases.get_beam_by_id(computing)
    assert beam is not None
    assert (second.attempt, beam.attempt, beam.hpc_job_id) == (2, 2, None)
    first, _ = await store.attempts.list_attempts(computing)
    assert (first.hpc_job_id, first.outcome) == ("4711", AttemptOutcome.LOST)
    assert first.ended_at is not None


async def test_what_a_job_left_is_kept_with_its_attempt_to_the_byte(store: Store, computing: str) -> None:
    await store.attempts.open_attempt(computing, token="t1", run_folder="/hpc/run-001")
    raw_file = "/hpc/run-001/\udcb0\udcfa_1_Dose.raw"
    ended = EndedAttempt(
        AttemptOutcome.SUCCEEDED, 0, raw_file, 5_040_000, "ab" * 32, host="node3\udcff", gpu="2 GPU-aaaa"
    )
    await store.cases.update_beam_status_by_id(computing, BeamStatus.DOWNLOADING, message="computed", ended=ended)
    attempt = await store.attempts.current_attempt(computing)
    assert attempt is not None
    assert (attempt.raw_file, attempt.raw_size, attempt.raw_sha256) == (raw_file, 5_040_000, "ab" * 32)
    assert (attempt.host, attempt.gpu) == ("node3\\udcff", "2 GPU-aaaa")
