"""Reads what sbatch, squeue, scontrol and sacct print; what is no answer of theirs on one of our jobs is passed over.

A job is known by the token in its comment, or by its run folder where a site puts a comment of its own there; never by
its id alone: a controller that was killed gives ids out again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mqi_tui.hpc.job_script import job_argument
from mqi_tui.hpc.protocols import JobRef

QUEUE_FORMAT = "%A|%T|%S|%r|%Z|%k|%j"
"""squeue's columns; those that may hold anything come last."""
ACCOUNTING_FORMAT = "JobIDRaw,State,WorkDir"
UTC_TIMES = ("TZ=UTC0", "SLURM_TIME_FORMAT=standard")
"""Environment under which Slurm's commands print times as this module reads them."""

_MARK = "|mqi-job:"
_QUEUE_BEGIN = r"(?P<id>[0-9]+)\|(?P<state>[^|]*)\|(?P<start>[^|]*)"
_MARKED_ROW = re.compile(
    _QUEUE_BEGIN + r"\|(?P<reason>.*?)\|(?P<folder>/.*?|[^|]*)\|mqi-job:(?P<token>[A-Za-z0-9._-]+)(?: .*)?\|[^|]*"
)
# Any row of the account may come here, of any length: nothing in it is tried in more than one way. What is passed over
# for that, as a reason with a bar in it, is still found by its claim or by scontrol.
_UNMARKED_ROW = re.compile(_QUEUE_BEGIN + r"\|(?P<reason>[^|]*)\|(?P<folder>/[^|]*)\|(?P<token>).*\|moqui_[^|]*")
_SECTION = re.compile(r"^mqi-asked ([0-9]+)$", re.MULTILINE)
_JOB_STATE = re.compile(r" JobState=(\S+) Reason=(.*?) Dependency=")
_UNKNOWN_ID = "Invalid job id specified"
_JOB_ID = re.compile(r"([0-9]+)(;[^;\s]+)?")


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """One of our jobs as Slurm tells of it."""

    job_id: str
    token: str
    """Empty where a site has put a comment of its own in its place."""
    folder: str
    """The working folder, which is the run folder of a job of ours."""
    state: str
    """Slurm's word, unread."""
    reason: str
    expected_start: datetime | None
    """UTC."""


@dataclass(frozen=True, slots=True)
class SlurmAnswer:
    """What `scontrol show job` says of one id."""

    is_unknown: bool
    """The controller answered that it has no such job."""
    state: str = ""
    reason: str = ""
    is_anothers: bool = False
    """The id is another job's there."""


def comment_of(token: str, beam_id: str) -> str:
    """The comment that a job carries; raises ValueError for a token that needs quoting."""
    return f"{job_argument(token)} {beam_id}".rstrip()


def parse_job_id(answer: str) -> str | None:
    """The id in `sbatch --parsable`'s answer (`12` or `12;cluster`), None when there is not exactly one."""
    found = {match[1] for line in answer.splitlines() if (match := _JOB_ID.fullmatch(line.strip()))}
    return found.pop() if len(found) == 1 else None


def parse_queue(answer: str) -> list[SlurmJob]:
    """Our jobs in an answer of squeue in QUEUE_FORMAT, and those without a token that have a name like ours."""
    # Not splitlines: a beam's name may hold what Unicode takes for the end of a line.
    rows = ((_MARKED_ROW if _MARK in line else _UNMARKED_ROW).fullmatch(line) for line in answer.split("\n"))
    return [
        SlurmJob(row["id"], row["token"], row["folder"], row["state"], row["reason"], parse_time(row["start"]))
        for row in rows
        if row
    ]


def parse_time(text: str) -> datetime | None:
    """A time that was printed under UTC_TIMES; None for `N/A` and whatever else is none."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def parse_shown_jobs(answer: str, jobs: Mapping[str, JobRef]) -> dict[str, SlurmAnswer]:
    """What `scontrol show job -o` says, by token, where each answer follows a line `mqi-asked ID`.

    `jobs` are those that were asked for, by id. An id that belongs to another job now is unknown; a job that got no
    clear answer is left out.
    """
    answers = {}
    for job_id, section in _sections(answer):
        job = jobs.get(job_id)
        if job is None:
            continue
        shown = [line for line in section.split("\n") if line.startswith("JobId=")]
        if not shown:
            if _UNKNOWN_ID in section:
                answers[job.token] = SlurmAnswer(is_unknown=True)
        elif not _is_of(job, shown[0]):
            answers[job.token] = SlurmAnswer(is_unknown=True, is_anothers=True)
        elif state := _JOB_STATE.search(shown[0]):
            answers[job.token] = SlurmAnswer(is_unknown=False, state=state[1], reason=state[2])
    return answers


def _is_of(job: JobRef, shown: str) -> bool:
    """Whether scontrol shows this job: a plugin of the site may have replaced its comment, but not its run folder."""
    marks = (f"Comment={job_argument(job.token)}", f"WorkDir={job.run_folder}")
    return any(re.search(rf" {re.escape(mark)}( |$)", shown) for mark in marks)


def parse_accounting(answer: str) -> dict[tuple[str, str], str]:
    """State by (job id, working folder) in an answer of `sacct -P` in ACCOUNTING_FORMAT."""
    states = {}
    for line in answer.split("\n"):
        job_id, *rest = line.split("|", 2)
        if len(rest) == 2 and job_id.isascii() and job_id.isdigit():
            states[job_id, rest[1]] = rest[0]
    return states


def _sections(answer: str) -> Iterator[tuple[str, str]]:
    pieces = _SECTION.split(answer)
    return zip(pieces[1::2], pieces[2::2], strict=True)
