"""One beam's worker: runs its states one after another; the one place that retries, fails, records and times."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from mqi_tui.domain.errors import (
    AccessError,
    JobLostError,
    MqiError,
    PermanentError,
    RequestRefusedError,
    TransientError,
    defect_words,
    is_passing,
)
from mqi_tui.domain.records import AttemptOutcome, BeamRecord, EndedAttempt
from mqi_tui.domain.status import WAY, BeamStatus
from mqi_tui.workflow.backoff import Backoff
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.interruption import Interruption
from mqi_tui.workflow.states import STATES, Outcome, WorkflowState
from mqi_tui.workflow.states.cancelling import end_job

log = logging.getLogger(__name__)

_HPC = frozenset({BeamStatus.HPC_QUEUED, BeamStatus.HPC_RUNNING})


async def worker_main(beam_id: str, context: WorkflowContext, interruption: Interruption) -> None:
    """Take the beam from its recorded status to an end; returns at once if no state is left to run."""
    await _BeamWorker(beam_id, context, interruption).run()


class _BeamWorker:
    def __init__(self, beam_id: str, context: WorkflowContext, interruption: Interruption) -> None:
        self.beam_id = beam_id
        self._context = context
        self._interruption = interruption
        self._backoff = Backoff(context.settings.retry)

    async def run(self) -> None:
        while True:
            try:
                beam = await self._context.cases.get_beam_by_id(self.beam_id)
                if beam is None or beam.status not in STATES:
                    self._context.hold_ups.drop(self.beam_id)
                    return
                await self._advance(beam)
            except TransientError as error:  # the database itself is busy or its disk is full
                log.warning("%s: %s", self.beam_id, error)
            except Exception:
                # Without a worker no command could move the beam; each state can be entered again.
                log.exception("%s: its worker met a defect and tries again", self.beam_id)
            else:
                continue
            await asyncio.sleep(self._backoff.next_pause())

    async def _advance(self, beam: BeamRecord) -> None:
        """One state, entered once."""
        try:
            outcome = await self._interruption.guard(self._run_state(STATES[beam.status], beam))
        except Exception as error:
            # A state may have taken the beam on: waiting for a GPU ends in computing, with another attempt. And what it
            # told last is not in the database yet.
            await self._context.write_progress()
            now = await self._context.cases.get_beam_by_id(self.beam_id)
            if now is None or (now.status is not beam.status and now.status not in _HPC):
                log.info("%s: cancelled while %s ended with:", self.beam_id, beam.status.value, exc_info=error)
                return
            beam = now
            outcome = await self._after(beam, error)
        if outcome is not None:
            await self._record(beam, outcome)

    async def _after(self, beam: BeamRecord, error: Exception) -> Outcome | None:
        """What follows from the error of a beam's state; None after it was waited for what holds the beam up."""
        if _is_outside(error) or (isinstance(error, AccessError) and beam.status in _HPC and await self._has_job()):
            await self._hold_up(beam, str(error))
            return None
        match error:
            case JobLostError():
                return await self._after_lost_job(beam, error)
            case PermanentError():
                return await self._failed(beam, str(error), error.resume_from)
            case OSError():
                where = error.filename or "a file"
                return await self._failed(beam, f"{where}: {error.strerror}; check it, its rights and the disk.", None)
        log.error("%s: defect in state %s", self.beam_id, beam.status.value, exc_info=error)
        return await self._failed(
            beam,
            f"{defect_words(error)}; please report it with the program's log.",
            None,
        )

    async def _has_job(self) -> bool:
        """Whether a job was handed over and nothing has proven its end: it may compute well while nobody is let in."""
        attempt = await self._context.attempts.current_attempt(self.beam_id)
        return attempt is not None and attempt.outcome is None and attempt.hpc_job_id is not None

    async def _run_state(self, state: WorkflowState, beam: BeamRecord) -> Outcome:
        turns = self._context.turns.get(beam.status)
        if turns is None:
            return await state.run(beam, self._context)
        await self._context.running.wait()
        if turns.are_all_taken:
            self._tell(beam, f"waits for its turn (max_workers is {self._context.settings.max_workers})")
        async with turns.turn(beam.status, self._context.priorities.of(self.beam_id)):
            await self._context.running.wait()
            self._tell(beam, "")
            return await state.run(beam, self._context)

    def _tell(self, beam: BeamRecord, detail: str) -> None:
        self._context.progress.report(self.beam_id, beam.status, 0.0, detail)

    async def _record(self, beam: BeamRecord, outcome: Outcome) -> None:
        self._context.progress.drop(self.beam_id)
        try:
            await self._context.cases.update_beam_status_by_id(
                self.beam_id,
                outcome.following,
                message=outcome.message,
                error=outcome.error,
                resume_from=outcome.resume_from,
                result_path=outcome.result_path,
                ended=outcome.ended,
            )
        except RequestRefusedError:
            now = await self._context.cases.get_beam_by_id(self.beam_id)
            if now is not None and now.status is beam.status:
                raise
            return  # a person cancelled the beam while this state came to its end
        self._backoff.reset()
        self._context.hold_ups.drop(self.beam_id)
        await self._context.allocator.wake()

    async def _failed(self, beam: BeamRecord, error: str, resume_from: BeamStatus | None) -> Outcome | None:
        if beam.status is BeamStatus.CANCELLING:
            # It cannot fail: its slot is released only when its job is proven over.
            await self._hold_up(beam, error)
            return None
        ended = None
        if beam.status in _HPC:
            # A slot is released only when the job is proven over.
            ended = await self._until_reachable(beam, end_job(beam, AttemptOutcome.FAILED, self._context))
        return Outcome(BeamStatus.FAILED, f"failed while {beam.word}", error, resume_from, ended=ended)

    async def _until_reachable(
        self, beam: BeamRecord, ending: Coroutine[Any, Any, EndedAttempt | None]
    ) -> EndedAttempt | None:
        while True:
            try:
                return await ending
            except MqiError as error:
                await self._hold_up(beam, str(error))
                ending = end_job(beam, AttemptOutcome.FAILED, self._context)

    async def _after_lost_job(self, beam: BeamRecord, error: JobLostError) -> Outcome:
        ended = EndedAttempt(AttemptOutcome.LOST)
        attempts = await self._context.attempts.list_attempts(self.beam_id)
        lost = 1
        for attempt in reversed(attempts[:-1]):
            if attempt.outcome is not AttemptOutcome.LOST:
                break
            lost += 1
        allowed = self._context.settings.retry.lost_job_attempts
        if lost >= allowed:
            sentence = (
                f"{error}; {lost} attempts were lost so (retry.lost_job_attempts), look for the reason on the HPC."
            )
            return Outcome(BeamStatus.FAILED, f"attempt {beam.attempt} lost its job", sentence, ended=ended)
        return Outcome(
            BeamStatus.HPC_QUEUED, f"{error}; another attempt follows ({lost} of {allowed} lost)", ended=ended
        )

    async def _hold_up(self, beam: BeamRecord, error: str) -> None:
        """Something outside is in the way: say so once, wait, and let the loop enter the same state again."""
        hold_ups = self._context.hold_ups
        if hold_ups.has_gone_on(self.beam_id) and beam.status in _HPC:
            # Its job was followed in between: this is another trouble than the last one. A transfer may only be slow to
            # fail, or have waited for its turn.
            hold_ups.drop(self.beam_id)
            self._backoff.reset()
        in_outage = self._context.remote.unreachable_since is not None
        if not hold_ups.is_known(self.beam_id, in_outage=in_outage):
            await self._context.cases.add_event(
                f"held up while {beam.word}: {error}",
                level="warning",
                case_id=beam.parent_case_id,
                beam_id=beam.beam_id,
            )
        since = hold_ups.note(self.beam_id, error, in_outage=in_outage)
        if beam.status in WAY:
            detail = f"held up since {since:%H:%M:%S} UTC: {error}"
            self._context.progress.report(self.beam_id, beam.status, 0.0, detail)
        await self._interruption.guard(self._context.remote.wait_for_return(self._backoff.next_pause()))
        hold_ups.let_go(self.beam_id)


def _is_outside(error: Exception) -> bool:
    """Whether only something outside is in the way, so that the same state is entered again when it may be gone."""
    match error:
        case JobLostError():
            return False
        case TransientError():
            return True
        case OSError():
            return is_passing(error)
    return False
