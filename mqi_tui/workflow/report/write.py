"""Writes a report where nothing but an earlier report may be replaced."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from mqi_tui.config import Settings
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.hpc.local_files import file_errors, make_private_folder, write_whole
from mqi_tui.workflow.report.json_form import FORMAT, render_json
from mqi_tui.workflow.report.model import CaseReport
from mqi_tui.workflow.report.page import GENERATOR, render_page

REPORT_NAME = "report.html"

_MARKS = (f'<meta name="generator" content="{GENERATOR} '.encode(), FORMAT[: FORMAT.rindex(" ")].encode())
_BEGIN = 512


@dataclass(frozen=True, slots=True)
class WrittenReport:
    path: Path
    replaced: bool
    """An earlier report was there."""

    @property
    def sentence(self) -> str:
        return f"wrote {self.path}" + (", in place of an earlier report" if self.replaced else "")


def report_path(case_id: str, settings: Settings) -> Path:
    """Where the case's report is written if nobody names another place."""
    return settings.result_path / case_id / REPORT_NAME


def report_bytes(report: CaseReport, *, as_json: bool) -> bytes:
    """The report as JSON or as an HTML page, in UTF-8."""
    text = render_json(report) if as_json else render_page(report)
    # Bytes of a path that are no UTF-8 cannot be written; JSON's own escapes look the same.
    return text.encode(errors="backslashreplace")


def write_report(
    report: CaseReport, settings: Settings, target: Path | None = None, *, as_json: bool = False
) -> WrittenReport:
    """Write the report with mode 0600 to `target`, by default to `report_path`. Blocking: for a thread.

    Raises RequestRefusedError if something else than a report is there, or no folder for it; TransientError or
    PermanentError if the disk does not take it.
    """
    path = target or report_path(report.case.case_id, settings)
    with file_errors(path, "write the report"):
        if target is None:
            make_private_folder(path.parent)
        elif not path.parent.is_dir():
            raise RequestRefusedError(f"{path.parent} is no folder; make it, or name another place.")
        replaced = _has_report(path)
        write_whole(path, report_bytes(report, as_json=as_json), 0o600)
    return WrittenReport(path, replaced)


def _has_report(path: Path) -> bool:
    """Whether an earlier report is there; anything else is never replaced."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISREG(mode):
        with path.open("rb") as file:
            begin = file.read(_BEGIN)
        if any(mark in begin for mark in _MARKS):
            return True
    raise RequestRefusedError(f"{path} is there and is no report of mqi-tui; nothing was written. Name another place.")
