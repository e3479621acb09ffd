"""HpcExecutionState: waits for a GPU slot, submits one job, follows it to its proven end."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from pathlib import PurePosixPath

from mqi_tui.domain.compute_times import ComputeTime
from mqi_tui.domain.errors import JobLostError, PermanentError
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord, BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.protocols import ExitRecord, JobEnd, JobRef
from mqi_tui.moqui.layer_csv import read_beam_csvs
from mqi_tui.moqui.run_log import RunLogState, explain_exit
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.states.base import Outcome
from mqi_tui.workflow.states.job_files import dose_grid, ended_attempt, job_reference, prepare_job
from mqi_tui.workflow.states.log_follower import LogFollower

_PAUSED = "paused: its job is not handed over"


class HpcExecutionState:
    """Entered as HPC_QUEUED it takes a slot; as HPC_RUNNING it goes on with the slot's open attempt or opens one."""

    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        if beam.status is BeamStatus.HPC_QUEUED:
            await context.allocator.acquire(beam.beam_id, context.running)
        attempt = await self._attempt(beam, context)
        job = job_reference(attempt, attempt.hpc_job_id or await self._submit(beam, attempt, context))
        context.progress.report(beam.beam_id, BeamStatus.HPC_RUNNING, 0.0)
        async with LogFollower(beam, job, context, is_new=attempt.hpc_job_id is None) as follower:
            end = await context.remote.wait_for_job(job)
            log = await follower.read_to_end()
        try:
            record = trusted_record(job, end)
            raw_size = await asyncio.to_thread(_check_run, beam, context, record, log)
        except PermanentError as error:
            return Outcome(
                BeamStatus.FAILED,
                f"attempt {attempt.attempt} failed",
                error=str(error),
                resume_from=error.resume_from,
                ended=ended_attempt(AttemptOutcome.FAILED, end.record),
            )
        raw_file = str(job.run_folder / record.raw_files[0])
        # The clock of the host may have been set back meanwhile.
        computed_s = max((record.ended_at - record.started_at).total_seconds(), 0.0)
        context.compute_times.note(ComputeTime(beam.beam_id, record.host, computed_s))
        gpu = record.gpu or "not known"
        return Outcome(
            BeamStatus.DOWNLOADING,
            f"attempt {attempt.attempt} computed {raw_file}, {raw_size} bytes, on {record.host}, GPU {gpu}",
            ended=replace(
                ended_attempt(AttemptOutcome.SUCCEEDED, record),
                raw_file=raw_file,
                raw_size=record.raw_size,
                raw_sha256=record.raw_sha256,
                computed_s=computed_s,
                engine=context.engine_name,
            ),
        )

    async def _attempt(self, beam: BeamRecord, context: WorkflowContext) -> AttemptRecord:
        latest = await context.attempts.current_attempt(beam.beam_id)
        if latest is not None and latest.outcome is None:
            return latest
        run_folder = await _free_run_folder(beam, context)
        return await context.attempts.open_attempt(beam.beam_id, token=secrets.token_hex(8), run_folder=str(run_folder))

    async def _submit(self, beam: BeamRecord, attempt: AttemptRecord, context: WorkflowContext) -> str:
        if not context.running.is_set():
            context.progress.report(beam.beam_id, BeamStatus.HPC_RUNNING, 0.0, _PAUSED, job_waits=True)
        await context.running.wait()
        # It does not compute yet, and with a scheduler in doubt this may take a minute.
        context.progress.report(beam.beam_id, BeamStatus.HPC_RUNNING, 0.0, "hands its job over", job_waits=True)
        files = await asyncio.to_thread(prepare_job, beam, attempt, context)
        job_id = await context.remote.submit_simulation_job(
            beam.beam_id,
            files.run_folder,
            attempt.token,
            attempt.gpu_id,
            script=files.script,
            inputs=files.inputs,
        )
        await context.attempts.record_submission(beam.beam_id, attempt.attempt, job_id)
        return job_id


async def _free_run_folder(beam: BeamRecord, context: WorkflowContext) -> PurePosixPath:
    """By the next attempt's number, or the first free one after it: another database may have had attempts there."""
    number = beam.attempt + 1
    while await context.remote.is_there(
        folder := context.settings.run_folder_of(beam.parent_case_id, beam.beam_id, number)
    ):
        number += 1
    return folder


def trusted_record(job: JobRef, end: JobEnd) -> ExitRecord:
    """The exit record, unless something other than the job's own program ended it.

    Raises JobLostError when another attempt may go better, PermanentError when it would meet the same.
    """
    record, reason = end.record, end.report.reason if end.report else ""
    if record is not None and (record.exit_code == 0 or not reason):
        return record
    if record is None:
        ended = f"is gone and left no exit record in {job.run_folder}"
    else:
        ended = f"ended with exit code {record.exit_code}"
    if end.report is not None and end.report.is_final:
        raise PermanentError(f"Job {job.job_id} {ended}: {reason}.")
    raise JobLostError(f"job {job.job_id} {ended} ({reason or 'node lost, or the job itself was killed'})")


def _check_run(beam: BeamRecord, context: WorkflowContext, record: ExitRecord, log: RunLogState) -> int:
    """The raw file's size, if exit code, files and histories prove the run; raises PermanentError otherwise."""
    engine = context.settings.engine
    meanings = "; ".join(f"{error.line.strip()} ({error.meaning})" for error in log.errors[:2])
    if record.exit_code != 0:
        reason = meanings or explain_exit(record.exit_code)
        quote = f" Its last words: {log.last_line}" if log.last_line and not meanings else ""
        raise PermanentError(f"mqi_simulation ended with exit code {record.exit_code}: {reason}.{quote}")
    if len(record.raw_files) != 1 or record.raw_size is None:
        found = ", ".join(record.raw_files) or "none"
        raise PermanentError(
            f"mqi_simulation ended with exit code 0, but of one file {engine.raw_pattern} there is: {found}. "
            f"{meanings or 'Look into its log for the reason'}."
        )
    tps = TpsInput.read(context.input_folder(beam) / TPS_NAME)
    expected = dose_grid(tps, engine).raw_size
    if record.raw_size != expected:
        raise PermanentError(
            f"{record.raw_files[0]} has {record.raw_size} bytes, but the dose grid of {TPS_NAME} needs {expected}; "
            "the disk on the HPC may be full, or the engine uses another grid."
        )
    if log.histories_asked is None:
        return expected
    histories = sum(int(csv.count.sum()) for csv in read_beam_csvs(context.input_folder(beam)).values())
    if log.histories_asked != histories:
        raise PermanentError(
            f"mqi_simulation read {log.histories_asked} histories, but the beam's CSVs hold {histories}: it does not "
            f"read this row layout right; set another interpreter.csv_layout than "
            f"{context.settings.interpreter.csv_layout.value} and run the beam again from its beginning.",
            resume_from=BeamStatus.PREPROCESSING,
        )
    return expected
