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

    def interrupt(self) -> None:
        """End the present step, if there is one."""
        if self._step is not None:
            self._step.cancel()

    async def guard(self, step: Coroutine[Any, Any, T]) -> T | None:
        """The step's result, or None if it was interrupted; the step has ended in any case."""
        self._step = task = asyncio.create_task(step)
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
            self._step = None
        return None if task.cancelled() else task.result()
