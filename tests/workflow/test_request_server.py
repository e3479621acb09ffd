"""Commands that another process left in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from mqi_tui.domain.errors import TransientError
from mqi_tui.domain.status import BeamStatus
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.requests import RequestRecord, RequestRepository
from tests.support.jobs import until_it
from tests.workflow.support import COMPUTING, PREPROCESSING, QuickSite, beam_of, until_idle, until_status


@asynccontextmanager
async def _other_program(quick: QuickSite) -> AsyncIterator[RequestRepository]:
    async with Database.open(quick.site.config.settings.database_path) as database:
        yield RequestRepository(database)


async def answer_to(requests: RequestRepository, number: int) -> RequestRecord:
    async def is_answered() -> bool:
        return (await requests.get(number)).accepted is not None

    await until_it(is_answered, f"request {number} is answered")
    return await requests.get(number)


async def test_requests_are_carried_out_in_their_order_and_a_refused_one_stops_no_other(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    first, second = quick.beam_ids(case_id)
    async with quick.site.engine() as engine, Database.open(quick.site.config.settings.database_path) as other:
        await engine.first_scan()
        requests = RequestRepository(other)
        refused = await requests.put("dispatch", "NOBODY")
        unknown = await requests.put("erase", case_id)
        accepted = await requests.put("dispatch", case_id, [second])
        assert (await answer_to(requests, refused)).accepted is False
        assert (await requests.get(refused)).answer == f"there is no case NOBODY; known cases: {case_id}."
        assert "unknown command 'erase'" in (await answer_to(requests, unknown)).answer
        answer = await answer_to(requests, accepted)
        assert (answer.accepted, answer.answer) == (True, f"dispatched 1 beam of {case_id}")
        await until_idle(engine)
    assert [beam_id for beam_id, _ in quick.runs(COMPUTING)] == [second]
    assert first != second


async def test_a_request_left_while_no_program_ran_is_carried_out_by_the_next_one(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
    async with Database.open(quick.site.config.settings.database_path) as other:
        number = await RequestRepository(other).put("dispatch", case_id)
    async with quick.site.engine() as engine:
        await until_status(engine, beam_id, BeamStatus.COMPLETED)
        async with Database.open(quick.site.config.settings.database_path) as other:
            assert (await RequestRepository(other).get(number)).accepted is True
    # And once only.
    async with quick.site.engine() as engine:
        await engine.first_scan()
    assert quick.count(COMPUTING) == 1


async def test_a_request_whose_answer_cannot_be_written_at_once_is_carried_out_once(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    (beam_id,) = quick.beam_ids(quick.add_case())
    quick.hold(PREPROCESSING)
    answer = RequestRepository.answer
    busy: list[int] = []

    async def busy_once(self: RequestRepository, number: int, accepted: bool, text: str) -> None:
        if not busy:
            busy.append(number)
            raise TransientError("the database is busy")
        await answer(self, number, accepted, text)

    monkeypatch.setattr(RequestRepository, "answer", busy_once)
    async with quick.site.engine(auto_dispatch=True) as engine, _other_program(quick) as requests:
        await until_status(engine, beam_id, BeamStatus.PREPROCESSING)
        number = await requests.put("priority +1", beam_id)
        assert (await answer_to(requests, number)).accepted is True
        await engine.refresh()
        assert busy == [number]
        assert beam_of(engine.snapshot, beam_id).priority == 1
        quick.let_go(PREPROCESSING)


async def test_the_end_of_the_program_does_not_come_between_a_request_and_its_answer(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    (beam_id,) = quick.beam_ids(quick.add_case())
    quick.hold(PREPROCESSING)
    answer = RequestRepository.answer
    is_carried_out, may_answer = asyncio.Event(), asyncio.Event()

    async def late(self: RequestRepository, number: int, accepted: bool, text: str) -> None:
        is_carried_out.set()
        await may_answer.wait()
        await answer(self, number, accepted, text)

    monkeypatch.setattr(RequestRepository, "answer", late)
    program = AsyncExitStack()
    engine = await program.enter_async_context(quick.site.engine(auto_dispatch=True))
    async with _other_program(quick) as requests:
        await until_status(engine, beam_id, BeamStatus.PREPROCESSING)
        number = await requests.put("priority +1", beam_id)
        await is_carried_out.wait()
        ending = asyncio.create_task(program.aclose())
        await asyncio.sleep(0)  # the program is told to end
        may_answer.set()
        await ending
        assert (await requests.get(number)).accepted is True

    async with quick.site.engine() as engine:
        await engine.first_scan()
        assert beam_of(engine.snapshot, beam_id).priority == 1
        quick.let_go(PREPROCESSING)
