"""One beam's worker: runs its states one after another; the one place that retries, fails, records and times."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from mqi_tui.domain.errors import (
    JobLostError,
    MqiError,
    PermanentError,
    RequestRefusedError,
    TransientError,
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
        self._held_up_since: datetime | None = None

    async def run(self) -> None:
        while True:
            try:
                beam = await self._context.cases.get_beam_by_id(self.beam_id)
                if beam is None or beam.status not in STATES:
                    return
                await self._advance(beam)
            except TransientError as error:  # the database itself is busy or its disk is full
                log.warning("%s: %s", self.beam_id, error)
                await asyncio.sleep(self._backoff.next_pause())

    async def _advance(self, beam: BeamRecord) -> None:
        """One state, entered once."""
        try:
            outcome = await self._interruption.guard(self._run_state(STATES[beam.status], beam))
            if outcome is None:
                return
        except JobLostError as error:
            outcome = await self._after_lost_job(beam, error)
        except TransientError as error:
            await self._hold_up(beam, error)
            return
        except PermanentError as error:
            outcome = await self._failed(beam, str(error), error.resume_from)
        except OSError as error:
            if is_passing(error):
                await self._hold_up(beam, str(error))
                return
            where = error.filename or "a file"
            outcome = await self._failed(beam, f"{where}: {error.strerror}; check it, its rights and the disk.", None)
        except Exception as error:
            log.exception("%s: defect in state %s", self.beam_id, beam.status.value)
            outcome = await self._failed(
                beam,
                f"a defect in mqi-tui ({type(error).__name__}: {error}); please report it with the program's log.",
                None,
            )
        if outcome is not None:
            await self._record(beam, outcome)

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
        self._held_up_since = None
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
        return Outcome(BeamStatus.FAILED, f"failed while {beam.status.word}", error, resume_from, ended=ended)

    async def _until_reachable(
        self, beam: BeamRecord, ending: Coroutine[Any, Any, EndedAttempt | None]
    ) -> EndedAttempt | None:
        while True:
            try:
                return await ending
            except MqiError as error:
                await self._hold_up(beam, error)
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

    async def _hold_up(self, beam: BeamRecord, error: MqiError | str) -> None:
        """Something outside is in the way: say so once, wait, and let the loop enter the same state again."""
        # A state may have taken the beam on: waiting for a GPU ends in computing.
        beam = await self._context.cases.get_beam_by_id(self.beam_id) or beam
        if self._held_up_since is None:
            self._held_up_since = datetime.now(UTC)
            await self._context.cases.add_event(
                f"held up while {beam.status.word}: {error}",
                level="warning",
                case_id=beam.parent_case_id,
                beam_id=beam.beam_id,
            )
        if beam.status in WAY:
            since = f"{self._held_up_since:%H:%M:%S} UTC"
            self._context.progress.report(self.beam_id, beam.status, 0.0, f"held up since {since}: {error}")
        await self._interruption.guard(self._context.remote.wait_for_return(self._backoff.next_pause()))
