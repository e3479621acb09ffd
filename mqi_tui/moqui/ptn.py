"""A layer's log (.ptn): what the treatment machine measured, row by row.

Big-endian unsigned 16-bit numbers, 8 a row (16 bytes), no header; one row every TIMEGAIN ms (see `calibration`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.text_files import read_bytes

COLUMNS = 8
ROW_BYTES = 2 * COLUMNS
MAX_PTN_BYTES = 16 * 1024 * 1024
"""About a million rows: a minute of beam in one layer, where real layers take seconds at most."""


@dataclass(frozen=True, slots=True, eq=False)
class PtnLog:
    """The rows of a log in raw units: uint16, shape (n, 8).

    The columns are x, y, x size, y size, dose1, dose2, layer and flags.
    """

    rows: NDArray[np.uint16]

    @property
    def x(self) -> NDArray[np.uint16]:
        """Shape (n,); in mm by the calibration's x offset and gain."""
        return self.rows[:, 0]

    @property
    def y(self) -> NDArray[np.uint16]:
        """Shape (n,); in mm by the calibration's y offset and gain."""
        return self.rows[:, 1]

    @property
    def dose1(self) -> NDArray[np.uint16]:
        """Shape (n,); counts of the first dose monitor, 0 while the beam is off."""
        return self.rows[:, 4]


def read_ptn(path: Path) -> PtnLog:
    """Raises InputError if the file is missing, unreadable, empty, too large or no whole number of rows."""
    data = read_bytes(path, MAX_PTN_BYTES)
    check_ptn_size(path, len(data))
    rows = np.frombuffer(data, dtype=">u2").reshape(-1, COLUMNS).astype(np.uint16)
    return PtnLog(rows)


def check_ptn_size(path: Path, size: int) -> None:
    """Raises InputError unless `size`, in bytes, is that of a log with one row at least and whole rows only."""
    if size == 0:
        raise InputError(f"{path} is an empty log; copy it again from the treatment machine.")
    if size > MAX_PTN_BYTES:
        raise InputError(
            f"{path} has {size} bytes, but no layer's log is larger than {MAX_PTN_BYTES // 1024**2} MiB; copy it again "
            "from the treatment machine."
        )
    if size % ROW_BYTES:
        raise InputError(
            f"{path} has {size} bytes, which is no whole number of rows ({ROW_BYTES} bytes each): the log is cut short "
            "or damaged; copy it again from the treatment machine."
        )


def write_ptn(path: Path, log: PtnLog) -> None:
    """Write the log's rows; raises OSError if the file cannot be written."""
    path.write_bytes(log.rows.astype(">u2").tobytes())
