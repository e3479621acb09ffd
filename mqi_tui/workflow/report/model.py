"""What is known of a case at one moment; a screen and a report show the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import ascii_uppercase

from mqi_tui.domain.engine_formats import EngineProfile
from mqi_tui.domain.records import AttemptRecord, BeamRecord, CaseRecord
from mqi_tui.domain.status import BeamStatus, CaseStatus
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts
from mqi_tui.workflow.stored_summary import StoredSummary

STOPPED = frozenset({BeamStatus.FAILED, BeamStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class DoseReport:
    """A verified dose."""

    summary: StoredSummary
    """What was found when it was verified."""
    raw_file: Path
    raw_size: int
    """Bytes, as the job recorded them."""
    raw_sha256: str
    """Hex digest, as the job recorded it."""
    raw_problem: str
    """Why the file could not be compared with that digest for this report; empty: it has been, and is the same."""
    by_builtin_engine: bool
    """Its run log says that the built-in engine computed it."""


@dataclass(frozen=True, slots=True)
class BeamReport:
    record: BeamRecord
    attempts: tuple[AttemptRecord, ...]
    """The first one first."""
    plan_beam: PlanBeamFacts | None
    """The plan's beam that the logs name (DICOM_BEAM_NUMBER)."""
    plan_beam_problem: str
    """Why there is none; empty if there is one."""
    dose: DoseReport | None
    no_dose: str
    """Why there is no verified dose; empty if there is one."""
    remedy: str
    """How the beam goes on, for one that has stopped; empty for the others."""
    warnings: tuple[str, ...]

    @property
    def state(self) -> str:
        """The state in words: `completed`, `failed while computing`."""
        stopped = f" while {self.record.stage.word}" if self.record.status in STOPPED else ""
        return self.record.word + stopped


@dataclass(frozen=True, slots=True)
class CaseReport:
    made_at: datetime
    """UTC."""
    version: str
    """Of mqi-tui."""
    config_path: Path
    engine_profile: EngineProfile
    engine_command: tuple[str, ...]
    """engine.command of the config as it is now."""
    builtin_programs: tuple[str, ...]
    """Which of the built-in programs that config names, such as `dose engine`; they are no clinical programs."""
    case: CaseRecord
    status: CaseStatus
    plan: PlanFacts | None
    """As the plan file in the case folder reads now."""
    plan_problem: str
    """Why there is none; empty if there is one."""
    beams: tuple[BeamReport, ...]
    """By name."""

    @property
    def is_by_builtin_engine(self) -> bool:
        """The config names the built-in dose engine, or a dose was computed by it."""
        computed = any(beam.dose is not None and beam.dose.by_builtin_engine for beam in self.beams)
        return computed or BUILTIN_ENGINE_WORD in self.builtin_programs


BUILTIN_ENGINE_WORD = "dose engine"


def letter_of(place: int) -> str:
    """The letter of the beam at this place of its case, from 0: A, B, ..., Z, A2, B2, ..."""
    turn, number = divmod(place, len(ascii_uppercase))
    return ascii_uppercase[number] + (str(turn + 1) if turn else "")
