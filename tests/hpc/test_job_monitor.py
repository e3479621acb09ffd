"""The job monitor: one question for all jobs, waiting that disturbs nobody, outages that end nothing."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.job_monitor import JobMonitor
from mqi_tui.hpc.protocols import JobRef, JobReport, JobSpec, JobState
from tests.support.jobs import until


class ScriptedScheduler:
    """A scheduler whose answers the test sets; an exception among them is raised."""

    def __init__(self) -> None:
        self.answers: dict[str, JobReport] = {}
        self.error: Exception | None = None
        self.asked: list[tuple[str, ...]] = []

    def device_index(self, slot: int) -> int:
        return slot

    def slots(self, gpu_count: int) -> int:
        return gpu_count

    async def submit(self, job: JobSpec) -> str:
        raise NotImplementedError

    async def find(self, job: JobSpec) -> str | None:
        raise NotImplementedError

    async def cancel(self, job: JobRef) -> None:
        raise NotImplementedError

    async def poll(self, jobs: Sequence[JobRef]) -> dict[str, JobReport]:
        self.asked.append(tuple(job.token for job in jobs))
        if self.error is not None:
            raise self.error
        running = JobReport(JobState.RUNNING)
        return {job.token: self.answers.get(job.token, running) for job in jobs}


@asynccontextmanager
async def monitoring(scheduler: ScriptedScheduler, interval: float = 0.01) -> AsyncIterator[JobMonitor]:
    async with JobMonitor(scheduler, interval=interval, first_pause=0.01, longest_pause=0.04) as monitor:
        yield monitor


def job(token: str) -> JobRef:
    return JobRef("1", token, PurePosixPath("/hpc/run"))


def gone(*tokens: str) -> dict[str, JobReport]:
    return {token: JobReport(JobState.GONE) for token in tokens}


async def until_asked_again(scheduler: ScriptedScheduler, times: int = 3) -> None:
    before = len(scheduler.asked)
    await until(lambda: len(scheduler.asked) >= before + times, "the scheduler was asked again")


async def test_each_waiter_returns_when_its_own_job_is_gone() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor, asyncio.TaskGroup() as tasks:
        first, second = (tasks.create_task(monitor.wait_for_end(job(token))) for token in ("a", "b"))
        await until_asked_again(scheduler)
        assert not first.done()
        scheduler.answers = gone("a")
        await first
        await until_asked_again(scheduler)
        assert not second.done()
        scheduler.answers = gone("b")


async def test_forty_jobs_are_one_question_an_interval() -> None:
    scheduler = ScriptedScheduler()
    tokens = [f"t{number}" for number in range(40)]
    async with monitoring(scheduler, interval=0.05) as monitor, asyncio.TaskGroup() as tasks:
        for token in tokens:
            tasks.create_task(monitor.wait_for_end(job(token)))
        await until_asked_again(scheduler)
        assert [sorted(asked) for asked in scheduler.asked] == [sorted(tokens)] * len(scheduler.asked)
        scheduler.answers = gone(*tokens)


async def test_nothing_is_asked_while_nobody_waits() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor:
        await asyncio.sleep(0.05)
        assert scheduler.asked == []
        scheduler.answers = gone("a")
        await monitor.wait_for_end(job("a"))
        asked = len(scheduler.asked)
        await asyncio.sleep(0.05)
        assert len(scheduler.asked) == asked


async def test_cancelling_one_waiter_does_not_disturb_the_others() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor, asyncio.TaskGroup() as tasks:
        cancelled, same_job, other = (tasks.create_task(monitor.wait_for_end(job(token))) for token in ("a", "a", "b"))
        await until_asked_again(scheduler)
        cancelled.cancel()
        await until_asked_again(scheduler)
        assert cancelled.cancelled()
        assert not same_job.done()
        assert not other.done()
        scheduler.answers = gone("a", "b")


async def test_the_last_report_can_be_read_while_the_job_is_followed() -> None:
    scheduler = ScriptedScheduler()
    waiting = JobReport(JobState.PENDING, "Resources")
    scheduler.answers = {"a": waiting}
    async with monitoring(scheduler) as monitor, asyncio.TaskGroup() as tasks:
        tasks.create_task(monitor.wait_for_end(job("a")))
        await until(lambda: monitor.report("a") == waiting, "the report is there")
        scheduler.answers = gone("a")
    assert monitor.report("a") is None


@pytest.mark.parametrize("state", [JobState.UNKNOWN, JobState.PENDING])
async def test_what_is_not_gone_is_not_the_end(state: JobState) -> None:
    scheduler = ScriptedScheduler()
    scheduler.answers = {"a": JobReport(state)}
    async with monitoring(scheduler) as monitor, asyncio.TaskGroup() as tasks:
        waiter = tasks.create_task(monitor.wait_for_end(job("a")))
        await until_asked_again(scheduler)
        assert not waiter.done()
        scheduler.answers = gone("a")


async def test_an_unknown_state_keeps_the_last_known_one() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor, asyncio.TaskGroup() as tasks:
        tasks.create_task(monitor.wait_for_end(job("a")))
        await until(lambda: monitor.report("a") is not None, "the first report is there")
        scheduler.answers = {"a": JobReport(JobState.UNKNOWN)}
        await until_asked_again(scheduler)
        assert monitor.report("a") == JobReport(JobState.RUNNING)
        scheduler.answers = gone("a")


async def test_an_outage_ends_nothing_says_since_when_and_passes() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor, asyncio.TaskGroup() as tasks:
        waiter = tasks.create_task(monitor.wait_for_end(job("a")))
        await until(lambda: monitor.report("a") is not None, "the first report is there")
        before = datetime.now(UTC)
        scheduler.error = TransientError("connection refused")
        await until(lambda: monitor.unreachable_since is not None, "the outage is noticed")
        since = monitor.unreachable_since
        await until_asked_again(scheduler)

        assert since is not None
        assert since >= before
        assert monitor.unreachable_since == since
        assert monitor.unreachable_reason == "connection refused"
        assert monitor.report("a") == JobReport(JobState.RUNNING)
        assert not waiter.done()

        scheduler.error = None
        await until(lambda: monitor.unreachable_since is None, "the outage is over")
        assert monitor.unreachable_reason == ""
        scheduler.answers = gone("a")


async def test_the_pause_between_tries_grows_to_the_longest() -> None:
    times: list[float] = []

    class Timed(ScriptedScheduler):
        async def poll(self, jobs: Sequence[JobRef]) -> dict[str, JobReport]:
            times.append(time.monotonic())
            return await super().poll(jobs)

    scheduler = Timed()
    scheduler.error = TransientError("down")
    # The interval is never waited for: it is longer than the test's patience.
    async with JobMonitor(scheduler, interval=900.0, first_pause=0.05, longest_pause=0.2) as monitor:
        waiter = asyncio.create_task(monitor.wait_for_end(job("a")))
        await until(lambda: len(times) == 6, "six tries")
        waiter.cancel()
    pauses = [after - before for before, after in itertools.pairwise(times)]
    for pause, least in zip(pauses, [0.05, 0.1, 0.2, 0.2, 0.2], strict=True):
        assert pause >= 0.9 * least


async def test_who_waits_is_told_how_the_job_ended() -> None:
    scheduler = ScriptedScheduler()
    end = JobReport(JobState.GONE, "its node failed")
    scheduler.answers = {"a": end}
    async with monitoring(scheduler) as monitor:
        assert await monitor.wait_for_end(job("a")) == end


async def test_a_pause_ends_as_soon_as_the_scheduler_answers_again() -> None:
    scheduler = ScriptedScheduler()
    scheduler.error = TransientError("down")
    async with monitoring(scheduler) as monitor, asyncio.TaskGroup() as tasks:
        # Nobody waits for a job: the pauses alone have the scheduler asked.
        pauses = [tasks.create_task(monitor.wait_for_return(600.0)) for _ in range(3)]
        await until(lambda: monitor.unreachable_since is not None, "the outage is noticed")
        await until_asked_again(scheduler)
        assert not any(pause.done() for pause in pauses)
        scheduler.error = None
        async with asyncio.timeout(5.0):
            await asyncio.gather(*pauses)
    assert set(scheduler.asked) == {()}


async def test_whoever_opens_the_way_again_ends_the_pause_between_two_tries() -> None:
    scheduler = ScriptedScheduler()
    scheduler.error = TransientError("down")
    async with JobMonitor(scheduler, interval=0.01, first_pause=600.0, longest_pause=600.0) as monitor:
        pause = asyncio.create_task(monitor.wait_for_return(600.0))
        await until(lambda: monitor.unreachable_since is not None, "the outage is noticed")
        scheduler.error = None
        monitor.ask_now()
        async with asyncio.timeout(5.0):
            await pause
    assert monitor.unreachable_since is None


async def test_a_pause_lasts_its_time_while_the_scheduler_answers() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor:
        pause = asyncio.create_task(monitor.wait_for_return(600.0))
        await until_asked_again(scheduler)
        assert not pause.done()
        pause.cancel()
        await monitor.wait_for_return(0.01)


async def test_the_scheduler_is_not_asked_any_more_when_the_last_pause_is_over() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor:
        await monitor.wait_for_return(0.05)
        await asyncio.sleep(0.05)
        asked = len(scheduler.asked)
        await asyncio.sleep(0.1)
        assert len(scheduler.asked) == asked


async def test_changes_are_told() -> None:
    scheduler = ScriptedScheduler()
    seen: list[datetime | None] = []
    async with (
        JobMonitor(
            scheduler,
            interval=0.01,
            first_pause=0.01,
            longest_pause=0.01,
            on_change=lambda: seen.append(monitor.unreachable_since),
        ) as monitor,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(monitor.wait_for_end(job("a")))
        await until(lambda: seen == [None], "the first report is told")
        await until_asked_again(scheduler)
        assert seen == [None]
        scheduler.error = TransientError("down")
        await until(lambda: seen[-1] is not None, "the outage is told")
        scheduler.error = None
        scheduler.answers = gone("a")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermanentError("not allowed"), "not allowed"),
        (ValueError("no number"), r"a defect in mqi-tui \(ValueError: no number\)"),
    ],
)
async def test_a_question_that_fails_in_whatever_way_ends_nothing_and_is_asked_again(
    error: Exception, said: str
) -> None:
    scheduler = ScriptedScheduler()
    scheduler.error = error
    async with monitoring(scheduler) as monitor:
        waiter = asyncio.create_task(monitor.wait_for_end(job("a")))
        await until_asked_again(scheduler)
        assert re.fullmatch(said, monitor.unreachable_reason)
        assert monitor.unreachable_since is not None
        assert not waiter.done()
        scheduler.error = None
        scheduler.answers = gone("a")
        assert (await waiter).state is JobState.GONE
        assert monitor.unreachable_since is None


async def test_waiting_on_a_monitor_that_does_not_run_is_refused() -> None:
    monitor = JobMonitor(ScriptedScheduler(), interval=1, first_pause=1, longest_pause=1)

    with pytest.raises(RuntimeError, match="not running"):
        await monitor.wait_for_end(job("a"))


async def test_closing_the_monitor_releases_those_who_wait() -> None:
    scheduler = ScriptedScheduler()
    async with monitoring(scheduler) as monitor:
        waiter = asyncio.create_task(monitor.wait_for_end(job("a")))
        await until_asked_again(scheduler)

    with pytest.raises(RuntimeError, match="closed"):
        await waiter
