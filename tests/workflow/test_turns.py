"""Turns in what the beams share: how many at once, who is next, and no place lost by a cancelled beam."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.turns import Directions, Turns
from tests.support.jobs import until

DIRECTIONS = Directions((BeamStatus.PREPROCESSING, BeamStatus.INITIAL), (BeamStatus.POSTPROCESSING,))


class Beams:
    """Beams that come to the turns one after another and stay until they are told to leave."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.inside: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.priorities: dict[str, int] = {}
        self._leave: dict[str, asyncio.Event] = {}

    async def come(self, name: str, stage: BeamStatus, priority: int = 0) -> None:
        self.priorities[name] = priority
        self._leave[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._work(name, stage))
        await asyncio.sleep(0)

    async def leave(self, name: str) -> None:
        self._leave[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)

    async def _work(self, name: str, stage: BeamStatus) -> None:
        async with self._turns.turn(stage, lambda: self.priorities[name]):
            self.inside.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)

    async def order_of_the_rest(self, first: str, names: Sequence[str]) -> list[str]:
        """With one place: who comes in after `first`, one by one; who was inside all the time stays."""
        staying = set(self.inside) - {first}
        order = []
        now = first
        for _ in names:
            await self.leave(now)
            await until(lambda: bool(set(self.inside) - staying), "the next is in")
            [now] = set(self.inside) - staying
            order.append(now)
        await self.leave(now)
        return order


@pytest.fixture
def wanted() -> dict[str, bool]:
    return {"gpus": True}


def turns_of(places: int, wanted: dict[str, bool]) -> Turns:
    return Turns(DIRECTIONS, places, lambda: wanted["gpus"])


async def test_no_more_than_the_places_are_inside(wanted: dict[str, bool]) -> None:
    turns = turns_of(2, wanted)
    beams = Beams(turns)
    assert not turns.are_all_taken
    for name in "abc":
        await beams.come(name, BeamStatus.INITIAL)
    assert beams.inside == ["a", "b"]
    assert turns.are_all_taken
    await beams.leave("a")
    assert beams.inside == ["b", "c"]
    await beams.leave("b")
    await beams.leave("c")
    assert not turns.are_all_taken


QUEUE = {
    "check 1": BeamStatus.INITIAL,
    "home 1": BeamStatus.POSTPROCESSING,
    "make 1": BeamStatus.PREPROCESSING,
    "check 2": BeamStatus.INITIAL,
    "make 2": BeamStatus.PREPROCESSING,
    "home 2": BeamStatus.POSTPROCESSING,
}


@pytest.mark.parametrize(
    ("gpus_want", "order"),
    [
        (True, ["make 1", "make 2", "check 1", "check 2", "home 1", "home 2"]),
        (False, ["home 1", "home 2", "make 1", "make 2", "check 1", "check 2"]),
    ],
    ids=["GPUs want beams", "beams wait for GPUs"],
)
async def test_who_is_next_follows_from_what_the_gpus_need(
    wanted: dict[str, bool], gpus_want: bool, order: list[str]
) -> None:
    wanted["gpus"] = gpus_want
    # Somebody works on either way all the time, so that no way is neglected.
    beams = Beams(turns_of(3, wanted))
    await beams.come("to the HPC", BeamStatus.INITIAL)
    await beams.come("on the way home", BeamStatus.POSTPROCESSING)
    await beams.come("first", BeamStatus.INITIAL)
    for name, stage in QUEUE.items():
        await beams.come(name, stage)
    assert await beams.order_of_the_rest("first", list(QUEUE)) == order
    await beams.leave("to the HPC")
    await beams.leave("on the way home")


@pytest.mark.parametrize("gpus_want", [True, False])
async def test_the_highest_priority_goes_first_whatever_the_gpus_need(wanted: dict[str, bool], gpus_want: bool) -> None:
    wanted["gpus"] = gpus_want
    beams = Beams(turns_of(3, wanted))
    await beams.come("to the HPC", BeamStatus.INITIAL)
    await beams.come("on the way home", BeamStatus.POSTPROCESSING)
    await beams.come("first", BeamStatus.INITIAL)
    names = ["check low", "make", "home", "check high", "home high", "check highest"]
    await beams.come("check low", BeamStatus.INITIAL, -1)
    await beams.come("make", BeamStatus.PREPROCESSING)
    await beams.come("home", BeamStatus.POSTPROCESSING)
    await beams.come("check high", BeamStatus.INITIAL, 1)
    await beams.come("home high", BeamStatus.POSTPROCESSING, 1)
    await beams.come("check highest", BeamStatus.INITIAL)
    beams.priorities["check highest"] = 2  # changed while it waits
    high, equal = ["check high", "home high"], ["make", "home"]
    order = [name for pair in (high, equal) for name in (pair if gpus_want else pair[::-1])]
    assert await beams.order_of_the_rest("first", names) == ["check highest", *order, "check low"]
    await beams.leave("to the HPC")
    await beams.leave("on the way home")


@pytest.mark.parametrize("gpus_want", [True, False])
@pytest.mark.parametrize("places", [1, 2, 4])
async def test_neither_way_waits_for_the_whole_of_the_other(
    wanted: dict[str, bool], places: int, gpus_want: bool
) -> None:
    wanted["gpus"] = gpus_want
    beams = Beams(turns_of(places, wanted))
    for number in range(10):
        await beams.come(f"to the HPC {number}", BeamStatus.PREPROCESSING)
        await beams.come(f"home {number}", BeamStatus.POSTPROCESSING)
    seen: list[str] = []
    for _ in range(2 * places):
        seen += [name.rstrip(" 0123456789") for name in beams.inside]
        await beams.leave(beams.inside[0])
    assert set(seen) == {"to the HPC", "home"}
    while beams.inside:
        await beams.leave(beams.inside[0])


async def test_the_need_counts_when_a_place_is_free_not_when_the_beam_came(wanted: dict[str, bool]) -> None:
    beams = Beams(turns_of(3, wanted))
    await beams.come("to the HPC", BeamStatus.INITIAL)
    await beams.come("on the way home", BeamStatus.POSTPROCESSING)
    await beams.come("first", BeamStatus.INITIAL)
    await beams.come("make", BeamStatus.PREPROCESSING)
    await beams.come("home", BeamStatus.POSTPROCESSING)
    wanted["gpus"] = False
    assert await beams.order_of_the_rest("first", ["home", "make"]) == ["home", "make"]
    await beams.leave("to the HPC")
    await beams.leave("on the way home")


async def test_a_waiting_beam_that_is_cancelled_leaves_the_queue(wanted: dict[str, bool]) -> None:
    beams = Beams(turns_of(1, wanted))
    for name in "abc":
        await beams.come(name, BeamStatus.INITIAL)
    beams.tasks["b"].cancel()
    await beams.leave("a")
    assert beams.inside == ["c"]
    await beams.leave("c")


async def test_a_beam_that_is_cancelled_in_the_moment_of_its_turn_gives_the_place_on(wanted: dict[str, bool]) -> None:
    turns = turns_of(1, wanted)
    beams = Beams(turns)
    for name in "abc":
        await beams.come(name, BeamStatus.INITIAL)
    beams._leave["a"].set()
    await asyncio.sleep(0)  # a is on its way out and calls b, who has not come in yet
    beams.tasks["b"].cancel()
    await until(lambda: beams.inside == ["c"], "the place went to c")
    await beams.leave("c")
    assert not turns.are_all_taken
