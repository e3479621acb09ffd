"""The scheduler of a Slurm cluster, by its own commands over any transport.

A job is known by the token in its comment, or by its run folder where a site puts a comment of its own there. That its
submission has begun is noted in the run folder before sbatch is asked: whatever happens then, the job is looked up,
twice and with a pause between, before there is another one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from mqi_tui.config.hpc_settings import SlurmSettings
from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.job_place import MAX_PLACE_BYTES, PLACE_NAME, parse_place
from mqi_tui.hpc.job_script import CLAIM_NAME
from mqi_tui.hpc.protocols import CommandResult, JobRef, JobReport, JobSpec, JobState, Transport
from mqi_tui.hpc.slurm.history import SlurmHistory
from mqi_tui.hpc.slurm.parse import SlurmJob, parse_job_id
from mqi_tui.hpc.slurm.queue import SlurmQueue
from mqi_tui.hpc.slurm.states import report_on
from mqi_tui.hpc.slurm.submission import (
    SUBMISSION_NAME,
    Submission,
    SubmissionState,
    extra_options,
    is_refusal,
    sbatch_command,
)

UNKNOWN_ID = "unknown"
"""Job id of a job that has taken its claim and ended without a trace of its number."""
_SBATCH_SECONDS = 30.0
_LIVE = (JobState.RUNNING, JobState.PENDING)


class SlurmScheduler:
    """Implements `Scheduler` with sbatch, squeue, scancel, and where those do not know, scontrol and sacct."""

    def __init__(
        self,
        transport: Transport,
        settings: SlurmSettings,
        *,
        settle_seconds: float = 10.0,
        sbatch_grace_seconds: float = _SBATCH_SECONDS + 5.0,
        absence_seconds: float = 10.0,
    ) -> None:
        """`settle_seconds`: between the two looks that prove that Slurm has not taken a job (its message time-out);
        `sbatch_grace_seconds`: how long an sbatch of which we lost sight may still be at work;
        `absence_seconds`: how long Slurm must not know a job before it is looked for further.

        Raises ConfigError for extra lines that cannot be read.
        """
        self._transport = transport
        self._settings = settings
        self._extra = extra_options(settings.extra_lines)
        self._settle_seconds = settle_seconds
        self._sbatch_grace_seconds = sbatch_grace_seconds
        self._absence_seconds = absence_seconds
        self._queue = SlurmQueue(transport)
        self._history = SlurmHistory(transport)
        self._absent_since: dict[str, float] = {}
        # By token: from when on a look that finds nothing proves that Slurm has not taken the job.
        self._certain_at: dict[str, float] = {}

    def device_index(self, slot: int) -> int:  # noqa: ARG002 - the device is Slurm's choice, and the only one to see
        return 0

    def slots(self, gpu_count: int) -> int:
        return gpu_count + self._settings.queue_ahead

    async def submit(self, job: JobSpec) -> str:
        """As `Scheduler.submit`; without an id it raises, and the next `submit` or `find` looks the job up first."""
        if (job_id := await self.find(job)) is not None:
            return job_id
        submission = Submission.begin(job.token)
        await self._note(job, submission)
        try:
            result = await self._transport.run(
                sbatch_command(job, self._settings, self._extra), timeout=_SBATCH_SECONDS
            )
        except PermanentError:
            await self._note(job, replace(submission, state=SubmissionState.REFUSED))
            raise
        job_id = parse_job_id(result.stdout) if result.exit_status == 0 else None
        if job_id is not None:
            return job_id
        raise await self._without_id(job, submission, result)

    async def find(self, job: JobSpec) -> str | None:
        """As `Scheduler.find`; of a submission without an answer it says None only when two looks agree."""
        submission = await self._submission(job)
        if submission is None or submission.state is SubmissionState.REFUSED:
            return None
        pause = 0.5
        while True:
            asked_at = time.monotonic()
            job_id = await self._look_up(job, asked_at)
            # The first look that was answered counts, though later ones may fail and be made anew.
            certain_at = self._certain_at.setdefault(job.token, time.monotonic() + self._doubt_about(submission))
            if job_id is not None or asked_at >= certain_at:
                self._certain_at.pop(job.token, None)
                return job_id
            await asyncio.sleep(max(min(pause, certain_at - time.monotonic()), 0.0))
            pause *= 2

    async def poll(self, jobs: Sequence[JobRef]) -> dict[str, JobReport]:
        """As `Scheduler.poll`: one squeue; a job that is not in it is looked for further after a while."""
        answer = await self._queue.jobs(time.monotonic())
        reports = {job.token: _report_on_all(known) for job in jobs if (known := answer.of(job))}
        absent = [job for job in jobs if job.token not in reports]
        now = time.monotonic()
        self._absent_since = {job.token: self._absent_since.get(job.token, now) for job in absent}
        reports |= {job.token: JobReport(JobState.UNKNOWN) for job in absent}
        overdue = [job for job in absent if now - self._absent_since[job.token] >= self._absence_seconds]
        if overdue:
            reports |= await self._history.reports(overdue)
        return reports

    async def cancel(self, job: JobRef) -> None:
        """As `Scheduler.cancel`, for every living job of this attempt and for no other one."""
        known = (await self._queue.jobs(time.monotonic())).of(job)
        if known:
            living = [one.job_id for one in known if _report_on(one).state is not JobState.GONE]
        else:
            report = (await self._history.reports([job])).get(job.token)
            if report is None or report.state is JobState.UNKNOWN:
                raise TransientError(f"Slurm does not say whether job {job.job_id} lives; it is not cancelled yet.")
            living = [job.job_id] if report.state in _LIVE else []
        if not living:
            return
        result = await self._transport.run(["scancel", *living])
        if result.exit_status != 0:
            raise TransientError(f"Slurm does not cancel job {', '.join(living)}: {_said(result)}")

    async def _without_id(
        self, job: JobSpec, submission: Submission, result: CommandResult
    ) -> PermanentError | TransientError:
        """The error for an answer of sbatch that holds no id."""
        said = _said(result)
        # 127: env has not found sbatch.
        is_refused = result.exit_status != 0 and (is_refusal(result.stderr) or result.exit_status == 127)
        state = SubmissionState.REFUSED if is_refused else SubmissionState.UNKNOWN
        await self._note(job, replace(submission, state=state))
        if is_refused:
            return PermanentError(f"Slurm refuses the job {job.name}: {said} Mend hpc.slurm in the config, then retry.")
        return TransientError(f"It is not known whether Slurm has taken the job {job.name}; it is looked up. {said}")

    async def _look_up(self, job: JobSpec, since: float) -> str | None:
        known = (await self._queue.jobs(since)).of(job)
        if known:
            return min(known, key=_liveliness).job_id
        # After the queue: a job that began in between has its claim by now.
        if await self._transport.stat(job.run_folder / CLAIM_NAME) is not None:
            place = parse_place(
                await self._transport.read(job.run_folder / CLAIM_NAME / PLACE_NAME, 0, MAX_PLACE_BYTES)
            )
            return place.job_id if place is not None and place.job_id.isdigit() else UNKNOWN_ID
        return await self._history.find(job)

    def _doubt_about(self, submission: Submission) -> float:
        """Seconds from a first look that found nothing until a second one proves it."""
        if submission.state is SubmissionState.UNKNOWN:
            return self._settle_seconds
        age = (datetime.now(UTC) - submission.at).total_seconds()
        # A clock that was set back must not make it wait for ever.
        return self._settle_seconds + min(max(self._sbatch_grace_seconds - age, 0.0), self._sbatch_grace_seconds)

    async def _submission(self, job: JobSpec) -> Submission | None:
        """The note that this attempt's submission has begun; an earlier attempt's is none."""
        note = Submission.parse(await self._transport.read(job.run_folder / SUBMISSION_NAME, 0, 1000))
        return note if note is not None and note.token == job.token else None

    async def _note(self, job: JobSpec, submission: Submission) -> None:
        await self._transport.write(job.run_folder / SUBMISSION_NAME, submission.render())


def _report_on(job: SlurmJob) -> JobReport:
    return report_on(job.state, job.reason, job.expected_start)


def _report_on_all(jobs: Sequence[SlurmJob]) -> JobReport:
    """Of the jobs of one attempt at most one computes; while any lives the attempt does."""
    return _report_on(min(jobs, key=_liveliness))


def _liveliness(job: SlurmJob) -> tuple[int, bool, bool]:
    """Sorts the living first, then what says most about the end."""
    report = _report_on(job)
    rank = _LIVE.index(report.state) if report.state in _LIVE else len(_LIVE) + (report.state is JobState.GONE)
    return rank, not report.is_final, not report.reason


def _said(result: CommandResult) -> str:
    """What a command printed, on one line."""
    return " ".join((result.stderr or result.stdout).split())[:500] or f"no word, exit code {result.exit_status}."
