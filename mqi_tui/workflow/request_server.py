"""Carries out commands that another process (`mqi-tui dispatch`, `retry`, ...) left in the database."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection

from mqi_tui.domain.errors import MqiError, RequestRefusedError
from mqi_tui.domain.priority import MOVABLE
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.cancellation import to_its_end
from mqi_tui.repositories.requests import RequestRecord, RequestRepository
from mqi_tui.workflow.control import EngineControl

PRIORITY_STEP = re.compile(r"[+-][1-9][0-9]?")
"""By how much a priority changes, as it is written."""
_STOPPED = frozenset({BeamStatus.FAILED, BeamStatus.CANCELLED})
_ENDED = _STOPPED | {BeamStatus.COMPLETED}


class RequestServer:
    def __init__(self, requests: RequestRepository, engine: EngineControl) -> None:
        self._requests = requests
        self._engine = engine
        self._unanswered: dict[int, tuple[bool, str]] = {}
        """What came of requests whose answer could not be written yet: they are never carried out again."""

    async def serve_pending(self) -> None:
        """Carry out and answer every request that waits, oldest first."""
        for request in await self._requests.pending():
            # The end of the program does not come between the two: the next one would carry it out again.
            await to_its_end(self._serve(request))

    async def _serve(self, request: RequestRecord) -> None:
        number = request.request_id
        if number not in self._unanswered:
            self._unanswered[number] = await self._carry_out(request)
        await self._requests.answer(number, *self._unanswered[number])
        del self._unanswered[number]

    async def _carry_out(self, request: RequestRecord) -> tuple[bool, str]:
        try:
            return True, await perform(self._engine, request.verb, request.target, request.beam_ids)
        except MqiError as error:
            return False, str(error)


async def perform(engine: EngineControl, verb: str, target: str, beam_ids: tuple[str, ...] = ()) -> str:
    """One command by its name; `target` is a case id or beam id.

    Raises RequestRefusedError with the reason when it cannot be carried out.
    """
    case = engine.snapshot.case(target)
    match verb.split():
        case ["dispatch"]:
            return await engine.dispatch(target, beam_ids or None)
        case ["retry"]:
            return await _of_each(
                engine.retry, target, case, _STOPPED, "failed or cancelled: there is nothing to retry"
            )
        case ["rerun"]:
            return await _of_each(engine.rerun, target, case, _ENDED, "at its end: there is nothing to run again")
        case ["cancel"] if case:
            return await engine.cancel_case(target)
        case ["cancel"]:
            return await engine.cancel_beam(target)
        case ["priority", step] if PRIORITY_STEP.fullmatch(step):
            return await _of_each(
                lambda beam_id: engine.change_priority(beam_id, int(step)),
                target,
                case,
                MOVABLE,
                "waiting, or on its way to it: there is nothing to move",
            )
    raise RequestRefusedError(f"unknown command {verb!r}; was it made by another version of mqi-tui?")


async def _of_each(
    command: Callable[[str], Awaitable[str]],
    target: str,
    case: CaseView | None,
    statuses: Collection[BeamStatus],
    reason: str,
) -> str:
    """The command for the beam, or for each beam of the case in one of these statuses; refused when none takes it."""
    if case is None:
        return await command(target)
    answers, refusals = [], []
    for beam in case.beams:
        if beam.status in statuses:
            try:
                answers.append(await command(beam.beam_id))
            except RequestRefusedError as error:  # the snapshot is a moment old, a person may have been quicker
                refusals.append(str(error))
    if not answers:
        raise RequestRefusedError("; ".join(refusals) or f"no beam of {target} is {reason}.")
    return "; ".join([*answers, *refusals])
