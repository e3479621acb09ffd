"""Planes cut out of a dose, and the curve along z: known numbers in known places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.dose import axis_dose, depth_of_plane_mm
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.dose_planes import PlaneKind, cut_plane
from mqi_tui.moqui.raw_dose import open_raw

GRID = DoseGrid(4, 3, 5, (1.0, 2.0, 10.0), (0.0, 0.0, -50.0))
DOSE = np.arange(60, dtype=np.float64).reshape(GRID.shape)
"""The value of voxel (x, y, z) is x + 4 y + 12 z."""


@pytest.mark.parametrize(
    ("kind", "index", "shape", "at_1_2"),
    [
        # One row on, two columns on: of y and x, of z and x, of z and y.
        (PlaneKind.TRANSVERSE, 3, (3, 4), 3 * 12 + 1 * 4 + 2),
        (PlaneKind.CORONAL, 2, (5, 4), 1 * 12 + 2 * 4 + 2),
        (PlaneKind.SAGITTAL, 3, (5, 3), 1 * 12 + 2 * 4 + 3),
    ],
)
def test_a_plane_holds_the_voxels_of_its_index(
    kind: PlaneKind, index: int, shape: tuple[int, int], at_1_2: float
) -> None:
    plane = cut_plane(DOSE, kind, index)
    assert plane.dose_gy.shape == shape
    assert plane.dose_gy[1, 2] == at_1_2


def test_the_axes_of_a_plane_are_those_that_it_has_many_indices_on() -> None:
    for kind in PlaneKind:
        assert {kind.normal, *kind.axes} == {0, 1, 2}
        plane = cut_plane(DOSE, kind, 0)
        assert plane.dose_gy.shape == tuple((4, 3, 5)[axis] for axis in kind.axes)


@pytest.mark.parametrize("index", [-1, 5])
def test_a_plane_outside_the_dose_is_refused(index: int) -> None:
    with pytest.raises(InputError, match=f"no transverse plane {index}"):
        cut_plane(DOSE, PlaneKind.TRANSVERSE, index)


@pytest.mark.parametrize("kind", PlaneKind)
def test_a_plane_of_a_file_is_that_of_the_array_and_outlives_it(tmp_path: Path, kind: PlaneKind) -> None:
    path = tmp_path / "output.raw"
    path.write_bytes(DOSE.tobytes())
    plane = cut_plane(open_raw(path, GRID), kind, 1)
    path.unlink()
    assert plane.dose_gy.tolist() == cut_plane(DOSE, kind, 1).dose_gy.tolist()


def test_a_plane_of_an_array_is_a_copy() -> None:
    dose = DOSE.copy()
    plane = cut_plane(dose, PlaneKind.CORONAL, 1)
    dose[:] = 0
    assert plane.dose_gy.tolist() == DOSE[:, 1, :].tolist()


def test_the_curve_along_z_begins_at_the_entrance() -> None:
    line = np.array([0.0, 5.0, 10.0, 8.0, 6.0])
    high = axis_dose(line, GRID, "high-z")
    assert (high.depth_mm, high.dose_gy) == ((5, 15, 25, 35, 45), (6, 8, 10, 5, 0))
    # 80 % lie at 2/5 of the way from 10 to 5, 50 % on the voxel behind it.
    assert high.r80_mm == pytest.approx(29.0)
    assert high.r50_mm == pytest.approx(35.0)
    low = axis_dose(line, GRID, "low-z")
    assert low.dose_gy == (0, 5, 10, 8, 6)
    assert low.r80_mm == pytest.approx(35.0)
    assert low.r50_mm is None


def test_the_depth_of_a_plane_is_counted_from_where_the_beam_enters() -> None:
    assert [depth_of_plane_mm(z, GRID, "low-z") for z in (0, 4)] == [5, 45]
    assert [depth_of_plane_mm(z, GRID, "high-z") for z in (0, 4)] == [45, 5]
