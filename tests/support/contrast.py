"""How readable what stands on a screen is: WCAG 2's contrast, and colours as colour-blind eyes see them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color as RichColor
from textual.app import App
from textual.color import Color
from textual.screen import ModalScreen

READABLE = 4.5
"""What WCAG 2 asks for (level AA, text of usual size)."""

Triplet = tuple[int, int, int]

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""What each kind of eyes makes of linear RGB (Machado, Oliveira, Fernandes 2009, severity 1)."""


def rgb(colour: str) -> Triplet:
    return Color.parse(colour).rgb


def contrast(one: Triplet, other: Triplet) -> float:
    """1 (the same) to 21 (black on white)."""
    dark, light = sorted(float((_XYZ @ _linear(colour))[1]) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lightness(colour: Triplet) -> float:
    """L* of CIELAB, 0 to 100."""
    return float(_lab(_linear(colour))[0])


def difference(one: Triplet, other: Triplet, eyes: NDArray[np.float64]) -> float:
    """CIE 1976's difference of two colours for these eyes; 2 can just be seen."""
    seen = [_lab(np.clip(eyes @ _linear(colour), 0, 1)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def coloured_text(app: App[Any]) -> Iterator[tuple[str, Triplet, Triplet]]:
    """(text, its colour, the colour behind it) of every piece of the screen on top that holds a letter or a number.

    What shines through beside a question or a list is dimmed, and not meant to be read.
    """
    screen = app.screen
    strips = screen._compositor.render_strips(app.size)
    regions = [child.region for child in screen.children] if isinstance(screen, ModalScreen) else [screen.region]
    for region in regions:
        for y in range(region.y, min(region.bottom, len(strips))):
            for text, style, _ in strips[y].crop(region.x, region.right):
                if any(character.isalnum() for character in text):
                    assert style is not None, text
                    assert style.color is not None, text
                    assert style.bgcolor is not None, text
                    pair = _triplet(style.color), _triplet(style.bgcolor)
                    ink, paper = reversed(pair) if style.reverse else pair
                    yield text.strip(), ink, paper


def unreadable(app: App[Any]) -> Sequence[str]:
    """What on the screen has too little contrast."""
    return sorted(
        {
            f"{text!r}: {math.floor(value * 100) / 100} ({ink} on {paper})"
            for text, ink, paper in coloured_text(app)
            if (value := contrast(ink, paper)) < READABLE
        }
    )


def _triplet(colour: RichColor) -> Triplet:
    red, green, blue = colour.get_truecolor()
    return red, green, blue


def _linear(colour: Triplet) -> NDArray[np.float64]:
    parts = np.asarray(colour) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    xyz = (_XYZ @ linear) / (_XYZ @ np.ones(3))
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
