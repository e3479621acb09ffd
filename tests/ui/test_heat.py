"""How a plane becomes a picture: proportions, which voxel is where, levels and colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.ui.heat import COLOURS, LEVELS, Fit, levels, shade


@pytest.mark.parametrize(
    ("room", "voxels", "voxel_mm", "expected"),
    [
        ((20, 100), (10, 10), (1.0, 1.0), (20, 20)),  # a square stays one
        ((100, 20), (175, 60), (2.0, 2.0), (58, 20)),  # 350 x 120 mm, as wide as there is room
        ((30, 100), (60, 60), (1.0, 3.0), (30, 90)),  # voxels three times as wide as high
        ((9, 9), (1, 1), (1.0, 1.0), (8, 9)),  # whole cells alone
    ],
)
def test_a_picture_keeps_the_proportions_of_its_plane(
    room: tuple[int, int], voxels: tuple[int, int], voxel_mm: tuple[float, float], expected: tuple[int, int]
) -> None:
    fitted = Fit.into(room, voxels, voxel_mm)
    assert (fitted.height, fitted.width) == expected


def test_a_small_plane_is_shown_with_each_voxel_as_several_pixels() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert Fit(4, 4, 2, 2).pixels(values).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


def test_a_pixel_of_a_large_plane_is_the_highest_of_its_voxels() -> None:
    values = np.zeros((6, 6))
    values[2, 3] = 5.0
    fitted = Fit(2, 2, 6, 6)
    assert fitted.pixels(values).tolist() == [[0, 5], [0, 0]]
    assert fitted.voxels_per_pixel == (3, 3)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_the_cursor_is_on_the_pixel_that_shows_its_voxel(voxels: int, pixels: int, data: st.DataObject) -> None:
    voxel = data.draw(st.integers(0, voxels - 1))
    fitted = Fit(pixels, 1, voxels, 1)
    values = np.zeros((voxels, 1))
    values[voxel, 0] = 1.0
    pixel = fitted.y_of(voxel)
    assert fitted.pixels(values)[pixel, 0] == 1.0
    assert 0 <= fitted.row_of(pixel) < voxels


def test_levels_are_equal_steps_from_nothing_to_the_maximum() -> None:
    values = np.array([[0.0, 0.5, 0.999, 1.0, 2.0]])
    assert levels(values, 1.0).tolist() == [[0, 32, 63, 63, 63]]
    assert levels(values, 0.0).tolist() == [[0, 0, 0, 0, 0]]


def test_the_colours_grow_lighter_with_the_dose() -> None:
    lightness = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in COLOURS]
    assert len(COLOURS) == LEVELS
    assert lightness == sorted(lightness)


def test_shades_go_from_a_blank_to_a_full_block() -> None:
    shades = [shade(level) for level in range(LEVELS)]
    assert (shades[0], shades[-1]) == (" ", "█")
    assert "".join(dict.fromkeys(shades)) == " ░▒▓█"
