"""Follows a job that waits or runs: its log by byte offset, its place, and what the scheduler says of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime

from mqi_tui.domain.errors import AccessError, MqiError, TransientError
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.domain.time_left import Pace, TimeLeft
from mqi_tui.hpc.protocols import JobRef, JobReport, JobState
from mqi_tui.moqui.run_log import RunLogParser, RunLogState
from mqi_tui.workflow.context import PlacedJob, WorkflowContext

log = logging.getLogger(__name__)

_LOG_PIECE = 256 * 1024


class LogFollower:
    """Turns what a job shows into the beam's progress and detail; it never decides anything."""

    def __init__(self, beam: BeamRecord, job: JobRef, context: WorkflowContext, *, is_new: bool) -> None:
        """`is_new`: the job has only now been submitted, so that it is seen when it begins."""
        self._beam_id = beam.beam_id
        self._job = job
        self._context = context
        self._parser = RunLogParser(context.settings.engine.profile)
        self._pace = Pace()
        self._offset = 0
        self._is_new = is_new
        self._began_at: float | None = None
        """When it was first seen to compute; None until then, and for a job that may have begun long before."""
        self._place: JobPlace | None = None
        self._report: JobReport | None = None
        self._waits = is_new or beam.job_waits
        """Until it is seen to compute; while nobody can look, what was seen last still holds."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LogFollower:
        self._task = asyncio.create_task(self._follow(), name=f"log of {self._beam_id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def read_to_end(self) -> RunLogState:
        """Stop following and read what is left of the log of a job that is over.

        Raises TransientError as long as nobody is let at the log: without it nothing is said of the job.
        """
        await self._stop()
        try:
            while await self._read_piece():
                pass
        except AccessError as error:
            raise TransientError(str(error)) from error
        return self._parser.state

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        self._context.jobs.drop(self._beam_id)
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: a defect while its job was followed", self._beam_id, exc_info=error)

    async def _follow(self) -> None:
        while True:
            # The monitor forgets a job while nobody waits for it; what it said last still holds.
            self._report = self._context.remote.monitor.report(self._job.token) or self._report
            if self._report is None or self._report.state is not JobState.PENDING:
                with contextlib.suppress(MqiError):  # the job monitor is the one that says "unreachable since"
                    await self._look()
            detail = describe(self._report, self._place, datetime.now(UTC))
            fraction = self._parser.state.fraction or 0.0
            self._tell_time_left()
            self._context.progress.report(
                self._beam_id, BeamStatus.HPC_RUNNING, fraction, detail, job_waits=self._is_waiting()
            )
            await asyncio.sleep(self._context.settings.hpc.poll_interval_seconds)

    def _is_waiting(self) -> bool:
        state = None if self._report is None else self._report.state
        if state is JobState.PENDING:
            self._waits = True
        elif state is JobState.RUNNING or self._place is not None:
            self._waits = False
        return self._waits

    def _tell_time_left(self) -> None:
        now = time.monotonic()
        if self._parser.state.fraction is not None:
            self._pace.note(self._parser.state.fraction, now)
        # A job that had a pace and stands still is no quicker for what others did.
        left = self._pace.left(now) if self._pace.is_known else self._usual_time_left(now)
        self._context.jobs.tell_time_left(self._beam_id, left)

    def _usual_time_left(self, now: float) -> TimeLeft | None:
        """As other beams took, while it has no pace of its own."""
        if self._place is None or not self._is_new:
            return None
        if self._began_at is None:
            self._began_at = now
        return self._context.compute_times.left(self._place.host, now - self._began_at)

    async def _look(self) -> None:
        if self._place is None:
            self._place = await self._context.remote.place(self._job.run_folder)
            if self._place is not None:
                self._context.jobs.show(self._beam_id, PlacedJob(self._job.run_folder, self._place))
        while await self._read_piece():
            pass

    async def _read_piece(self) -> bool:
        data = await self._context.remote.read_log(self._job.run_folder, self._offset, _LOG_PIECE)
        self._parser.feed(data)
        self._offset += len(data)
        return len(data) == _LOG_PIECE


def describe(report: JobReport | None, place: JobPlace | None, now: datetime) -> str:
    """A few words on a job: what it waits for and until when (UTC), or where it computes."""
    if report is not None and report.state is JobState.PENDING:
        words = (
            f"waits in the scheduler's queue ({report.reason})" if report.reason else "waits in the scheduler's queue"
        )
        start = report.expected_start
        if start is None or start <= now:
            return words
        day = "" if start.date() == now.date() else f"{start:%Y-%m-%d} "
        return f"{words}, expected to start at {day}{start:%H:%M} UTC"
    where = "" if place is None else str(place)
    return "; ".join(filter(None, (where, report.reason if report is not None else "")))
