"""The scheduler without a batch system: each job is a detached process in a session of its own.

A job is known by its token, which stands in its command line and its environment, and by the claim it makes in its run
folder. A process id alone proves nothing, since ids are given out again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.job_script import CLAIM_NAME, CLAIM_PID_NAME, job_argument
from mqi_tui.hpc.protocols import JobRef, JobReport, JobSpec, JobState, Transport

NEVER_RAN = "none"
"""Job id of a job that made its claim and died before it could write its process id there."""
OUTPUT_NAME = "job.out"
"""What the job script itself prints, in the run folder; the engine's output is in the simulation log."""

_RECORD_GRACE = 2.0
"""Seconds that a job script has for its exit record after its engine was killed."""

# $0 marks the launcher in the process table until the job has taken over.
_LAUNCH = r"""
cd -- "$1" || exit 1
umask 077
MQI_GPU_ID=$4
export MQI_GPU_ID
if command -v setsid >/dev/null 2>&1; then
    setsid sh "$2" "$3" </dev/null >>job.out 2>&1 &
elif command -v perl >/dev/null 2>&1; then
    perl -MPOSIX -e 'POSIX::setsid(); exec @ARGV' sh "$2" "$3" </dev/null >>job.out 2>&1 &
else
    echo "neither setsid nor perl is installed there, and a job needs one of them to outlive this program" >&2
    exit 1
fi
"""

# Slim containers have no ps; /proc then says the same.
_TABLE = r"""
LC_ALL=C
export LC_ALL
if command -v ps >/dev/null 2>&1; then
    exec ps -A -ww -o pid= -o pgid= -o sess= -o stat= -o args=
fi
for folder in /proc/[0-9]*; do
    { read -r line <"$folder/stat" && words=$(tr '\0\n' '  ' <"$folder/cmdline"); } 2>/dev/null || continue
    set -- ${line##*) }
    printf '%s %s %s %s %s\n' "${folder#/proc/}" "$3" "$4" "$1" "$words"
done
"""

_SIGNAL = r"""kill -s "$@" """

# Prints the processes that carry the token in their environment, out of those given.
_OF_JOB = r"""
token=$1
shift
for pid; do
    if [ -r "/proc/$pid/environ" ]; then
        tr '\0' '\n' <"/proc/$pid/environ"
    else
        ps eww -o command= -p "$pid" | tr ' ' '\n'
    fi 2>/dev/null | grep -qxF "MQI_JOB_TOKEN=$token" && echo "$pid"
done
true
"""


@dataclass(frozen=True, slots=True)
class _Process:
    pid: str
    group: str
    session: str
    command_line: str

    def has_word(self, word: str) -> bool:
        return f" {word} " in f" {self.command_line} "


