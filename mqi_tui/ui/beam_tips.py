"""What the short signs in a row of the beam list mean, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

from mqi_tui.domain.status import STAGE_ENDS, BeamStatus
from mqi_tui.ui.marks import mark_of
from mqi_tui.ui.rows import BeamRow
from mqi_tui.ui.text import percent, time_range


class BeamColumn(Enum):
    MARK = auto()
    NAME = auto()
    STATE = auto()
    PROGRESS = auto()
    GPU = auto()
    LEFT = auto()
    ATTEMPT = auto()
    JOB = auto()
    NOTE = auto()


_MADE, _UPLOADED, _COMPUTED = map(percent, STAGE_ENDS)

HEAD_TIPS = {
    BeamColumn.MARK: "● is marked; a click on the place of a mark sets or removes it.",
    BeamColumn.NAME: "The beam's folder. A click here sorts by id.",
    BeamColumn.STATE: "What is done with the beam now. A click here sorts by it, what needs you first.",
    BeamColumn.PROGRESS: "How far the beam is on its whole way. A click here sorts by it.",
    BeamColumn.GPU: "The GPU slot that the beam holds, or its place in the queue: #1 is next.",
    BeamColumn.LEFT: "How long the beam still computes: at its own pace, or with ~ as other beams of this site did.",
    BeamColumn.ATTEMPT: "The number of its latest try at computing.",
    BeamColumn.JOB: "The job of its latest attempt, as the scheduler numbers it.",
    BeamColumn.NOTE: "Why it failed, its place in the queue, or what is to be said else.",
}

_MEANINGS = {
    BeamStatus.NEW: "it was not dispatched yet",
    BeamStatus.INITIAL: "whether folder, plan and logs are there and belong together",
    BeamStatus.PREPROCESSING: "the interpreter turns its logs into CSVs, which are checked",
    BeamStatus.UPLOADING: "its files go to its own folder on the HPC and are verified there",
    BeamStatus.HPC_QUEUED: "it waits for its turn on a GPU slot",
    BeamStatus.HPC_RUNNING: "one job computes it",
    BeamStatus.DOWNLOADING: "the dose file comes home and is verified",
    BeamStatus.POSTPROCESSING: "the dose is checked and summarised, then the site's own command runs",
    BeamStatus.COMPLETED: "its dose file is at home and verified",
    BeamStatus.FAILED: "it stopped; a retry goes on from the step that failed",
    BeamStatus.CANCELLING: "it ends as soon as its job is proven over",
    BeamStatus.CANCELLED: "a person stopped it; a retry goes on from there",
}


def beam_tip(row: BeamRow, column: BeamColumn) -> str:
    """Sentences on what the row shows in the column."""
    return _TIPS[column](row)


def _mark_tip(row: BeamRow) -> str:
    return "Marked: dispatch, retry and cancel act on all marked beams." if row.is_marked else "A click marks it."


def _state_tip(row: BeamRow) -> str:
    beam = row.beam
    meaning = (
        "its job is handed over, or waits in the scheduler's own queue" if beam.job_waits else _MEANINGS[beam.status]
    )
    return "\n".join(filter(None, (f"{mark_of(beam).glyph} {beam.word}: {meaning}.", row.note)))


def _progress_tip(row: BeamRow) -> str:
    return (
        f"{percent(row.beam.progress)} of its whole way.\nThe ticks: its files are made ({_MADE}) and on the HPC "
        f"({_UPLOADED}), its dose is computed ({_COMPUTED}); then it is downloaded and checked."
    )


def _gpu_tip(row: BeamRow) -> str:
    if row.beam.gpu_id is not None:
        return f"It holds GPU slot {row.beam.gpu_id}."
    if row.queue_position:
        return f"It is number {row.queue_position} of the {row.queue_length} beams that wait for a GPU slot."
    return "It holds no GPU slot."


def _left_tip(row: BeamRow) -> str:
    sentence = time_left_sentence(row)
    return f"It {sentence}." if sentence else HEAD_TIPS[BeamColumn.LEFT]


def time_left_sentence(row: BeamRow) -> str:
    """`computes for 2-3 min more ...`, and how that is known; empty where nothing is."""
    left = row.time_left or row.usual_time
    if left is None:
        return ""
    span = time_range(left.shortest_s, left.longest_s)
    if not left.of_beams:
        return f"computes for {span} more at this pace"
    others = f"as {left.of_beams} beams did here"
    return (
        f"computes for {span} once it begins, {others}" if row.will_compute else f"computes for {span} more, {others}"
    )


def _attempt_tip(row: BeamRow) -> str:
    return f"Attempt {row.beam.attempt} is the latest." if row.beam.attempt else "It was not computed yet."


def _job_tip(row: BeamRow) -> str:
    return f"Job {row.beam.hpc_job_id}, of the latest attempt." if row.beam.hpc_job_id else "It has no job yet."


_TIPS: Mapping[BeamColumn, Callable[[BeamRow], str]] = {
    BeamColumn.MARK: _mark_tip,
    BeamColumn.NAME: lambda row: f"{row.beam.beam_id}\n{row.beam.beam_path}",
    BeamColumn.STATE: _state_tip,
    BeamColumn.PROGRESS: _progress_tip,
    BeamColumn.GPU: _gpu_tip,
    BeamColumn.LEFT: _left_tip,
    BeamColumn.ATTEMPT: _attempt_tip,
    BeamColumn.JOB: _job_tip,
    BeamColumn.NOTE: lambda row: row.note,
}
