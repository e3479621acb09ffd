"""The axes of a chart: round ticks, and where a value lies."""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUND_STEPS = (1.0, 2.0, 5.0, 10.0)


def tick_step(span: float, most: int) -> float:
    """The least step of 1, 2 or 5 times a power of ten that gives at most `most` steps over `span` (above 0)."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    # A part in 10^9: 10 / 5 must not become 5 by rounding.
    return next(factor * power for factor in _ROUND_STEPS if factor * power >= raw * (1 - 1e-9))


def ticks(end: float, most: int) -> tuple[float, ...]:
    """The round numbers from 0 to `end` (above 0), at most `most` + 1 of them."""
    step = tick_step(end, most)
    return tuple(number * step for number in range(math.floor(end / step * (1 + 1e-9)) + 1))


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from 0 to `end` on the pixels from `first` to `last`."""

    end: float
    first: float
    last: float

    def at(self, value: float) -> float:
        return self.first + (self.last - self.first) * value / self.end
