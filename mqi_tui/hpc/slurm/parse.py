"""Reads what sbatch, squeue, scontrol and sacct print; what is no answer of theirs on one of our jobs is passed over.

A job is known by the token in its comment, never by its id alone: a controller that was killed gives ids out again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mqi_tui.hpc.job_script import job_argument

QUEUE_FORMAT = "%A|%T|%S|%r|%k|%j"
"""squeue's columns; those that may hold anything come last."""
ACCOUNTING_FORMAT = "JobIDRaw,State,WorkDir"
UTC_TIMES = ("TZ=UTC0", "SLURM_TIME_FORMAT=standard")
"""Environment under which Slurm's commands print times as this module reads them."""

_QUEUE_ROW = re.compile(
    r"(?P<id>[0-9]+)\|(?P<state>[^|]*)\|(?P<start>[^|]*)\|(?P<reason>.*?)"
    r"\|mqi-job:(?P<token>[A-Za-z0-9._-]+)(?: .*)?\|(?P<name>[^|]*)"
)
_SECTION = re.compile(r"^mqi-asked ([0-9]+)$", re.MULTILINE)
_JOB_STATE = re.compile(r" JobState=(\S+) Reason=(.*?) Dependency=")
_UNKNOWN_ID = "Invalid job id specified"
_JOB_ID = re.compile(r"([0-9]+)(;[^;\s]+)?")


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """One of our jobs as Slurm tells of it."""

    job_id: str
    token: str
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


def comment_of(token: str, beam_id: str) -> str:
    """The comment that a job carries; raises ValueError for a token that needs quoting."""
    return f"{job_argument(token)} {beam_id}".rstrip()


def parse_job_id(answer: str) -> str | None:
    """The id in `sbatch --parsable`'s answer (`12` or `12;cluster`), None when there is not exactly one."""
    found = {match[1] for line in answer.splitlines() if (match := _JOB_ID.fullmatch(line.strip()))}
    return found.pop() if len(found) == 1 else None


def parse_queue(answer: str) -> list[SlurmJob]:
    """Our jobs in an answer of squeue in QUEUE_FORMAT."""
    # Not splitlines: a beam's name may hold what Unicode takes for the end of a line.
    rows = (_QUEUE_ROW.fullmatch(line) for line in answer.split("\n"))
    return [
        SlurmJob(row["id"], row["token"], row["state"], row["reason"], parse_time(row["start"])) for row in rows if row
    ]


def parse_time(text: str) -> datetime | None:
    """A time that was printed under UTC_TIMES; None for `N/A` and whatever else is none."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def parse_shown_jobs(answer: str, tokens: dict[str, str]) -> dict[str, SlurmAnswer]:
    """What `scontrol show job -o` says, by token, where each answer follows a line `mqi-asked ID`.

    `tokens` are those of the ids that were asked for. An id that belongs to another job now is unknown; a job that
    got no clear answer is left out.
    """
    answers = {}
    for job_id, section in _sections(answer):
        token = tokens.get(job_id)
        if token is None:
            continue
        shown = [line for line in section.split("\n") if line.startswith("JobId=")]
        if not shown:
            if _UNKNOWN_ID in section:
                answers[token] = SlurmAnswer(is_unknown=True)
        elif not re.search(rf" Comment={re.escape(job_argument(token))}( |$)", shown[0]):
            answers[token] = SlurmAnswer(is_unknown=True)
        elif state := _JOB_STATE.search(shown[0]):
            answers[token] = SlurmAnswer(is_unknown=False, state=state[1], reason=state[2])
    return answers


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
