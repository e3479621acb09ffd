"""A beam's worker through trouble that says nothing of the beam: it goes on, and commands reach it all the same."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from typing import Any

import pytest

from mqi_tui.domain.errors import AccessError, MqiError, PermanentError, TransientError
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.remote_handler import RemoteHandler
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import DatabaseError
from mqi_tui.workflow import hold_ups
from mqi_tui.workflow.engine import Engine
from tests.support.site import wait_for, wait_until
from tests.workflow.support import COMPUTING, QuickSite, beam_of, messages, slots_taken, until_idle, until_status


async def _computing(quick: QuickSite, engine: Engine) -> str:
    """Dispatch a case of one beam, whose engine is held up; its id."""
    case_id = quick.add_case()
    quick.hold(COMPUTING)
    await engine.first_scan()
    await engine.dispatch(case_id)
    await wait_until(lambda: quick.count(COMPUTING) == 1)
    return quick.beam_ids(case_id)[0]


async def _completes(quick: QuickSite, engine: Engine, beam_id: str) -> None:
    quick.let_go(COMPUTING)
    beam = beam_of(await until_idle(engine), beam_id)
    assert (beam.status, beam.attempt) == (BeamStatus.COMPLETED, 1)
    assert quick.count(COMPUTING) == 1


def _hold_ups_told(engine: Engine, beam_id: str) -> list[str]:
    return [message for message in messages(engine.snapshot, beam_id) if message.startswith("held up")]


async def _hold_ups_on_the_way(quick: QuickSite) -> list[str]:
    """Of a beam on its whole way, which is completed and left with nothing in it."""
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        assert (await until_idle(engine)).all_completed
        assert not engine._context.hold_ups.is_known(beam_id, in_outage=True)
        return _hold_ups_told(engine, beam_id)


@pytest.mark.parametrize("error", [AccessError("Not allowed."), PermanentError("Refused."), TransientError("Away.")])
async def test_a_log_that_could_not_be_read_for_a_moment_decides_nothing(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch, error: MqiError
) -> None:
    read_log, reads = RemoteHandler.read_log, 0

    async def reads_after_three_tries(self: RemoteHandler, folder: PurePosixPath, offset: int, limit: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads <= 3:
            raise error
        return await read_log(self, folder, offset, limit)

    monkeypatch.setattr(RemoteHandler, "read_log", reads_after_three_tries)
    async with quick.site.engine() as engine:
        beam_id = await _computing(quick, engine)
        await wait_until(lambda: reads > 5)
        await _completes(quick, engine, beam_id)
        assert engine._context.jobs.places == {}


async def test_a_log_that_cannot_be_read_at_the_end_is_waited_for(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_log, may_read = RemoteHandler.read_log, asyncio.Event()

    async def not_yet(self: RemoteHandler, folder: PurePosixPath, offset: int, limit: int) -> bytes:
        if not may_read.is_set():
            raise AccessError("Cannot read the log")
        return await read_log(self, folder, offset, limit)

    monkeypatch.setattr(RemoteHandler, "read_log", not_yet)
    monkeypatch.setattr(hold_ups, "PASSING_SECONDS", 0.5)
    async with quick.site.engine() as engine:
        beam_id = await _computing(quick, engine)
        quick.let_go(COMPUTING)
        seen = await wait_for(engine, lambda seen: bool(seen.hold_ups))
        assert seen.hold_ups[beam_id].reason == "Cannot read the log"
        said = f"held up since {seen.hold_ups[beam_id].since:%H:%M:%S} UTC: Cannot read the log"
        await wait_for(engine, lambda seen: beam_of(seen, beam_id).detail == said)
        may_read.set()
        beam = beam_of(await until_idle(engine), beam_id)
        assert (beam.status, beam.attempt) == (BeamStatus.COMPLETED, 1)
        assert not engine._context.hold_ups.is_known(beam_id, in_outage=True)


async def test_a_database_that_is_away_for_a_moment_ends_no_worker(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_beam_by_id, failures = CaseRepository.get_beam_by_id, 2

    async def fails_twice(self: CaseRepository, beam_id: str) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise DatabaseError("It cannot be opened.")
        return await get_beam_by_id(self, beam_id)

    async with quick.site.engine() as engine:
        beam_id = await _computing(quick, engine)
        monkeypatch.setattr(CaseRepository, "get_beam_by_id", fails_twice)
        await _completes(quick, engine, beam_id)
    assert failures == 0


async def test_a_beam_whose_worker_is_gone_can_be_cancelled(quick: QuickSite) -> None:
    async with quick.site.engine() as engine:
        beam_id = await _computing(quick, engine)
        task = engine._manager._workers[beam_id].task
        task.cancel()
        await asyncio.wait({task})
        await engine.cancel_beam(beam_id)
        await until_status(engine, beam_id, BeamStatus.CANCELLED)


async def test_a_beam_without_a_job_fails_where_nobody_is_let_in_and_gives_its_slot_back(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(self: RemoteHandler, path: PurePosixPath) -> bool:
        raise AccessError(f"Not let in at {path}.")

    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        with monkeypatch.context() as patched:
            patched.setattr(RemoteHandler, "is_there", refused)
            await engine.dispatch(case_id)
            beam = await until_status(engine, beam_id, BeamStatus.FAILED)
            assert (beam.error or "").startswith("Not let in at")
            assert slots_taken(engine.snapshot) == set()
        await engine.retry(beam_id)
        assert (await until_idle(engine)).all_completed


async def test_a_trouble_of_which_the_event_cannot_be_written_is_told_later_and_left_behind(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_beam, add_event, failures = RemoteHandler.upload_beam, CaseRepository.add_event, ["event", "upload"]

    async def fails_twice(self: RemoteHandler, files: Any, folder: PurePosixPath) -> int:
        if failures:
            raise TransientError("the disk is full")
        return await upload_beam(self, files, folder)

    async def fails_once(self: CaseRepository, message: str, **about: Any) -> None:
        if message.startswith("held up") and failures and failures.pop(0) == "event":
            raise DatabaseError("the disk is full")
        await add_event(self, message, **about)

    monkeypatch.setattr(RemoteHandler, "upload_beam", fails_twice)
    monkeypatch.setattr(CaseRepository, "add_event", fails_once)
    assert await _hold_ups_on_the_way(quick) == ["held up while uploading: the disk is full"]


async def test_an_upload_that_is_slow_to_fail_is_one_trouble(quick: QuickSite, monkeypatch: pytest.MonkeyPatch) -> None:
    upload_beam, tries = RemoteHandler.upload_beam, 0

    async def slow_to_fail(self: RemoteHandler, files: Any, folder: PurePosixPath) -> int:
        nonlocal tries
        tries += 1
        if tries < 3:
            await asyncio.sleep(0.8)
            raise TransientError("the disk is full")
        return await upload_beam(self, files, folder)

    monkeypatch.setattr(RemoteHandler, "upload_beam", slow_to_fail)
    monkeypatch.setattr(hold_ups, "GOING_ON_SECONDS", 0.5)
    assert await _hold_ups_on_the_way(quick) == ["held up while uploading: the disk is full"]


async def test_another_trouble_later_is_told_with_its_own_time(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_job, tries = RemoteHandler.wait_for_job, 0

    async def troubled(self: RemoteHandler, job: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise TransientError("the first trouble")
        if tries == 2:
            await asyncio.sleep(0.8)
            raise TransientError("the second trouble")
        return await wait_for_job(self, job)

    monkeypatch.setattr(RemoteHandler, "wait_for_job", troubled)
    monkeypatch.setattr(hold_ups, "GOING_ON_SECONDS", 0.5)
    async with quick.site.engine() as engine:
        beam_id = await _computing(quick, engine)
        await wait_until(lambda: tries == 3)
        await _completes(quick, engine, beam_id)
        told = _hold_ups_told(engine, beam_id)
        assert [message.rpartition(": ")[2] for message in told] == ["the first trouble", "the second trouble"]
