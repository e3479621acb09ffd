"""What is started for somebody who no longer waits for it is ended: it would run on, and hold what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

END_SECONDS = 2.0
"""How long something may take to start or to end once nobody waits for it."""

T = TypeVar("T")


async def started(start: Awaitable[T], end: Callable[[T], Awaitable[None]]) -> T:
    """What `start` gives. If the caller is cancelled before, it is waited for and handed to `end` first.

    A server may have begun as soon as it was asked, a round trip before its answer is here; a program of this machine
    may have started others before we hear that it runs.
    """
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({starting}, timeout=END_SECONDS)
        finally:
            starting.cancel()
        (begun,) = await asyncio.gather(starting, return_exceptions=True)
        if not isinstance(begun, BaseException):
            await end(begun)
        raise
