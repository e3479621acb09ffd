"""What a dose says: whether it is one, its maximum, its depth-dose curves and its ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.raw_dose import Dose, parts_of

BeamEnters = Literal["high-z", "low-z"]
"""The end of the grid's z axis at which the beam enters, and from which depth is measured."""

_HIGHEST_GY = 1e12
"""Far above any dose: bytes that are no dose often read as numbers of a hundred digits."""


@dataclass(frozen=True, slots=True)
class DepthDose:
    """The dose integrated over the plane of each depth, from the entrance inwards; depths are those of voxel centres.

    Laterally integrated, it shows the beam's ranges whatever the field's outline, and a Monte Carlo's noise hardly.
    """

    depth_mm: tuple[float, ...]
    integral_gy_mm2: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AxisDose:
    """The dose along the beam's direction at one x and y, from the entrance inwards; depths are of voxel centres.

    Its ranges are its own: those of the laterally integrated curve differ, as scatter widens the beam.
    """

    depth_mm: tuple[float, ...]
    dose_gy: tuple[float, ...]
    peak_mm: float
    r80_mm: float | None
    """As in DoseSummary, of this curve."""
    r50_mm: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """The dose along one axis of the grid through its maximum; positions are those of voxel centres."""

    position_mm: tuple[float, ...]
    dose_gy: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DoseSummary:
    """What a physicist looks at first; triples are (x, y, z)."""

    maximum_gy: float
    maximum_index: tuple[int, int, int]
    maximum_at_mm: tuple[float, float, float]
    """Centre of the voxel, in the grid's coordinates."""
    peak_depth_mm: float
    """Where the depth dose is highest."""
    r80_mm: float | None
    """Where the depth dose has fallen to 80 % of its peak, beyond it; None if it does not inside the grid."""
    r50_mm: float | None
    """The same for 50 %."""
    depth_dose: DepthDose
    profile_x: Profile
    profile_y: Profile


def check_dose(dose: Dose, path: Path) -> None:
    """Raises InputError unless every value of `dose` (nz, ny, nx) is a dose and there is some; `path` is for messages.

    A negative value is refused too: an engine adds up deposited energy, so it cannot come from one.
    """
    highest = 0.0
    for first, part in parts_of(dose):
        bad = ~((part >= 0) & (part <= _HIGHEST_GY))
        if bad.any():
            z, y, x = (int(place) for place in np.argwhere(bad)[0])
            raise InputError(
                f"{path}: the value of voxel x {x}, y {y}, z {first + z} is {part[z, y, x]:g}, which is no dose; "
                "the file is damaged or the engine has failed."
            )
        highest = max(highest, float(part.max()))
    if not highest > 0:
        raise InputError(
            f"{path}: the dose is 0 in every voxel; the engine found no histories (no CSVs in its log folder, or a bad "
            "ParticlesPerHistory), or the beam misses the phantom."
        )


def summarise(dose: Dose, grid: DoseGrid, beam_enters: BeamEnters) -> DoseSummary:
    """The summary of a checked dose (nz, ny, nx) in Gy."""
    index = _index_of_maximum(dose)
    x, y, z = index
    curve = depth_dose(dose, grid, beam_enters)
    plane = dose[z : z + 1, :][0]
    return DoseSummary(
        maximum_gy=float(plane[y, x]),
        maximum_index=index,
        maximum_at_mm=(voxel_centres_mm(grid, 0)[x], voxel_centres_mm(grid, 1)[y], voxel_centres_mm(grid, 2)[z]),
        peak_depth_mm=peak_depth_mm(curve),
        r80_mm=distal_depth_mm(curve, 0.8),
        r50_mm=distal_depth_mm(curve, 0.5),
        depth_dose=curve,
        profile_x=Profile(voxel_centres_mm(grid, 0), tuple(plane[y, :].tolist())),
        profile_y=Profile(voxel_centres_mm(grid, 1), tuple(plane[:, x].tolist())),
    )


