"""The schema, as the list of steps that lead to it; `PRAGMA user_version` says which were done."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite

_FIRST = """
CREATE TABLE cases (
    case_id TEXT PRIMARY KEY,
    case_path TEXT NOT NULL UNIQUE,
    warnings TEXT NOT NULL DEFAULT '[]',
    -- When the case was last given a slot, counted over all cases: the least recently served is served next.
    slot_turn INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE gpus (
    gpu_id INTEGER PRIMARY KEY,
    -- No longer configured: kept until its job is over, never given out again.
    is_retired INTEGER NOT NULL DEFAULT 0 CHECK (is_retired IN (0, 1))
) STRICT;

CREATE TABLE beams (
    beam_id TEXT PRIMARY KEY,
    parent_case_id TEXT NOT NULL REFERENCES cases (case_id),
    beam_name TEXT NOT NULL,
    beam_path TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('new', 'initial', 'preprocessing', 'uploading', 'hpc_queued', 'hpc_running',
        'downloading', 'postprocessing', 'completed', 'failed', 'cancelling', 'cancelled')),
    stage TEXT NOT NULL,
    progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    detail TEXT NOT NULL DEFAULT '',
    -- The one place that says who holds a slot: UNIQUE, so that none is ever given out twice.
    gpu_id INTEGER UNIQUE REFERENCES gpus (gpu_id),
    hpc_job_id TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    result_path TEXT,
    queued_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (parent_case_id, beam_name),
    CHECK (gpu_id IS NULL OR status IN ('hpc_running', 'cancelling')),
    CHECK (gpu_id IS NOT NULL OR status <> 'hpc_running'),
    CHECK ((error IS NOT NULL) = (status = 'failed')),
    CHECK ((result_path IS NOT NULL) OR status <> 'completed')
) STRICT;
CREATE INDEX beams_by_status ON beams (status);

CREATE TABLE attempts (
    beam_id TEXT NOT NULL REFERENCES beams (beam_id),
    attempt INTEGER NOT NULL CHECK (attempt > 0),
    token TEXT NOT NULL UNIQUE,
    run_folder TEXT NOT NULL,
    gpu_id INTEGER NOT NULL,
    hpc_job_id TEXT,
    created_at TEXT NOT NULL,
    submitted_at TEXT,
    ended_at TEXT,
    outcome TEXT CHECK (outcome IN ('succeeded', 'failed', 'lost', 'cancelled')),
    exit_code INTEGER,
    -- Bytes: an engine may name its file in any encoding.
    raw_file BLOB,
    raw_size INTEGER,
    raw_sha256 TEXT,
    PRIMARY KEY (beam_id, attempt),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE UNIQUE INDEX one_open_attempt ON attempts (beam_id) WHERE outcome IS NULL;

CREATE TABLE events (
    event_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    case_id TEXT REFERENCES cases (case_id),
    beam_id TEXT REFERENCES beams (beam_id),
    level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
    message TEXT NOT NULL
) STRICT;

CREATE TABLE folders (
    path TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE requests (
    request_id INTEGER PRIMARY KEY AUTOINCREMENT,
    verb TEXT NOT NULL,
    target TEXT NOT NULL,
    beam_ids TEXT NOT NULL DEFAULT '[]',
    created_at TEXT NOT NULL,
    answered_at TEXT,
    accepted INTEGER CHECK (accepted IN (0, 1)),
    answer TEXT NOT NULL DEFAULT '',
    CHECK ((answered_at IS NULL) = (accepted IS NULL))
) STRICT;
"""

_JOB_WAITS = """
ALTER TABLE beams ADD COLUMN job_waits INTEGER NOT NULL DEFAULT 0 CHECK (job_waits IN (0, 1));
"""

_JOB_PLACE = """
ALTER TABLE attempts ADD COLUMN host TEXT;
ALTER TABLE attempts ADD COLUMN gpu TEXT;
"""

_TIMELINE = """
ALTER TABLE events ADD COLUMN status TEXT;
CREATE INDEX events_by_beam ON events (beam_id);
"""

_PRIORITY = """
ALTER TABLE beams ADD COLUMN priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN -9 AND 9);
"""

_COMPUTE_TIME = """
ALTER TABLE attempts ADD COLUMN computed_s REAL;
ALTER TABLE attempts ADD COLUMN engine TEXT;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _JOB_WAITS, _JOB_PLACE, _TIMELINE, _PRIORITY, _COMPUTE_TIME)
"""Step n leads from user_version n to n + 1. A step that was released is never changed; a new one is added."""

LATEST_VERSION = len(MIGRATIONS)


async def migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Bring the database `path` to LATEST_VERSION in one transaction; what it was before is kept beside it."""
    version = await _version(connection)
    if version == LATEST_VERSION:
        return
    if version > 0:
        await _back_up(connection, path, version)
    await connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been quicker.
        for step in MIGRATIONS[await _version(connection) :]:
            for statement in _statements(step):
                await connection.execute(statement)
        await connection.execute(f"PRAGMA user_version = {LATEST_VERSION}")
        await connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            await connection.execute("ROLLBACK")
        raise


async def _version(connection: aiosqlite.Connection) -> int:
    rows = list(await connection.execute_fetchall("PRAGMA user_version"))
    return int(rows[0][0])


async def _back_up(connection: aiosqlite.Connection, path: Path, version: int) -> None:
    backup = path.with_name(f"{path.name}.backup-v{version}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    os.close(os.open(backup, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    async with aiosqlite.connect(backup) as copy:
        await connection.backup(copy)


def _statements(step: str) -> list[str]:
    """The statements of a step: `executescript` would commit the transaction before it begins."""
    return [statement for part in step.split(";\n") if (statement := part.strip())]
