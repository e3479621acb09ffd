"""GPU slots: never given out twice, first come first served, fair between cases, released with the transition."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from mqi_tui.domain.records import AttemptOutcome, EndedAttempt
from mqi_tui.domain.status import BeamStatus
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.gpus import GpuRepository
from tests.repositories.conftest import Store


async def test_a_beam_gets_the_lowest_free_slot_and_computes(store: Store) -> None:
    await store.gpus.set_gpu_count(2)
    await store.queue_up(*(await store.add_case("A", ["1", "2"])))
    assert await store.gpus.assign_free_gpu("A_1") == 0
    assert await store.gpus.assign_free_gpu("A_2") == 1
    assert await store.beam_status("A_1") is BeamStatus.HPC_RUNNING
    assert await store.holders() == {0: "A_1", 1: "A_2"}


async def test_a_beam_that_gets_a_slot_again_has_no_job_there_yet(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    (beam_id,) = await store.add_case("A")
    await store.queue_up(beam_id)
    await store.compute(beam_id)
    await store.attempts.record_submission(beam_id, 1, "18")
    await store.cases.update_beam_status_by_id(
        beam_id, BeamStatus.HPC_QUEUED, message="lost", ended=EndedAttempt(AttemptOutcome.LOST)
    )
    assert await store.gpus.assign_free_gpu(beam_id) == 0
    beam = await store.cases.get_beam_by_id(beam_id)
    assert beam is not None
    assert beam.hpc_job_id is None


async def test_a_beam_that_does_not_wait_gets_none(store: Store) -> None:
    await store.gpus.set_gpu_count(2)
    await store.add_case("A")
    assert await store.gpus.assign_free_gpu("A_1") is None
    await store.queue_up("A_1")
    assert await store.gpus.assign_free_gpu("A_1") == 0
    assert await store.gpus.assign_free_gpu("A_1") is None
    assert await store.holders() == {0: "A_1", 1: None}


async def test_forty_beams_that_ask_at_once_share_eight_slots_without_a_double(store: Store) -> None:
    await store.gpus.set_gpu_count(8)
    beams = [beam for case in "ABCDEFGH" for beam in await store.add_case(case, ["1", "2", "3", "4", "5"])]
    await store.queue_up(*beams)
    given = await asyncio.gather(*(store.gpus.assign_free_gpu(beam) for beam in beams))
    assert sorted(slot for slot in given if slot is not None) == list(range(8))


async def test_two_programs_on_one_file_never_give_a_slot_twice(store: Store) -> None:
    await store.gpus.set_gpu_count(4)
    beams = await store.add_case("A", [str(number) for number in range(12)])
    await store.queue_up(*beams)
    async with Database.open(store.path) as other:
        both = [store.gpus, GpuRepository(other)]
        given = await asyncio.gather(*(gpus.assign_free_gpu(beam) for beam in beams for gpus in both))
    assert sorted(slot for slot in given if slot is not None) == [0, 1, 2, 3]


async def test_the_database_itself_refuses_a_slot_that_is_taken(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.queue_up(*(await store.add_case("A", ["1", "2"])))
    await store.compute("A_1")
    with pytest.raises(sqlite3.IntegrityError):
        await store.database.write(
            lambda transaction: transaction.run(
                "UPDATE beams SET status = 'hpc_running', gpu_id = 0 WHERE beam_id = 'A_2'"
            )
        )


async def test_within_a_case_the_first_to_come_is_served_first(store: Store) -> None:
    await store.add_case("A", ["1", "2", "3"])
    await store.queue_up("A_2", "A_3", "A_1")
    assert await store.gpus.queue() == ["A_2", "A_3", "A_1"]


async def test_cases_take_turns(store: Store) -> None:
    await store.gpus.set_gpu_count(2)
    for case in "ABC":
        await store.queue_up(*(await store.add_case(case, ["1", "2", "3"])))
    served: list[str] = []
    while queue := await store.gpus.queue():
        await store.compute(queue[0])
        await store.succeed(queue[0])
        served.append(queue[0])
    assert served == ["A_1", "B_1", "C_1", "A_2", "B_2", "C_2", "A_3", "B_3", "C_3"]


async def test_a_new_case_is_served_in_turn_and_not_before_one_that_waits_longer(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    for case in "AB":
        await store.queue_up(*(await store.add_case(case, ["1", "2", "3"])))
    for beam in ("A_1", "B_1"):
        await store.compute(beam)
        await store.succeed(beam)
    await store.queue_up(*(await store.add_case("C", ["1", "2", "3"])))
    assert (await store.gpus.queue())[:3] == ["A_2", "B_2", "C_1"]


async def test_no_beam_waits_for_one_before_it_that_does_not_come(store: Store) -> None:
    await store.gpus.set_gpu_count(2)
    await store.queue_up(*(await store.add_case("A", ["1", "2", "3"])))
    assert await store.gpus.assign_free_gpu("A_3") is None
    assert await store.gpus.assign_free_gpu("A_2") == 0
    assert await store.gpus.assign_free_gpu("A_3") is None
    assert await store.gpus.assign_free_gpu("A_1") == 1


@pytest.mark.parametrize(
    ("following", "outcome"),
    [
        (BeamStatus.DOWNLOADING, AttemptOutcome.SUCCEEDED),
        (BeamStatus.FAILED, AttemptOutcome.FAILED),
        (BeamStatus.HPC_QUEUED, AttemptOutcome.LOST),
    ],
)
async def test_a_slot_is_free_as_soon_as_computing_is_over(
    store: Store, following: BeamStatus, outcome: AttemptOutcome
) -> None:
    await store.gpus.set_gpu_count(1)
    await store.queue_up(*(await store.add_case("A")))
    await store.compute("A_1")
    await store.cases.update_beam_status_by_id(
        "A_1",
        following,
        message="",
        error="why" if following is BeamStatus.FAILED else None,
        ended=EndedAttempt(outcome),
    )
    assert await store.holders() == {0: None}
    attempt = await store.attempts.current_attempt("A_1")
    assert attempt is not None
    assert attempt.outcome is outcome


async def test_a_cancelled_beam_keeps_its_slot_until_its_job_is_proven_over(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.queue_up(*(await store.add_case("A")))
    await store.compute("A_1")
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.CANCELLING, message="")
    assert await store.holders() == {0: "A_1"}
    ended = EndedAttempt(AttemptOutcome.CANCELLED)
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.CANCELLED, message="", ended=ended)
    assert await store.holders() == {0: None}


async def test_a_slot_that_is_no_longer_configured_goes_when_its_job_is_over(store: Store) -> None:
    await store.gpus.set_gpu_count(2)
    await store.queue_up(*(await store.add_case("A", ["1", "2", "3"])))
    await store.compute("A_1")
    await store.compute("A_2")
    await store.gpus.set_gpu_count(1)
    assert await store.holders() == {0: "A_1", 1: "A_2"}
    await store.succeed("A_2")
    assert await store.holders() == {0: "A_1"}
    assert await store.gpus.assign_free_gpu("A_3") is None
    await store.gpus.set_gpu_count(3)
    assert await store.holders() == {0: "A_1", 1: None, 2: None}


async def test_slots_and_queue_are_the_same_after_the_program_was_started_again(tmp_path: Path, store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.queue_up(*(await store.add_case("A", ["1", "2"])))
    await store.compute("A_1")
    async with Database.open(store.path) as database:
        gpus = GpuRepository(database)
        assert await gpus.queue() == ["A_2"]
        assert [gpu.beam_id for gpu in await gpus.list_gpus()] == ["A_1"]
        beam = await CaseRepository(database).get_beam_by_id("A_1")
        assert beam is not None
        assert beam.gpu_id == 0


# Priorities


async def test_the_highest_priority_goes_first_and_within_one_the_cases_take_turns(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    for case in "AB":
        await store.queue_up(*(await store.add_case(case, ["1", "2", "3"])))
    for beam, step in (("A_3", 2), ("A_2", 2), ("B_3", 2), ("B_1", -1)):
        await store.cases.change_priority(beam, step)
    assert await store.gpus.queue() == ["A_2", "B_3", "A_3", "A_1", "B_2", "B_1"]
    served = []
    while queue := await store.gpus.queue():
        assert len(queue) == 1 or await store.gpus.assign_free_gpu(queue[-1]) is None
        await store.compute(queue[0])
        await store.succeed(queue[0])
        served.append(queue[0])
    # Once A_3 was served, B is the one that has waited longer.
    assert served == ["A_2", "B_3", "A_3", "B_2", "A_1", "B_1"]


async def test_a_beam_that_comes_later_with_a_higher_priority_goes_before_those_that_wait(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.queue_up(*(await store.add_case("A", ["1", "2"])))
    await store.add_case("B")
    assert await store.cases.change_priority("B_1", 1) == (0, 1)
    await store.queue_up("B_1")
    assert await store.gpus.assign_free_gpu("A_1") is None
    assert await store.gpus.assign_free_gpu("B_1") == 0
