"""The one function that changes a beam's status: history, attempt and GPU slot change in the same transaction."""

from __future__ import annotations

from pathlib import Path

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.records import BeamRecord, EndedAttempt
from mqi_tui.domain.status import WAY, BeamStatus, is_allowed, overall_progress
from mqi_tui.repositories.database import Transaction
from mqi_tui.repositories.rows import now_text, storable, to_beam


async def change_status(
    transaction: Transaction,
    beam_id: str,
    following: BeamStatus,
    *,
    message: str,
    error: str | None = None,
    resume_from: BeamStatus | None = None,
    result_path: Path | None = None,
    ended: EndedAttempt | None = None,
    gpu_id: int | None = None,
) -> None:
    """Take the beam to `following`; `gpu_id` is the slot that it takes with it.

    Leaving the statuses that may hold a slot releases it. Raises RequestRefusedError for an unknown beam and for a
    transition that is not allowed.
    """
    row = await transaction.one("SELECT * FROM beams WHERE beam_id = ?", (beam_id,))
    if row is None:
        raise RequestRefusedError(f"there is no beam {beam_id}.")
    beam = to_beam(row)
    if not is_allowed(beam.status, following):
        raise RequestRefusedError(f"{beam_id} is {beam.status.word}: it cannot become {following.word}.")
    now = now_text()
    if ended is not None:
        await _end_attempt(transaction, beam_id, ended, now)
    stage = _stage(beam, following, resume_from)
    slot = gpu_id if gpu_id is not None else beam.gpu_id
    kept_result = None if following is BeamStatus.INITIAL else beam.result_path
    result = result_path or kept_result
    await transaction.run(
        """UPDATE beams SET status = :status, stage = :stage, progress = :progress, detail = '', job_waits = :job_waits,
           gpu_id = :gpu_id, error = :error, result_path = :result_path,
           queued_at = COALESCE(:queued_at, queued_at), updated_at = :now
           WHERE beam_id = :beam_id""",
        {
            "status": following.value,
            "stage": stage.value,
            "progress": _progress(beam, following),
            # A slot is the right to a job; that the job computes is to be seen first.
            "job_waits": int(following is BeamStatus.HPC_RUNNING),
            "gpu_id": slot if following.holds_slot else None,
            "error": None if error is None else storable(error),
            "result_path": None if result is None else str(result),
            "queued_at": now if following is BeamStatus.HPC_QUEUED else None,
            "now": now,
            "beam_id": beam_id,
        },
    )
    if beam.gpu_id is not None and not following.holds_slot:
        await drop_retired_slots(transaction)
    level = "error" if following is BeamStatus.FAILED else "info"
    # Back to the queue out of computing: the attempt's job was lost.
    if beam.status is BeamStatus.HPC_RUNNING and following is BeamStatus.HPC_QUEUED:
        level = "warning"
    text = message if error is None else f"{message}: {error}"
    await add_event(transaction, text, level=level, case_id=beam.parent_case_id, beam_id=beam_id, status=following)
    if following is BeamStatus.COMPLETED:
        await _tell_of_a_completed_case(transaction, beam.parent_case_id)


async def _tell_of_a_completed_case(transaction: Transaction, case_id: str) -> None:
    row = await transaction.one(
        "SELECT COUNT(*) AS beams, SUM(status = ?) AS completed FROM beams WHERE parent_case_id = ?",
        (BeamStatus.COMPLETED.value, case_id),
    )
    assert row is not None, "a count always has a row"  # noqa: S101
    if row["completed"] == row["beams"]:
        beams = "1 beam" if row["beams"] == 1 else f"{row['beams']} beams"
        await add_event(transaction, f"case completed ({beams})", level="info", case_id=case_id)


async def add_event(
    transaction: Transaction,
    message: str,
    *,
    level: str,
    case_id: str | None = None,
    beam_id: str | None = None,
    status: BeamStatus | None = None,
) -> None:
    """A row of the history; `status` is the one that the beam takes with it."""
    await transaction.run(
        "INSERT INTO events (at, case_id, beam_id, level, message, status) VALUES (?, ?, ?, ?, ?, ?)",
        (now_text(), case_id, beam_id, level, storable(message), None if status is None else status.value),
    )


async def drop_retired_slots(transaction: Transaction) -> None:
    """Slots that are no longer configured go as soon as nobody holds them."""
    await transaction.run(
        "DELETE FROM gpus WHERE is_retired AND gpu_id NOT IN (SELECT gpu_id FROM beams WHERE gpu_id IS NOT NULL)"
    )


async def _end_attempt(transaction: Transaction, beam_id: str, ended: EndedAttempt, now: str) -> None:
    raw_file = None if ended.raw_file is None else ended.raw_file.encode(errors="surrogateescape")
    await transaction.run(
        """UPDATE attempts SET outcome = :outcome, exit_code = :exit_code, raw_file = :raw_file, raw_size = :raw_size,
           raw_sha256 = :raw_sha256, host = :host, gpu = :gpu, computed_s = :computed_s, engine = :engine,
           ended_at = :now
           WHERE beam_id = :beam_id AND outcome IS NULL""",
        {
            "outcome": ended.outcome.value,
            "exit_code": ended.exit_code,
            "raw_file": raw_file,
            "raw_size": ended.raw_size,
            "raw_sha256": ended.raw_sha256,
            "host": None if ended.host is None else storable(ended.host),
            "gpu": None if ended.gpu is None else storable(ended.gpu),
            "computed_s": ended.computed_s,
            "engine": None if ended.engine is None else storable(ended.engine),
            "now": now,
            "beam_id": beam_id,
        },
    )


def _stage(beam: BeamRecord, following: BeamStatus, resume_from: BeamStatus | None) -> BeamStatus:
    """Where a beam that stops would go on; a beam at work is where its status says."""
    if following in WAY or following is BeamStatus.COMPLETED:
        return following
    return resume_from or beam.stage


def _progress(beam: BeamRecord, following: BeamStatus) -> float:
    if following not in WAY and following is not BeamStatus.COMPLETED:
        return beam.progress
    start = overall_progress(following)
    # Only a new run through the stages, or a new attempt, begins lower than the last one ended.
    begins_anew = not beam.status.is_active or following is BeamStatus.HPC_QUEUED
    return start if begins_anew else max(beam.progress, start)
