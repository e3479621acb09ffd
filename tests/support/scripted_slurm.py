"""A local transport whose Slurm commands are answered by a script, for what a real cluster cannot be made to say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from mqi_tui.domain.errors import TransientError
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import CommandResult

CONNECT_FAILURE = CommandResult(1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
TIMED_OUT = CommandResult(1, "", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")


@dataclass
class ScriptedJob:
    job_id: str
    comment: str
    folder: str
    state: str = "RUNNING"
    reason: str = "None"
    is_shown: bool = True
    """squeue and scontrol know it."""

    @property
    def row(self) -> str:
        return f"{self.job_id}|{self.state}|N/A|{self.reason}|{self.folder}|{self.comment}|moqui_case_beam"


@dataclass
class ScriptedSlurm(LocalTransport):
    jobs: list[ScriptedJob] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    """The names of the programs that were run."""
    answers: dict[str, CommandResult | Exception] = field(default_factory=dict)
    """What a program answers in place of its own answer, by its name."""
    keeps_comments: bool = True
    """No plugin of the site replaces a job's comment by one of its own."""
    takes_job: bool = True
    """sbatch hands the job over, whatever it answers."""
    cancelled: list[str] = field(default_factory=list)
    last_sbatch: list[str] = field(default_factory=list)
    accounting: str = ""
    """What sacct prints."""

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:  # noqa: ARG002
        program = next(word for word in arguments if word in {"sbatch", "squeue", "scancel", "sacct", "mqi-show"})
        self.commands.append(program)
        # A real program takes its time, too.
        await asyncio.sleep(0.01)
        own = self._own_answer(program, list(arguments))
        answer = self.answers.get(program, own)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _own_answer(self, program: str, arguments: list[str]) -> CommandResult:
        if program == "sbatch":
            return self._sbatch(arguments)
        if program == "squeue":
            return CommandResult(0, "".join(f"{job.row}\n" for job in self.jobs if job.is_shown), "")
        if program == "mqi-show":
            return self._show(arguments)
        if program == "scancel":
            self.cancelled += arguments[1:]
            return CommandResult(0, "", "")
        if not self.accounting:
            return CommandResult(1, "", "Slurm accounting storage is disabled\n")
        return CommandResult(0, self.accounting, "")

    def _sbatch(self, arguments: list[str]) -> CommandResult:
        self.last_sbatch = arguments
        if self.takes_job:
            options = dict(word.split("=", 1) for word in arguments if word.startswith("--") and "=" in word)
            comment = options["--comment"] if self.keeps_comments else "cost centre 12"
            self.jobs.append(ScriptedJob(str(len(self.jobs) + 1), comment, options["--chdir"]))
        return CommandResult(0, f"{len(self.jobs)}\n", "")

    def _show(self, arguments: list[str]) -> CommandResult:
        answer = ""
        for job_id in arguments[arguments.index("mqi-show") + 1 :]:
            answer += f"mqi-asked {job_id}\n"
            shown = [job for job in self.jobs if job.is_shown and job.job_id == job_id]
            for job in shown:
                answer += (
                    f"JobId={job_id} JobState={job.state} Reason=None Dependency=(null) WorkDir={job.folder} "
                    f"Comment={job.comment} \n"
                )
            if not shown:
                answer += "slurm_load_jobs error: Invalid job id specified\n"
        return CommandResult(1, answer, "")


def lost() -> TransientError:
    return TransientError("connection lost")
