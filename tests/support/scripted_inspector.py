"""A BeamInspector that knows what a test tells it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.moqui.dose import axis_dose, summarise
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.dose_planes import DosePlane, PlaneKind, cut_plane
from mqi_tui.workflow.inspection import (
    BeamDose,
    BeamFiles,
    BeamHistory,
    CasePlan,
    DoseAbsence,
    NoDose,
    Parameters,
    PreparedInput,
)

T = TypeVar("T")

GRID = DoseGrid(12, 10, 40, (2.0, 2.0, 4.0), (-12.0, -10.0, -160.0))
MAXIMUM = (7, 4, 15)
"""Index (x, y, z); the beam enters at high z, so it is 98 mm deep."""
RAW_FILE = Path("/data/results/output.raw")


def a_dose_array() -> NDArray[np.float64]:
    """(nz, ny, nx) of GRID in Gy: a peak of 2 Gy at MAXIMUM, and less with each voxel from it."""
    z, y, x = np.indices(GRID.shape)
    distance = np.abs(x - MAXIMUM[0]) + np.abs(y - MAXIMUM[1])
    along = np.where(z >= MAXIMUM[2], 1 / (1 + 0.1 * np.abs(z - MAXIMUM[2])), np.clip(1 - 0.3 * (MAXIMUM[2] - z), 0, 1))
    return np.asarray(2.0 * along * np.clip(1 - 0.15 * distance, 0, 1), dtype=np.float64)


def a_dose(array: NDArray[np.float64] | None = None, *, attempt: int = 1) -> BeamDose:
    """As the engine would tell it; the histories are 369,938 asked and 369,930 run."""
    dose = a_dose_array() if array is None else array
    summary = summarise(dose, GRID, "high-z")
    x, y, _ = summary.maximum_index
    axis = axis_dose(dose[:, y, x], GRID, "high-z")
    return BeamDose(RAW_FILE, (1, dose.nbytes), attempt, GRID, "high-z", summary, axis, 369_938, 369_930)


class ScriptedInspector:
    """Answers with its attributes; an Exception is raised. `gate` holds every answer back while it is set."""

    def __init__(self) -> None:
        self.beam_history: BeamHistory | Exception = BeamHistory((), ())
        self.beam_files: BeamFiles | Exception = BeamFiles(Path("/in"), (), Path("/out"), (), "/hpc/beam", ())
        self.input: PreparedInput | Exception = PreparedInput(None, (), "")
        self.used: Parameters | Exception | None = None
        self.plan: CasePlan | Exception = CasePlan(None, "there is no plan", {})
        self.doses: dict[str, BeamDose | NoDose | Exception] = {}
        """By beam id; `beam_dose` is that of all others."""
        self.beam_dose: BeamDose | NoDose | Exception = NoDose(DoseAbsence.NONE, RAW_FILE)
        self.array = a_dose_array()
        self.planes: list[tuple[PlaneKind, int]] = []
        """The planes that were asked for."""
        self.plane_trouble: Exception | None = None
        """Raised by `plane` while it is set."""
        self.gate: asyncio.Event | None = None
        self.asked: list[str] = []
        """The beam (or file) of each call."""

    def show_dose(self, array: NDArray[np.float64], *, attempt: int = 1) -> None:
        self.array = array
        self.beam_dose = replace(a_dose(array, attempt=attempt), stamp=(len(self.asked) + 2, array.nbytes))

    async def history(self, beam: BeamRecord) -> BeamHistory:
        return await self._answer(self.beam_history, beam.beam_id)

    async def files(self, beam: BeamRecord) -> BeamFiles:
        return await self._answer(self.beam_files, beam.beam_id)

    async def prepared_input(self, beam: BeamRecord) -> PreparedInput:
        return await self._answer(self.input, beam.beam_id)

    async def used_parameters(self, beam: BeamRecord) -> Parameters | None:
        return await self._answer(self.used, beam.beam_id)

    async def dose(self, beam: BeamRecord) -> BeamDose | NoDose:
        return await self._answer(self.doses.get(beam.beam_id, self.beam_dose), beam.beam_id)

    async def plane(self, dose: BeamDose, kind: PlaneKind, index: int) -> DosePlane:
        self.planes.append((kind, index))
        if self.plane_trouble is not None:
            raise self.plane_trouble
        return await self._answer(cut_plane(self.array, kind, index), str(dose.path))

    async def case_plan(self, case: CaseView) -> CasePlan:
        return await self._answer(self.plan, case.case_id)

    async def _answer(self, value: T | Exception, asked: str) -> T:
        self.asked.append(asked)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(value, Exception):
            raise value
        return value
