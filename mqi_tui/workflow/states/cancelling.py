"""CancellingState: the beam's job is cancelled and proven over before the beam reads "cancelled"."""

from __future__ import annotations

from pathlib import PurePosixPath

from mqi_tui.domain.errors import PermanentError
from mqi_tui.domain.records import AttemptOutcome, BeamRecord, EndedAttempt
from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.states.base import Outcome
from mqi_tui.workflow.states.job_files import ended_attempt, job_reference


class CancellingState:
    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        return Outcome(BeamStatus.CANCELLED, "cancelled", ended=await end_job(beam, AttemptOutcome.CANCELLED, context))


async def end_job(beam: BeamRecord, outcome: AttemptOutcome, context: WorkflowContext) -> EndedAttempt | None:
    """Cancel the job of the beam's open attempt and wait until it is proven over; None without an open attempt.

    Raises TransientError while the HPC cannot be reached.
    """
    attempt = await context.attempts.current_attempt(beam.beam_id)
    if attempt is None or attempt.outcome is not None:
        return None
    # The program may have died, or been interrupted, between starting the job and writing down its id.
    job_id = attempt.hpc_job_id or await context.remote.find_job(
        beam.beam_id, PurePosixPath(attempt.run_folder), attempt.token, attempt.gpu_id
    )
    if job_id is None:
        return EndedAttempt(outcome)
    job = job_reference(attempt, job_id)
    await context.remote.cancel_job(job)
    try:
        record = (await context.remote.wait_for_job(job)).record
    except PermanentError:
        # An exit record that is damaged says nothing; that the job is over, the scheduler proves.
        await context.remote.monitor.wait_for_end(job)
        record = None
    return ended_attempt(outcome, record)
