"""Commands that another process leaves in the database."""

from __future__ import annotations

import pytest

from mqi_tui.repositories.database import Database
from mqi_tui.repositories.requests import RequestRepository
from tests.repositories.conftest import Store


async def test_a_request_waits_until_it_is_answered(store: Store) -> None:
    requests = RequestRepository(store.database)
    async with Database.open(store.path) as other:
        number = await RequestRepository(other).put("dispatch", "한글 [QA]", ["한글 [QA]_1"])
    (request,) = await requests.pending()
    assert (request.request_id, request.verb, request.target) == (number, "dispatch", "한글 [QA]")
    assert (request.beam_ids, request.accepted) == (("한글 [QA]_1",), None)
    await requests.answer(number, True, "dispatched 1 beam")
    assert await requests.pending() == []
    answered = await requests.get(number)
    assert (answered.accepted, answered.answer) == (True, "dispatched 1 beam")


async def test_requests_are_served_in_the_order_in_which_they_came(store: Store) -> None:
    requests = RequestRepository(store.database)
    numbers = [await requests.put("retry", name) for name in ("b", "a", "c")]
    assert [request.request_id for request in await requests.pending()] == numbers


async def test_a_number_that_was_never_given_out_is_a_lookup_error(store: Store) -> None:
    with pytest.raises(LookupError):
        await RequestRepository(store.database).get(1)
