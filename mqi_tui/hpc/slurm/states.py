"""Slurm's words for the state of a job, as reports: what lives, what is over, and why."""

from __future__ import annotations

from datetime import datetime

from mqi_tui.hpc.protocols import JobReport, JobState

_WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"})
_AT_WORK = frozenset(
    {
        *("RUNNING", "COMPLETING", "CONFIGURING", "EXPEDITING", "POWER_UP_NODE", "RESIZING", "SIGNALING"),
        *("STAGE_OUT", "STOPPED", "SUSPENDED"),
    }
)

_ENDED_BY_SLURM = {
    "BOOT_FAIL": "its node did not boot (BOOT_FAIL)",
    "LAUNCH_FAILED": "Slurm could not start it on its node (LAUNCH_FAILED)",
    "NODE_FAIL": "its node failed (NODE_FAIL)",
    "PREEMPTED": "Slurm took its GPU for another job (PREEMPTED)",
    "RECONFIG_FAIL": "its node could not be set up (RECONFIG_FAIL)",
}
"""Another attempt may well succeed."""

_ENDED_FOR_GOOD = {
    "CANCELLED": "it was cancelled in Slurm, outside this program; retry the beam if that was a mistake",
    "DEADLINE": "Slurm ended it at its deadline; look at hpc.slurm.extra_lines",
    "OUT_OF_MEMORY": "Slurm ended it because it used more memory than it may; raise hpc.slurm.memory",
    "TIMEOUT": "Slurm ended it at its time limit; raise hpc.slurm.time_limit",
}
"""Another attempt would meet the same, or a person wanted it so."""

_NEVER_STARTED = frozenset({"JobLaunchFailure", "launch_failure"})
_UNSATISFIABLE = "BadConstraints"

DISAPPEARED = JobReport(
    JobState.GONE, "Slurm does not know it any more: its controller has lost it, or it ended too long ago"
)


def report_on(state: str, reason: str = "", expected_start: datetime | None = None) -> JobReport:
    """What Slurm's word `state` says; an unknown one says nothing.

    Only its first word counts (`CANCELLED by 1000`). `reason` is Slurm's own word for why the job waits or failed.
    """
    word = first_word(state)
    if reason in {"None", "(null)"}:
        reason = ""
    if word in _WAITING:
        return JobReport(JobState.PENDING, reason or word.lower(), expected_start=expected_start)
    if word in _AT_WORK:
        return JobReport(JobState.RUNNING, "" if word in {"RUNNING", "COMPLETING"} else word.lower())
    if word in _ENDED_BY_SLURM:
        return JobReport(JobState.GONE, _ENDED_BY_SLURM[word])
    if word in _ENDED_FOR_GOOD:
        return JobReport(JobState.GONE, _ENDED_FOR_GOOD[word], is_final=True)
    if word in {"COMPLETED", "FAILED"}:
        return _ended_by_itself(reason)
    return JobReport(JobState.UNKNOWN, f"Slurm calls its state {word[:40]}" if word else "")


def first_word(state: str) -> str:
    """sacct writes `CANCELLED by 1000`, and `CANCELLED+` where it cuts a column."""
    words = state.split()
    return words[0].rstrip("+").upper() if words else ""


def _ended_by_itself(reason: str) -> JobReport:
    if reason == _UNSATISFIABLE:
        sentence = "Slurm has no node that could ever give it what hpc.slurm asks for (BadConstraints)"
        return JobReport(JobState.GONE, sentence, is_final=True)
    if reason in _NEVER_STARTED:
        return JobReport(JobState.GONE, f"its script could not start, or was killed on its node ({reason})")
    # The exit code is the job's own: the exit record says more than Slurm does.
    return JobReport(JobState.GONE)
