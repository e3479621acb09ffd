"""What a caller who is cancelled must not leave behind: work that is half done, and things that nobody holds.

A caller is often cancelled more than once: by whoever needs its place, then by the end of the program.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

END_SECONDS = 2.0
"""How long a thing of the HPC may take to end until it is let go of."""

log = logging.getLogger(__name__)
T = TypeVar("T")
_ending: set[asyncio.Task[None]] = set()
"""The loop holds its tasks only weakly."""


async def to_its_end(work: Awaitable[T]) -> T:
    """What `work` gives. It is never cut short: a caller who is cancelled waits for its end first."""
    task = asyncio.ensure_future(work)
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # nobody is there any more to hear of it
    raise cancelled


async def started(start: Awaitable[T], end: Callable[[T], Awaitable[None]]) -> T:
    """What `start` gives. If the caller is cancelled before, it is handed to `end` as soon as it is there.

    A server may have begun as soon as it was asked, a round trip before its answer is here; a program of this machine
    may have started others before we hear that it runs. A caller who is cancelled waits a while for that end; on a slow
    server it comes later, at the latest with the connection.
    """
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        ending = asyncio.create_task(_end_when_there(starting, end))
        _ending.add(ending)
        ending.add_done_callback(_ending.discard)
        await asyncio.wait({ending}, timeout=2 * END_SECONDS)
        raise


async def _end_when_there(starting: asyncio.Future[T], end: Callable[[T], Awaitable[None]]) -> None:
    (begun,) = await asyncio.gather(starting, return_exceptions=True)
    if not isinstance(begun, BaseException):
        try:
            await end(begun)
        except Exception:
            # Nobody is there any more to hear of it; what was begun has mostly ended by itself, with its connection.
            log.debug("what was begun for nobody was not ended", exc_info=True)
