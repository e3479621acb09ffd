"""A real SQLite file, and the repositories over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mqi_tui.domain.records import AttemptOutcome, EndedAttempt
from mqi_tui.domain.status import WAY, BeamStatus
from mqi_tui.repositories.attempts import AttemptRepository
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.gpus import GpuRepository


@dataclass(frozen=True)
class Store:
    path: Path
    database: Database
    cases: CaseRepository
    gpus: GpuRepository
    attempts: AttemptRepository

    async def add_case(self, case_id: str, beams: Sequence[str] = ("1",)) -> list[str]:
        """A case with these beams, all new; their ids."""
        folder = Path("/data") / case_id
        await self.cases.register_case(case_id, folder, [(name, folder / name) for name in beams])
        return [f"{case_id}_{name}" for name in beams]

    async def bring_to(self, beam_id: str, status: BeamStatus) -> None:
        """Take a new beam along its way to a status before computing."""
        for step in WAY[: WAY.index(status) + 1]:
            await self.cases.update_beam_status_by_id(beam_id, step, message=step.word)

    async def queue_up(self, *beam_ids: str) -> None:
        for beam_id in beam_ids:
            await self.bring_to(beam_id, BeamStatus.HPC_QUEUED)

    async def compute(self, beam_id: str) -> int:
        """Give the beam a slot and open its attempt; the slot."""
        gpu_id = await self.gpus.assign_free_gpu(beam_id)
        assert gpu_id is not None
        await self.attempts.open_attempt(beam_id, token=f"token of {beam_id}", run_folder="/hpc/run-001")
        return gpu_id

    async def succeed(self, beam_id: str) -> None:
        """End the beam's computing well."""
        await self.cases.update_beam_status_by_id(
            beam_id,
            BeamStatus.DOWNLOADING,
            message="computed",
            ended=EndedAttempt(AttemptOutcome.SUCCEEDED, 0, "/hpc/run-001/dose.raw", 8, "0" * 64),
        )

    async def beam_status(self, beam_id: str) -> BeamStatus:
        beam = await self.cases.get_beam_by_id(beam_id)
        assert beam is not None
        return beam.status

    async def holders(self) -> dict[int, str | None]:
        return {gpu.gpu_id: gpu.beam_id for gpu in await self.gpus.list_gpus()}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    path = tmp_path / "mqi-tui.db"
    async with Database.open(path) as database:
        yield Store(path, database, CaseRepository(database), GpuRepository(database), AttemptRepository(database))
