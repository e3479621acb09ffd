"""What a command that destroys or ends something will do, said before it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.targets import ENDED, CaseTarget, Target, beams_of, can_be_cancelled
from mqi_tui.ui.text import counted, percent

_MAX_LISTED = 6


@dataclass(frozen=True, slots=True)
class Question:
    """A yes-or-no question; `yes` names the deed in a few words."""

    title: str
    consequences: tuple[str, ...]
    yes: str


def about_cancel(target: Target, actions: Actions) -> Question | None:
    """None when none of the target's beams can be cancelled."""
    beams = beams_of(target)
    affected = [beam for beam in beams if can_be_cancelled(beam)]
    if not affected:
        return None
    if isinstance(target, CaseTarget):
        title = f"Cancel case {target.case.case_id}?"
    elif len(affected) == 1:
        title = f"Cancel beam {affected[0].beam_id}?"
    else:
        title = f"Cancel {counted(len(affected), 'beam')}?"
    untouched = len(beams) - len(affected)
    lines = [
        *_listed(affected, _what_cancel_does),
        *([f"{counted(untouched, 'other beam')} not at work: untouched."] if untouched else []),
        f"Files on the HPC stay. A cancelled beam can be retried ({actions.way_to('retry_target')}) and goes on from "
        "the step it stopped in.",
    ]
    return Question(title, tuple(lines), f"cancel {counted(len(affected), 'beam')}")


def about_rerun(beams: Sequence[BeamRecord], actions: Actions) -> Question | None:
    """None when none of the beams has ended."""
    ended = [beam for beam in beams if beam.status in ENDED]
    if not ended:
        return None
    lines = [
        *_listed(ended, lambda beam: f"{beam.beam_id}: now {beam.status.word}"),
        "Every step is done again, from the check of the folder to a new job on the HPC. "
        "A dose file that is there now is replaced when the new one is verified.",
        f"To go on from the step that failed instead, say no and press {actions.way_to('retry_target')}.",
    ]
    return Question(f"Run {counted(len(ended), 'beam')} again from the beginning?", tuple(lines), "run again")


def about_dispatch(beams: Sequence[BeamRecord], *, is_filtered: bool) -> Question | None:
    """About new beams of any number of cases; None when there are none."""
    if not beams:
        return None
    counts = Counter(beam.parent_case_id for beam in beams)
    listed = [f"· {case_id}: {counted(count, 'beam')}" for case_id, count in counts.most_common(_MAX_LISTED)]
    left_out = len(counts) - len(listed)
    what = f"{counted(len(beams), 'new beam')} of {counted(len(counts), 'case')}"
    lines = [
        f"{what} {'is' if len(beams) == 1 else 'are'} started; each computes as soon as a GPU slot is free.",
        *listed,
        *([f"· and {counted(left_out, 'more case')}"] if left_out else []),
        *(["The filter does not narrow this: cases that it hides are among them."] if is_filtered else []),
    ]
    return Question(f"Dispatch {what}?", tuple(lines), f"dispatch {counted(len(beams), 'beam')}")


def about_quit(snapshot: EngineSnapshot) -> Question:
    beams = [beam for case in snapshot.cases for beam in case.beams if beam.status.is_active]
    jobs = [beam for beam in beams if beam.status is BeamStatus.HPC_RUNNING]
    local = len(beams) - len(jobs)
    lines = []
    if jobs:
        lines.append(
            f"{counted(len(jobs), 'job')} on the HPC {'goes' if len(jobs) == 1 else 'go'} on computing "
            "and will be picked up again at the next start."
        )
    if local:
        lines.append(
            f"{counted(local, 'beam')} waiting or in local work {'stops' if local == 1 else 'stop'} now "
            "and will go on from the same step at the next start."
        )
    if not beams:
        lines.append("Nothing is at work: nothing goes on running.")
    lines.append("New case folders are noticed again at the next start.")
    return Question("Quit mqi-tui?", tuple(lines), "quit")


def _listed(beams: Sequence[BeamRecord], describe: Callable[[BeamRecord], str]) -> list[str]:
    lines = [f"· {describe(beam)}" for beam in beams[:_MAX_LISTED]]
    left_out = len(beams) - len(lines)
    return [*lines, f"· and {counted(left_out, 'more beam')}"] if left_out else lines


def _what_cancel_does(beam: BeamRecord) -> str:
    match beam.status:
        case BeamStatus.HPC_RUNNING:
            job = f"job {beam.hpc_job_id}" if beam.hpc_job_id else "its job"
            place = f" on GPU slot {beam.gpu_id}" if beam.gpu_id is not None else ""
            deed = f"{job}{place} is ended ({percent(beam.progress)} done); its computing so far is lost."
        case BeamStatus.HPC_QUEUED:
            deed = "leaves the queue for a GPU."
        case status:
            deed = f"{status.word} is stopped."
    return f"{beam.beam_id}: {deed}"
