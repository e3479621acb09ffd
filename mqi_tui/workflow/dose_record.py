"""`summary.json`, the record of a checked dose beside its file: written after the check, read to show the dose."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.moqui.dose import BeamEnters, DoseSummary
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.text_files import read_bytes

SUMMARY = "summary.json"
_MAX_BYTES = 64 * 1024 * 1024
"""A grid has at most 100,000 voxels along an axis, and a curve two numbers for each."""


@dataclass(frozen=True, slots=True)
class DoseRecord:
    attempt: int
    histories_asked: int | None
    """None where the engine's log does not say."""
    histories_done: int | None
    beam_enters: BeamEnters
    grid: DoseGrid
    dose: DoseSummary


_RECORD = TypeAdapter(DoseRecord)


def write_record(raw_file: Path, beam: BeamRecord, record: DoseRecord) -> None:
    """Write the record of `raw_file` beside it, whole or not at all."""
    names = {"case_id": beam.parent_case_id, "beam_id": beam.beam_id}
    when = {"written_at": datetime.now(UTC).isoformat(), "raw_file": raw_file.name}
    part = raw_file.with_name(f"{SUMMARY}.part")
    text = json.dumps({**names, **when, **asdict(record)}, indent=2, ensure_ascii=False)
    part.write_text(text, encoding="utf-8")
    part.replace(raw_file.with_name(SUMMARY))


def record_of(raw_file: Path) -> DoseRecord | None:
    """The record of this very dose file; None while no check of it is finished. Raises InputError and OSError.

    It is written after the check, so one that is older than the file is that of a dose which was here before.
    """
    path = raw_file.with_name(SUMMARY)
    try:
        written = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return read_record(path) if written >= raw_file.stat().st_mtime_ns else None


def read_record(path: Path) -> DoseRecord:
    """Raises InputError for a file that cannot be read or is no such record."""
    try:
        record = _RECORD.validate_json(read_bytes(path, _MAX_BYTES))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(
            f"{path} is no record of a checked dose ({place}: {first['msg']}); a full rerun writes it anew."
        ) from None
    x, y, z = record.dose.maximum_index
    grid = record.grid
    inside = 0 <= x < grid.nx and 0 <= y < grid.ny and 0 <= z < grid.nz
    curve = record.dose.depth_dose
    if not inside or not len(curve.depth_mm) == len(curve.integral_gy_mm2) == grid.nz:
        raise InputError(f"{path} does not agree with itself (grid, maximum, depth dose); a full rerun writes it anew.")
    return record
