"""The dose of one energy layer in a water phantom: a depth dose, spread sideways by Gaussians.

Lateral spread is that of the beam at the surface and of multiple scattering in the water, added in squares (L. Hong et
al., "A pencil beam algorithm for proton dose calculations", Phys. Med. Biol. 41 (1996) 1305).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mqi_tui.builtin.depth_dose import depth_dose, range_mm, range_spread_mm
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.layer_csv import LayerCsv

SPOT_MM = 4.0
"""Standard deviation of a spot at the surface of the water, in x and y."""

_SCATTERING_AT_END = 0.022
_GY_PER_MEV_PER_MM3 = 1.602176634e-7
"""Of water: 1 MeV is 1.602176634e-13 J, and 1 mm3 is 1e-6 kg."""
_RASTER_MM = 0.5
"""Spots are gathered to this raster, far finer than they are wide: a layer's log has many rows for each place."""
_SIGMAS = 5.0
"""Gaussians end here: what lies outside is 6e-7 of them."""
_NUMBERS_AT_ONCE = 2**20
_TABLE = np.linspace(-6.0, 6.0, 12_001)
_NORMAL = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in _TABLE.tolist()])


def add_layer(dose: NDArray[np.float64], grid: DoseGrid, layer: LayerCsv) -> None:
    """Add the layer's dose in Gy to `dose` (nz, ny, nx); each history is one proton.

    The beam comes along z and enters the water at the grid's high end of z.
    """
    unit_x, unit_y, unit_z = grid.unit_mm
    deepest = range_mm(layer.energy_mev) + _SIGMAS * range_spread_mm(layer.energy_mev)
    edges = np.arange(min(math.ceil(deepest / unit_z), grid.nz) + 1, dtype=np.float64) * unit_z
    energy = depth_dose(layer.energy_mev, edges) * (_GY_PER_MEV_PER_MM3 / (unit_x * unit_y))
    widths = np.hypot(SPOT_MM, scattering_mm(layer.energy_mev, edges[:-1] + unit_z / 2))
    reach = _SIGMAS * float(widths.max())
    spots_x, spots_y, protons = _gathered(layer)
    cells_x, edges_x = _reached(spots_x, reach, grid, 0)
    cells_y, edges_y = _reached(spots_y, reach, grid, 1)
    by_depth = dose[::-1, cells_y, cells_x]
    step = max(_NUMBERS_AT_ONCE // max(edges_x.size * spots_x.size, edges_y.size * spots_y.size), 1)
    for first in range(0, widths.size, step):
        planes = slice(first, min(first + step, widths.size))
        in_x = _parts(widths[planes], spots_x, edges_x)
        in_y = _parts(widths[planes], spots_y, edges_y)
        by_depth[planes] += energy[planes, None, None] * (in_y.mT @ protons @ in_x)


def scattering_mm(energy_mev: float, depth_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation (n,) of the sideways shift by multiple scattering, at each depth.

    About 2.2 % of the range at its end, and on the way there as a scattering power makes it that is inversely
    proportional to the residual range (N. Kanematsu, Phys. Med. Biol. 54 (2009) N67, arXiv:0810.1390).
    """
    end = range_mm(energy_mev)
    part = np.minimum(depth_mm / end, 1.0)
    rest = np.maximum(1 - part, 1e-12)  # the logarithm of 0 is none, though its term is 0
    shape = np.maximum(-2 * rest**2 * np.log(rest) + 3 * part**2 - 2 * part, 0)
    widths: NDArray[np.float64] = _SCATTERING_AT_END * end * np.sqrt(shape)
    return widths


def _gathered(layer: LayerCsv) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(x (i,) and y (j,) in mm of the raster's lines on which there are spots, protons (j, i) where they cross)."""
    x, index_x = np.unique(np.rint(layer.x_mm / _RASTER_MM), return_inverse=True)
    y, index_y = np.unique(np.rint(layer.y_mm / _RASTER_MM), return_inverse=True)
    protons: NDArray[np.float64] = np.zeros((y.size, x.size))
    np.add.at(protons, (index_y, index_x), layer.count)
    return x * _RASTER_MM, y * _RASTER_MM, protons


def _reached(
    spots_mm: NDArray[np.float64], reach_mm: float, grid: DoseGrid, axis: int
) -> tuple[slice, NDArray[np.float64]]:
    """(the cells of x (0) or y (1) that spots reach, their edges in mm)."""
    count, unit, position = (grid.nx, grid.ny)[axis], grid.unit_mm[axis], grid.position_mm[axis]
    first = min(max(math.floor((float(spots_mm[0]) - reach_mm - position) / unit), 0), count)
    end = min(max(math.ceil((float(spots_mm[-1]) + reach_mm - position) / unit), first), count)
    return slice(first, end), position + np.arange(first, end + 1, dtype=np.float64) * unit


def _parts(
    widths_mm: NDArray[np.float64], spots_mm: NDArray[np.float64], edges_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Parts (n, spots, cells) of Gaussians of each width (n,) around each spot that lie in each cell."""
    distance = edges_mm - spots_mm[:, None]
    return np.diff(np.interp(distance / widths_mm[:, None, None], _TABLE, _NORMAL))
