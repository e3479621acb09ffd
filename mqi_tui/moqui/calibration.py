"""Calibration of a treatment machine: its "scv_init" file, and the factors of its dose monitor's ranges."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.text_files import (
    MAX_TABLE_BYTES,
    at_line,
    finite_number,
    quoted,
    read_bytes,
    text_lines,
    write_table,
)

_FACTORS = {2: 1.0, 3: 2.978723404255319, 4: 8.936170212765957, 5: 26.80851063829787}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a log's raw units into ms and mm: time = row * gain, position = (raw - offset) * gain."""

    time_gain_ms: float
    """Milliseconds from one row of a log to the next; above 0."""
    x_offset: float
    """Raw x of the position 0 mm."""
    y_offset: float
    x_gain_mm: float
    """Millimetres for one raw unit of x; above 0."""
    y_gain_mm: float


_KEYS = ("TIMEGAIN", "XPOSOFFSET", "YPOSOFFSET", "XPOSGAIN", "YPOSGAIN")
"""In the order of Calibration's fields."""
_ABOVE_ZERO = frozenset({"TIMEGAIN", "XPOSGAIN", "YPOSGAIN"})


def read_calibration(path: Path) -> Calibration:
    """Read `KEY<blanks>value` lines; `#` starts a comment, and keys that are no part of a Calibration are passed over.

    Raises InputError for a missing key, and with the line for a key with two values and a value that is no number.
    """
    return _parse(path, read_bytes(path, MAX_TABLE_BYTES))


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the five keys; raises InputError or ValueError for values that would not come back as they are."""
    values = [getattr(calibration, field.name) for field in fields(calibration)]
    text = "".join(f"{key} {_number(value)}\n" for key, value in zip(_KEYS, values, strict=True))
    write_table(path, text, _parse, calibration)


def monitor_range_factor(dose1_range: int) -> float:
    """Monitor counts in the finest range for one count in this DOSE1_RANGE; raises InputError for an unknown range."""
    if dose1_range not in _FACTORS:
        known = ", ".join(map(str, _FACTORS))
        raise InputError(f"DOSE1_RANGE is {dose1_range}, but only {known} have a factor; copy PlanRange.txt again.")
    return _FACTORS[dose1_range]


def _parse(path: Path, data: bytes) -> Calibration:
    values: dict[str, float] = {}
    lines: dict[str, int] = {}
    for number, line in text_lines(path, data):
        key, *words = line.partition("#")[0].split() or [""]
        if key not in _KEYS:
            continue
        value = _value(path, number, key, words)
        if values.setdefault(key, value) != value:
            found = f"{key} is {value!r}, but {values[key]!r} in line {lines[key]}"
            raise at_line(path, number, f"{found}; leave one of the two lines")
        lines.setdefault(key, number)
    missing = [key for key in _KEYS if key not in values]
    if missing:
        raise InputError(
            f"{path}: {', '.join(missing)} missing; expected a line `KEY value` for each of {', '.join(_KEYS)}."
        )
    return Calibration(*(values[key] for key in _KEYS))


def _value(path: Path, line: int, key: str, words: list[str]) -> float:
    expected = "a number above 0" if key in _ABOVE_ZERO else "a number"
    try:
        (word,) = words
        value = finite_number(word)
    except ValueError:
        value = None
    if value is None or (key in _ABOVE_ZERO and value <= 0):
        raise at_line(path, line, f"{key} is {quoted(' '.join(words))}, expected {expected}")
    return value


def _number(value: float) -> str:
    # Some readers of offsets take whole numbers only.
    return str(int(value)) if float(value).is_integer() else repr(value)
