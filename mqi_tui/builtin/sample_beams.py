"""Made-up treatment beams: energies whose ranges cover a depth, and the weights of their layers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mqi_tui.builtin.interpreter import DEFAULT_DIVISOR
from mqi_tui.builtin.sample_fields import Field, LayerScan, Outline, scan_layer
from mqi_tui.config import MachineSettings
from mqi_tui.moqui.calibration import monitor_range_factor

LOWEST_ENERGY_MEV = 70.0
HIGHEST_ENERGY_MEV = 190.0
"""Its range, 238 mm, is well inside the default config's phantom of 350 mm."""
MOST_LAYERS = 99
"""CSV names have two digits for the layer, and engines sort them as text."""

# Bragg-Kleeman rule for protons in water, R = alpha E^p (Bortfeld, Med. Phys. 24 (1997) 2024).
_ALPHA_MM = 0.022
_P = 1.77

_LAYER_DISTANCE_MM = (5.0, 9.0)
_HISTORIES = (250_000, 500_000)
"""Of a whole beam: some tens of batches of 20000."""
_ROWS_OF_A_BEAM = 24_000
"""About 0.4 MB of logs."""
_ROWS_OF_A_LAYER = (300, 3_000)
_MOST_COUNTS_A_ROW = 400.0
"""A layer with more takes a coarser monitor range."""
_DEEPEST_LIFT = 4.0
"""How much more than for a flat dose the deepest layer gets.

The beam's largest dose is then the deepest layer's own peak, and its distal R80 that of the highest energy to within
about 1 mm: a depth that a run can be checked by. In a flat dose it would lie several millimetres nearer.
"""
_NARROWING = 0.25
"""How much narrower the target is at its near end."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A treatment machine of the config: what its logs are written with."""

    name: str
    settings: MachineSettings


@dataclass(frozen=True, slots=True)
class SampleLayer:
    """One energy layer as it was delivered."""

    number: int
    energy_mev: float
    weight: float
    """Its part of the beam's dose; those of a beam sum up to 1."""
    dose1_range: int
    field: Field
    scan: LayerScan


@dataclass(frozen=True, slots=True)
class SampleBeam:
    """One treatment beam; its layers in the order of delivery, the deepest first."""

    number: int
    """In the plan, where a setup beam comes first."""
    field_number: int
    """Among the treatment fields alone."""
    machine: Machine
    gantry_angle_deg: float
    layers: tuple[SampleLayer, ...]

    @property
    def name(self) -> str:
        return f"{self.field_number}S{self.layers[0].energy_mev:.0f}"


def make_beam(
    *, number: int, field_number: int, machine: Machine, layers: int, choice: np.random.Generator
) -> SampleBeam:
    """A beam with `layers` energy layers; all that is open comes from `choice`."""
    field = Field(
        outline=list(Outline)[int(choice.integers(len(Outline)))],
        radius_mm=float(choice.uniform(22, 34)),
        x_mm=float(choice.uniform(-8, 8)),
        y_mm=float(choice.uniform(-8, 8)),
        turn_rad=float(choice.uniform(0, 2 * np.pi)),
    )
    histories = float(choice.uniform(*_HISTORIES))
    gantry_angle_deg = float(choice.integers(0, 72) * 5)
    energies = layer_energies_mev(layers, choice).tolist()
    weights = layer_weights(layers).tolist()
    rows = int(np.clip(_ROWS_OF_A_BEAM // layers, *_ROWS_OF_A_LAYER))
    made: list[SampleLayer] = []
    for place, (energy, weight) in enumerate(zip(energies, weights, strict=True)):
        # The target is widest at its far end, so that the deepest layer decides the distal fall-off everywhere.
        part = replace(field, radius_mm=field.radius_mm * (1 - _NARROWING * place / layers))
        dose = histories * weight * DEFAULT_DIVISOR
        dose1_range = _monitor_range(dose / rows)
        scan = scan_layer(part, rows=rows, dose=dose / monitor_range_factor(dose1_range), noise=choice)
        made.append(SampleLayer(place + 1, energy, weight, dose1_range, part, scan))
    return SampleBeam(number, field_number, machine, gantry_angle_deg, tuple(made))


def _monitor_range(counts_a_row: float) -> int:
    """The finest DOSE1_RANGE in which a row has a moderate count."""
    fitting = (setting for setting in (2, 3, 4) if counts_a_row <= _MOST_COUNTS_A_ROW * monitor_range_factor(setting))
    return next(fitting, 5)


def layer_energies_mev(layers: int, choice: np.random.Generator) -> NDArray[np.float64]:
    """Energies (layers,) from the highest down, to 0.01 MeV, whose ranges in water are equally far apart."""
    shallowest, deepest = range_mm(LOWEST_ENERGY_MEV), range_mm(HIGHEST_ENERGY_MEV)
    least, most = _LAYER_DISTANCE_MM
    needed = min(shallowest + (layers - 1) * least, range_mm(180.0))
    deep = float(choice.uniform(max(range_mm(110.0), needed), deepest))
    room = (deep - shallowest) / max(layers - 1, 1)
    distance = float(choice.uniform(min(least, room), min(most, room)))
    ranges = deep - distance * np.arange(layers)
    return np.round((ranges / _ALPHA_MM) ** (1 / _P), 2)


def layer_weights(layers: int) -> NDArray[np.float64]:
    """Weights (layers,) from the deepest layer up, whose sum is 1: a spread-out Bragg peak with a lifted distal peak.

    The weights of the flat one are those of Jette and Chen, Phys. Med. Biol. 56 (2011) N131, for ranges equally far
    apart.
    """
    if layers == 1:
        return np.ones(1)
    edges = np.concatenate([[0.0], (np.arange(layers - 1) + 0.5) / (layers - 1), [1.0]])
    weights: NDArray[np.float64] = np.diff(edges ** (1 - 1 / _P))
    weights[0] *= _DEEPEST_LIFT
    weights /= weights.sum()
    return weights


def range_mm(energy_mev: float) -> float:
    """Range in water of protons of that energy."""
    return float(_ALPHA_MM * energy_mev**_P)
