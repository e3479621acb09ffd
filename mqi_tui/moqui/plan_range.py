"""PlanRange.txt: the energy layers of a delivered beam, as a CSV with a header and one row a layer."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TypeVar

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.names import MAX_NAME_BYTES
from mqi_tui.moqui.text_files import (
    MAX_TABLE_BYTES,
    at_line,
    finite_number,
    quoted,
    read_bytes,
    text_lines,
    whole_number,
    write_table,
)

T = TypeVar("T")

PTN_SUFFIX = ".ptn"
HIGHEST_ENERGY_MEV = 1000.0
"""No treatment machine comes near it; a number above it is in another unit, or from another column."""


@dataclass(frozen=True, slots=True)
class LayerRange:
    """A row of PlanRange.txt, its fields in the order of the columns; what the row leaves empty is None or ""."""

    result_id: str
    layer_no: int
    """Number of the layer in the beam; it stays when another layer is missing."""
    energy_mev: float
    patient_id: str
    field_no: str
    dose1_range: int
    """Range of the first dose monitor, see `calibration.monitor_range_factor`."""
    dose2_range: int | None
    plan_dose1_range: int | None
    plan_dose2_range: int | None
    ptn_name: str
    """Name of the layer's log in the beam folder; it cannot leave the folder."""
    plan_ptn_name: str
    """Name of the planned scan."""


_COLUMNS = (
    "RESULT_ID",
    "LAYER_NO",
    "LAYER_ENERGY",
    "PATIENT_ID",
    "FLD_NO",
    "DOSE1_RANGE",
    "DOSE2_RANGE",
    "PLAN_DOSE1_RANGE",
    "PLAN_DOSE2_RANGE",
    "SCAN_OUT_FL_NM",
    "PLAN_SCAN_OUT_FL_NM",
)
"""In the order of LayerRange's fields."""
_NEEDED = ("LAYER_NO", "LAYER_ENERGY", "DOSE1_RANGE", "SCAN_OUT_FL_NM")
"""Without one of them no CSV can be made of the logs; the others are carried along."""


def read_plan_range(path: Path) -> tuple[LayerRange, ...]:
    """The layers in the order of the file, one at least; columns are found by their names, in whatever order.

    Raises InputError, with the line, for a missing column, a row of another length than the header, a bad number,
    a log's name that is none or leaves the folder, and a layer number or log that is there twice.
    """
    return _parse(path, read_bytes(path, MAX_TABLE_BYTES))


def write_plan_range(path: Path, layers: Sequence[LayerRange]) -> None:
    """Write header and rows; raises InputError or ValueError for layers that would not come back as they are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for layer in layers:
        values = [getattr(layer, field.name) for field in fields(layer)]
        writer.writerow(["" if value is None else str(value) for value in values])
    write_table(path, text.getvalue(), _parse, tuple(layers))


@dataclass(frozen=True, slots=True)
class _Row:
    """A row's texts by column, and where it is."""

    path: Path
    line: int
    texts: Mapping[str, str]

    def text(self, column: str) -> str:
        return self.texts.get(column, "")

    def value(self, column: str, kind: Callable[[str], T]) -> T:
        try:
            return kind(self.text(column))
        except ValueError as error:
            found = f"{column} is {quoted(self.text(column))}, expected {error}"
            raise at_line(self.path, self.line, f"{found}; copy the file again") from None

    def value_or_none(self, column: str, kind: Callable[[str], T]) -> T | None:
        return self.value(column, kind) if self.text(column) else None


def _parse(path: Path, data: bytes) -> tuple[LayerRange, ...]:
    layers: list[LayerRange] = []
    by_number: dict[int, int] = {}
    by_log: dict[str, int] = {}
    for row in _rows(path, data):
        layer = _layer(row)
        first = by_number.setdefault(layer.layer_no, row.line)
        if first != row.line:
            raise at_line(path, row.line, f"LAYER_NO {layer.layer_no} is in line {first} already; copy the file again")
        # Many shares do not tell capitals from small letters.
        first = by_log.setdefault(layer.ptn_name.casefold(), row.line)
        if first != row.line:
            found = f"SCAN_OUT_FL_NM {quoted(layer.ptn_name)} is the log of the layer in line {first} already"
            raise at_line(path, row.line, f"{found}; copy the file again")
        layers.append(layer)
    if not layers:
        raise InputError(f"{path} lists no layer; copy the file again from the treatment machine.")
    return tuple(layers)


def _rows(path: Path, data: bytes) -> list[_Row]:
    table = [(number, _split(path, number, line)) for number, line in text_lines(path, data)]
    if not table:
        return []
    header_line, header = table[0]
    missing = [column for column in _NEEDED if column not in header]
    if missing:
        found = f"the header lacks {', '.join(missing)}"
        raise at_line(path, header_line, f"{found}; check that this is a {path.name}, and copy it again")
    twice = [column for column in _COLUMNS if header.count(column) > 1]
    if twice:
        raise at_line(path, header_line, f"the header has {', '.join(twice)} more than once; copy the file again")
    for number, texts in table[1:]:
        if len(texts) != len(header):
            found = f"found {len(texts)} values, expected {len(header)} as in the header"
            raise at_line(path, number, f"{found}; copy the file again")
    return [_Row(path, number, dict(zip(header, texts, strict=True))) for number, texts in table[1:]]


def _split(path: Path, number: int, line: str) -> list[str]:
    try:
        (texts,) = csv.reader([line], strict=True)
    except csv.Error as error:
        raise at_line(
            path, number, f"found no values with commas between them ({error}); copy the file again"
        ) from None
    return [text.strip(" \t") for text in texts]


def _layer(row: _Row) -> LayerRange:
    return LayerRange(
        result_id=row.text("RESULT_ID"),
        layer_no=row.value("LAYER_NO", whole_number),
        energy_mev=row.value("LAYER_ENERGY", _energy),
        patient_id=row.text("PATIENT_ID"),
        field_no=row.text("FLD_NO"),
        dose1_range=row.value("DOSE1_RANGE", whole_number),
        dose2_range=row.value_or_none("DOSE2_RANGE", whole_number),
        plan_dose1_range=row.value_or_none("PLAN_DOSE1_RANGE", whole_number),
        plan_dose2_range=row.value_or_none("PLAN_DOSE2_RANGE", whole_number),
        ptn_name=row.value("SCAN_OUT_FL_NM", _ptn_name),
        plan_ptn_name=row.text("PLAN_SCAN_OUT_FL_NM"),
    )


def _energy(text: str) -> float:
    try:
        energy = finite_number(text)
    except ValueError:
        energy = 0.0
    if not 0 < energy <= HIGHEST_ENERGY_MEV:
        raise ValueError(f"an energy in MeV, above 0 and up to {HIGHEST_ENERGY_MEV:g}")
    return energy


def _ptn_name(text: str) -> str:
    stays = PurePosixPath(text).name == text and PureWindowsPath(text).name == text
    if not (stays and text.casefold().endswith(PTN_SUFFIX) and len(text.encode()) <= MAX_NAME_BYTES):
        raise ValueError(f"the name of a {PTN_SUFFIX} file in this folder, without a path")
    return text
