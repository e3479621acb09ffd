"""What the short signs in a row of the beam list mean, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

from mqi_tui.domain.status import STAGE_ENDS, BeamStatus
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.marks import mark_of
from mqi_tui.ui.rows import BeamRow
from mqi_tui.ui.text import percent, time_range


class BeamColumn(Enum):
    MARK = auto()
    NAME = auto()
    STATE = auto()
    PROGRESS = auto()
    SLOT = auto()
    LEFT = auto()
    ATTEMPT = auto()
    JOB = auto()
    NOTE = auto()


_MADE, _UPLOADED, _COMPUTED = map(percent, STAGE_ENDS)

HEAD_TIPS = {
    BeamColumn.MARK: N_("● is marked; a click on the place of a mark sets or removes it."),
    BeamColumn.NAME: N_("The beam's folder. A click here sorts by id."),
    BeamColumn.STATE: N_("What is done with the beam now. A click here sorts by it, what needs you first."),
    BeamColumn.PROGRESS: N_("How far the beam is on its whole way. A click here sorts by it."),
    BeamColumn.SLOT: N_("The GPU slot that the beam holds, or its place in the queue: #1 is next."),
    BeamColumn.LEFT: N_(
        "How long the beam still computes: at its own pace, or with ~ as other beams of this site did."
    ),
    BeamColumn.ATTEMPT: N_("The number of its latest try at computing."),
    BeamColumn.JOB: N_("The job of its latest attempt, as the scheduler numbers it."),
    BeamColumn.NOTE: N_("Why it failed, its place in the queue, or what is to be said else."),
}

_MEANINGS = {
    BeamStatus.NEW: N_("it was not dispatched yet"),
    BeamStatus.INITIAL: N_("whether folder, plan and logs are there and belong together"),
    BeamStatus.PREPROCESSING: N_("the interpreter turns its logs into CSVs, which are checked"),
    BeamStatus.UPLOADING: N_("its files go to its own folder on the HPC and are verified there"),
    BeamStatus.HPC_QUEUED: N_("it waits for its turn on a GPU slot"),
    BeamStatus.HPC_RUNNING: N_("one job computes it"),
    BeamStatus.DOWNLOADING: N_("the dose file comes home and is verified"),
    BeamStatus.POSTPROCESSING: N_("the dose is checked and summarised, then the site's own command runs"),
    BeamStatus.COMPLETED: N_("its dose file is at home and verified"),
    BeamStatus.FAILED: N_("it stopped; a retry goes on from the step that failed"),
    BeamStatus.CANCELLING: N_("it ends as soon as its job is proven over"),
    BeamStatus.CANCELLED: N_("a person stopped it; a retry goes on from there"),
}


def beam_tip(row: BeamRow, column: BeamColumn) -> str:
    """Sentences on what the row shows in the column."""
    return _TIPS[column](row)


def _mark_tip(row: BeamRow) -> str:
    return _("Marked: dispatch, retry and cancel act on all marked beams.") if row.is_marked else _("A click marks it.")


def _state_tip(row: BeamRow) -> str:
    beam = row.beam
    meaning = (
        N_("its job is handed over, or waits in the scheduler's own queue")
        if beam.job_waits
        else _MEANINGS[beam.status]
    )
    return "\n".join(filter(None, (f"{mark_of(beam).glyph} {_(beam.word)}: {_(meaning)}.", row.note)))


def _progress_tip(row: BeamRow) -> str:
    way = _("{percent} of its whole way.").format(percent=percent(row.beam.progress))
    ticks = _(
        "The ticks: its files are made ({made}) and on the HPC ({uploaded}), its dose is computed ({computed}); then "
        "it is downloaded and checked."
    )
    return f"{way}\n{ticks.format(made=_MADE, uploaded=_UPLOADED, computed=_COMPUTED)}"


def _slot_tip(row: BeamRow) -> str:
    if row.beam.gpu_id is not None:
        return _("It holds GPU slot {slot}.").format(slot=row.beam.gpu_id)
    if row.queue_position:
        text = _("In the queue for a GPU slot: number {place} of {count}.")
        return text.format(place=row.queue_position, count=row.queue_length)
    return _("It holds no GPU slot.")


def _left_tip(row: BeamRow) -> str:
    sentence = time_left_sentence(row)
    return sentence or _(HEAD_TIPS[BeamColumn.LEFT])


def time_left_sentence(row: BeamRow) -> str:
    """`computes for 2-3 min more ...`, and how that is known; empty where nothing is."""
    left = row.time_left or row.usual_time
    if left is None:
        return ""
    span = time_range(left.shortest_s, left.longest_s)
    if not left.of_beams:
        return _("computes for {time} more at this pace").format(time=span)
    text = (
        _("computes for {time} once it begins, as {count} beams did here")
        if row.will_compute
        else _("computes for {time} more, as {count} beams did here")
    )
    return text.format(time=span, count=left.of_beams)


def _attempt_tip(row: BeamRow) -> str:
    if not row.beam.attempt:
        return _("It was not computed yet.")
    return _("Attempt {number} is the latest.").format(number=row.beam.attempt)


def _job_tip(row: BeamRow) -> str:
    if row.beam.hpc_job_id is None:
        return _("It has no job yet.")
    return _("Job of the latest attempt: {job}.").format(job=row.beam.hpc_job_id)


_TIPS: Mapping[BeamColumn, Callable[[BeamRow], str]] = {
    BeamColumn.MARK: _mark_tip,
    BeamColumn.NAME: lambda row: f"{row.beam.beam_id}\n{row.beam.beam_path}",
    BeamColumn.STATE: _state_tip,
    BeamColumn.PROGRESS: _progress_tip,
    BeamColumn.SLOT: _slot_tip,
    BeamColumn.LEFT: _left_tip,
    BeamColumn.ATTEMPT: _attempt_tip,
    BeamColumn.JOB: _job_tip,
    BeamColumn.NOTE: lambda row: row.note,
}
