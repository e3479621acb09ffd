"""The one status command of a Slurm cluster: all of the user's jobs at once, shared by everybody who asks."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

from mqi_tui.domain.errors import TransientError
from mqi_tui.hpc.protocols import JobRef, JobSpec, Transport
from mqi_tui.hpc.slurm.parse import QUEUE_FORMAT, UTC_TIMES, SlurmJob, parse_queue

# A filter of the login's environment would make jobs disappear. -t all shows those that have ended, too; --me has
# neither ids that may be unknown nor a length that grows with the jobs.
_COMMAND = (
    "env",
    *(
        word
        for name in ("ACCOUNT", "NAMES", "PARTITION", "QOS", "STATES", "USERS")
        for word in ("-u", f"SQUEUE_{name}")
    ),
    *UTC_TIMES,
    *("squeue", "--me", "--states=all", "--noheader", f"--format={QUEUE_FORMAT}"),
)


class QueueAnswer:
    """The user's jobs at one moment."""

    def __init__(self, jobs: Sequence[SlurmJob]) -> None:
        self._of_token: defaultdict[str, list[SlurmJob]] = defaultdict(list)
        self._without_token: defaultdict[str, list[SlurmJob]] = defaultdict(list)
        for job in jobs:
            (self._of_token[job.token] if job.token else self._without_token[job.folder]).append(job)

    def of(self, job: JobRef | JobSpec) -> Sequence[SlurmJob]:
        """Those of this attempt: by its token, or by its run folder where a site has replaced a job's comment."""
        return [*self._of_token.get(job.token, ()), *self._without_token.get(str(job.run_folder), ())]


class SlurmQueue:
    """Asks squeue; callers that come while it answers share the next answer, or the error in its place."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer = QueueAnswer(())
        self._error: TransientError | None = None

    async def jobs(self, since: float) -> QueueAnswer:
        """The user's jobs, as asked at or after `since` (`time.monotonic()`).

        Raises TransientError when squeue gave no answer: no answer is never "no job".
        """
        async with self._asking:
            if self._asked_at < since:
                asked_at = time.monotonic()
                try:
                    self._answer, self._error = await self._ask(), None
                except TransientError as error:
                    self._error = error
                self._asked_at = asked_at
            if self._error is not None:
                raise TransientError(str(self._error)) from self._error
            return self._answer

    async def _ask(self) -> QueueAnswer:
        result = await self._transport.run(_COMMAND)
        if result.exit_status != 0:
            said = " ".join(result.stderr.split())[:300] or "no word"
            raise TransientError(
                f"Slurm does not say how the jobs are (squeue ended with {result.exit_status}): {said}"
            )
        return QueueAnswer(parse_queue(result.stdout))
