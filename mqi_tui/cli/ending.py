"""What ends a command from outside: a signal, or the loss of its terminal."""

from __future__ import annotations

import asyncio
import select
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

_LOOK_EVERY_SECONDS = 0.5


async def until_asked_to_end(command: Coroutine[Any, Any, int]) -> int:
    """SIGTERM and SIGHUP end the command as ctrl+c does: the engine is closed, running jobs go on.

    By handlers of their own: a shell's background job (`nohup mqi-tui run --headless &`) ignores SIGINT, and keeps on
    ignoring SIGHUP.
    """
    loop, task = asyncio.get_running_loop(), _this_task()
    with suppress(NotImplementedError):  # Windows, which has no SIGHUP either
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, task.cancel)
    return await command


@asynccontextmanager
async def ended_with_terminal() -> AsyncIterator[None]:
    """Cancel the block when the terminal on stdin is gone.

    Not every program gets a signal then, and Textual goes on without: it writes until its queue is full, and then
    blocks the whole process, which holds the database for ever.
    """
    watch = asyncio.create_task(_cancel_at_hangup(_this_task()), name="terminal watch")
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _cancel_at_hangup(task: asyncio.Task[Any]) -> None:
    if not hasattr(select, "poll") or sys.stdin is None:
        return
    hangup = select.poll()
    hangup.register(sys.stdin.fileno(), 0)
    while not hangup.poll(0):  # noqa: ASYNC110  (there is no event for it in the loop)
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    task.cancel()


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  (its callers are coroutines)
    return task
