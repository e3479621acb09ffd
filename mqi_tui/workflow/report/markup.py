"""Text from outside as markup for HTML and SVG; that nothing else is put into a page, the type checker sees."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable
from typing import NewType

from mqi_tui.domain.text import printable

Markup = NewType("Markup", str)
"""Text that is markup already."""

_WIDE = frozenset({"W", "F"})
_ELLIPSIS = "…"


def escaped(text: object) -> Markup:
    """Any text, safe inside an element and inside a quoted attribute; line breaks become blanks."""
    return Markup(html.escape(printable(" ".join(str(text).split("\n")))))


def joined(parts: Iterable[Markup], between: str = "\n") -> Markup:
    return Markup(between.join(parts))


def shortened(text: str, cells: int) -> str:
    """`text` with its middle left out if it is wider than that many characters; an East Asian one counts for two."""
    widths = [2 if unicodedata.east_asian_width(character) in _WIDE else 1 for character in text]
    if sum(widths) <= cells:
        return text
    begin = end = 0
    left = cells - 1
    # By turns from both ends: names of beams often differ at their end.
    while True:
        if widths[begin] > left:
            break
        left -= widths[begin]
        begin += 1
        if widths[-1 - end] > left:
            break
        left -= widths[-1 - end]
        end += 1
    return text[:begin] + _ELLIPSIS + text[len(text) - end :]
