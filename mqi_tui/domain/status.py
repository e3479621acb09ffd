"""Statuses of beams, cases and folders, which transitions are allowed, and how far along each one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum


class BeamStatus(StrEnum):
    """Where a beam is on its way; HPC_QUEUED and HPC_RUNNING are the two halves of HpcExecutionState."""

    NEW = "new"
    INITIAL = "initial"
    PREPROCESSING = "preprocessing"
    UPLOADING = "uploading"
    HPC_QUEUED = "hpc_queued"
    HPC_RUNNING = "hpc_running"
    DOWNLOADING = "downloading"
    POSTPROCESSING = "postprocessing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def word(self) -> str:
        """The word that a person reads."""
        return _WORDS[self]

    @property
    def is_active(self) -> bool:
        """A worker owns the beam."""
        return self not in INACTIVE

    @property
    def comes_before_computing(self) -> bool:
        """A beam at work whose computing is still to come."""
        return self in _BEFORE_COMPUTING

    @property
    def holds_slot(self) -> bool:
        """A beam may hold a GPU slot only in these statuses (cancelling: until its job is proven over)."""
        return self in {BeamStatus.HPC_RUNNING, BeamStatus.CANCELLING}


_WORDS = {
    BeamStatus.NEW: "new",
    BeamStatus.INITIAL: "checking",
    BeamStatus.PREPROCESSING: "preprocessing",
    BeamStatus.UPLOADING: "uploading",
    BeamStatus.HPC_QUEUED: "waiting for GPU",
    BeamStatus.HPC_RUNNING: "computing",
    BeamStatus.DOWNLOADING: "downloading",
    BeamStatus.POSTPROCESSING: "postprocessing",
    BeamStatus.COMPLETED: "completed",
    BeamStatus.FAILED: "failed",
    BeamStatus.CANCELLING: "cancelling",
    BeamStatus.CANCELLED: "cancelled",
}

WAY = (
    BeamStatus.INITIAL,
    BeamStatus.PREPROCESSING,
    BeamStatus.UPLOADING,
    BeamStatus.HPC_QUEUED,
    BeamStatus.HPC_RUNNING,
    BeamStatus.DOWNLOADING,
    BeamStatus.POSTPROCESSING,
)
"""The statuses of a beam at work, in their order."""

_BEFORE_COMPUTING = frozenset(WAY[: WAY.index(BeamStatus.HPC_RUNNING)])

INACTIVE = frozenset({BeamStatus.NEW, BeamStatus.COMPLETED, BeamStatus.FAILED, BeamStatus.CANCELLED})
"""The statuses in which no worker owns the beam."""

_FOLLOWERS: dict[BeamStatus, frozenset[BeamStatus]] = {
    BeamStatus.NEW: frozenset({BeamStatus.INITIAL}),
    BeamStatus.INITIAL: frozenset({BeamStatus.PREPROCESSING}),
    BeamStatus.PREPROCESSING: frozenset({BeamStatus.UPLOADING}),
    BeamStatus.UPLOADING: frozenset({BeamStatus.HPC_QUEUED}),
    BeamStatus.HPC_QUEUED: frozenset({BeamStatus.HPC_RUNNING}),
    # Back to the queue: the attempt's job was lost and another attempt follows.
    BeamStatus.HPC_RUNNING: frozenset({BeamStatus.DOWNLOADING, BeamStatus.HPC_QUEUED}),
    BeamStatus.DOWNLOADING: frozenset({BeamStatus.POSTPROCESSING}),
    BeamStatus.POSTPROCESSING: frozenset({BeamStatus.COMPLETED}),
    BeamStatus.CANCELLING: frozenset({BeamStatus.CANCELLED}),
    # A full rerun starts at INITIAL; a retry goes on at the stage that failed (never with a slot: see `retry_at`).
    BeamStatus.COMPLETED: frozenset({BeamStatus.INITIAL}),
    BeamStatus.FAILED: frozenset(set(WAY) - {BeamStatus.HPC_RUNNING}),
    BeamStatus.CANCELLED: frozenset(set(WAY) - {BeamStatus.HPC_RUNNING}),
}


def is_allowed(current: BeamStatus, following: BeamStatus) -> bool:
    """Whether a beam may go from `current` to `following`; FAILED and CANCELLING are reached from any work."""
    at_work = current.is_active and current is not BeamStatus.CANCELLING
    if at_work and following in {BeamStatus.FAILED, BeamStatus.CANCELLING}:
        return True
    return following in _FOLLOWERS[current]


def retry_at(stage: BeamStatus) -> BeamStatus:
    """The status at which a beam that stopped in `stage` goes on; computing starts again in the queue."""
    return BeamStatus.HPC_QUEUED if stage is BeamStatus.HPC_RUNNING else stage


_PROGRESS_SPANS: dict[BeamStatus, tuple[float, float]] = {
    BeamStatus.NEW: (0.0, 0.0),
    BeamStatus.INITIAL: (0.0, 0.02),
    BeamStatus.PREPROCESSING: (0.02, 0.10),
    BeamStatus.UPLOADING: (0.10, 0.15),
    BeamStatus.HPC_QUEUED: (0.15, 0.15),
    BeamStatus.HPC_RUNNING: (0.15, 0.90),
    BeamStatus.DOWNLOADING: (0.90, 0.97),
    BeamStatus.POSTPROCESSING: (0.97, 1.0),
    BeamStatus.COMPLETED: (1.0, 1.0),
}

STAGE_ENDS = tuple(
    _PROGRESS_SPANS[stage][1] for stage in (BeamStatus.PREPROCESSING, BeamStatus.UPLOADING, BeamStatus.HPC_RUNNING)
)
"""Where on its whole way (0..1) a beam's files are made, are on the HPC, and are computed."""


