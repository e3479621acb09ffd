"""The CSVs that the engine reads: one a layer, without a header, with the columns time (ms), x, y (mm) and count.

Their names are `{layer:02d}_{energy:.2f}MeV.csv`. The row layouts (CsvLayout) hold the same values and differ in what
is between the rows: engines that split at commas alone read plain rows wrong without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.engine_formats import CsvLayout
from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.text_files import at_line, quoted, read_bytes

if TYPE_CHECKING:
    # An engine's process reads CSVs and no plan; what reads plans takes a while to import.
    from mqi_tui.moqui.plan_range import LayerRange
    from mqi_tui.moqui.rtplan import PlanBeam

MAX_CSV_BYTES = 64 * 1024 * 1024
"""About a million rows: a minute of beam in one layer, where real layers take seconds at most."""
MAX_COUNT = 2**31 - 1
"""Most histories of a row: the engine counts them in an int."""

_COLUMNS = ("time", "x", "y", "count")
_NAME = re.compile(r"(?P<layer>[0-9]{1,4})_(?:.*_)?(?P<energy>[0-9]{1,4}(?:\.[0-9]{1,9})?)MeV\.csv")
_FOREIGN = re.compile(rb"[^0-9eE+\-., \t\r\n]")
_BLANKS = re.compile(rb"[ \t\r]")
_ROW = rb"(?:[^,\n]++,){3}[0-9]++"
_LAID_OUT = {
    CsvLayout.ROWS: re.compile(rb"(?:%b\n)++" % _ROW),
    CsvLayout.TRAILING_COMMA: re.compile(rb"(?:%b,\n)++" % _ROW),
    CsvLayout.SINGLE_LINE: re.compile(rb"%b(?:,%b)*+" % (_ROW, _ROW)),
}
_NAMED_DIGITS = 2
"""Digits of the energy in a name that is written here."""
_ENERGY_TOLERANCE_MEV = 0.01
_ROUNDING_MEV = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class LayerCsv:
    """The spots of one energy layer; all arrays have the shape (n,)."""

    layer: int
    energy_mev: float
    """As its file's name says it: to 0.01 MeV after writing and reading."""
    time_ms: NDArray[np.float64]
    x_mm: NDArray[np.float64]
    y_mm: NDArray[np.float64]
    count: NDArray[np.int64]
    """Histories that start at the spot; 0 or above."""


def write_layer_csv(folder: Path, csv: LayerCsv, layout: CsvLayout) -> Path:
    """Write a new file into the folder; every float comes back from it as it was. Returns its path.

    Raises InputError for spots that `read_layer_csv` would refuse, and if the file is there already: two CSVs of one
    layer would become one. Raises OSError if it cannot be written.
    """
    path = _path_in(folder, csv)
    spots = np.column_stack((csv.time_ms, csv.x_mm, csv.y_mm, csv.count.astype(np.float64)))
    _check_spots(path, spots, range(1, len(spots) + 1))
    columns = (csv.time_ms.tolist(), csv.x_mm.tolist(), csv.y_mm.tolist(), csv.count.tolist())
    rows = [f"{time!r},{x!r},{y!r},{count}" for time, x, y, count in zip(*columns, strict=True)]
    _write_new(path, csv, _laid_out(rows, layout).encode("ascii"))
    return path


def bring_layer_csv(source: Path, folder: Path, layout: CsvLayout) -> tuple[Path, LayerCsv]:
    """Bring a CSV of any layout into the folder in this one, checked; its new path and what it holds.

    Rows that are laid out so already stay as they are, byte by byte. Raises as `read_layer_csv` and `write_layer_csv`.
    """
    csv, data = _read(source)
    if not _is_laid_out(data, layout):
        return write_layer_csv(folder, csv, layout), csv
    path = _path_in(folder, csv)
    _write_new(path, csv, data)
    return path, csv


