"""Made-up treatment fields: an outline in the isocentre plane, filled by a beam that scans it line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

LINE_DISTANCE_MM = 4.0
_OUTLINE_STEP_MM = 0.25
_ROWS_BETWEEN_LINES = 4
"""Rows of the log while the beam is off and moves to the next line."""
_POSITION_NOISE_MM = 0.05
_DOSE_NOISE = 0.03


class Outline(Enum):
    """(lobes, how deep the outline goes in between them, radius of the hole in the middle), as parts of the radius."""

    CIRCLE = (0, 0.0, 0.0)
    ELLIPSE = (2, 0.25, 0.0)
    CLOVER = (3, 0.3, 0.0)
    STAR = (5, 0.35, 0.0)
    RING = (0, 0.0, 0.45)


@dataclass(frozen=True, slots=True)
class Field:
    """A field's size and place; `radius_mm` is that of its furthest point from (`x_mm`, `y_mm`)."""

    outline: Outline
    radius_mm: float
    x_mm: float
    y_mm: float
    turn_rad: float

    def scan_lines(self) -> list[ScanLine]:
        """The parts of lines along x inside the outline, in the order of a beam that goes to and fro."""
        heights = np.arange(-self.radius_mm + LINE_DISTANCE_MM / 2, self.radius_mm, LINE_DISTANCE_MM)
        lines: list[ScanLine] = []
        for height in heights.tolist():
            parts = [ScanLine(start, end, self.y_mm + height) for start, end in self._inside(height)]
            backwards = len(lines) % 2 == 1
            lines.extend(part.reversed() for part in reversed(parts)) if backwards else lines.extend(parts)
        return lines

    def _inside(self, height_mm: float) -> Iterator[tuple[float, float]]:
        x = np.arange(-self.radius_mm, self.radius_mm + _OUTLINE_STEP_MM, _OUTLINE_STEP_MM)
        lobes, depth, hole = self.outline.value
        distance = np.hypot(x, height_mm)
        angle = np.arctan2(height_mm, x) + self.turn_rad
        edge = self.radius_mm * (1 - depth * (1 - np.cos(lobes * angle)) / 2)
        inside = (distance <= edge) & (distance >= hole * self.radius_mm)
        changes = np.flatnonzero(np.diff(inside.astype(np.int8), prepend=0, append=0))
        for first, beyond in zip(changes[::2], changes[1::2], strict=True):
            if beyond - first > 1:
                yield self.x_mm + float(x[first]), self.x_mm + float(x[beyond - 1])


@dataclass(frozen=True, slots=True)
class ScanLine:
    """A straight piece of the beam's way, along x."""

    start_mm: float
    end_mm: float
    y_mm: float

    @property
    def length_mm(self) -> float:
        return abs(self.end_mm - self.start_mm)

    def reversed(self) -> ScanLine:
        return ScanLine(self.end_mm, self.start_mm, self.y_mm)


@dataclass(frozen=True, slots=True, eq=False)
class LayerScan:
    """Where the beam was in each row of a layer's log, in mm, and what the monitor counted there."""

    x_mm: NDArray[np.float64]
    y_mm: NDArray[np.float64]
    dose1: NDArray[np.uint16]


def scan_layer(field: Field, *, rows: int, dose: float, noise: np.random.Generator) -> LayerScan:
    """Scan a field at constant speed in about `rows` rows with the beam on, which count `dose` together.

    Between two lines there are rows with the beam off; each row has a little noise in place and dose.
    """
    lines = field.scan_lines()
    step_mm = sum(line.length_mm for line in lines) / rows
    x: list[NDArray[np.float64]] = []
    y: list[NDArray[np.float64]] = []
    is_on: list[NDArray[np.bool_]] = []
    for number, line in enumerate(lines):
        if number:
            before = lines[number - 1]
            x.append(np.linspace(before.end_mm, line.start_mm, _ROWS_BETWEEN_LINES))
            y.append(np.linspace(before.y_mm, line.y_mm, _ROWS_BETWEEN_LINES))
            is_on.append(np.zeros(_ROWS_BETWEEN_LINES, dtype=np.bool_))
        count = max(round(line.length_mm / step_mm), 1)
        x.append(np.linspace(line.start_mm, line.end_mm, count))
        y.append(np.full(count, line.y_mm))
        is_on.append(np.ones(count, dtype=np.bool_))
    on = np.concatenate(is_on)
    counted = dose / np.count_nonzero(on) * (1 + noise.normal(0, _DOSE_NOISE, on.size))
    return LayerScan(
        x_mm=np.concatenate(x) + noise.normal(0, _POSITION_NOISE_MM, on.size),
        y_mm=np.concatenate(y) + noise.normal(0, _POSITION_NOISE_MM, on.size),
        dose1=np.where(on, np.clip(np.rint(counted), 1, 65535), 0).astype(np.uint16),
    )


def planned_spots(field: Field, distance_mm: float) -> NDArray[np.float64]:
    """Positions (n, 2) in mm at about `distance_mm` along the field's lines, both ends included."""
    spots = [
        (x, line.y_mm)
        for line in field.scan_lines()
        for x in np.linspace(line.start_mm, line.end_mm, max(round(line.length_mm / distance_mm) + 1, 2)).tolist()
    ]
    return np.array(spots, dtype=np.float64)
