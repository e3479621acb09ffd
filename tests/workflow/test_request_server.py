"""Commands that another process left in the database."""

from __future__ import annotations

from mqi_tui.domain.status import BeamStatus
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.requests import RequestRecord, RequestRepository
from tests.support.jobs import until_it
from tests.workflow.support import COMPUTING, QuickSite, until_idle, until_status


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
