"""RequestRepository: commands that another process leaves for the program that runs, and their answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from mqi_tui.repositories.database import Database
from mqi_tui.repositories.rows import now_text, storable


@dataclass(frozen=True, slots=True)
class RequestRecord:
    request_id: int
    verb: str
    """`dispatch`, `retry`, `rerun`, `cancel`, or `priority` and the step by which it changes (`priority +1`)."""
    target: str
    """A case id or beam id."""
    beam_ids: tuple[str, ...]
    accepted: bool | None
    """None until it is answered."""
    answer: str


class RequestRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, verb: str, target: str, beam_ids: Sequence[str] = ()) -> int:
        """Leave a request; returns its number."""
        rows = await self._database.write(
            lambda transaction: transaction.run(
                "INSERT INTO requests (verb, target, beam_ids, created_at) VALUES (?, ?, ?, ?) RETURNING request_id",
                (verb, storable(target), json.dumps([storable(beam_id) for beam_id in beam_ids]), now_text()),
            )
        )
        return int(rows[0]["request_id"])

    async def get(self, request_id: int) -> RequestRecord:
        """Raises LookupError for a number that was never given out."""
        rows = await self._database.read("SELECT * FROM requests WHERE request_id = ?", (request_id,))
        if not rows:
            raise LookupError(f"no request {request_id}")
        return _to_request(rows[0])

    async def pending(self) -> list[RequestRecord]:
        """What is not answered yet, oldest first."""
        rows = await self._database.read("SELECT * FROM requests WHERE answered_at IS NULL ORDER BY request_id")
        return [_to_request(row) for row in rows]

    async def answer(self, request_id: int, accepted: bool, text: str) -> None:
        await self._database.write(
            lambda transaction: transaction.run(
                "UPDATE requests SET answered_at = ?, accepted = ?, answer = ? WHERE request_id = ?",
                (now_text(), int(accepted), storable(text), request_id),
            )
        )


def _to_request(row: sqlite3.Row) -> RequestRecord:
    return RequestRecord(
        request_id=row["request_id"],
        verb=row["verb"],
        target=row["target"],
        beam_ids=tuple(json.loads(row["beam_ids"])),
        accepted=None if row["accepted"] is None else bool(row["accepted"]),
        answer=row["answer"],
    )
