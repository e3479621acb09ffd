"""`summary.json`, beside each checked dose: written after the check, and nothing is taken from a damaged one."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.dose import DepthDose, DoseSummary
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.text_files import read_bytes

SUMMARY = "summary.json"

_MAX_BYTES = 64 * 1024 * 1024
"""A grid may have some hundred thousand planes; usual summaries have some kilobytes."""


@dataclass(frozen=True, slots=True)
class StoredSummary:
    """The keys of the file."""

    case_id: str
    beam_id: str
    attempt: int
    """Whose dose it is."""
    written_at: datetime
    """When the dose was verified, in UTC."""
    histories_asked: int | None
    """None where the engine's log does not say."""
    histories_done: int | None
    beam_enters: Literal["high-z", "low-z"]
    grid: DoseGrid
    dose: DoseSummary


_FORM = TypeAdapter(StoredSummary)


def write_summary(raw_file: Path, summary: StoredSummary) -> None:
    """Write the summary of `raw_file` beside it, whole or not at all."""
    part = raw_file.with_name(f"{SUMMARY}.part")
    content = {**asdict(summary), "written_at": summary.written_at.isoformat(), "raw_file": raw_file.name}
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
    part.replace(raw_file.with_name(SUMMARY))


def summary_of(raw_file: Path) -> StoredSummary | None:
    """That of this very dose file; None while no check of it is finished. Raises as `read_summary`, and OSError.

    It is written after the check, so one that is older than the file is that of a dose which was here before.
    """
    path = raw_file.with_name(SUMMARY)
    try:
        written = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return read_summary(path) if written >= raw_file.stat().st_mtime_ns else None


def read_summary(path: Path) -> StoredSummary:
    """Raises InputError for a file that is missing, damaged or of another form; TransientError for a lost disk."""
    try:
        summary = _FORM.validate_json(read_bytes(path, _MAX_BYTES))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "its text"
        raise InputError(f"{path} is damaged ({place}: {first['msg']}).") from None
    problem = _problem(summary.dose) or _problem_of_grid(summary)
    if problem:
        raise InputError(f"{path} is damaged ({problem}).")
    return summary


def _problem(dose: DoseSummary) -> str:
    numbers = [dose.maximum_gy, *dose.maximum_at_mm, dose.peak_depth_mm]
    numbers += [depth for depth in (dose.r80_mm, dose.r50_mm) if depth is not None]
    if not all(map(math.isfinite, numbers)):
        return "a value of the dose is no number"
    return _problem_of_curve(dose.depth_dose)


def _problem_of_grid(summary: StoredSummary) -> str:
    grid, (x, y, z) = summary.grid, summary.dose.maximum_index
    if not (0 <= x < grid.nx and 0 <= y < grid.ny and 0 <= z < grid.nz):
        return "the maximum lies outside the grid"
    if len(summary.dose.depth_dose.depth_mm) != grid.nz:
        return "the depth dose has another number of depths than the grid has planes"
    return ""


def _problem_of_curve(curve: DepthDose) -> str:
    depth, dose = curve.depth_mm, curve.integral_gy_mm2
    if not depth or len(depth) != len(dose):
        return "the depth dose has another number of depths than of values"
    if not all(map(math.isfinite, (*depth, *dose))) or min(dose) < 0 or max(dose) <= 0:
        return "a value of the depth dose is none"
    if any(after <= before for before, after in pairwise(depth)):
        return "the depths of the depth dose do not rise"
    return ""
