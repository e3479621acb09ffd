"""Hands out GPU slots: beams wait here, the order comes from the database alone."""

from __future__ import annotations

import asyncio

from mqi_tui.repositories.gpus import GpuRepository


class GpuAllocator:
    """Wakes waiting workers whenever a slot or the queue may have changed; keeps no queue of its own."""

    def __init__(self, gpus: GpuRepository) -> None:
        self._gpus = gpus
        self._changed = asyncio.Condition()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Beams that are ready for the HPC and have no slot yet."""
        return self._waiting

    async def acquire(self, beam_id: str, running: asyncio.Event) -> int:
        """The slot given to the beam, as soon as it is its turn and the engine is not paused."""
        self._waiting += 1
        try:
            gpu_id = await self._first_free(beam_id, running)
        finally:
            self._waiting -= 1
        await self.wake()
        return gpu_id

    async def _first_free(self, beam_id: str, running: asyncio.Event) -> int:
        while True:
            await running.wait()
            async with self._changed:
                gpu_id = await self._gpus.assign_free_gpu(beam_id)
                if gpu_id is not None:
                    return gpu_id
                await self._changed.wait()

    async def wake(self) -> None:
        """A beam has entered or left the queue, or a slot is free: let the waiting workers look again."""
        async with self._changed:
            self._changed.notify_all()
