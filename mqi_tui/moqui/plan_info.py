"""PlanInfo.txt: whose beam a beam folder is, as `KEY,value` lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.text_files import MAX_TABLE_BYTES, at_line, quoted, read_bytes, text_lines, whole_number, write_table

_BEAM_NUMBER = "DICOM_BEAM_NUMBER"
_PATIENT_ID = "DICOM_PATIENT_ID"


@dataclass(frozen=True, slots=True)
class PlanInfo:
    """What a PlanInfo.txt says."""

    beam_number: int
    """BeamNumber of the beam in the case's plan: the only authority on which beam was delivered."""
    patient_id: str
    """PatientID of the plan; empty if the file does not say."""
    values: Mapping[str, str]
    """All keys and their values, as they are written and in their order."""


def read_plan_info(path: Path) -> PlanInfo:
    """Raises InputError with the line for what is no `KEY,value`, for a key with two values, and for a bad number.

    Blank lines, blanks around a value, CRLF and a byte order mark are accepted; a value may hold commas.
    """
    return _parse(path, read_bytes(path, MAX_TABLE_BYTES))


def write_plan_info(path: Path, values: Mapping[str, str]) -> None:
    """Write one line for each key; raises InputError or ValueError for values that would not come back as they are."""
    text = "".join(f"{key},{value}\n" for key, value in values.items())
    write_table(path, text, lambda place, data: dict(_parse(place, data).values), dict(values))


def _parse(path: Path, data: bytes) -> PlanInfo:
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in text_lines(path, data):
        key, separator, value = (part.strip(" \t") for part in line.partition(","))
        if not (separator and key):
            raise at_line(path, number, f"found {quoted(line)}, expected KEY,value; copy the file again")
        if values.setdefault(key, value) != value:
            found = f"{quoted(key)} is {quoted(value)}, but {quoted(values[key])} in line {lines[key]}"
            raise at_line(path, number, f"{found}; copy the file again")
        lines.setdefault(key, number)
    if _BEAM_NUMBER not in values:
        raise InputError(
            f"{path}: {_BEAM_NUMBER} is missing, so nothing says which beam of the plan this is; copy the file again."
        )
    try:
        beam_number = whole_number(values[_BEAM_NUMBER])
    except ValueError as error:
        found = f"{_BEAM_NUMBER} is {quoted(values[_BEAM_NUMBER])}, expected {error}"
        raise at_line(path, lines[_BEAM_NUMBER], f"{found}; copy the file again") from None
    return PlanInfo(beam_number, values.get(_PATIENT_ID, ""), MappingProxyType(values))
