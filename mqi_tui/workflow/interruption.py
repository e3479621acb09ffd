"""Lets a command take a worker out of what it does now without ending the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Interruption:
    """One worker runs its steps through `guard`; whoever holds the object may `interrupt` the present one."""

    def __init__(self) -> None:
        self._step: asyncio.Task[Any] | None = None
        self._is_asked = False

    def interrupt(self) -> None:
        """End the present step; if there is none, the next one ends before it begins."""
        if self._step is not None:
            self._step.cancel()
        else:
            self._is_asked = True

    async def guard(self, step: Coroutine[Any, Any, T]) -> T | None:
        """The step's result, or None if it was interrupted; the step has ended in any case."""
        if self._is_asked:
            # What the worker knew when it chose this step is no longer so.
            self._is_asked = False
            step.close()
            return None
        self._step = task = asyncio.create_task(step)
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
            self._step = None
        return None if task.cancelled() else task.result()