def depth_dose(dose: Dose, grid: DoseGrid, beam_enters: BeamEnters) -> DepthDose:
    """The laterally integrated dose of each depth."""
    area_mm2 = grid.unit_mm[0] * grid.unit_mm[1]
    planes = np.concatenate([part.sum(axis=(1, 2)) for _, part in parts_of(dose)]) * area_mm2
    return DepthDose(_depths(grid), tuple((planes[::-1] if beam_enters == "high-z" else planes).tolist()))


def peak_depth_mm(curve: DepthDose) -> float:
    """Where the curve is highest: the top of the parabola through its highest voxel and that one's neighbours."""
    return _peak(curve.depth_mm, curve.integral_gy_mm2)


def distal_depth_mm(curve: DepthDose, part: float) -> float | None:
    """The largest depth at which the curve has `part` of its peak, linear between voxel centres.

    Sought from the far end, so that a dip in a spread-out peak is not taken for the distal fall-off. None if the curve
    ends before it falls that low.
    """
    return _distal(curve.depth_mm, curve.integral_gy_mm2, part)


def axis_dose(line_gy: NDArray[np.float64], grid: DoseGrid, beam_enters: BeamEnters) -> AxisDose:
    """The curve of `line_gy` (nz,), the doses along z at one x and y in the order of the file."""
    inwards = line_gy[::-1] if beam_enters == "high-z" else line_gy
    depth, dose = _depths(grid), tuple(inwards.tolist())
    return AxisDose(depth, dose, _peak(depth, dose), _distal(depth, dose, 0.8), _distal(depth, dose, 0.5))


def depth_of_plane_mm(z: int, grid: DoseGrid, beam_enters: BeamEnters) -> float:
    """How deep the centre of plane `z` lies behind the entrance."""
    planes = grid.nz - 1 - z if beam_enters == "high-z" else z
    return (planes + 0.5) * grid.unit_mm[2]


def _peak(depth_mm: Sequence[float], dose: Sequence[float]) -> float:
    peak = int(np.argmax(dose))
    if not 0 < peak < len(dose) - 1:
        return depth_mm[peak]
    before, top, after = dose[peak - 1 : peak + 2]
    bend = before - 2 * top + after
    shift = (before - after) / (2 * bend) if bend < 0 else 0.0
    return depth_mm[peak] + shift * (depth_mm[peak + 1] - depth_mm[peak])


def _distal(depth_mm: Sequence[float], doses: Sequence[float], part: float) -> float | None:
    dose = np.asarray(doses)
    level = part * dose.max()
    last = int(np.flatnonzero(dose >= level)[-1])
    if last + 1 == dose.size:
        return None
    step = (dose[last] - level) / (dose[last] - dose[last + 1])
    return depth_mm[last] + float(step) * (depth_mm[last + 1] - depth_mm[last])


def _depths(grid: DoseGrid) -> tuple[float, ...]:
    """The voxels' centres, from the entrance inwards."""
    return tuple(((np.arange(grid.nz) + 0.5) * grid.unit_mm[2]).tolist())


def _index_of_maximum(dose: Dose) -> tuple[int, int, int]:
    """(x, y, z) of the first voxel with the largest value."""
    best, index = -np.inf, (0, 0, 0)
    for first, part in parts_of(dose):
        z, y, x = (int(place) for place in np.unravel_index(int(part.argmax()), part.shape))
        if part[z, y, x] > best:
            best, index = part[z, y, x], (x, y, first + z)
    return index


def voxel_centres_mm(grid: DoseGrid, axis: int) -> tuple[float, ...]:
    """Centres of the voxels along x (0), y (1) or z (2), in mm."""
    count = (grid.nx, grid.ny, grid.nz)[axis]
    centres = grid.position_mm[axis] + (np.arange(count) + 0.5) * grid.unit_mm[axis]
    return tuple(centres.tolist())
