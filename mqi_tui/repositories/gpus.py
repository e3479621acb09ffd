"""GpuRepository: the GPU slots, and the queue for them, which is a query and kept nowhere else."""

from __future__ import annotations

from mqi_tui.domain.records import GpuRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.repositories.database import Database, Transaction
from mqi_tui.repositories.rows import to_gpu
from mqi_tui.repositories.transitions import change_status, drop_retired_slots

# The highest priority first. In one priority: within a case first come, first served; between cases in turn, the one
# that was served longest ago first.
_QUEUE = """
SELECT beam_id FROM (
    SELECT beam_id, priority, queued_at, slot_turn,
           ROW_NUMBER() OVER (PARTITION BY parent_case_id, priority ORDER BY queued_at, beam_id) AS place
    FROM beams JOIN cases ON case_id = parent_case_id
    WHERE status = 'hpc_queued'
)
ORDER BY priority DESC, place, slot_turn, queued_at, beam_id
"""
_FREE = """
SELECT gpu_id FROM gpus
WHERE NOT is_retired AND gpu_id NOT IN (SELECT gpu_id FROM beams WHERE gpu_id IS NOT NULL)
ORDER BY gpu_id
"""


class GpuRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_gpu_count(self, count: int) -> None:
        """Have the slots 0 to `count` - 1; one beyond them stays until the job that holds it is over."""

        async def work(transaction: Transaction) -> None:
            for gpu_id in range(count):
                await transaction.run("INSERT OR IGNORE INTO gpus (gpu_id) VALUES (?)", (gpu_id,))
            await transaction.run(
                "UPDATE gpus SET is_retired = (gpu_id >= :count) WHERE is_retired <> (gpu_id >= :count)",
                {"count": count},
            )
            await drop_retired_slots(transaction)

        await self._database.write(work)

    async def assign_free_gpu(self, beam_id: str) -> int | None:
        """Give the beam a slot, if it waits, a slot is free, and it is its turn; its job may go to the HPC then.

        The lowest free slot, or None. A beam's turn is any place in the queue up to the number of free slots, so that
        no beam waits for another one that has not come for its slot yet.
        """

        async def work(transaction: Transaction) -> int | None:
            free = [row["gpu_id"] for row in await transaction.run(_FREE)]
            next_beams = [row["beam_id"] for row in await transaction.run(_QUEUE)][: len(free)]
            if beam_id not in next_beams:
                return None
            gpu_id: int = free[0]
            await change_status(
                transaction, beam_id, BeamStatus.HPC_RUNNING, message=f"has GPU slot {gpu_id}", gpu_id=gpu_id
            )
            # Until the next attempt is opened there is no job, and the last one's must not be taken for one.
            await transaction.run("UPDATE beams SET hpc_job_id = NULL WHERE beam_id = ?", (beam_id,))
            await transaction.run(
                """UPDATE cases SET slot_turn = (SELECT MAX(slot_turn) + 1 FROM cases)
                   WHERE case_id = (SELECT parent_case_id FROM beams WHERE beam_id = ?)""",
                (beam_id,),
            )
            return gpu_id

        return await self._database.write(work)

    async def list_gpus(self) -> list[GpuRecord]:
        """By number, each with the beam that holds it."""
        rows = await self._database.read(
            "SELECT gpus.gpu_id, beam_id FROM gpus LEFT JOIN beams ON beams.gpu_id = gpus.gpu_id ORDER BY gpus.gpu_id"
        )
        return [to_gpu(row) for row in rows]

    async def queue(self) -> list[str]:
        """The beams that wait for a slot, next first."""
        return [row["beam_id"] for row in await self._database.read(_QUEUE)]
