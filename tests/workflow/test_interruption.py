"""A worker's step can be ended from outside, also one that has not begun yet."""

from __future__ import annotations

import asyncio

from mqi_tui.workflow.interruption import Interruption


async def test_a_step_that_runs_is_ended() -> None:
    interruption = Interruption()
    began = asyncio.Event()

    async def step() -> str:
        began.set()
        await asyncio.Event().wait()
        return "never"

    guarded = asyncio.create_task(interruption.guard(step()))
    await began.wait()
    interruption.interrupt()
    assert await guarded is None


async def test_an_interruption_between_two_steps_ends_the_next_one_and_that_one_alone() -> None:
    """The worker may have read its beam before a command changed it, and be about to begin what no longer holds."""
    interruption = Interruption()
    done: list[int] = []

    async def step(number: int) -> int:
        done.append(number)
        return number

    assert await interruption.guard(step(1)) == 1
    interruption.interrupt()
    assert await interruption.guard(step(2)) is None
    assert await interruption.guard(step(3)) == 3
    assert done == [1, 3]
