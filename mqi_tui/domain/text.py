"""Text from outside, made safe to print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Self

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNSEEN = re.compile(
    # Fillers and variation selectors, which nobody sees.
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
    # Halves of flags and colours of skin: how wide they are depends on what stands before, and on the terminal.
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]"
)
_MOST_MARKS = 8
"""More combining marks on one letter than these are a heap of ink, and bytes without a cell."""


def printable(text: str) -> str:
    """`text` on one line; what a terminal would obey, not show, or show at a width of its own choice becomes �.

    These are control, formatting (bidi, zero-width) and undecodable characters, fillers, parts of composed emoji, and
    the combining marks of a letter from the ninth on, all of them together.
    """
    if text.isascii() and text.isprintable():
        return text
    safe, marks = "", 0
    for character in _UNSEEN.sub(_REPLACEMENT, text):
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category in _UNSAFE or marks == _MOST_MARKS + 1:
            safe += _REPLACEMENT
        elif marks <= _MOST_MARKS:
            safe += character
    return safe


class Sentence(str):
    """An English sentence that keeps what it was made of, so that a screen can say it in another language."""

    template: str
    """With a {placeholder} for each of the values."""
    values: Mapping[str, object]
    """Those that are sentences or words of the program are Sentences themselves."""

    def __new__(cls, template: str, **values: object) -> Self:
        made = super().__new__(cls, template.format(**values))
        made.template, made.values = template, values
        return made
