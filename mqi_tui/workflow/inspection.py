"""What is looked at of a beam or a case beyond the snapshot: history, files, input, dose and plan, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from mqi_tui.domain.records import AttemptRecord, BeamRecord, EventRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.moqui.dose import AxisDose, BeamEnters, DoseSummary
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.dose_planes import DosePlane, PlaneKind
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts


@dataclass(frozen=True, slots=True)
class BeamHistory:
    events: tuple[EventRecord, ...]
    """Oldest first."""
    attempts: tuple[AttemptRecord, ...]
    """The first one first."""


class Checksum(StrEnum):
    """What the checksum of a file is worth."""

    PROVEN = "computed now, and the one that the job recorded"
    RECORDED = "recorded by the job, verified on arrival"
    COMPUTED = "computed now"
    NONE = "not computed: a large file"


@dataclass(frozen=True, slots=True)
class LocalFile:
    path: Path
    size: int
    """Bytes."""
    changed_at: datetime
    """UTC."""
    sha256: str
    """Hex digest; empty where none is known."""
    checksum: Checksum
    attempt: int | None = None
    """The attempt whose job recorded the checksum."""


@dataclass(frozen=True, slots=True)
class BeamFiles:
    """What is on this machine, by folder, and the names of what is on the HPC."""

    input_folder: Path
    inputs: tuple[LocalFile, ...]
    """CSVs and `moqui_tps.in`, by name."""
    result_folder: Path
    results: tuple[LocalFile, ...]
    """Dose, summary and logs, by name."""
    remote_folder: str
    attempts: tuple[AttemptRecord, ...]
    """Run folders and raw files on the HPC."""


@dataclass(frozen=True, slots=True)
class Parameter:
    key: str
    value: str
    is_set_for_job: bool
    """mqi-tui sets it for each attempt (place, GPU, folders); the others are the interpreter's or the config's."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a `moqui_tps.in` says."""

    entries: tuple[Parameter, ...]
    attempt: int | None
    """The attempt whose job was given it; None for what is prepared for the next one."""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One energy layer's CSV."""

    name: str
    """Of the file."""
    layer: int
    energy_mev: float
    spots: int
    histories: int
    duration_ms: float
    """From the first spot's time to the last one's."""
    x_mm: tuple[float, float]
    """Smallest and largest position of a spot."""
    y_mm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """What is in the beam's input folder; empty before preprocessing."""

    parameters: Parameters | None
    layers: tuple[LayerFacts, ...]
    trouble: str
    """Why something in it cannot be read; empty when all can."""


class DoseAbsence(StrEnum):
    """Why there is no dose to look at."""

    NONE = "none"
    """No dose file is at home."""
    UNCHECKED = "unchecked"
    """A file is at home and no check of it is finished."""
    REFUSED = "refused"
    """The check has refused the file and put it aside."""


@dataclass(frozen=True, slots=True)
class NoDose:
    absence: DoseAbsence
    path: Path
    """Where the dose would be; the file itself when it is unchecked or refused."""


@dataclass(frozen=True, slots=True)
class BeamDose:
    """A checked dose file and what is known of it."""

    path: Path
    stamp: tuple[int, int]
    """(time of its last change in ns, bytes): the file is the same as long as this is."""
    attempt: int
    """The attempt that computed it; an earlier one than the beam's latest while the beam is run again."""
    grid: DoseGrid
    beam_enters: BeamEnters
    summary: DoseSummary
    axis: AxisDose
    """Along z through the maximum."""
    histories_asked: int | None
    """None where the engine's log does not say."""
    histories_done: int | None


@dataclass(frozen=True, slots=True)
class PlannedBeam:
    """Which beam of the plan a beam folder holds the logs of."""

    facts: PlanBeamFacts | None
    problem: str
    """Why that is not known; empty if it is."""


@dataclass(frozen=True, slots=True)
class CasePlan:
    """A case's plan as the file in its folder reads now."""

    plan: PlanFacts | None
    problem: str
    """Why there is none; empty if there is one."""
    beams: Mapping[str, PlannedBeam]
    """By beam id: all beams of the case."""


class BeamInspector(Protocol):
    """Reads for a person who looks at a beam or its case; nothing of it is needed for the work, and it blocks nothing.

    Files are read in threads of its own. What cannot be read raises MqiError with a sentence. A call that is cancelled
    returns at once.
    """

    async def history(self, beam: BeamRecord) -> BeamHistory: ...

    async def files(self, beam: BeamRecord) -> BeamFiles: ...

    async def prepared_input(self, beam: BeamRecord) -> PreparedInput: ...

    async def used_parameters(self, beam: BeamRecord) -> Parameters | None:
        """Those of the latest attempt, from its run folder on the HPC; None before the first one."""
        ...

    async def dose(self, beam: BeamRecord) -> BeamDose | NoDose: ...

    async def plane(self, dose: BeamDose, kind: PlaneKind, index: int) -> DosePlane:
        """One plane of the dose; raises InputError when the file has changed since `dose` was read."""
        ...

    async def case_plan(self, case: CaseView) -> CasePlan:
        """The case's plan; what is wrong with its files is told in it."""
        ...
