"""What Slurm knows of jobs that its queue does not show (any more): scontrol, and sacct where accounting exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mqi_tui.domain.errors import MqiError
from mqi_tui.hpc.protocols import CommandResult, JobRef, JobReport, JobSpec, JobState, Transport
from mqi_tui.hpc.slurm.parse import (
    ACCOUNTING_FORMAT,
    UTC_TIMES,
    SlurmAnswer,
    parse_accounting,
    parse_shown_jobs,
)
from mqi_tui.hpc.slurm.states import DISAPPEARED, report_on

_AT_ONCE = 20
"""Jobs asked about in one round: scontrol takes one id a call."""
_REACH = "--starttime=now-30days"
"""sacct shows nothing from before midnight by itself."""

_SHOW = r"""
for id; do
    printf 'mqi-asked %s\n' "$id"
    scontrol show job -o "$id" 2>&1
done
"""


class SlurmHistory:
    """Asked only about jobs that squeue does not show; at most two commands a round, whatever their number."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._has_accounting = True

    async def reports(self, jobs: Sequence[JobRef]) -> dict[str, JobReport]:
        """By token; only of jobs of which something is certain. Raises TransientError when nothing can be asked."""
        asked = jobs[:_AT_ONCE]
        answers = await self._show(asked)
        unknown = [job for job in asked if (answer := answers.get(job.token)) is not None and answer.is_unknown]
        reports = {
            token: report_on(answer.state, answer.reason) for token, answer in answers.items() if not answer.is_unknown
        }
        if unknown:
            # The controller is the authority on what lives: accounting has jobs as running for ever that it has lost.
            states = await self._accounted(
                [f"--jobs={','.join(job.job_id for job in unknown if job.job_id.isdigit())}"]
            )
            for job in unknown:
                report = report_on(states.get((job.job_id, str(job.run_folder)), ""))
                if report.state is JobState.GONE:
                    reports[job.token] = report
                elif report.state is JobState.UNKNOWN or not answers[job.token].is_anothers:
                    reports[job.token] = DISAPPEARED
                # Else the two contradict each other: an id that was given out again is the new job's in accounting.
        return reports

    async def find(self, job: JobSpec) -> str | None:
        """The id of the attempt's job as accounting has it, None if it has none or does not exist."""
        states = await self._accounted([f"--name={job.name}"])
        found = [job_id for job_id, folder in states if folder == str(job.run_folder)]
        return found[-1] if found else None

    async def _show(self, jobs: Sequence[JobRef]) -> dict[str, SlurmAnswer]:
        by_id = {job.job_id: job for job in jobs if job.job_id.isdigit()}
        answers = {job.token: SlurmAnswer(is_unknown=True) for job in jobs if not job.job_id.isdigit()}
        if by_id:
            result = await self._transport.run(["env", *UTC_TIMES, "sh", "-c", _SHOW, "mqi-show", *by_id])
            answers |= parse_shown_jobs(result.stdout, by_id)
        return answers

    async def _accounted(self, choice: Sequence[str]) -> Mapping[tuple[str, str], str]:
        """State by (job id, working folder); empty where accounting does not exist or does not answer."""
        if not self._has_accounting or choice[0].endswith("="):
            return {}
        try:
            result = await self._transport.run(
                [
                    *("env", *UTC_TIMES, "sacct", "--allocations", "--noheader", "--parsable2", _REACH),
                    *(f"--format={ACCOUNTING_FORMAT}", *choice),
                ]
            )
        except MqiError:
            return {}
        if result.exit_status != 0:
            self._has_accounting = not _is_missing(result)
            return {}
        return parse_accounting(result.stdout)


def _is_missing(result: CommandResult) -> bool:
    """There is no accounting on this cluster, as against one that does not answer now."""
    return result.exit_status == 127 or "accounting storage is disabled" in result.stderr.lower()
