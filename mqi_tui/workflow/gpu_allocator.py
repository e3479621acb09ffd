"""Hands out GPU slots: beams wait here, the order comes from the database alone."""

from __future__ import annotations

import asyncio

from mqi_tui.repositories.gpus import GpuRepository


class GpuAllocator:
    """Wakes waiting workers whenever a slot or the queue may have changed; keeps no queue of its own."""

    def __init__(self, gpus: GpuRepository) -> None:
        self._gpus = gpus
        self._changed = asyncio.Condition()

    async def acquire(self, beam_id: str, running: asyncio.Event) -> int:
        """The slot given to the beam, as soon as it is its turn and the engine is not paused."""
        while True:
            await running.wait()
            async with self._changed:
                gpu_id = await self._gpus.assign_free_gpu(beam_id)
                if gpu_id is None:
                    await self._changed.wait()
            if gpu_id is not None:
                await self.wake()
                return gpu_id

    async def wake(self) -> None:
        """A beam has entered or left the queue, or a slot is free: let the waiting workers look again."""
        async with self._changed:
            self._changed.notify_all()
