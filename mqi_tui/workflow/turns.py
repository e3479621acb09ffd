"""The turns of the beams in what they share: this machine and the network; first those that keep the GPUs busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from mqi_tui.config import Settings
from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.gpu_allocator import GpuAllocator

_HERE: Final = (BeamStatus.PREPROCESSING, BeamStatus.INITIAL, BeamStatus.POSTPROCESSING)
_TRANSFER: Final = (BeamStatus.UPLOADING, BeamStatus.DOWNLOADING)
"""Work on this machine and transfers, for the one waits for a processor and the other for the network; the first are
the most urgent while the GPUs want beams, the last otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    stage: BeamStatus
    called: asyncio.Future[None]


class Turns:
    """At most `places` beams work in the stages at once; whose turn is next is decided when a place is free.

    While the GPUs want beams (`gpus_want_beams`) that is a beam in the first of the stages, so that no GPU waits; and
    otherwise one in the last of them, so that no result waits for all that is still to be computed, and bad logs are
    found early. Of two in the same stage the one that came first goes first. In mere order of coming the first
    preprocessing would wait for the check of all logs that were dispatched with it.
    """

    def __init__(self, stages: Sequence[BeamStatus], places: int, gpus_want_beams: Callable[[], bool]) -> None:
        self._stages = stages
        self._free = places
        self._gpus_want_beams = gpus_want_beams
        self._waiters: list[_Waiter] = []

    @property
    def are_all_taken(self) -> bool:
        """Whether the next to come has to wait."""
        return self._free == 0

    @asynccontextmanager
    async def turn(self, stage: BeamStatus) -> AsyncIterator[None]:
        """A place for work in the stage, held inside the block."""
        await self._wait(stage)
        try:
            yield
        finally:
            self._give_back()

    async def _wait(self, stage: BeamStatus) -> None:
        waiter = _Waiter(stage, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._call_next()
        try:
            await waiter.called
        except asyncio.CancelledError:
            if not waiter.called.cancelled():  # called in the same moment: the place goes to another
                self._give_back()
            raise

    def _give_back(self) -> None:
        self._free += 1
        self._call_next()

    def _call_next(self) -> None:
        self._waiters = [waiter for waiter in self._waiters if not waiter.called.done()]
        while self._free and self._waiters:
            ranked = self._stages if self._gpus_want_beams() else self._stages[::-1]
            first = min(self._waiters, key=lambda waiter: ranked.index(waiter.stage))
            self._waiters.remove(first)
            self._free -= 1
            first.called.set_result(None)


def turns_by_stage(settings: Settings, allocator: GpuAllocator) -> Mapping[BeamStatus, Turns]:
    """Turns with `max_workers` places each for work on this machine and for transfers, by the stages they are for.

    The GPUs want beams until as many wait for a slot as there are slots: then all may end at once, and none idles.
    """

    def gpus_want_beams() -> bool:
        return allocator.waiting < settings.hpc.gpu_count

    here = Turns(_HERE, settings.max_workers, gpus_want_beams)
    transfer = Turns(_TRANSFER, settings.max_workers, gpus_want_beams)
    return dict.fromkeys(_HERE, here) | dict.fromkeys(_TRANSFER, transfer)