def overall_progress(status: BeamStatus, fraction: float = 0.0) -> float:
    """A beam's progress in 0..1 when `fraction` (0..1) of the stage `status` is done.

    Raises KeyError for statuses that are no stage (failed, cancelling, cancelled): their progress stays as it was.
    """
    start, end = _PROGRESS_SPANS[status]
    return start + (end - start) * min(max(fraction, 0.0), 1.0)


class CaseStatus(StrEnum):
    """What a case is, derived from its beams and stored nowhere."""

    READY = "ready"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTLY_COMPLETED = "partly completed"
    PARTLY_FAILED = "partly failed"
    FAILED = "failed"
    CANCELLED = "cancelled"


def case_status(beams: Iterable[BeamStatus]) -> CaseStatus:
    """The status of a case whose beams have these statuses (READY for a case without beams)."""
    counts = Counter(beams)
    total = counts.total()
    if any(status.is_active for status in counts):
        return CaseStatus.PROCESSING
    if counts[BeamStatus.NEW] == total:
        return CaseStatus.READY
    if counts[BeamStatus.COMPLETED] == total:
        return CaseStatus.COMPLETED
    if counts[BeamStatus.FAILED]:
        return CaseStatus.FAILED if counts[BeamStatus.FAILED] == total else CaseStatus.PARTLY_FAILED
    if counts[BeamStatus.CANCELLED] == total:
        return CaseStatus.CANCELLED
    return CaseStatus.PARTLY_COMPLETED


class FolderState(StrEnum):
    """What a scan makes of a folder that is not (yet) a case."""

    SETTLING = "settling"
    """Within its quiet period: something to do later."""
    INCOMPLETE = "incomplete"
    """Quiet, but something is missing: a person is needed."""
    REFUSED = "refused"
    """Cannot become a case as it is (duplicate id, unusable name, unreadable): a person is needed."""
    PASSED_OVER = "passed over"
    """Not a case folder or beam folder at all."""

    @property
    def needs_person(self) -> bool:
        return self in {FolderState.INCOMPLETE, FolderState.REFUSED}
