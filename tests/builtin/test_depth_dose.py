"""The built-in engine's physics: where protons stop in water, how much they leave on the way, and how far aside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mqi_tui.builtin.depth_dose import depth_dose, range_mm, smeared_power
from mqi_tui.builtin.pencil_beam import SPOT_MM, add_layer, scattering_mm
from mqi_tui.moqui.dose import DoseSummary, summarise
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.layer_csv import LayerCsv

DEFAULT_GRID = DoseGrid(60, 60, 175, (2, 2, 2), (-60, -60, -330))
"""Of the default config: the beam enters at z = 20 mm."""
GY_PER_MEV_PER_MM3 = 1.602176634e-7


def layer(energy_mev: float, x_mm: list[float], y_mm: list[float], count: int = 1000) -> LayerCsv:
    size = len(x_mm)
    return LayerCsv(
        layer=1,
        energy_mev=energy_mev,
        time_ms=np.arange(size, dtype=np.float64),
        x_mm=np.array(x_mm, dtype=np.float64),
        y_mm=np.array(y_mm, dtype=np.float64),
        count=np.full(size, count, dtype=np.int64),
    )


def dose_of(csv: LayerCsv, grid: DoseGrid = DEFAULT_GRID) -> NDArray[np.float64]:
    dose = np.zeros(grid.shape)
    add_layer(dose, grid, csv)
    return dose


def summary_of(energy_mev: float, grid: DoseGrid = DEFAULT_GRID) -> DoseSummary:
    """Of a field of 40 mm by 40 mm."""
    places = np.arange(-20, 21, 4.0)
    x, y = np.meshgrid(places, places)
    return summarise(dose_of(layer(energy_mev, x.ravel().tolist(), y.ravel().tolist()), grid), grid, "high-z")


def curve(energy_mev: float, step_mm: float = 0.1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(middles of the steps in mm, depth dose in MeV per mm)."""
    edges = np.arange(0, 350 + step_mm / 2, step_mm)
    return (edges[:-1] + edges[1:]) / 2, depth_dose(energy_mev, edges)


# In depth


@pytest.mark.parametrize(("energy_mev", "peak_mm"), [(150.0, 155.0), (100.5, 75.5)])
def test_the_bragg_peak_is_where_monte_carlo_has_it(energy_mev: float, peak_mm: float) -> None:
    depth, dose = curve(energy_mev)
    assert depth[dose.argmax()] == pytest.approx(peak_mm, abs=1)
    assert summary_of(energy_mev).peak_depth_mm == pytest.approx(peak_mm, abs=1)


def test_r80_is_where_monte_carlo_has_it() -> None:
    depth, dose = curve(150.0)
    assert depth[np.flatnonzero(dose >= 0.8 * dose.max())[-1]] == pytest.approx(157.2, abs=0.5)
    assert summary_of(150.0).r80_mm == pytest.approx(157.2, abs=1)


def test_the_entrance_is_as_high_against_the_peak_as_monte_carlo_has_it() -> None:
    _, dose = curve(150.0)
    assert 0.19 <= dose[0] / dose.max() <= 0.22
    in_voxels = summary_of(150.0).depth_dose.integral_gy_mm2
    assert 0.19 <= in_voxels[0] / max(in_voxels) <= 0.22


@pytest.mark.parametrize("energy_mev", [70.0, 100.5, 150.0, 190.0])
def test_r80_in_the_default_phantom_is_the_range_of_the_energy(energy_mev: float) -> None:
    # Bragg-Kleeman rule with the numbers of Bortfeld, Med. Phys. 24 (1997) 2024.
    assert summary_of(energy_mev).r80_mm == pytest.approx(0.022 * energy_mev**1.77, abs=1)


@given(energy_mev=st.floats(10, 220), step_mm=st.sampled_from([0.5, 1.0, 3.0, 7.0]))
@settings(deadline=None)
def test_the_energy_in_all_voxels_is_that_of_the_protons_less_what_neutrons_take(
    energy_mev: float, step_mm: float
) -> None:
    edges = np.arange(0, 400, step_mm)
    energy = float(np.sum(depth_dose(energy_mev, edges)) * step_mm)
    assert 0.92 * energy_mev < energy < 1.01 * energy_mev


@given(energy_mev=st.floats(20, 220))
@settings(deadline=None)
def test_large_voxels_hold_the_mean_of_small_ones(energy_mev: float) -> None:
    _, fine = curve(energy_mev, 0.5)
    _, coarse = curve(energy_mev, 5.0)
    np.testing.assert_allclose(coarse, fine.reshape(-1, 10).mean(axis=1), rtol=1e-6, atol=1e-9)


@given(energy_mev=st.floats(10, 300))
@settings(deadline=None)
def test_a_depth_dose_is_never_negative_and_ends_behind_the_range(energy_mev: float) -> None:
    depth, dose = curve(energy_mev, 1.0)
    assert np.all(dose >= 0)
    assert np.all(dose[depth > 1.1 * range_mm(energy_mev) + 2] < 1e-6 * dose.max())


