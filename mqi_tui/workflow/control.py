"""The one small interface between a screen (or a command) and the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.workflow.doctor.check import Check
from mqi_tui.workflow.inspection import BeamInspector


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A piece of the log of a beam. Text is decoded with replacement characters, control codes not yet removed."""

    text: str
    start: int
    """Byte offset of the first byte of `text`; greater than the offset asked for when the start was skipped."""
    next_offset: int
    """Byte offset at which to go on reading."""
    attempt: int
    """The attempt whose log this is; 0 when there is none yet. A change means: begin anew at offset 0."""


class EngineControl(Protocol):
    """Commands answer with a sentence for the user, or raise RequestRefusedError with the reason."""

    @property
    def snapshot(self) -> EngineSnapshot:
        """The latest picture."""
        ...

    @property
    def confirmed_at(self) -> datetime:
        """When that picture was last found to be the present one (UTC); the engine looks twice a second."""
        ...

    @property
    def inspector(self) -> BeamInspector:
        """Reads what a snapshot does not hold of a beam or a case: files, input, dose, plan."""
        ...

    def check_up(self) -> AsyncIterator[Check]:
        """What `mqi-tui doctor` looks at, each check as soon as it is known, over the connection that the work uses."""
        ...

    def changes(self) -> AsyncIterator[EngineSnapshot]:
        """The latest picture at once, then each newer one, coalesced to at most two a second."""
        ...

    async def dispatch(self, case_id: str, beam_ids: Collection[str] | None = None) -> str:
        """Start workers for the case's beams that are new (or for `beam_ids` of them alone)."""
        ...

    async def retry(self, beam_id: str) -> str:
        """Take a failed or cancelled beam on from the state in which it stopped."""
        ...

    async def rerun(self, beam_id: str) -> str:
        """Take a beam that has ended through its whole way again."""
        ...

    async def cancel_beam(self, beam_id: str) -> str:
        """Cancel the beam; its job is cancelled and proven over before it reads "cancelled"."""
        ...

    async def cancel_case(self, case_id: str) -> str:
        """Cancel every beam of the case that is at work."""
        ...

    async def save_report(self, case_id: str) -> str:
        """Write the report of the case to its place beside the results; replaces nothing but an earlier report."""
        ...

    async def change_priority(self, beam_id: str, step: int) -> str:
        """Raise the beam's priority by `step`, or lower it by a negative one; a job on the HPC is not moved."""
        ...

    async def pause(self) -> str:
        """Start nothing new; jobs that run go on and are followed."""
        ...

    async def resume(self) -> str:
        """End the pause."""
        ...

    def answer(self, question_id: int, value: str | None) -> None:
        """Answer a question of the snapshot, or decline it with None; one that is over is passed over."""
        ...

    async def read_log(self, beam_id: str, offset: int, limit: int = 65536) -> LogChunk:
        """Up to `limit` bytes of the log of the beam's latest attempt, from byte `offset`.

        With a negative `offset`, the last `limit` bytes. Empty text when there is nothing (new). Where the whole log
        has come home with the dose it is read there; else the HPC is asked.
        """
        ...
