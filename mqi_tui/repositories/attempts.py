"""AttemptRepository: each try at simulating a beam, numbered and kept; at most one of a beam is open."""

from __future__ import annotations

from mqi_tui.domain.compute_times import ComputeTime
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.repositories.database import Database, Transaction
from mqi_tui.repositories.rows import now_text, storable, to_attempt
from mqi_tui.repositories.transitions import add_event


class AttemptRepository:
    """An attempt is ended together with its beam's transition: `CaseRepository.update_beam_status_by_id`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_attempt(self, beam_id: str, *, token: str, run_folder: str) -> AttemptRecord:
        """Write down, before the job is submitted, that it is about to be: the intent by which it is found again.

        Raises RequestRefusedError unless the beam holds a slot and has no open attempt.
        """

        async def work(transaction: Transaction) -> AttemptRecord:
            beam = await transaction.one("SELECT * FROM beams WHERE beam_id = ?", (beam_id,))
            if beam is None or beam["status"] != BeamStatus.HPC_RUNNING.value:
                raise RequestRefusedError(f"{beam_id} holds no GPU slot: no attempt can begin.")
            latest = await transaction.one(
                "SELECT * FROM attempts WHERE beam_id = ? ORDER BY attempt DESC LIMIT 1", (beam_id,)
            )
            if latest is not None and latest["outcome"] is None:
                raise RequestRefusedError(f"attempt {latest['attempt']} of {beam_id} is still open.")
            number = 1 if latest is None else latest["attempt"] + 1
            row = await transaction.one(
                """INSERT INTO attempts (beam_id, attempt, token, run_folder, gpu_id, created_at)
                   VALUES (?, ?, ?, ?, ?, ?) RETURNING *""",
                (beam_id, number, token, run_folder, beam["gpu_id"], now_text()),
            )
            assert row is not None  # noqa: S101 - INSERT ... RETURNING gives its row
            await transaction.run(
                "UPDATE beams SET attempt = ?, hpc_job_id = NULL WHERE beam_id = ?", (number, beam_id)
            )
            return to_attempt(row)

        return await self._database.write(work)

    async def record_submission(self, beam_id: str, attempt: int, job_id: str) -> None:
        """The attempt's job is known by this id."""

        async def work(transaction: Transaction) -> None:
            now = now_text()
            await transaction.run(
                "UPDATE attempts SET hpc_job_id = ?, submitted_at = ? WHERE beam_id = ? AND attempt = ?",
                (job_id, now, beam_id, attempt),
            )
            rows = await transaction.run(
                """UPDATE beams SET hpc_job_id = ?, updated_at = ? WHERE beam_id = ? AND attempt = ?
                   RETURNING parent_case_id""",
                (job_id, now, beam_id, attempt),
            )
            for row in rows:
                text = f"attempt {attempt} is job {job_id}"
                await add_event(transaction, text, level="info", case_id=row["parent_case_id"], beam_id=beam_id)

        await self._database.write(work)

    async def current_attempt(self, beam_id: str) -> AttemptRecord | None:
        """The latest attempt, open or not."""
        rows = await self._database.read(
            "SELECT * FROM attempts WHERE beam_id = ? ORDER BY attempt DESC LIMIT 1", (beam_id,)
        )
        return to_attempt(rows[0]) if rows else None

    async def list_attempts(self, beam_id: str) -> list[AttemptRecord]:
        """All attempts of the beam, the first one first."""
        rows = await self._database.read("SELECT * FROM attempts WHERE beam_id = ? ORDER BY attempt", (beam_id,))
        return [to_attempt(row) for row in rows]

    async def list_compute_times(self, engine: str, limit: int) -> list[ComputeTime]:
        """How long the beams that this engine computed last took, the latest last; one time for each beam."""
        rows = await self._database.read(
            """SELECT beam_id, host, computed_s, MAX(ended_at) AS at FROM attempts
               WHERE outcome = ? AND engine = ? AND computed_s IS NOT NULL GROUP BY beam_id ORDER BY at DESC LIMIT ?""",
            (AttemptOutcome.SUCCEEDED.value, storable(engine), limit),
        )
        return [ComputeTime(row["beam_id"], row["host"] or "", row["computed_s"]) for row in reversed(rows)]
