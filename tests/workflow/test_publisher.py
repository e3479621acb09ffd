"""What is published: a new picture for each change, in which everything that did not change is the same object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from mqi_tui.domain.records import BeamProgress
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.gpus import GpuRepository
from mqi_tui.workflow.publisher import SnapshotPublisher
from tests.support.site import wait_for
from tests.workflow.support import COMPUTING, QuickSite, until_idle


@asynccontextmanager
async def publishing(
    folder: Path,
    unreachable_since: Callable[[], datetime | None] = lambda: None,
    times_left: Callable[[], Mapping[str, TimeLeft]] = dict,
) -> AsyncIterator[tuple[CaseRepository, SnapshotPublisher]]:
    """A publisher over a database with two cases."""
    async with Database.open(folder / "mqi-tui.db") as database:
        cases = CaseRepository(database)
        for case_id in ("A", "B"):
            await cases.register_case(case_id, folder / case_id, [("1", folder / case_id / "1")])
        yield (
            cases,
            SnapshotPublisher(
                cases,
                GpuRepository(database),
                revision=lambda: database.revision,
                is_paused=lambda: False,
                scan_trouble=lambda: "",
                unreachable_since=unreachable_since,
                times_left=times_left,
            ),
        )


async def test_cases_that_did_not_change_stay_the_same_objects(tmp_path: Path) -> None:
    async with publishing(tmp_path) as (cases, publisher):
        await publisher.publish_if_changed()
        before = publisher.latest
        await cases.update_beam_status_by_id("A_1", BeamStatus.INITIAL, message="dispatched")
        await publisher.publish_if_changed()
        after = publisher.latest
    assert after.revision > before.revision
    assert after.cases[0] is not before.cases[0]
    assert after.cases[0].beams[0].status is BeamStatus.INITIAL
    assert after.cases[1] is before.cases[1]


async def test_no_time_that_a_beam_still_takes_is_told_while_the_hpc_does_not_answer(tmp_path: Path) -> None:
    since: list[datetime | None] = [None]
    left = {"A_1": TimeLeft(10.0, 20.0, 0)}
    async with publishing(tmp_path, lambda: since[-1], lambda: left) as (_, publisher):
        await publisher.publish_if_changed()
        assert publisher.latest.times_left == left
        since.append(datetime.now(UTC))
        await publisher.publish_if_changed()
        assert not publisher.latest.times_left
        assert publisher.latest.unreachable_since == since[-1]
        since.append(None)
        await publisher.publish_if_changed()
        assert publisher.latest.times_left == left


async def test_nothing_is_published_when_nothing_has_changed(tmp_path: Path) -> None:
    async with publishing(tmp_path) as (cases, publisher):
        await publisher.publish_if_changed()
        before = publisher.latest
        await publisher.publish_if_changed()
        assert publisher.latest is before
        # Progress that is written again as it was is no news.
        await cases.update_progress({"A_1": BeamProgress(BeamStatus.NEW, 0.0)})
        await publisher.publish_if_changed()
        assert publisher.latest is before


async def test_no_picture_is_lost_on_an_onlooker_when_two_are_asked_for_at_once(tmp_path: Path) -> None:
    async with publishing(tmp_path) as (cases, publisher):
        await publisher.publish_if_changed()
        seen: list[EngineSnapshot] = []

        async def look() -> None:
            async for snapshot in publisher.changes():
                seen.append(snapshot)  # noqa: PERF401  (each one as it comes)

        looking = asyncio.create_task(look())
        for number in range(10):
            await cases.add_event(f"event {number}")
            await asyncio.gather(*(publisher.publish_if_changed() for _ in range(3)))
            await asyncio.sleep(0.01)  # the onlooker's turn
            assert seen[-1] is publisher.latest
        looking.cancel()
    assert len(seen) == 11


async def test_a_late_onlooker_has_the_latest_picture_at_once_and_then_each_newer_one(quick: QuickSite) -> None:
    case_id = quick.add_case()
    quick.hold(COMPUTING)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        changes = engine.changes()
        first = await anext(changes)
        assert first is engine.snapshot
        await engine.dispatch(case_id)
        second = await anext(changes)
        assert second.revision > first.revision
        assert second.at >= first.at
        await wait_for(engine, lambda seen: bool(seen.gpus and seen.gpus[0].beam_id))
        quick.let_go(COMPUTING)
        last = await until_idle(engine)
        assert last.revision > second.revision
        assert last.events[-1].message.startswith("case completed")
