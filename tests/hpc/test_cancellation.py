"""What a cancelled caller must not leave behind: half-done work, and things that were begun for it."""

from __future__ import annotations

import asyncio

import pytest

from mqi_tui.hpc import cancellation
from mqi_tui.hpc.cancellation import started, to_its_end
from tests.support.jobs import until


class Channel:
    """Something that is asked for, is given later or fails, and is ended."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ended: list[str] = []
        self._asked = asyncio.Event()

    async def waited_for(self) -> asyncio.Task[str]:
        """Somebody who waits for it, once it has been asked for."""
        waiting = asyncio.create_task(started(self._start(), self._end))
        await self._asked.wait()
        return waiting

    async def _start(self) -> str:
        self._asked.set()
        return await self.answer

    async def _end(self, what: str) -> None:
        self.ended.append(what)


async def cancel(task: asyncio.Task[str]) -> None:
    """Cancel a task, and let it notice."""
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_starts_is_handed_over() -> None:
    channel = Channel()
    waiting = await channel.waited_for()

    channel.answer.set_result("channel 1")

    assert await waiting == "channel 1"
    assert channel.ended == []


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_what_starts_after_its_caller_was_cancelled_is_ended(times: int) -> None:
    channel = Channel()
    waiting = await channel.waited_for()

    for _ in range(times):
        await cancel(waiting)
    channel.answer.set_result("channel 1")

    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: channel.ended == ["channel 1"], "the channel is ended")


async def test_a_cancelled_caller_goes_on_when_what_was_begun_for_it_has_ended() -> None:
    channel = Channel()
    waiting = await channel.waited_for()

    await cancel(waiting)
    channel.answer.set_result("channel 1")

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert channel.ended == ["channel 1"]


async def test_what_fails_after_its_caller_was_cancelled_is_no_error() -> None:
    channel = Channel()
    waiting = await channel.waited_for()

    await cancel(waiting)
    channel.answer.set_exception(OSError("no channel"))

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert channel.ended == []


async def test_nobody_waits_for_ever_for_what_starts_late_but_it_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "END_SECONDS", 0.0)
    channel = Channel()
    waiting = await channel.waited_for()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    channel.answer.set_result("channel 1")

    await until(lambda: channel.ended == ["channel 1"], "the channel is ended")


async def test_work_that_must_not_be_cut_short_ends_before_its_caller_however_often_that_one_is_cancelled() -> None:
    channel = Channel()
    working = asyncio.create_task(to_its_end(channel.answer))
    await asyncio.sleep(0)

    await cancel(working)
    await cancel(working)
    assert not working.done()
    channel.answer.set_result("done")

    with pytest.raises(asyncio.CancelledError):
        await working
    assert not channel.answer.cancelled()


async def test_work_that_must_not_be_cut_short_gives_its_result_or_its_error() -> None:
    async def fail() -> None:
        raise OSError("the disk is full")

    assert await to_its_end(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(OSError, match="the disk is full"):
        await to_its_end(fail())
