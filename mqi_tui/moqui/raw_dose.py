"""The raw dose file of an engine: little-endian float64 in Gy, [z][y][x] with x fastest, no header.

It is read in parts, as it may be larger than the memory that is free, and not mapped: where a mapped file is cut short
or the share that it is on goes away, a signal ends the whole program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.dose_grid import BYTES_PER_VOXEL, DoseGrid
from mqi_tui.moqui.text_files import unreadable

VOXELS_AT_ONCE = 2**21
"""16 MB of a dose are looked at together."""
_BUFFER = 4096
"""Shares ask for buffers of megabytes, each of which would be read for one row of a plane."""


class Dose(Protocol):
    """Doses in Gy, shape (nz, ny, nx): an array, or a file of which only what is asked for is read."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, place: tuple[slice, slice], /) -> NDArray[np.float64]:
        """Neighbouring rows of neighbouring planes, shape (z, y, nx)."""
        ...


@dataclass(frozen=True, slots=True)
class RawDose:
    """The `Dose` in the file `path`; what is read of it is a copy."""

    path: Path
    grid: DoseGrid

    @property
    def shape(self) -> tuple[int, ...]:
        return self.grid.shape

    def __getitem__(self, place: tuple[slice, slice], /) -> NDArray[np.float64]:
        """Raises InputError if the file is shorter by now or cannot be read, TransientError if its disk cannot."""
        nz, ny, nx = self.grid.shape
        (z, z_end, _), (y, y_end, _) = place[0].indices(nz), place[1].indices(ny)
        doses = np.empty((max(z_end - z, 0), max(y_end - y, 0), nx), dtype="<f8")
        try:
            with BufferedReader(FileIO(self.path), _BUFFER) as file:
                for index, plane in enumerate(doses, start=z):
                    file.seek((index * ny + y) * nx * BYTES_PER_VOXEL)
                    if file.readinto(plane.data) < plane.nbytes:
                        raise self._wrong_size()
        except OSError as error:
            raise unreadable(self.path, error) from None
        return doses

    def check_size(self) -> None:
        """Raises InputError unless the file has the size of the grid, and as reading it does."""
        try:
            if self.path.stat().st_size != self.grid.raw_size:
                raise self._wrong_size()
        except OSError as error:
            raise unreadable(self.path, error) from None

    def _wrong_size(self) -> InputError:
        grid = self.grid
        return InputError(
            f"{self.path}: found {self.path.stat().st_size} bytes, but {grid.nx} x {grid.ny} x {grid.nz} voxels of "
            f"{BYTES_PER_VOXEL} bytes are {grid.raw_size}; the file is cut short, or its engine uses another grid."
        )


def open_raw(path: Path, grid: DoseGrid) -> RawDose:
    """The dose in the file `path`, of which nothing is read yet.

    Raises InputError for a file that cannot be read or whose size is not that of the grid.
    """
    dose = RawDose(path, grid)
    dose.check_size()
    return dose


def parts_of(dose: Dose) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """(z of the first plane, some planes) from low z to high z."""
    nz, ny, nx = dose.shape
    planes = max(VOXELS_AT_ONCE // (ny * nx), 1)
    for first in range(0, nz, planes):
        yield first, dose[first : first + planes, :]
