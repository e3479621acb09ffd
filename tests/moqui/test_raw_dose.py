"""The raw dose file: its layout, its size, and what becomes of it while it is read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import InputError, TransientError
from mqi_tui.moqui import raw_dose
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.raw_dose import open_raw, parts_of

GRID = DoseGrid(nx=3, ny=4, nz=5, unit_mm=(2, 3, 10), position_mm=(-3, -6, 100))
DOSE = np.arange(60, dtype="<f8").reshape(GRID.shape)
"""The value of voxel (x, y, z) is x + 3 y + 12 z."""


def raw_file(folder: Path, content: bytes) -> Path:
    path = folder / "output.raw"
    path.write_bytes(content)
    return path


def test_a_raw_file_is_read_as_little_endian_doubles_with_x_fastest(tmp_path: Path) -> None:
    dose = open_raw(raw_file(tmp_path, DOSE.tobytes()), GRID)
    assert dose.shape == (5, 4, 3)
    whole = dose[:, :]
    assert whole.tolist() == DOSE.tolist()
    assert whole[0, 0].tolist() == [0, 1, 2]
    assert whole[0, 1, 0] == 3
    assert whole[1, 0, 0] == 12


bounds = st.one_of(st.none(), st.integers(0, 6))


@given(planes=st.builds(slice, bounds, bounds), rows=st.builds(slice, bounds, bounds))
def test_any_part_of_a_file_is_that_of_the_array(
    tmp_path_factory: pytest.TempPathFactory, planes: slice, rows: slice
) -> None:
    part = open_raw(raw_file(tmp_path_factory.getbasetemp(), DOSE.tobytes()), GRID)[planes, rows]
    expected = DOSE[planes, rows]
    assert part.shape == expected.shape
    assert part.tolist() == expected.tolist()


def test_a_file_is_read_part_by_part_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_dose, "VOXELS_AT_ONCE", 24)
    parts = list(parts_of(open_raw(raw_file(tmp_path, DOSE.tobytes()), GRID)))
    assert [(z, part.shape[0]) for z, part in parts] == [(0, 2), (2, 2), (4, 1)]
    assert np.concatenate([part for _, part in parts]).tolist() == DOSE.tolist()


@given(size=st.integers(0, 1000).filter(lambda size: size != GRID.raw_size))
@settings(deadline=None)
def test_a_file_of_another_size_than_the_grid_is_refused(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    path = raw_file(tmp_path_factory.mktemp("raw"), bytes(size))
    with pytest.raises(InputError, match=f"found {size} bytes, but 3 x 4 x 5 voxels of 8 bytes are 480"):
        open_raw(path, GRID)


def test_a_file_of_another_grid_is_refused_by_name(tmp_path: Path) -> None:
    path = raw_file(tmp_path, np.ones((5, 4, 4)).tobytes())
    with pytest.raises(InputError, match="uses another grid") as caught:
        open_raw(path, GRID)
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"output\.raw is missing"):
        open_raw(tmp_path / "output.raw", GRID)


def test_a_file_that_is_cut_while_it_is_read_is_an_error_and_not_the_end_of_the_program(tmp_path: Path) -> None:
    path = raw_file(tmp_path, DOSE.tobytes())
    dose = open_raw(path, GRID)
    assert dose[:2, :].tolist() == DOSE[:2].tolist()

    os.truncate(path, 100)

    with pytest.raises(InputError, match=r"output\.raw: found 100 bytes, but .*cut short"):
        dose[2:, :]


def test_a_file_that_is_taken_away_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = raw_file(tmp_path, DOSE.tobytes())
    dose = open_raw(path, GRID)

    path.unlink()

    with pytest.raises(InputError, match=r"output\.raw is missing"):
        dose[:, :]


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_share_that_fails_while_a_file_is_read_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    dose = open_raw(raw_file(tmp_path, DOSE.tobytes()), GRID)

    def gone(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(raw_dose, "FileIO", gone)

    with pytest.raises(TransientError, match=r"output\.raw cannot be read .*check the disk or share"):
        dose[:, :]
