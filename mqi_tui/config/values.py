"""The kinds of value that a setting can have; each check says what is expected, as the end of "found X, expected Y"."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator

T = TypeVar("T")

LanguageSetting = Literal["auto", "en", "ko"]
"""`auto`: the language of the locale, where there are texts in it, else English."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


class FrozenMapping(Mapping[str, T]):
    """A mapping that cannot change and can be hashed; in the order in which it was made."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, T]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> T:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self._values)


def whole_number(at_least: int, at_most: int) -> BeforeValidator:
    """A whole number in decimal digits, both ends included."""

    def check(value: object) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        if isinstance(value, int) and at_least <= value <= at_most:
            return value
        raise ValueError(f"a whole number from {at_least} to {at_most}")

    return BeforeValidator(check)


def number(
    expected: str, *, above: float = -math.inf, at_least: float = -math.inf, at_most: float = math.inf
) -> BeforeValidator:
    """A finite number; `expected` says in words what the bounds say."""

    def check(value: object) -> float:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, int | float):
            size = float(value)
            if math.isfinite(size) and size > above and at_least <= size <= at_most:
                return size
        raise ValueError(expected)

    return BeforeValidator(check)


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise ValueError("true or false")


def _one_line(text: str) -> str:
    if not text or _CONTROL.search(text):
        raise ValueError("text on one line, not empty and without control characters")
    return text


def check_path(text: str) -> str:
    """`text`, if it can be a path; raises ValueError for control characters and for the home of an unknown user."""
    if not text or _CONTROL.search(text):
        raise ValueError("a path (not empty, without control characters; with backslashes it needs single quotes)")
    if text.startswith("~") and os.path.expanduser(text) == text:  # noqa: PTH111 - Path.expanduser raises
        raise ValueError("a path without ~, or the ~ of a user that is known here")
    return text


def _path(value: object) -> object:
    return Path(check_path(value)) if isinstance(value, str) else value


def _file_name(name: str) -> str:
    if not name or _CONTROL.search(name) or "/" in name or "\\" in name or name in {".", ".."}:
        raise ValueError("a plain file name without folders")
    return name


def _file_pattern(pattern: str) -> str:
    if not pattern or _CONTROL.search(pattern) or "/" in pattern or "\\" in pattern or pattern in {".", "..", "**"}:
        raise ValueError('a pattern for file names without folders, such as "RP*.dcm"')
    return pattern


def _relative_pattern(pattern: str) -> str:
    parts = PurePosixPath(pattern).parts
    if (
        not parts
        or _CONTROL.search(pattern)
        or "\\" in pattern
        or ".." in parts
        or parts[0] == "/"
        or any("**" in part and part != "**" for part in parts)
        or parts[-1] == "**"
    ):
        raise ValueError('a pattern for files below that folder, such as "*.csv" or "**/*.csv"')
    return pattern


def _names_a_program(command: tuple[str, ...]) -> tuple[str, ...]:
    if not command or not command[0]:
        raise ValueError("a program and its arguments, such as [program, argument]")
    return command


def _names_a_program_or_none(command: tuple[str, ...]) -> tuple[str, ...]:
    return _names_a_program(command) if command else command


def _not_empty(mapping: Mapping[str, T]) -> Mapping[str, T]:
    if not mapping:
        raise ValueError("at least one entry")
    return mapping


_OPTION = re.compile(r"[A-Za-z0-9_.,:=@+&|*()\[\]/-]*")


def option_word(text: str) -> str:
    """A value of a batch system's option, or nothing; raises ValueError for blanks and what a shell could take."""
    if not _OPTION.fullmatch(text):
        raise ValueError("one word without blanks or quotes, or nothing")
    return text


Switch = Annotated[bool, BeforeValidator(_switch)]
Line = Annotated[str, AfterValidator(_one_line)]
LocalPath = Annotated[Path, BeforeValidator(_path)]
PathText = Annotated[str, AfterValidator(check_path)]
FileName = Annotated[str, AfterValidator(_file_name)]
FilePattern = Annotated[str, AfterValidator(_file_pattern)]
RelativePattern = Annotated[str, AfterValidator(_relative_pattern)]
NAMES_A_PROGRAM = AfterValidator(_names_a_program)
NAMES_A_PROGRAM_OR_NONE = AfterValidator(_names_a_program_or_none)
NOT_EMPTY = AfterValidator(_not_empty)

_LONGEST_SECONDS = 30 * 24 * 3600
Seconds = Annotated[
    float, number(f"a number of seconds from 0.01 to {_LONGEST_SECONDS}", at_least=0.01, at_most=_LONGEST_SECONDS)
]
SecondsOrNone = Annotated[
    float, number(f"a number of seconds from 0 to {_LONGEST_SECONDS}", at_least=0, at_most=_LONGEST_SECONDS)
]
Number = Annotated[float, number("a number")]
PositiveNumber = Annotated[float, number("a number above 0", above=0)]
