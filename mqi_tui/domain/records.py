"""The rows of the database as the rest of the program sees them: frozen, typed, times in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from mqi_tui.domain.status import BeamStatus, FolderState

WORD_IN_HPC_QUEUE = "in HPC queue"
"""The word for a beam that has its slot, but no job yet that is known to compute."""


@dataclass(frozen=True, slots=True)
class CaseRecord:
    case_id: str
    case_path: Path
    warnings: tuple[str, ...]
    """Limits that the case exceeds (beams, layers); it is processed all the same."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class BeamRecord:
    beam_id: str
    parent_case_id: str
    beam_name: str
    beam_path: Path
    status: BeamStatus
    stage: BeamStatus
    """The last status on the way: where a failed or cancelled beam stopped; equal to `status` while at work."""
    progress: float
    """0..1, never falling within one run through the stages."""
    detail: str
    """A few words on what happens now, e.g. "unreachable since 10:41:07 UTC"; empty when there is nothing to say."""
    gpu_id: int | None
    """The slot held now; None outside HPC execution."""
    hpc_job_id: str | None
    """The job of the latest attempt."""
    attempt: int
    """Number of the latest attempt; 0 before the first."""
    error: str | None
    """Why the beam failed and what to do, while it is failed."""
    result_path: Path | None
    """The verified dose file, once it is at home."""
    queued_at: datetime | None
    """When the beam last entered the queue for a slot."""
    created_at: datetime
    updated_at: datetime
    job_waits: bool = False
    """It has a slot, and its job was not seen to compute: it is to be handed over, or waits in the HPC's queue."""
    priority: int = 0
    """-9..9; of the beams that wait for the same thing, those with the highest go first."""

    @property
    def word(self) -> str:
        """The word that a person reads for the beam's state."""
        return WORD_IN_HPC_QUEUE if self.job_waits else self.status.word


@dataclass(frozen=True, slots=True)
class BeamProgress:
    """How far a beam at work is."""

    stage: BeamStatus
    progress: float
    """0..1 of its whole way."""
    detail: str = ""
    """A few words on what happens now; empty when there is nothing to say."""
    job_waits: bool | None = None
    """As in BeamRecord; None where there is no news of it: it stays as it was."""


class AttemptOutcome(StrEnum):
    """How an attempt ended; an open attempt has none."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """How an open attempt ended."""

    outcome: AttemptOutcome
    exit_code: int | None = None
    raw_file: str | None = None
    """Absolute path of the raw dose file on the HPC."""
    raw_size: int | None = None
    """Bytes."""
    raw_sha256: str | None = None
    host: str | None = None
    gpu: str | None = None
    computed_s: float | None = None
    """How long the job computed."""
    engine: str | None = None
    """The command that computed it, as the config has it."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    beam_id: str
    attempt: int
    """1, 2, ... per beam."""
    token: str
    """Random word that identifies this attempt's job wherever it is looked up."""
    run_folder: str
    """Absolute folder on the HPC in which the job works."""
    gpu_id: int
    hpc_job_id: str | None
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    exit_code: int | None
    raw_file: str | None
    """Absolute path of the raw dose file on the HPC."""
    raw_size: int | None
    """Bytes."""
    raw_sha256: str | None
    host: str | None = None
    """Where its job computed, as the job's exit record says; None while it is not over, and for one without record."""
    gpu: str | None = None
    """The device as the job saw it: index, and UUID where that is known; empty when the job was given none."""


@dataclass(frozen=True, slots=True)
class GpuRecord:
    gpu_id: int
    beam_id: str | None


@dataclass(frozen=True, slots=True)
class EventRecord:
    event_id: int
    at: datetime
    case_id: str | None
    beam_id: str | None
    level: str
    """`info`, `warning` or `error`."""
    message: str
    status: BeamStatus | None = None
    """The status that the beam took with it; None for what changed none, and for events of before this was kept."""


@dataclass(frozen=True, slots=True)
class FolderRecord:
    path: Path
    state: FolderState
    reason: str
    updated_at: datetime
