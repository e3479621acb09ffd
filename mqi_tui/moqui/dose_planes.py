"""Planes of a dose, cut out of it without loading it whole."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.raw_dose import Dose, parts_of

Voxel = tuple[int, int, int]
"""Index (x, y, z)."""


class PlaneKind(StrEnum):
    """Which axis of the grid stands upright on the plane; the beam comes along z."""

    TRANSVERSE = "transverse"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    @property
    def normal(self) -> int:
        """The axis on which the plane has one index: x (0), y (1) or z (2)."""
        return {PlaneKind.TRANSVERSE: 2, PlaneKind.CORONAL: 1, PlaneKind.SAGITTAL: 0}[self]

    @property
    def axes(self) -> tuple[int, int]:
        """(axis of the rows, axis of the columns): z is always the rows', x the columns' where it is there."""
        return {PlaneKind.TRANSVERSE: (1, 0), PlaneKind.CORONAL: (2, 0), PlaneKind.SAGITTAL: (2, 1)}[self]


@dataclass(frozen=True, slots=True, eq=False)
class DosePlane:
    """The doses of one plane in Gy, shape (rows, columns), both in the order of the grid's indices."""

    kind: PlaneKind
    index: int
    """On the axis that is normal to the plane."""
    dose_gy: NDArray[np.float64]


def counts(grid: DoseGrid) -> Voxel:
    """Voxels along x, y and z."""
    return grid.nx, grid.ny, grid.nz


def cut_plane(dose: Dose, kind: PlaneKind, index: int) -> DosePlane:
    """A copy of one plane of `dose`; raises InputError for an index outside it, and as reading the dose does."""
    axis = 2 - kind.normal
    if not 0 <= index < dose.shape[axis]:
        raise InputError(f"the dose has no {kind.value} plane {index}: it has {dose.shape[axis]}.")
    match kind:
        case PlaneKind.TRANSVERSE:
            plane = dose[index : index + 1, :][0]
        case PlaneKind.CORONAL:
            plane = dose[:, index : index + 1][:, 0, :]
        case PlaneKind.SAGITTAL:
            # Copies: a view keeps its whole part in memory.
            plane = np.concatenate([part[:, :, index].copy() for _, part in parts_of(dose)])
    return DosePlane(kind, index, np.array(plane, dtype=np.float64))
