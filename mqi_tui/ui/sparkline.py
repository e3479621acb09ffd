"""A curve in a few cells: two values a cell, each a bar of one to four dots; what is not known stays empty."""

from __future__ import annotations

from collections.abc import Sequence

VALUES_PER_CELL = 2

_LEVELS = 4
_BRAILLE = 0x2800
_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)
"""The dots of a column from the bottom up."""


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The latest `values` (0..1, the newest last) in exactly `width` cells, the newest at the right.

    None is drawn as nothing, and a value of 0 as the lowest dot: it was measured.
    """
    places = width * VALUES_PER_CELL
    shown = values[-places:] if places else ()
    columns = [0] * (places - len(shown)) + [_height(value) for value in shown]
    return "".join(_cell(left, right) for left, right in zip(columns[::2], columns[1::2], strict=True))


def _cell(left: int, right: int) -> str:
    dots = sum(_LEFT[:left]) + sum(_RIGHT[:right])
    return chr(_BRAILLE + dots) if dots else " "


def _height(value: float | None) -> int:
    """Of its bar, in dots."""
    return 0 if value is None else 1 + min(max(int(value * _LEVELS), 0), _LEVELS - 1)
