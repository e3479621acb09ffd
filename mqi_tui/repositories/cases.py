"""CaseRepository: cases, beams, their history, and the folders that are no cases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.names import beam_id_of
from mqi_tui.domain.priority import HIGHEST_PRIORITY, LOWEST_PRIORITY, why_not_movable
from mqi_tui.domain.records import BeamProgress, BeamRecord, CaseRecord, EndedAttempt, EventRecord, FolderRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.repositories.database import Database, Transaction
from mqi_tui.repositories.rows import now_text, storable, to_beam, to_case, to_event, to_folder
from mqi_tui.repositories.transitions import add_event, change_status

EVENTS_SHOWN = 500
"""How many of the latest events a snapshot holds; the database keeps all."""


class CaseRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._beams: dict[str, tuple[tuple[object, ...], BeamRecord]] = {}
        """By beam id: the values of its row and the record made of them."""

    # Cases and beams

    async def register_case(
        self, case_id: str, case_path: Path, beams: Sequence[tuple[str, Path]], warnings: Sequence[str] = ()
    ) -> None:
        """Write one record for the case and one for each of its (beam name, folder) that has none yet.

        Raises RequestRefusedError, and writes nothing, when the case id belongs to another folder, when a beam id
        belongs to another case, or when a path is no UTF-8.
        """

        async def work(transaction: Transaction) -> None:
            known = await transaction.one("SELECT case_path FROM cases WHERE case_id = ?", (case_id,))
            if known is not None and known["case_path"] != str(case_path):
                raise RequestRefusedError(
                    f"duplicate case id: {case_id} is already the case at {known['case_path']}; "
                    "rename one of the two folders."
                )
            now = now_text()
            # A new case is served after those that have waited longer, and before those that were served since.
            await transaction.run(
                """INSERT INTO cases (case_id, case_path, warnings, slot_turn, created_at, updated_at) VALUES (
                   :case_id, :case_path, :warnings, (SELECT COALESCE(MAX(slot_turn), 0) FROM cases), :now, :now)
                   ON CONFLICT (case_id) DO UPDATE
                   SET warnings = excluded.warnings, updated_at = excluded.updated_at""",
                {
                    "case_id": case_id,
                    "case_path": _utf8(case_path),
                    "warnings": json.dumps([storable(warning) for warning in warnings], ensure_ascii=False),
                    "now": now,
                },
            )
            for beam_name, beam_path in beams:
                await _create_beam(transaction, case_id, beam_name, beam_path)

        await self._database.write(work)

    async def create_beam_record(self, case_id: str, beam_name: str, beam_path: Path) -> str:
        """Write the record of a new beam of a known case and return its id; one that is there stays as it is.

        Raises RequestRefusedError when the id belongs to a beam of another case or the path is no UTF-8.
        """
        return await self._database.write(lambda transaction: _create_beam(transaction, case_id, beam_name, beam_path))

    async def get_case(self, case_id: str) -> CaseRecord | None:
        rows = await self._database.read("SELECT * FROM cases WHERE case_id = ?", (case_id,))
        return to_case(rows[0]) if rows else None

    async def list_cases(self) -> list[CaseRecord]:
        """By case id."""
        return [to_case(row) for row in await self._database.read("SELECT * FROM cases ORDER BY case_id")]

    async def get_beam_by_id(self, beam_id: str) -> BeamRecord | None:
        rows = await self._database.read("SELECT * FROM beams WHERE beam_id = ?", (beam_id,))
        return to_beam(rows[0]) if rows else None

    async def list_beams(self, case_id: str | None = None) -> list[BeamRecord]:
        """The beams of a case, or of all cases, by case and name."""
        where = "" if case_id is None else "WHERE parent_case_id = :case_id"
        rows = await self._database.read(
            f"SELECT * FROM beams {where} ORDER BY parent_case_id, beam_name",  # noqa: S608 - no value in it
            {"case_id": case_id},
        )
        return [self._beam_of(row) for row in rows]

    def _beam_of(self, row: sqlite3.Row) -> BeamRecord:
        """The record of a row; the one from before while the row is the same, for most rows of most looks are."""
        values = tuple(row)
        known = self._beams.get(row["beam_id"])
        if known is not None and known[0] == values:
            return known[1]
        beam = to_beam(row)
        self._beams[beam.beam_id] = (values, beam)
        return beam

    async def update_beam_status_by_id(
        self,
        beam_id: str,
        following: BeamStatus,
        *,
        message: str,
        error: str | None = None,
        resume_from: BeamStatus | None = None,
        result_path: Path | None = None,
        ended: EndedAttempt | None = None,
    ) -> None:
        """Status, history row, the end of the attempt and the GPU slot in one transaction.

        Raises RequestRefusedError for an unknown beam and for a transition that is not allowed.
        """
        await self._database.write(
            lambda transaction: change_status(
                transaction,
                beam_id,
                following,
                message=message,
                error=error,
                resume_from=resume_from,
                result_path=result_path,
                ended=ended,
            )
        )

    async def dispatch_beams(self, beam_ids: Sequence[str]) -> None:
        """Take new beams to their first state, all of them or none.

        Raises RequestRefusedError for an unknown beam and for one that is at work.
        """

        async def work(transaction: Transaction) -> None:
            for beam_id in beam_ids:
                await change_status(transaction, beam_id, BeamStatus.INITIAL, message="dispatched")

        await self._database.write(work)

    async def change_priority(self, beam_id: str, step: int) -> tuple[int, int]:
        """Raise (or, with a negative step, lower) the beam's priority as far as it goes; what it was, and what it is.

        Raises RequestRefusedError for an unknown beam, one whose priority does not count now, and at the end of the
        scale.
        """

        async def work(transaction: Transaction) -> tuple[int, int]:
            row = await transaction.one("SELECT * FROM beams WHERE beam_id = ?", (beam_id,))
            if row is None:
                raise RequestRefusedError(f"there is no beam {beam_id}.")
            beam = to_beam(row)
            if reason := why_not_movable(beam):
                raise RequestRefusedError(reason)
            before = beam.priority
            priority = min(max(before + step, LOWEST_PRIORITY), HIGHEST_PRIORITY)
            if priority == before:
                raise RequestRefusedError(
                    f"{beam_id} has priority {before} already; the lowest is {LOWEST_PRIORITY}, the highest "
                    f"{HIGHEST_PRIORITY}."
                )
            await transaction.run("UPDATE beams SET priority = ? WHERE beam_id = ?", (priority, beam_id))
            text = f"priority {before} -> {priority}"
            await add_event(transaction, text, level="info", case_id=beam.parent_case_id, beam_id=beam_id)
            return before, priority

        return await self._database.write(work)

    async def update_progress(self, values: Mapping[str, BeamProgress]) -> None:
        """Note how far beams are; progress never falls, and a beam that has left the stage stays as it is."""

        async def work(transaction: Transaction) -> None:
            for beam_id, now in values.items():
                if now.job_waits is False:
                    await _tell_that_it_computes(transaction, beam_id, now.stage)
                # Writing the same again would count as news.
                await transaction.run(
                    """UPDATE beams SET progress = MAX(progress, :progress), detail = :detail,
                       job_waits = COALESCE(:job_waits, job_waits)
                       WHERE beam_id = :beam_id AND status = :stage
                       AND (progress < :progress OR detail <> :detail OR job_waits <> :job_waits)""",
                    {
                        "beam_id": beam_id,
                        "stage": now.stage.value,
                        "progress": now.progress,
                        "detail": storable(now.detail),
                        "job_waits": None if now.job_waits is None else int(now.job_waits),
                    },
                )

        await self._database.write(work)

    # History

    async def add_event(
        self, message: str, *, level: str = "info", case_id: str | None = None, beam_id: str | None = None
    ) -> None:
        """`level` is `info`, `warning` or `error`."""
        await self._database.write(
            lambda transaction: add_event(transaction, message, level=level, case_id=case_id, beam_id=beam_id)
        )

    async def list_events(self, limit: int = EVENTS_SHOWN) -> list[EventRecord]:
        """The latest events, oldest first."""
        rows = await self._database.read("SELECT * FROM events ORDER BY event_id DESC LIMIT ?", (limit,))
        return [to_event(row) for row in reversed(rows)]

    async def list_events_after(self, event_id: int) -> list[EventRecord]:
        """Every event later than that one, oldest first."""
        rows = await self._database.read("SELECT * FROM events WHERE event_id > ? ORDER BY event_id", (event_id,))
        return [to_event(row) for row in rows]

    async def list_events_of_beam(self, beam_id: str) -> list[EventRecord]:
        """Everything in the history of the beam, oldest first."""
        rows = await self._database.read("SELECT * FROM events WHERE beam_id = ? ORDER BY event_id", (beam_id,))
        return [to_event(row) for row in rows]

    # Folders that are no cases

    async def put_folders(self, folders: Sequence[FolderRecord]) -> None:
        """Replace what is known of them; a folder whose state and reason are the same keeps its time."""
        wanted = {
            storable(str(folder.path)): (folder.state.value, storable(folder.reason), folder.updated_at.isoformat())
            for folder in folders
        }

        async def work(transaction: Transaction) -> None:
            there = {row["path"]: row for row in await transaction.run("SELECT * FROM folders")}
            for path in there.keys() - wanted.keys():
                await transaction.run("DELETE FROM folders WHERE path = ?", (path,))
            for path, (state, reason, at) in wanted.items():
                known = there.get(path)
                if known is None or (known["state"], known["reason"]) != (state, reason):
                    await transaction.run(
                        "INSERT OR REPLACE INTO folders VALUES (?, ?, ?, ?)", (path, state, reason, at)
                    )

        await self._database.write(work)

    async def list_folders(self) -> list[FolderRecord]:
        """By path."""
        return [to_folder(row) for row in await self._database.read("SELECT * FROM folders ORDER BY path")]


async def _create_beam(transaction: Transaction, case_id: str, beam_name: str, beam_path: Path) -> str:
    beam_id = beam_id_of(case_id, beam_name)
    known = await transaction.one("SELECT parent_case_id, beam_name FROM beams WHERE beam_id = ?", (beam_id,))
    if known is not None and (known["parent_case_id"], known["beam_name"]) != (case_id, beam_name):
        raise RequestRefusedError(
            f"beam id {beam_id} already belongs to case {known['parent_case_id']}; rename this case's folder."
        )
    if known is None:
        now = now_text()
        await transaction.run(
            """INSERT INTO beams (beam_id, parent_case_id, beam_name, beam_path, status, stage, created_at, updated_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (beam_id, case_id, beam_name, _utf8(beam_path), BeamStatus.NEW.value, BeamStatus.NEW.value, now, now),
        )
    return beam_id


def _utf8(path: Path) -> str:
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestRefusedError(f"the path {text!a} holds bytes that are no UTF-8; rename the folder.") from None
    return text


async def _tell_that_it_computes(transaction: Transaction, beam_id: str, stage: BeamStatus) -> None:
    """When its job is first seen to; the history has the status once more, so that the waiting has an end there."""
    row = await transaction.one(
        "SELECT parent_case_id FROM beams WHERE beam_id = ? AND status = ? AND job_waits", (beam_id, stage.value)
    )
    if row is not None:
        case_id = row["parent_case_id"]
        await add_event(transaction, "its job computes", level="info", case_id=case_id, beam_id=beam_id, status=stage)
