"""What a command that destroys or ends something will do, said before it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.language import _, ngettext
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
        title = _("Cancel case {case}?").format(case=target.case.case_id)
    elif len(affected) == 1:
        title = _("Cancel beam {beam}?").format(beam=affected[0].beam_id)
    else:
        title = _("Cancel {beams}?").format(beams=counted(len(affected), "beam"))
    untouched = len(beams) - len(affected)
    lines = [
        *_listed(affected, _what_cancel_does),
        *([_("{beams} not at work: untouched.").format(beams=counted(untouched, "other beam"))] if untouched else []),
        _(
            "Files on the HPC stay. A cancelled beam can be retried ({retry}) and goes on from the step it stopped in; "
            "a computation begins anew."
        ).format(retry=actions.way_to("retry_target")),
    ]
    return Question(title, tuple(lines), _("cancel {beams}").format(beams=counted(len(affected), "beam")))


def about_rerun(beams: Sequence[BeamRecord], actions: Actions) -> Question | None:
    """None when none of the beams has ended."""
    ended = [beam for beam in beams if beam.status in ENDED]
    if not ended:
        return None
    lines = [
        *_listed(ended, lambda beam: _("{beam}: now {state}").format(beam=beam.beam_id, state=_(beam.status.word))),
        _(
            "Every step is done again, from the check of the folder to a new job on the HPC. "
            "A dose file that is there now is replaced when the new one is verified."
        ),
    ]
    if any(beam.status is not BeamStatus.COMPLETED for beam in ended):
        lines.append(
            _("To go on from the step it stopped in instead, say no and press {retry}.").format(
                retry=actions.way_to("retry_target")
            )
        )
    title = _("Run {beams} again from the beginning?").format(beams=counted(len(ended), "beam"))
    return Question(title, tuple(lines), _("run again"))


def about_dispatch(beams: Sequence[BeamRecord], *, is_filtered: bool) -> Question | None:
    """About new beams of any number of cases; None when there are none."""
    if not beams:
        return None
    counts = Counter(beam.parent_case_id for beam in beams)
    listed = [f"· {case_id}: {counted(count, 'beam')}" for case_id, count in counts.most_common(_MAX_LISTED)]
    left_out = len(counts) - len(listed)
    what = _("{beams} of {cases}").format(beams=counted(len(beams), "new beam"), cases=counted(len(counts), "case"))
    lines = [
        ngettext(
            "{what} is started; each computes as soon as a GPU slot is free.",
            "{what} are started; each computes as soon as a GPU slot is free.",
            len(beams),
        ).format(what=what),
        *listed,
        *([_("· and {rest}").format(rest=counted(left_out, "more case"))] if left_out else []),
        *([_("The filter does not narrow this: cases that it hides are among them.")] if is_filtered else []),
    ]
    yes = _("dispatch {beams}").format(beams=counted(len(beams), "beam"))
    return Question(_("Dispatch {what}?").format(what=what), tuple(lines), yes)


def about_quit(snapshot: EngineSnapshot) -> Question:
    beams = [beam for case in snapshot.cases for beam in case.beams if beam.status.is_active]
    jobs = [beam for beam in beams if beam.status is BeamStatus.HPC_RUNNING and beam.hpc_job_id]
    local = len(beams) - len(jobs)
    lines = []
    if jobs:
        lines.append(
            ngettext(
                "{jobs} on the HPC goes on and will be picked up again at the next start.",
                "{jobs} on the HPC go on and will be picked up again at the next start.",
                len(jobs),
            ).format(jobs=counted(len(jobs), "job"))
        )
    if local:
        lines.append(
            ngettext(
                "{beams} waiting or in local work stops now and will go on from the same step at the next start.",
                "{beams} waiting or in local work stop now and will go on from the same step at the next start.",
                local,
            ).format(beams=counted(local, "beam"))
        )
    if not beams:
        lines.append(_("Nothing is at work: nothing goes on running."))
    lines.append(_("New case folders are noticed again at the next start."))
    return Question(_("Quit mqi-tui?"), tuple(lines), _("quit"))


def _listed(beams: Sequence[BeamRecord], describe: Callable[[BeamRecord], str]) -> list[str]:
    lines = [f"· {describe(beam)}" for beam in beams[:_MAX_LISTED]]
    left_out = len(beams) - len(lines)
    return [*lines, _("· and {rest}").format(rest=counted(left_out, "more beam"))] if left_out else lines


def _what_cancel_does(beam: BeamRecord) -> str:
    match beam.status:
        case BeamStatus.HPC_RUNNING:
            job = _("job {job}").format(job=beam.hpc_job_id) if beam.hpc_job_id else _("its job")
            deed = _("{job} is ended ({percent} done); its computing so far is lost.")
            if beam.job_waits:
                # While nobody can look, that may be long ago.
                deed = _("{job} is ended; when last seen, it waited in the HPC's queue or was on its way there.")
            elif beam.gpu_id is not None:
                job = _("{job} on GPU slot {slot}").format(job=job, slot=beam.gpu_id)
            deed = deed.format(job=job, percent=percent(beam.progress))
        case BeamStatus.HPC_QUEUED:
            deed = _("leaves the queue for a GPU.")
        case status:
            deed = _("{state} is stopped.").format(state=_(status.word))
    return f"{beam.beam_id}: {deed}"
