"""Carries the keys' commands out through EngineControl and gathers the answers; knows no widgets."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from mqi_tui.domain.errors import MqiError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.language import _, ngettext, said
from mqi_tui.ui.targets import STOPPED, BeamsTarget, CaseTarget, FolderTarget, Target, can_be_cancelled
from mqi_tui.ui.text import counted
from mqi_tui.workflow.control import EngineControl

log = logging.getLogger(__name__)

MAX_SENTENCES = 4
"""More answers than these are counted, not quoted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the engine answered: done, refused with the reason, or broken by a defect."""

    done: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class CommandRunner(Protocol):
    """Outlives the screen: what it carries out goes on when the screen goes."""

    def carry_out(self, command: Coroutine[object, object, Outcome]) -> None:
        """Carry the command out beside the screen and say how it ended."""
        ...

    def complain(self, message: str) -> None:
        """Tell of a defect of this program."""
        ...


Call = Callable[[], Awaitable[str]]


async def gather(calls: Iterable[Call]) -> Outcome:
    """Make the calls one after the other; one that is refused or breaks does not keep the next from being made."""
    done: list[str] = []
    refused: list[str] = []
    broken: list[str] = []
    for call in calls:
        try:
            done.append(said(await call()))
        except MqiError as error:
            refused.append(str(error))
        except Exception as error:
            log.exception("defect in a command")
            broken.append(f"{type(error).__name__}: {error}")
    return Outcome(tuple(done), tuple(refused), tuple(broken))


def sentences(answers: tuple[str, ...]) -> str:
    """The answers, one a line; many of them shortened to the first few and a count."""
    shown = answers[:MAX_SENTENCES]
    left_out = len(answers) - len(shown)
    return "\n".join([*shown, _("… and {rest}").format(rest=counted(left_out, "more answer"))] if left_out else shown)


async def dispatch(engine: EngineControl, target: Target) -> Outcome:
    """Start the new beams of a case, or of the target's beams; a folder is asked for too, the engine says why not."""
    match target:
        case CaseTarget(case):
            return await gather([lambda: engine.dispatch(case.case_id)])
        case FolderTarget(folder):
            return await gather([lambda: engine.dispatch(folder.path.name)])
        case BeamsTarget(beams):
            return await dispatch_beams(engine, beams)


async def retry(engine: EngineControl, target: Target) -> Outcome:
    """Retry each of the target's beams; of a whole case, those that stopped."""
    match target:
        case CaseTarget(case):
            stopped = [beam for beam in case.beams if beam.status in STOPPED]
            if not stopped:
                refusal = _("no beam of {case} has failed or was cancelled: nothing to retry.")
                return Outcome(refused=(refusal.format(case=case.case_id),))
            return await _each(engine.retry, stopped)
        case FolderTarget(folder):
            refusal = _("{folder} is no case ({state}): {reason}")
            state = _(folder.state.value)
            return Outcome(refused=(refusal.format(folder=folder.path.name, state=state, reason=folder.reason),))
        case BeamsTarget(beams):
            return await _each(engine.retry, beams)


async def retry_failed(engine: EngineControl, case: CaseView) -> Outcome:
    """Retry every failed beam of the case; the answer is how many of them go on."""
    failed = [beam for beam in case.beams if beam.status is BeamStatus.FAILED]
    if not failed:
        return Outcome(refused=(_("no beam of {case} has failed: nothing to retry.").format(case=case.case_id),))
    outcome = await _each(engine.retry, failed)
    count = len(outcome.done)
    if not count:
        return outcome
    done = ngettext(
        "{beams} of {case} goes on from the step that failed",
        "{beams} of {case} go on, each from the step that failed",
        count,
    ).format(beams=counted(count, "failed beam"), case=case.case_id)
    return replace(outcome, done=(done,))


async def dispatch_beams(engine: EngineControl, beams: Iterable[BeamRecord]) -> Outcome:
    """Start these beams, with one command for each of their cases."""
    by_case: defaultdict[str, list[str]] = defaultdict(list)
    for beam in beams:
        by_case[beam.parent_case_id].append(beam.beam_id)
    return await gather(_dispatch_call(engine, case_id, beam_ids) for case_id, beam_ids in by_case.items())


async def rerun(engine: EngineControl, beams: Iterable[BeamRecord]) -> Outcome:
    """Take each of the beams through its whole way again."""
    return await _each(engine.rerun, beams)


async def cancel(engine: EngineControl, target: Target) -> Outcome:
    """Cancel a whole case, or each of the target's beams that is at work."""
    if isinstance(target, CaseTarget):
        case_id = target.case.case_id
        return await gather([lambda: engine.cancel_case(case_id)])
    beams = target.beams if isinstance(target, BeamsTarget) else ()
    return await _each(engine.cancel_beam, [beam for beam in beams if can_be_cancelled(beam)])


async def save_report(engine: EngineControl, case: CaseView) -> Outcome:
    """Write the case's report; the answer says where it is."""
    return await gather([lambda: engine.save_report(case.case_id)])


async def toggle_pause(engine: EngineControl) -> Outcome:
    """Resume a paused engine, pause a running one."""
    return await gather([engine.resume if engine.snapshot.paused else engine.pause])


async def _each(command: Callable[[str], Awaitable[str]], beams: Iterable[BeamRecord]) -> Outcome:
    return await gather(_beam_call(command, beam.beam_id) for beam in beams)


def _beam_call(command: Callable[[str], Awaitable[str]], beam_id: str) -> Call:
    return lambda: command(beam_id)


def _dispatch_call(engine: EngineControl, case_id: str, beam_ids: list[str]) -> Call:
    return lambda: engine.dispatch(case_id, beam_ids)
