"""A plane of doses as a picture: how voxels become pixels, pixels levels, and levels colours or shades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = 64
SHADES = " ░▒▓█"
"""From no dose to the highest, where there are no colours."""

# Anchors of a scale whose lightness grows evenly ("inferno"): it reads in grey and by colour-blind eyes too.
_ANCHORS = (
    (0, 0, 4),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 164),
)


def _table() -> tuple[tuple[int, int, int], ...]:
    places = np.linspace(0, len(_ANCHORS) - 1, LEVELS)
    channels = [np.interp(places, range(len(_ANCHORS)), channel) for channel in zip(*_ANCHORS, strict=True)]
    return tuple((round(red), round(green), round(blue)) for red, green, blue in zip(*channels, strict=True))


COLOURS = _table()
"""Red, green and blue (0..255) of each level."""


def _luminance(red: int, green: int, blue: int) -> float:
    """The relative luminance 0..1 of WCAG 2."""
    parts = [
        (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4) for part in (red, green, blue)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


IS_LIGHT = tuple((_luminance(*colour) + 0.05) ** 2 > 1.05 * 0.05 for colour in COLOURS)
"""Whether black is easier to read on the colour of a level than white."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a plane of rows x columns voxels lies in a picture of `height` x `width` pixels."""

    height: int
    width: int
    rows: int
    columns: int

    @classmethod
    def into(cls, room: tuple[int, int], voxels: tuple[int, int], voxel_mm: tuple[float, float]) -> Fit:
        """The largest picture in a room of (height, width) square pixels that keeps the plane's proportions.

        `voxels` and `voxel_mm` are (rows, columns) of the plane.
        """
        (room_height, room_width), (rows, columns) = room, voxels
        height_mm, width_mm = rows * voxel_mm[0], columns * voxel_mm[1]
        mm = max(height_mm / max(room_height, 1), width_mm / max(room_width, 1))
        # A picture of an odd number of pixels would end in half a cell.
        height = min(max(round(height_mm / mm / 2) * 2, 2), max(room_height, 2))
        width = min(max(round(width_mm / mm), 1), max(room_width, 1))
        return cls(height, width, rows, columns)

    def row_of(self, y: int) -> int:
        """The row of voxels in the middle of the pixels `y`."""
        return _voxel(y, self.height, self.rows)

    def column_of(self, x: int) -> int:
        """The same for columns."""
        return _voxel(x, self.width, self.columns)

    def y_of(self, row: int) -> int:
        """The pixels in which the row of voxels has its middle."""
        return _pixel(row, self.height, self.rows)

    def x_of(self, column: int) -> int:
        """The same for columns."""
        return _pixel(column, self.width, self.columns)

    @property
    def voxels_per_pixel(self) -> tuple[int, int]:
        """How many (rows, columns) of voxels one pixel stands for, at most."""
        return -(-self.rows // self.height), -(-self.columns // self.width)

    def pixels(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """`values` (rows, columns) as (height, width): each pixel the highest of its voxels, so no peak is lost."""
        return _resized(_resized(values, self.height, axis=0), self.width, axis=1)


def levels(values: NDArray[np.float64], maximum: float) -> NDArray[np.uint8]:
    """The level 0..LEVELS-1 of each value, in equal steps from 0 to `maximum`."""
    scaled = np.clip(values / maximum, 0.0, 1.0) if maximum > 0 else np.zeros_like(values)
    return np.minimum(scaled * LEVELS, LEVELS - 1).astype(np.uint8)


def shade(level: int) -> str:
    """The shade for a level: a blank for the lowest step alone."""
    return SHADES[level * len(SHADES) // LEVELS]


def _voxel(pixel: int, pixels: int, voxels: int) -> int:
    """In whole numbers, so that a place is the same wherever it is asked for."""
    return (2 * pixel + 1) * voxels // (2 * pixels)


def _pixel(voxel: int, pixels: int, voxels: int) -> int:
    return (2 * voxel + 1) * pixels // (2 * voxels)


def _resized(values: NDArray[np.float64], size: int, axis: int) -> NDArray[np.float64]:
    count = values.shape[axis]
    if size >= count:
        return np.take(values, [_voxel(pixel, size, count) for pixel in range(size)], axis=axis)
    pixels = [_pixel(voxel, size, count) for voxel in range(count)]
    return np.asarray(np.maximum.reduceat(values, np.searchsorted(pixels, np.arange(size)), axis=axis))
