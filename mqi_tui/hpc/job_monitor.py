"""Follows all live jobs with one question to the scheduler per interval, whatever their number."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from mqi_tui.domain.errors import MqiError, defect_words
from mqi_tui.hpc.protocols import JobRef, JobReport, JobState, Scheduler

log = logging.getLogger(__name__)


class JobMonitor:
    """Asks for all jobs that someone waits for; `async with` owns its task.

    While the scheduler cannot be asked, for whatever reason, the last reports stand, nothing ends, and the pause
    between tries grows from `first_pause` to `longest_pause` seconds.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        interval: float,
        first_pause: float,
        longest_pause: float,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """`on_change` is called in the event loop after a round in which a report or reachability changed."""
        self._scheduler = scheduler
        self._interval = interval
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._on_change = on_change
        self._waiting: dict[str, tuple[JobRef, set[asyncio.Future[JobReport]]]] = {}
        self._reports: dict[str, JobReport] = {}
        self._work_there = asyncio.Event()
        self._ask_now = asyncio.Event()
        self._held_up = 0
        self._returned = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unreachable_since: datetime | None = None
        self._unreachable_reason = ""

    @property
    def unreachable_since(self) -> datetime | None:
        """When the scheduler stopped answering (UTC); None while it answers."""
        return self._unreachable_since

    @property
    def unreachable_reason(self) -> str:
        """What went wrong at the last try; empty while the scheduler answers."""
        return self._unreachable_reason

    def report(self, token: str) -> JobReport | None:
        """The last known report on a job that is waited for."""
        return self._reports.get(token)

    async def wait_for_end(self, job: JobRef) -> JobReport:
        """The report that proves the job GONE; any number of callers may wait, each may be cancelled.

        Raises RuntimeError if the monitor is not running.
        """
        if self._task is None or self._task.done():
            raise RuntimeError("the job monitor is not running")
        end: asyncio.Future[JobReport] = asyncio.get_running_loop().create_future()
        _, waiters = self._waiting.setdefault(job.token, (job, set()))
        waiters.add(end)
        self._work_there.set()
        try:
            return await end
        finally:
            waiters.discard(end)
            if not waiters and self._waiting.get(job.token, (None, None))[1] is waiters:
                del self._waiting[job.token]
                self._reports.pop(job.token, None)

    async def wait_for_return(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as the scheduler answers again after an outage; it is asked meanwhile."""
        self._held_up += 1
        self._work_there.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._returned.wait()
        finally:
            self._held_up -= 1

    def ask_now(self) -> None:
        """End the pause after a question without an answer: the way to the scheduler is open again."""
        self._ask_now.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name="job monitor")
        self._task.add_done_callback(self._release_waiters)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        pause = self._first_pause
        while True:
            if not self._waiting and not self._held_up:
                self._work_there.clear()
                await self._work_there.wait()
            try:
                await self._ask()
            except Exception as error:
                self._unreachable_since = self._unreachable_since or datetime.now(UTC)
                self._unreachable_reason = str(error) if isinstance(error, MqiError) else defect_words(error)
                if not isinstance(error, MqiError):
                    log.exception("the scheduler's answer met a defect")
                self._changed()
                self._ask_now.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._ask_now.wait()
                pause = min(2 * pause, self._longest_pause)
            else:
                pause = self._first_pause
                await asyncio.sleep(self._interval)

    async def _ask(self) -> None:
        jobs = [job for job, _ in self._waiting.values()]
        answers = await self._scheduler.poll(jobs)
        news = self._unreachable_since is not None
        if news:
            self._unreachable_since = None
            self._unreachable_reason = ""
            self._returned.set()
            self._returned = asyncio.Event()
        for token, answer in answers.items():
            if token not in self._waiting or answer.state is JobState.UNKNOWN:
                continue
            news = news or self._reports.get(token) != answer
            self._reports[token] = answer
            if answer.state is JobState.GONE:
                _resolve(self._waiting[token][1], answer)
        if news:
            self._changed()

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()

    def _release_waiters(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        for _, waiters in self._waiting.values():
            _fail(waiters, error or RuntimeError("the job monitor has been closed"))


def _resolve(waiters: set[asyncio.Future[JobReport]], report: JobReport) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(report)


def _fail(waiters: set[asyncio.Future[JobReport]], error: BaseException) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(error)
