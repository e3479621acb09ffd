"""What was begun for somebody who went away is ended."""

from __future__ import annotations

import asyncio

import pytest

from mqi_tui.hpc import starting
from mqi_tui.hpc.starting import started


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


async def test_what_starts_is_handed_over() -> None:
    channel = Channel()
    waiting = await channel.waited_for()

    channel.answer.set_result("channel 1")

    assert await waiting == "channel 1"
    assert channel.ended == []


async def test_what_starts_after_its_caller_was_cancelled_is_ended_first() -> None:
    channel = Channel()
    waiting = await channel.waited_for()

    waiting.cancel()
    channel.answer.set_result("channel 1")

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert channel.ended == ["channel 1"]


async def test_what_fails_after_its_caller_was_cancelled_is_no_error() -> None:
    channel = Channel()
    waiting = await channel.waited_for()

    waiting.cancel()
    channel.answer.set_exception(OSError("no channel"))

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert channel.ended == []


async def test_what_never_starts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "END_SECONDS", 0.0)
    channel = Channel()
    waiting = await channel.waited_for()

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert channel.answer.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
