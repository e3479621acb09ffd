"""The voxels in which an engine scores the dose."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_VOXEL = 8
"""The raw file holds float64."""


@dataclass(frozen=True, slots=True)
class DoseGrid:
    """`nx` x `ny` x `nz` voxels of `unit_mm` (x, y, z), whose lower edges are at `position_mm` (x, y, z)."""

    nx: int
    ny: int
    nz: int
    unit_mm: tuple[float, float, float]
    position_mm: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an array of the dose: [z][y][x]."""
        return self.nz, self.ny, self.nx

    @property
    def raw_size(self) -> int:
        """Bytes of the raw file."""
        return self.nx * self.ny * self.nz * BYTES_PER_VOXEL
