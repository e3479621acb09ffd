"""How a job is handed to sbatch, what its refusals mean, and the note in the run folder that a hand-over has begun."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mqi_tui.config.hpc_settings import SlurmSettings
from mqi_tui.domain.errors import ConfigError
from mqi_tui.hpc.job_script import job_argument
from mqi_tui.hpc.protocols import JobSpec
from mqi_tui.hpc.slurm.parse import comment_of

SUBMISSION_NAME = "submission"
"""The note, in the run folder."""
OUTPUT_NAME = "job.out"
"""What the job script itself and Slurm print, in the run folder; the engine's output is in the simulation log."""

_REFUSALS = (
    r"invalid (account|partition|qos|generic resource|feature|option|--\S+|node|constraint|.*specification)",
    r"unrecognized option|requires an argument|ambiguous",
    r"requested node configuration is not available",
    r"memory specification can not be satisfied",
    r"requested (reservation is invalid|time limit is invalid|partition configuration not available)",
    r"access/permission denied|not permitted|not authorized",
    r"unable to open file|batch script (is empty|contains)|does not specify an interpreter|dos line breaks",
)
_REFUSAL = re.compile("|".join(_REFUSALS), re.IGNORECASE)
# A sentence of the controller's connection may hold the word "invalid", too.
_CONNECTION = re.compile(r"credential|authentication|protocol|timed out|contact|connect", re.IGNORECASE)


class SubmissionState(StrEnum):
    BEGUN = "begun"
    """sbatch may still be at it."""
    UNKNOWN = "unknown"
    """sbatch has ended without an id; Slurm may have the job all the same."""
    REFUSED = "refused"
    """Slurm did not take the job."""


@dataclass(frozen=True, slots=True)
class Submission:
    token: str
    state: SubmissionState
    at: datetime
    """UTC, by this program's clock."""

    def render(self) -> bytes:
        return f"{self.token} {self.state.value} {self.at.isoformat()}\n".encode()

    @classmethod
    def begin(cls, token: str) -> Submission:
        return cls(token, SubmissionState.BEGUN, datetime.now(UTC))

    @classmethod
    def parse(cls, content: bytes) -> Submission | None:
        """None for an empty or damaged note."""
        try:
            token, state, at = content.decode().split()
            time = datetime.fromisoformat(at)
            return cls(token, SubmissionState(state), time) if time.tzinfo is not None else None
        except ValueError:
            return None


def extra_options(lines: Sequence[str]) -> list[str]:
    """The words of further `#SBATCH` lines; raises ConfigError for one that a shell could not read."""
    words: list[str] = []
    for line in lines:
        try:
            words += shlex.split(line.strip().removeprefix("#SBATCH"), comments=True)
        except ValueError as error:
            raise ConfigError(f"hpc.slurm.extra_lines: {line!r} cannot be read ({error}).") from None
    return words


def asked_options(settings: SlurmSettings) -> list[str]:
    """What each job asks for, as words of sbatch and srun alike."""
    asked = {
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "time": settings.time_limit,
        "mem": settings.memory,
        "cpus-per-task": str(settings.cpus or ""),
        "gres": settings.gres,
        "constraint": settings.constraint,
        "reservation": settings.reservation,
    }
    return [f"--{option}={value}" for option, value in asked.items() if value]


def sbatch_command(job: JobSpec, settings: SlurmSettings, extra: Sequence[str]) -> list[str]:
    """The command line; what makes the job this attempt's comes last, so that no line of the site replaces it."""
    return [
        # The whole environment goes along, as for a job of the site's own; these would speak of another GPU.
        *("env", "-u", "MQI_GPU_ID", "-u", "MQI_JOB_TOKEN", "-u", "CUDA_VISIBLE_DEVICES"),
        *("sbatch", "--export=ALL"),
        *asked_options(settings),
        *extra,
        *("--parsable", "--no-requeue", "--open-mode=append", f"--output={OUTPUT_NAME}"),
        f"--job-name={job.name}",
        f"--comment={comment_of(job.token, job.beam_id)}",
        f"--chdir={job.run_folder}",
        *(str(job.script), job_argument(job.token)),
    ]


def is_refusal(text: str) -> bool:
    """Whether sbatch's words say that Slurm looked at the job and will never take it as it is."""
    return _REFUSAL.search(text) is not None and _CONNECTION.search(text) is None
