"""What a state is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mqi_tui.domain.records import BeamRecord, EndedAttempt
from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.context import WorkflowContext


@dataclass(frozen=True, slots=True)
class Outcome:
    """A state is done: the status that follows, and the sentence for the beam's history."""

    following: BeamStatus
    message: str
    error: str | None = None
    """For FAILED: what is wrong and what to do."""
    resume_from: BeamStatus | None = None
    """For FAILED: where a retry goes on, if not at the state that failed."""
    result_path: Path | None = None
    ended: EndedAttempt | None = None
    """How the open attempt ended, if this state ended it."""


class WorkflowState(Protocol):
    """Takes a beam through one state.

    Raises TransientError to be tried again after a pause, PermanentError to fail the beam. Cancelling `run` at any
    await leaves nothing that a later `run` could not go on from.
    """

    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome: ...