@given(x=st.floats(-10, 40), power=st.sampled_from([1 / 1.77, 1 / 1.77 + 1]))
@settings(deadline=None, max_examples=30)
def test_a_smeared_power_is_that_of_a_fine_sum(x: float, power: float) -> None:
    step = 1e-4
    shifts = np.arange(-9, 9, step)
    density = np.exp(-(shifts**2) / 2) / math.sqrt(2 * math.pi)
    expected = float(np.sum(np.maximum(x + shifts, 0) ** power * density) * step)
    assert smeared_power(np.array([x]), power)[0] == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_a_smeared_power_has_no_step_where_its_ways_of_being_computed_meet() -> None:
    x = np.linspace(11.9, 12.1, 200)
    slopes = np.diff(smeared_power(x, 1 / 1.77))
    assert np.all(np.abs(np.diff(slopes)) < 1e-5)


# Sideways


def test_a_spot_is_a_gaussian_of_the_beam_and_of_scattering_in_the_water() -> None:
    dose = dose_of(layer(150.0, [0.5], [-3.0]))
    edges = np.arange(-60, 61, 2.0)
    for plane in (0, 40, 76):
        width = math.hypot(SPOT_MM, float(scattering_mm(150.0, np.array([2 * plane + 1.0]))[0]))
        in_x, in_y = (
            np.diff([math.erf((edge - place) / width / math.sqrt(2)) / 2 for edge in edges]) for place in (0.5, -3.0)
        )
        energy = depth_dose(150.0, np.array([2.0 * plane, 2.0 * plane + 2]))[0]
        expected = 1000 * energy * GY_PER_MEV_PER_MM3 / 4 * np.outer(in_y, in_x)
        np.testing.assert_allclose(dose[174 - plane], expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_scattering_grows_with_depth_to_two_percent_of_the_range() -> None:
    widths = scattering_mm(150.0, np.linspace(0, 160, 50))
    assert widths[0] == 0
    assert np.all(np.diff(widths) >= 0)
    assert widths[-1] == pytest.approx(0.022 * range_mm(150.0))


def test_a_plane_holds_the_whole_beam_if_the_phantom_is_wide_enough() -> None:
    integral = np.array(
        summarise(dose_of(layer(120.0, [3.0], [7.0])), DEFAULT_GRID, "high-z").depth_dose.integral_gy_mm2
    )
    expected = 1000 * depth_dose(120.0, np.arange(0, 351, 2.0)) * GY_PER_MEV_PER_MM3
    np.testing.assert_allclose(integral, expected, rtol=1e-5, atol=1e-6 * expected.max())


def test_the_depth_dose_does_not_depend_on_the_width_of_the_voxels() -> None:
    fine, coarse = (
        summary_of(130.0, DoseGrid(120 // x, 120 // y, 175, (x, y, 2), (-60, -60, -330))) for x, y in ((1, 2), (6, 4))
    )
    expected = np.array(fine.depth_dose.integral_gy_mm2)
    np.testing.assert_allclose(coarse.depth_dose.integral_gy_mm2, expected, rtol=1e-5, atol=1e-6 * expected.max())
    energy = depth_dose(130.0, np.arange(0, 351, 2.0))
    np.testing.assert_allclose(expected, 121_000 * energy * GY_PER_MEV_PER_MM3, rtol=1e-4, atol=1e-6 * expected.max())


def test_the_beam_enters_at_the_high_end_of_z() -> None:
    dose = dose_of(layer(100.0, [0.0], [0.0]))
    assert dose[-1].sum() > 0
    assert dose[0].sum() == 0


def test_layers_add_up() -> None:
    both = np.zeros(DEFAULT_GRID.shape)
    first, second = layer(100.0, [0.0], [0.0]), layer(140.0, [9.0], [-9.0])
    for part in (first, second):
        add_layer(both, DEFAULT_GRID, part)
    np.testing.assert_allclose(both, dose_of(first) + dose_of(second))


def test_spots_beside_the_phantom_reach_it_only_with_their_edges() -> None:
    inside, edge, outside = (dose_of(layer(150.0, [x], [0.0])).sum() for x in (0.0, 60.0, 500.0))
    assert edge == pytest.approx(inside / 2, rel=1e-3)
    assert outside == 0


def test_a_phantom_that_ends_before_the_range_holds_the_dose_as_far_as_it_goes() -> None:
    short = DoseGrid(60, 60, 40, (2, 2, 2), (-60, -60, -60))
    csv = layer(150.0, [0.0], [0.0])
    whole = dose_of(csv)
    np.testing.assert_allclose(dose_of(csv, short), whole[-40:], rtol=1e-6, atol=1e-6 * whole.max())
