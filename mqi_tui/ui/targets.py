"""What a key acts on: the marked beams, or what the cursor of the focused pane is on."""

from __future__ import annotations

from dataclasses import dataclass

from mqi_tui.domain.records import BeamRecord, FolderRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.text import counted


@dataclass(frozen=True, slots=True)
class CaseTarget:
    """A whole case."""

    case: CaseView


@dataclass(frozen=True, slots=True)
class BeamsTarget:
    """One beam or several, of one case or several."""

    beams: tuple[BeamRecord, ...]


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """A folder that is no case (yet)."""

    folder: FolderRecord


Target = CaseTarget | BeamsTarget | FolderTarget

STOPPED = frozenset({BeamStatus.FAILED, BeamStatus.CANCELLED})
ENDED = STOPPED | {BeamStatus.COMPLETED}


def can_be_cancelled(beam: BeamRecord) -> bool:
    return beam.status.is_active and beam.status is not BeamStatus.CANCELLING


def beams_of(target: Target) -> tuple[BeamRecord, ...]:
    match target:
        case CaseTarget(case):
            return case.beams
        case BeamsTarget(beams):
            return beams
        case FolderTarget():
            return ()


def name_of(target: Target) -> str:
    match target:
        case CaseTarget(case):
            return case.case_id
        case BeamsTarget(beams):
            return beams[0].beam_id if len(beams) == 1 else counted(len(beams), "beam")
        case FolderTarget(folder):
            return folder.path.name