def read_layer_csv(path: Path) -> LayerCsv:
    """Read a CSV of any layout; its name is `<layer>_<energy>MeV.csv`, with anything between `_` in the middle.

    Raises InputError for a file that is missing, too large or without spots, for a name without layer or energy, and
    with the line for rows that have no four values, for values that are no finite numbers, and for counts that are no
    whole numbers from 0 to MAX_COUNT.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[LayerCsv, bytes]:
    """What `read_layer_csv` gives, and the file's bytes without a byte order mark."""
    name = _NAME.fullmatch(path.name)
    energy_mev = float(name["energy"]) if name else 0.0
    if name is None or energy_mev <= 0:
        raise InputError(
            f"{path}: the file's name says no layer and energy; expected one such as 03_150.25MeV.csv, or with more "
            "between the two: 03_field1_150.25MeV.csv."
        )
    data = read_bytes(path, MAX_CSV_BYTES).removeprefix(b"\xef\xbb\xbf")
    foreign = _FOREIGN.search(data)
    if foreign:
        line = data.count(b"\n", 0, foreign.start()) + 1
        found = f"found {quoted(foreign.group().decode('ascii', errors='replace'))}"
        raise at_line(path, line, f"{found}, expected numbers and commas alone (no header)")
    spots, lines = _spots(path, data.decode("ascii"))
    _check_spots(path, spots, lines)
    time_ms, x_mm, y_mm, count = np.ascontiguousarray(spots.T)
    return LayerCsv(int(name["layer"]), energy_mev, time_ms, x_mm, y_mm, count.astype(np.int64)), data


def _path_in(folder: Path, csv: LayerCsv) -> Path:
    return folder / f"{csv.layer:02d}_{csv.energy_mev:.{_NAMED_DIGITS}f}MeV.csv"


