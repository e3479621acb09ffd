"""Text from outside, made safe to print."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Self

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """`text` on one line; each control, formatting (bidi, zero-width) or undecodable character becomes �."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_REPLACEMENT if unicodedata.category(character) in _UNSAFE else character for character in text)


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