class DirectScheduler:
    """Implements `Scheduler` with `sh`, `setsid` and the process table of the machine behind any transport."""

    def __init__(self, transport: Transport, *, start_timeout: float = 20.0, kill_grace: float = 10.0) -> None:
        """`start_timeout`: seconds until a started job has made its claim; `kill_grace`: from TERM to KILL."""
        self._transport = transport
        self._start_timeout = start_timeout
        self._kill_grace = kill_grace

    def device_index(self, slot: int) -> int:
        return slot

    def slots(self, gpu_count: int) -> int:
        return gpu_count

    async def submit(self, job: JobSpec) -> str:
        if (job_id := await self.find(job)) is not None:
            return job_id
        result = await self._transport.run(
            [
                *("sh", "-c", _LAUNCH, _launch_argument(job.token)),
                *(str(job.run_folder), str(job.script), job_argument(job.token), str(job.gpu_id)),
            ]
        )
        if result.exit_status != 0:
            error = TransientError if "fork" in result.stderr.lower() else PermanentError
            raise error(f"The job {job.name} cannot be started in {job.run_folder}: {result.stderr.strip()}.")
        job_id = await self.find(job)
        if job_id is None:
            said = (await self._transport.read(job.run_folder / OUTPUT_NAME, 0, 2000)).decode(errors="replace").strip()
            raise PermanentError(f"The job {job.name} ended before it began, in {job.run_folder}: {said or 'no word'}.")
        return job_id

    async def find(self, job: JobSpec) -> str | None:
        """As `Scheduler.find`; waits for a job that was started and has not made its claim yet."""
        if await self._transport.stat(job.run_folder) is None:
            return None
        deadline = time.monotonic() + self._start_timeout
        words = (job_argument(job.token), _launch_argument(job.token))
        last_look: bool | None = None
        while True:
            # The claim is looked at before the processes: a job may make it and end between the two looks.
            is_claimed = await self._transport.stat(job.run_folder / CLAIM_NAME) is not None
            if (pid := await self._claim(job)) is not None:
                return pid
            table = await self._table()
            is_running = any(process.has_word(word) for process in table for word in words)
            # A launcher may hand over to its job behind the back of one look; two without a process must agree.
            if not is_running and is_claimed == last_look:
                return NEVER_RAN if is_claimed else None
            if time.monotonic() > deadline:
                raise TransientError(
                    f"The job {job.name} was started, but has made no claim in {job.run_folder} "
                    f"within {self._start_timeout:g} s."
                )
            last_look = None if is_running else is_claimed
            await asyncio.sleep(0.05)

    async def poll(self, jobs: Sequence[JobRef]) -> dict[str, JobReport]:
        table = await self._table()
        reports = {}
        for job in jobs:
            if any(process.has_word(job_argument(job.token)) for process in table):
                reports[job.token] = JobReport(JobState.RUNNING)
            elif left := await self._left_over(job, table):
                # As a batch system does: what a job leaves behind would go on using its GPU.
                await self._signal("KILL", left)
                reason = f"its job script is gone; ending the {len(left)} processes it left"
                reports[job.token] = JobReport(JobState.RUNNING, reason)
            else:
                reports[job.token] = JobReport(JobState.GONE)
        return reports

    async def cancel(self, job: JobRef) -> None:
        """As `Scheduler.cancel`: TERM to every process of the job, after the grace KILL; returns when it has ended.

        KILL first spares the job script, so that it can still write the exit record of an engine that ignores TERM.
        """
        script = job_argument(job.token)
        await self._signal("TERM", await self._processes(job))
        left = await self._wait_for_end(job, self._kill_grace)
        await self._signal("KILL", [process for process in left if not process.has_word(script)])
        left = await self._wait_for_end(job, _RECORD_GRACE)
        await self._signal("KILL", left)
        await self._wait_for_end(job, _RECORD_GRACE)

    async def _wait_for_end(self, job: JobRef, seconds: float) -> list[_Process]:
        """Wait until the job has no process any more; what is left of it after `seconds`."""
        deadline = time.monotonic() + seconds
        left = await self._processes(job)
        while left and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            left = await self._processes(job)
        return left

    async def _claim(self, job: JobSpec) -> str | None:
        pid = (await self._transport.read(job.run_folder / CLAIM_NAME / CLAIM_PID_NAME, 0, 32)).decode().strip()
        return pid or None

    async def _table(self) -> list[_Process]:
        """All processes but those that have ended and wait to be collected (state Z)."""
        result = await self._transport.run(["sh", "-c", _TABLE, "mqi-processes"])
        processes = []
        for line in result.stdout.splitlines():
            with suppress(ValueError):
                pid, group, session, state, command_line = line.split(maxsplit=4)
                if pid.isdigit() and not state.startswith("Z"):
                    processes.append(_Process(pid, group, session, command_line))
        if result.exit_status != 0 or not processes:
            raise TransientError(f"The process table cannot be read: {result.stderr.strip() or 'it is empty'}.")
        return processes

    async def _processes(self, job: JobRef) -> list[_Process]:
        table = await self._table()
        scripts = [process for process in table if process.has_word(job_argument(job.token))]
        if not scripts:
            return await self._left_over(job, table)
        return [*scripts, *(process for process in _session(job, table) if process not in scripts)]

    async def _left_over(self, job: JobRef, table: Sequence[_Process]) -> list[_Process]:
        """What is left of a job whose script is gone, proven by the token in the environment."""
        candidates = _session(job, table)
        if not candidates or any(process.pid == job.job_id for process in candidates):
            return []
        arguments = ["sh", "-c", _OF_JOB, "mqi-left-over", job.token, *(process.pid for process in candidates)]
        proven = (await self._transport.run(arguments)).stdout.split()
        return [process for process in candidates if process.pid in proven]

    async def _signal(self, name: str, processes: Sequence[_Process]) -> None:
        # Whether it worked is for the next look at the table to say: some may have ended meanwhile.
        if processes:
            await self._transport.run(["sh", "-c", _SIGNAL, "mqi-signal", name, *(one.pid for one in processes)])


def _launch_argument(token: str) -> str:
    return f"mqi-launch:{token}"


def _session(job: JobRef, table: Sequence[_Process]) -> list[_Process]:
    """The processes in the job's session or process group (macOS shows no session numbers)."""
    return [process for process in table if job.job_id in {process.session, process.group}]
