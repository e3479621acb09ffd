"""The raw dose file: what is no dose is refused with its reason, and the summary says where the beam stops."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui import raw_dose
from mqi_tui.moqui.dose import (
    DepthDose,
    check_dose,
    depth_dose,
    distal_depth_mm,
    peak_depth_mm,
    summarise,
)
from mqi_tui.moqui.dose_grid import DoseGrid

GRID = DoseGrid(nx=3, ny=4, nz=5, unit_mm=(2, 3, 10), position_mm=(-3, -6, 100))
PATH = Path("output.raw")


def some_dose() -> NDArray[np.float64]:
    """A dose on GRID whose maximum is at x 2, y 1, z 3."""
    dose = np.ones(GRID.shape)
    dose[3] = 2.0
    dose[3, 1, 2] = 8.0
    return dose


def curve(*doses: float, step_mm: float = 2.0) -> DepthDose:
    return DepthDose(tuple((place + 0.5) * step_mm for place in range(len(doses))), doses)


# What a dose is


def test_a_dose_is_accepted() -> None:
    check_dose(some_dose(), PATH)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e-30, 1e300])
def test_a_value_that_is_no_dose_is_refused_with_its_voxel(value: float) -> None:
    dose = some_dose()
    dose[4, 2, 1] = value
    with pytest.raises(InputError, match=r"the value of voxel x 1, y 2, z 4 is .*, which is no dose"):
        check_dose(dose, PATH)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_dose_of_0_everywhere_is_refused(zero: float) -> None:
    with pytest.raises(InputError, match="the dose is 0 in every voxel"):
        check_dose(np.full(GRID.shape, zero), PATH)


def test_a_dose_is_looked_at_in_parts_to_its_last_voxel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_dose, "VOXELS_AT_ONCE", 24)
    whole = summarise(some_dose(), GRID, "high-z")
    dose = np.zeros(GRID.shape)
    dose[4, 3, 2] = 1e-9
    check_dose(dose, PATH)
    assert summarise(dose, GRID, "high-z").maximum_index == (2, 3, 4)
    monkeypatch.setattr(raw_dose, "VOXELS_AT_ONCE", 1)
    assert summarise(some_dose(), GRID, "high-z") == whole
    dose[4, 3, 2] = math.nan
    with pytest.raises(InputError, match="x 2, y 3, z 4"):
        check_dose(dose, PATH)


@given(st.binary(min_size=480, max_size=480))
@settings(deadline=None)
def test_any_bytes_are_refused_or_summed_up(noise: bytes) -> None:
    dose = np.frombuffer(noise, dtype="<f8").reshape(GRID.shape)
    try:
        check_dose(dose, PATH)
    except InputError:
        return
    json.dumps(asdict(summarise(dose, GRID, "low-z")), allow_nan=False)


# The summary


def test_the_maximum_is_told_with_its_voxel_and_the_middle_of_it() -> None:
    summary = summarise(some_dose(), GRID, "high-z")
    assert summary.maximum_gy == 8.0
    assert summary.maximum_index == (2, 1, 3)
    assert summary.maximum_at_mm == (2.0, -1.5, 135.0)


def test_the_profiles_go_through_the_maximum() -> None:
    summary = summarise(some_dose(), GRID, "high-z")
    assert summary.profile_x.position_mm == (-2.0, 0.0, 2.0)
    assert summary.profile_x.dose_gy == (2.0, 2.0, 8.0)
    assert summary.profile_y.position_mm == (-4.5, -1.5, 1.5, 4.5)
    assert summary.profile_y.dose_gy == (2.0, 8.0, 2.0, 2.0)


def test_a_summary_is_plain_json() -> None:
    text = json.dumps(asdict(summarise(some_dose(), GRID, "high-z")), allow_nan=False)
    assert json.loads(text)["maximum_index"] == [2, 1, 3]


def test_the_depth_dose_is_integrated_over_the_plane() -> None:
    assert depth_dose(some_dose(), GRID, "low-z").integral_gy_mm2 == (72.0, 72.0, 72.0, 180.0, 72.0)


def test_depth_is_measured_from_the_end_at_which_the_beam_enters() -> None:
    from_low, from_high = (depth_dose(some_dose(), GRID, end) for end in ("low-z", "high-z"))
    assert from_low.depth_mm == from_high.depth_mm == (5.0, 15.0, 25.0, 35.0, 45.0)
    assert from_low.integral_gy_mm2 == from_high.integral_gy_mm2[::-1]
    assert summarise(some_dose(), GRID, "low-z").peak_depth_mm == pytest.approx(35)
    assert summarise(some_dose(), GRID, "high-z").peak_depth_mm == pytest.approx(15)


# Depths of a curve


def test_the_peak_is_that_of_the_parabola_through_the_highest_voxels() -> None:
    depth = np.arange(10) * 2.0 + 1
    parabola = 100 - (depth - 11.6) ** 2
    assert peak_depth_mm(DepthDose(tuple(depth.tolist()), tuple(parabola.tolist()))) == pytest.approx(11.6)


@pytest.mark.parametrize(("doses", "depth_mm"), [((9, 5, 1), 1.0), ((1, 5, 9), 5.0), ((7, 7, 7), 1.0), ((4,), 1.0)])
def test_a_peak_at_an_end_is_that_voxel(doses: tuple[float, ...], depth_mm: float) -> None:
    assert peak_depth_mm(curve(*doses)) == depth_mm


def test_r80_is_linear_between_the_voxels_beyond_the_peak() -> None:
    assert distal_depth_mm(curve(2, 10, 9, 5, 0), 0.8) == pytest.approx(5.5)


def test_r80_is_that_of_the_distal_side_and_not_of_a_dip_before_it() -> None:
    assert distal_depth_mm(curve(10, 7, 9, 7, 0), 0.8) == pytest.approx(6.0)


def test_a_curve_that_ends_above_80_percent_has_no_r80() -> None:
    summary = summarise(np.ones(GRID.shape), GRID, "low-z")
    assert (summary.r80_mm, summary.r50_mm) == (None, None)


@given(st.lists(st.floats(0, 1e12, allow_subnormal=False), min_size=1, max_size=30).filter(any))
@settings(deadline=None)
def test_any_curve_has_its_depths_inside_itself(doses: list[float]) -> None:
    found = curve(*doses)
    r80, r50 = distal_depth_mm(found, 0.8), distal_depth_mm(found, 0.5)
    assert found.depth_mm[0] <= peak_depth_mm(found) <= found.depth_mm[-1]
    if r80 is not None and r50 is not None:
        assert found.depth_mm[0] <= r80 <= r50 <= found.depth_mm[-1]
