"""The turns of the beams in what they share: this machine and the network; first those that keep the GPUs busy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from mqi_tui.config import Settings
from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.gpu_allocator import GpuAllocator


@dataclass(frozen=True, slots=True)
class Directions:
    """The stages that share places, by where they take a beam; in each the most urgent first."""

    to_hpc: tuple[BeamStatus, ...]
    home: tuple[BeamStatus, ...]

    def of(self, stage: BeamStatus) -> tuple[BeamStatus, ...]:
        return self.to_hpc if stage in self.to_hpc else self.home


# Work on this machine and transfers apart, for the one waits for a processor and the other for the network.
_HERE: Final = Directions((BeamStatus.PREPROCESSING, BeamStatus.INITIAL), (BeamStatus.POSTPROCESSING,))
_TRANSFER: Final = Directions((BeamStatus.UPLOADING,), (BeamStatus.DOWNLOADING,))


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    stage: BeamStatus
    priority: Callable[[], int]
    called: asyncio.Future[None]


class Turns:
    """At most `places` beams work in the stages at once; whose turn is next is decided when a place is free.

    The highest priority goes first, as it is at that moment. Of beams of one priority:

    While the GPUs want beams (`gpus_want_beams`) the way to the HPC goes first, so that no GPU waits, and otherwise the
    way home, so that no result waits for all that is still to be computed. But neither waits for the whole of the
    other: a way on which nobody works goes first, if it was not served last. On a way the most urgent stage goes first,
    and in a stage the beam that came first. In mere order of coming the first preprocessing would wait for the check of
    all logs that were dispatched with it.
    """

    def __init__(self, directions: Directions, places: int, gpus_want_beams: Callable[[], bool]) -> None:
        self._directions = directions
        self._free = places
        self._gpus_want_beams = gpus_want_beams
        self._waiters: list[_Waiter] = []
        self._inside: Counter[tuple[BeamStatus, ...]] = Counter()
        self._served_last: tuple[BeamStatus, ...] = ()

    @property
    def are_all_taken(self) -> bool:
        """Whether the next to come has to wait."""
        return self._free == 0

    @asynccontextmanager
    async def turn(self, stage: BeamStatus, priority: Callable[[], int] = lambda: 0) -> AsyncIterator[None]:
        """A place for work in the stage, held inside the block; `priority` may change while it is waited for."""
        await self._wait(stage, priority)
        try:
            yield
        finally:
            self._give_back(stage)

    async def _wait(self, stage: BeamStatus, priority: Callable[[], int]) -> None:
        waiter = _Waiter(stage, priority, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._call_next()
        try:
            await waiter.called
        except asyncio.CancelledError:
            if not waiter.called.cancelled():  # called in the same moment: the place goes to another
                self._give_back(stage)
            raise

    def _give_back(self, stage: BeamStatus) -> None:
        self._free += 1
        self._inside[self._directions.of(stage)] -= 1
        self._call_next()

    def _call_next(self) -> None:
        self._waiters = [waiter for waiter in self._waiters if not waiter.called.done()]
        while self._free and self._waiters:
            highest = max(waiter.priority() for waiter in self._waiters)
            equals = [waiter for waiter in self._waiters if waiter.priority() == highest]
            direction = self._next_direction({waiter.stage for waiter in equals})
            first = min(
                (waiter for waiter in equals if waiter.stage in direction),
                key=lambda waiter: direction.index(waiter.stage),
            )
            self._waiters.remove(first)
            self._free -= 1
            self._inside[direction] += 1
            self._served_last = direction
            first.called.set_result(None)

    def _next_direction(self, stages: Collection[BeamStatus]) -> tuple[BeamStatus, ...]:
        both = (self._directions.to_hpc, self._directions.home)
        waiting = [
            direction
            for direction in (both if self._gpus_want_beams() else both[::-1])
            if not set(stages).isdisjoint(direction)
        ]
        neglected = [each for each in waiting if not self._inside[each] and each is not self._served_last]
        return (neglected or waiting)[0]


def turns_by_stage(settings: Settings, allocator: GpuAllocator) -> Mapping[BeamStatus, Turns]:
    """Turns with `max_workers` places each for work on this machine and for transfers, by the stages they are for.

    The GPUs want beams until as many wait for a slot as there are slots: then all may end at once, and none idles.
    """

    def gpus_want_beams() -> bool:
        return allocator.waiting < settings.hpc.gpu_count

    return {
        stage: turns
        for directions in (_HERE, _TRANSFER)
        for turns in [Turns(directions, settings.max_workers, gpus_want_beams)]
        for stage in (*directions.to_hpc, *directions.home)
    }
