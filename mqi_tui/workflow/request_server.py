"""Carries out commands that another process (`mqi-tui dispatch`, `retry`, `cancel`) left in the database."""

from __future__ import annotations

from mqi_tui.domain.errors import MqiError, RequestRefusedError
from mqi_tui.repositories.requests import RequestRepository
from mqi_tui.workflow.control import EngineControl


class RequestServer:
    def __init__(self, requests: RequestRepository, engine: EngineControl) -> None:
        self._requests = requests
        self._engine = engine

    async def serve_pending(self) -> None:
        """Carry out and answer every request that waits, oldest first."""
        for request in await self._requests.pending():
            try:
                text = await perform(self._engine, request.verb, request.target, request.beam_ids)
                accepted = True
            except MqiError as error:
                text, accepted = str(error), False
            await self._requests.answer(request.request_id, accepted, text)


async def perform(engine: EngineControl, verb: str, target: str, beam_ids: tuple[str, ...] = ()) -> str:
    """One command by its name; `target` is a case id or beam id.

    Raises RequestRefusedError with the reason when it cannot be carried out.
    """
    snapshot = engine.snapshot
    is_case = any(case.case_id == target for case in snapshot.cases)
    match verb:
        case "dispatch":
            return await engine.dispatch(target, beam_ids or None)
        case "retry" if is_case:
            failed = [
                beam.beam_id
                for case in snapshot.cases
                if case.case_id == target
                for beam in case.beams
                if beam.status.value in {"failed", "cancelled"}
            ]
            if not failed:
                raise RequestRefusedError(f"no beam of {target} is failed or cancelled: there is nothing to retry.")
            return "; ".join([await engine.retry(beam_id) for beam_id in failed])
        case "retry":
            return await engine.retry(target)
        case "rerun":
            return await engine.rerun(target)
        case "cancel" if is_case:
            return await engine.cancel_case(target)
        case "cancel":
            return await engine.cancel_beam(target)
    raise RequestRefusedError(f"unknown command {verb!r}; was it made by another version of mqi-tui?")
