"""What the engine publishes and a screen shows: one immutable picture of everything at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from mqi_tui.domain.hold_up import HoldUp
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.questions import Question
from mqi_tui.domain.readings import GpuReading, GpuWatch, StorageReading
from mqi_tui.domain.records import BeamRecord, CaseRecord, EventRecord, FolderRecord, GpuRecord
from mqi_tui.domain.status import BeamStatus, CaseStatus, FolderState, case_status
from mqi_tui.domain.time_left import TimeLeft

OUTAGE = "HPC unreachable since {time} UTC; running jobs go on, nothing fails for it"
"""What is said of an outage that began at the time."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with its beams, ordered by beam name."""

    record: CaseRecord
    beams: tuple[BeamRecord, ...]
    status: CaseStatus

    @classmethod
    def of(cls, record: CaseRecord, beams: tuple[BeamRecord, ...]) -> CaseView:
        return cls(record, beams, case_status(beam.status for beam in beams))

    @property
    def case_id(self) -> str:
        return self.record.case_id


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """Everything a screen needs; `revision` grows with each change."""

    revision: int
    at: datetime
    paused: bool
    cases: tuple[CaseView, ...]
    """Ordered by case id."""
    gpus: tuple[GpuRecord, ...]
    folders: tuple[FolderRecord, ...]
    """Folders that are not cases, and why; ordered by path."""
    events: tuple[EventRecord, ...]
    """The latest events, oldest first."""
    queue: tuple[str, ...]
    """Beam ids that wait for a slot, next first."""
    scan_trouble: str
    """Why the scan directory cannot be read now, and what to do; empty while it can."""
    readings: tuple[GpuReading, ...] = ()
    """The GPUs that `hpc.gpu_readings` tells of, by host and index; empty while nothing is known."""
    gpu_watch: GpuWatch = field(default_factory=GpuWatch)
    places: Mapping[str, JobPlace] = field(default_factory=lambda: MappingProxyType({}))
    """Where the jobs compute, by beam id; only of those that have begun and said so."""
    times_left: Mapping[str, TimeLeft] = field(default_factory=lambda: MappingProxyType({}))
    """How long the beams still compute, by beam id; only where it is known."""
    usual_time: TimeLeft | None = None
    """How long a beam computes at this site; None while too few were computed."""
    unreachable_since: datetime | None = None
    """When the HPC stopped answering (UTC); None while it answers."""
    storage: StorageReading | None = None
    """None until the disks were looked at."""
    questions: tuple[Question, ...] = ()
    """What the connection to the HPC waits for a person to answer, oldest first."""
    hold_ups: Mapping[str, HoldUp] = field(default_factory=lambda: MappingProxyType({}))
    """What has been in the way of beams for a while, by beam id; of those that try again, a while longer."""

    @property
    def notice(self) -> str:
        """What holds up the whole engine (scan directory or HPC unreachable); empty when nothing does."""
        since, outage = self.unreachable_since, ""
        if since is not None:
            outage = OUTAGE.format(time=f"{since:%H:%M:%S}")
        return "; ".join(filter(None, (self.scan_trouble, outage)))

    def case(self, case_id: str) -> CaseView | None:
        return next((case for case in self.cases if case.case_id == case_id), None)

    def beam(self, beam_id: str) -> BeamRecord | None:
        for case in self.cases:
            for beam in case.beams:
                if beam.beam_id == beam_id:
                    return beam
        return None

    @property
    def is_idle(self) -> bool:
        """Nothing is at work and no folder is still settling."""
        if any(folder.state is FolderState.SETTLING for folder in self.folders):
            return False
        return not any(beam.status.is_active for case in self.cases for beam in case.beams)

    @property
    def all_completed(self) -> bool:
        """Every beam is completed, no folder needs a person, and the folders could be looked at."""
        beams_done = all(beam.status is BeamStatus.COMPLETED for case in self.cases for beam in case.beams)
        return beams_done and not self.scan_trouble and not any(folder.state.needs_person for folder in self.folders)