def _write_new(path: Path, csv: LayerCsv, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise InputError(
            f"{path} is there already: layer {csv.layer} has two CSVs with {csv.energy_mev:.2f} MeV, where one is "
            "expected; look at what mqi_interpreter wrote."
        ) from None


def read_beam_csvs(folder: Path) -> dict[Path, LayerCsv]:
    """All CSVs of the folder, by their paths; raises InputError as `read_layer_csv` does."""
    return {path: read_layer_csv(path) for path in sorted(folder.glob("*.csv"))}


def check_beam_csvs(
    folder: Path, csvs: Mapping[Path, LayerCsv], layers: Sequence[LayerRange], plan_beam: PlanBeam
) -> int:
    """The histories in all CSVs of the folder, after it is proven that they are those of the plan's beam.

    Besides what `check_layer_csvs` proves, the energies of the layers are those of the plan's beam. Raises InputError,
    naming the file, for the first that does not hold.
    """
    _check_energies(folder, layers, plan_beam)
    return check_layer_csvs(folder, csvs, layers)


def check_layer_csvs(folder: Path, csvs: Mapping[Path, LayerCsv], layers: Sequence[LayerRange]) -> int:
    """The histories in all CSVs of the folder, after it is proven that they are those of the layers.

    There is one CSV for each of `layers` and no other; its energy is that of its layer, and it holds a history. Sorted
    by their names, as engines read them, they are in the order of the layers. `csvs` are those in the folder, by their
    paths, as `read_beam_csvs` or who wrote them knows. Raises InputError, naming the file, for the first of this that
    does not hold.
    """
    expected = {layer.layer_no: layer for layer in layers}
    found: dict[int, Path] = {}
    histories = 0
    for path, csv in sorted(csvs.items()):
        if csv.layer not in expected:
            raise InputError(f"{path}: PlanRange.txt lists no layer {csv.layer}; look at what mqi_interpreter wrote.")
        if csv.layer in found:
            raise InputError(
                f"{path}: {found[csv.layer].name} is a CSV of layer {csv.layer} already; look at what mqi_interpreter "
                "wrote."
            )
        logged, named = expected[csv.layer].energy_mev, round(csv.energy_mev, _NAMED_DIGITS)
        if not _same_energy(named, logged):
            raise InputError(
                f"{path}: its name says {named:g} MeV, but layer {csv.layer} has {logged:g} MeV in "
                "PlanRange.txt; look at what mqi_interpreter wrote."
            )
        layer_histories = int(csv.count.sum())
        if layer_histories == 0:
            raise InputError(
                f"{path}: the counts of layer {csv.layer} sum up to 0, so the engine would compute nothing of it; look "
                "at its log, and at the interpreter's divisor."
            )
        found[csv.layer] = path
        histories += layer_histories
    missing = sorted(set(expected) - set(found))
    if missing:
        raise InputError(
            f"{folder} holds {len(found)} CSVs, but PlanRange.txt lists {len(expected)} layers: no CSV of "
            f"{_named('layer', missing)}; look at what mqi_interpreter wrote."
        )
    if list(found) != sorted(found):
        last = found[max(found)]
        raise InputError(
            f"{last}: engines read CSVs in the order of their names, and this one, of the last layer, would come "
            "before others; a beam may have layer numbers up to 99."
        )
    return histories


def _laid_out(rows: list[str], layout: CsvLayout) -> str:
    if layout is CsvLayout.SINGLE_LINE:
        return ",".join(rows)
    end = ",\n" if layout is CsvLayout.TRAILING_COMMA else "\n"
    return end.join(rows) + end


def _is_laid_out(data: bytes, layout: CsvLayout) -> bool:
    """Whether a CSV that reads right is exactly as `write_layer_csv` lays one out, its numbers apart."""
    return _BLANKS.search(data) is None and _LAID_OUT[layout].fullmatch(data) is not None


def _spots(path: Path, text: str) -> tuple[NDArray[np.float64], Sequence[int]]:
    """(values of shape (n, 4), line of each row)."""
    stripped = [line.strip() for line in text.split("\n")]
    lines = [number for number, line in enumerate(stripped, start=1) if line]
    rows = [line for line in stripped if line]
    if not rows:
        raise InputError(f"{path} holds no spots; look at what mqi_interpreter wrote.")
    trailing = rows[0].endswith(",")
    if len(rows) == 1:
        values = rows[0].count(",") + (not trailing)
        if values % len(_COLUMNS):
            raise at_line(path, lines[0], f"found {values} values, expected {len(_COLUMNS)} for each spot")
        lines = lines * (values // len(_COLUMNS))
    else:
        _check_rows(path, rows, lines, trailing=trailing)
    fields = ",".join(row.removesuffix(",") for row in rows).split(",")
    try:
        spots = np.fromiter(map(float, fields), dtype=np.float64, count=len(fields))
    except ValueError:
        raise _no_number(path, fields, lines) from None
    return spots.reshape(-1, len(_COLUMNS)), lines


def _check_rows(path: Path, rows: list[str], lines: list[int], *, trailing: bool) -> None:
    commas = len(_COLUMNS) - 1 + trailing
    for row, line in zip(rows, lines, strict=True):
        if row.count(",") != commas or row.endswith(",") != trailing:
            values = row.count(",") + (not row.endswith(","))
            end = "a comma at the end" if row.endswith(",") else "no comma at the end"
            as_first = "" if row.endswith(",") == trailing else ", unlike the first row"
            raise at_line(
                path, line, f"found {values} values and {end}{as_first}, expected {len(_COLUMNS)} and every row alike"
            )


def _no_number(path: Path, fields: list[str], lines: Sequence[int]) -> InputError:
    index = next(index for index, field in enumerate(fields) if not _is_number(field))
    row, column = divmod(index, len(_COLUMNS))
    return at_line(path, lines[row], f"{_COLUMNS[column]} is {quoted(fields[index].strip())}, expected a number")


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _check_spots(path: Path, spots: NDArray[np.float64], lines: Sequence[int]) -> None:
    """Raise InputError for values (shape (n, 4)) that no CSV may hold; row i of them is in line `lines[i]`."""
    if not len(spots):
        raise InputError(f"{path} holds no spots; look at what mqi_interpreter wrote.")
    finite = np.isfinite(spots)
    if not finite.all():
        row, column = (int(place) for place in np.argwhere(~finite)[0])
        raise at_line(path, lines[row], f"{_COLUMNS[column]} is {spots[row, column]:g}, expected a finite number")
    count = spots[:, 3]
    wrong = (count != np.floor(count)) | (count < 0) | (count > MAX_COUNT)
    if wrong.any():
        row = int(np.argmax(wrong))
        found = f"count is {float(count[row])!r}"
        raise at_line(path, lines[row], f"{found}, expected a whole number from 0 to {MAX_COUNT}")


def _check_energies(folder: Path, layers: Sequence[LayerRange], plan_beam: PlanBeam) -> None:
    planned = plan_beam.energies_mev
    if len(layers) != len(planned):
        raise InputError(
            f"{folder}: PlanRange.txt lists {len(layers)} layers, but plan beam {plan_beam.number} has {len(planned)}; "
            "copy the logs of all layers, or put the plan that was delivered into the case folder."
        )
    in_order = sorted(layers, key=lambda layer: layer.layer_no)
    for layer, energy in zip(in_order, planned, strict=True):
        if not _same_energy(layer.energy_mev, energy):
            raise InputError(
                f"{folder}: layer {layer.layer_no} has {layer.energy_mev:g} MeV in PlanRange.txt, but {energy:g} MeV "
                f"in plan beam {plan_beam.number}; check DICOM_BEAM_NUMBER in PlanInfo.txt, and that the plan is the "
                "one that was delivered."
            )


def _same_energy(one: float, other: float) -> bool:
    return abs(one - other) <= _ENERGY_TOLERANCE_MEV + _ROUNDING_MEV


def _named(what: str, numbers: Iterable[int]) -> str:
    listed = [str(number) for number in numbers]
    shown = ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
    return f"{what} {shown}" if len(listed) == 1 else f"{what}s {shown}"
