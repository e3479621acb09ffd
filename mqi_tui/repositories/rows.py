"""Rows of the database <-> the records of the domain; times are ISO 8601 with their UTC offset."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from mqi_tui.domain.records import (
    AttemptOutcome,
    AttemptRecord,
    BeamRecord,
    CaseRecord,
    EventRecord,
    FolderRecord,
    GpuRecord,
)
from mqi_tui.domain.status import BeamStatus, FolderState


def now_text() -> str:
    """This moment, as the database holds it."""
    return datetime.now(UTC).isoformat()


def storable(text: str) -> str:
    """`text` with what is no UTF-8 (bytes of a file name) written out, so that the database can hold it."""
    return text.encode(errors="backslashreplace").decode()


def to_case(row: sqlite3.Row) -> CaseRecord:
    return CaseRecord(
        case_id=row["case_id"],
        case_path=Path(row["case_path"]),
        warnings=tuple(json.loads(row["warnings"])),
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )


def to_beam(row: sqlite3.Row) -> BeamRecord:
    return BeamRecord(
        beam_id=row["beam_id"],
        parent_case_id=row["parent_case_id"],
        beam_name=row["beam_name"],
        beam_path=Path(row["beam_path"]),
        status=BeamStatus(row["status"]),
        stage=BeamStatus(row["stage"]),
        progress=row["progress"],
        detail=row["detail"],
        gpu_id=row["gpu_id"],
        hpc_job_id=row["hpc_job_id"],
        attempt=row["attempt"],
        error=row["error"],
        result_path=Path(row["result_path"]) if row["result_path"] is not None else None,
        queued_at=_time_or_none(row["queued_at"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        job_waits=bool(row["job_waits"]),
        priority=row["priority"],
    )


def to_attempt(row: sqlite3.Row) -> AttemptRecord:
    return AttemptRecord(
        beam_id=row["beam_id"],
        attempt=row["attempt"],
        token=row["token"],
        run_folder=row["run_folder"],
        gpu_id=row["gpu_id"],
        hpc_job_id=row["hpc_job_id"],
        created_at=datetime.fromisoformat(row["created_at"]),
        submitted_at=_time_or_none(row["submitted_at"]),
        ended_at=_time_or_none(row["ended_at"]),
        outcome=AttemptOutcome(row["outcome"]) if row["outcome"] is not None else None,
        exit_code=row["exit_code"],
        raw_file=None if row["raw_file"] is None else row["raw_file"].decode(errors="surrogateescape"),
        raw_size=row["raw_size"],
        raw_sha256=row["raw_sha256"],
        host=row["host"],
        gpu=row["gpu"],
    )


def to_gpu(row: sqlite3.Row) -> GpuRecord:
    return GpuRecord(row["gpu_id"], row["beam_id"])


def to_event(row: sqlite3.Row) -> EventRecord:
    return EventRecord(
        event_id=row["event_id"],
        at=datetime.fromisoformat(row["at"]),
        case_id=row["case_id"],
        beam_id=row["beam_id"],
        level=row["level"],
        message=row["message"],
        status=BeamStatus(row["status"]) if row["status"] is not None else None,
    )


def to_folder(row: sqlite3.Row) -> FolderRecord:
    return FolderRecord(
        path=Path(row["path"]),
        state=FolderState(row["state"]),
        reason=row["reason"],
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
