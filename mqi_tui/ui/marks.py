"""How states look: a glyph and a tone for each status, always shown beside the status's word."""

from __future__ import annotations

from dataclasses import dataclass

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus, CaseStatus, FolderState
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.targets import STOPPED
from mqi_tui.ui.tones import Tone


@dataclass(frozen=True, slots=True)
class Mark:
    """A glyph of one cell that no terminal draws as an emoji, and its tone."""

    glyph: str
    tone: Tone


BEAM_MARKS = {
    BeamStatus.NEW: Mark("○", Tone.MUTED),
    BeamStatus.INITIAL: Mark("◌", Tone.ACTIVE),
    BeamStatus.PREPROCESSING: Mark("◔", Tone.ACTIVE),
    BeamStatus.UPLOADING: Mark("↑", Tone.ACTIVE),
    BeamStatus.HPC_QUEUED: Mark("◇", Tone.WAITING),
    BeamStatus.HPC_RUNNING: Mark("►", Tone.ACTIVE),
    BeamStatus.DOWNLOADING: Mark("↓", Tone.ACTIVE),
    BeamStatus.POSTPROCESSING: Mark("◕", Tone.ACTIVE),
    BeamStatus.COMPLETED: Mark("✓", Tone.GOOD),
    BeamStatus.FAILED: Mark("✗", Tone.BAD),
    BeamStatus.CANCELLING: Mark("□", Tone.WARNING),
    BeamStatus.CANCELLED: Mark("■", Tone.MUTED),
}

IN_HPC_QUEUE = Mark("◆", Tone.WAITING)


def mark_of(beam: BeamRecord) -> Mark:
    return IN_HPC_QUEUE if beam.job_waits else BEAM_MARKS[beam.status]


CASE_MARKS = {
    CaseStatus.READY: Mark("○", Tone.MUTED),
    CaseStatus.PROCESSING: Mark("►", Tone.ACTIVE),
    CaseStatus.COMPLETED: Mark("✓", Tone.GOOD),
    CaseStatus.PARTLY_COMPLETED: Mark("◐", Tone.WARNING),
    CaseStatus.PARTLY_FAILED: Mark("✗", Tone.BAD),
    CaseStatus.FAILED: Mark("✗", Tone.BAD),
    CaseStatus.CANCELLED: Mark("■", Tone.MUTED),
}

FOLDER_MARKS = {
    FolderState.SETTLING: Mark("◇", Tone.WAITING),
    FolderState.INCOMPLETE: Mark("!", Tone.WARNING),
    FolderState.REFUSED: Mark("!", Tone.BAD),
    FolderState.PASSED_OVER: Mark("-", Tone.MUTED),
}

FREE_SLOT = Mark("○", Tone.MUTED)
OFFLINE_GPU = Mark("⊘", Tone.BAD)
FOREIGN_USE = Mark("!", Tone.WARNING)
UNKNOWN_BEAM = Mark("?", Tone.WARNING)

GPU_MARKS = {N_("free"): FREE_SLOT, N_("offline"): OFFLINE_GPU, N_("foreign use"): FOREIGN_USE}

EVENT_MARKS = {
    "info": Mark("·", Tone.MUTED),
    "warning": Mark("!", Tone.WARNING),
    "error": Mark("✗", Tone.BAD),
}


def event_mark(level: str) -> Mark:
    return EVENT_MARKS.get(level, EVENT_MARKS["info"])


def state_words(beam: BeamRecord) -> str:
    """The state, and for a beam that stopped, in which step it did."""
    if beam.status not in STOPPED:
        return _(beam.word)
    return _("{state} while {stage}").format(state=_(beam.word), stage=_(beam.stage.word))
