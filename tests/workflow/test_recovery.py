"""The engine closed and opened again at every point: each beam goes on where it was, no job is started twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sqlite3
from pathlib import Path

import pytest

from mqi_tui.domain.errors import TransientError
from mqi_tui.domain.records import AttemptOutcome
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.repositories.attempts import AttemptRepository
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.gpus import GpuRepository
from mqi_tui.workflow.engine import Engine
from tests.support.jobs import is_alive
from tests.support.site import all_beams, database_held, wait_for, wait_until
from tests.workflow.support import (
    COMPUTING,
    POSTPROCESSING,
    PREPROCESSING,
    QuickSite,
    beam_of,
    messages,
    slots_taken,
    until_idle,
    until_status,
)


async def stop_while(quick: QuickSite, step: str, *, beams: int = 1) -> list[str]:
    """Dispatch a case and close the engine while the step's program works for its first beam; returns all beam ids."""
    case_id = quick.add_case(beams=beams)
    quick.hold(step)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await wait_until(lambda: quick.count(step) >= 1)
    return quick.beam_ids(case_id)


async def go_on(quick: QuickSite) -> Engine:
    """Open the engine until nothing is left to do; returns the closed engine with its last snapshot."""
    async with quick.site.engine() as engine:
        await until_idle(engine)
    return engine


def database_of(quick: QuickSite) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(quick.site.config.settings.database_path, isolation_level=None))


# Closed and opened again


@pytest.mark.parametrize(
    ("step", "ran"),
    [
        (PREPROCESSING, {PREPROCESSING: 2, COMPUTING: 1, POSTPROCESSING: 1}),
        (COMPUTING, {PREPROCESSING: 1, COMPUTING: 1, POSTPROCESSING: 1}),
        (POSTPROCESSING, {PREPROCESSING: 1, COMPUTING: 1, POSTPROCESSING: 2}),
    ],
)
async def test_a_beam_goes_on_in_the_state_in_which_the_engine_was_closed(
    quick: QuickSite, step: str, ran: dict[str, int]
) -> None:
    await stop_while(quick, step)
    ((_, pid),) = quick.runs(step)
    # A program on this machine ends with the engine; a job on the HPC does not.
    assert is_alive(pid) == (step == COMPUTING)
    quick.let_go(step)
    engine = await go_on(quick)
    assert engine.snapshot.all_completed
    assert {each: quick.count(each) for each in ran} == ran
    assert [beam.attempt for beam in all_beams(engine.snapshot)] == [1]


async def test_beams_in_the_queue_keep_their_places(quick: QuickSite) -> None:
    quick.configure(hpc={"gpu_count": 1}, max_workers=1)
    case_id = quick.add_case(beams=4)
    quick.hold(COMPUTING)

    def all_wait_for_the_one_slot(snapshot: EngineSnapshot) -> bool:
        return len(slots_taken(snapshot)) == 1 and len(snapshot.queue) == 3

    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        before = (await wait_for(engine, all_wait_for_the_one_slot)).queue
    async with quick.site.engine() as engine:
        after = (await wait_for(engine, all_wait_for_the_one_slot)).queue
        quick.let_go(COMPUTING)
        await until_idle(engine)
    assert after == before
    assert [beam_id for beam_id, _ in quick.runs(COMPUTING)][1:] == list(before)


async def test_a_beam_whose_job_finished_while_the_program_was_away_is_not_computed_again(quick: QuickSite) -> None:
    (beam_id,) = await stop_while(quick, COMPUTING)
    quick.let_go(COMPUTING)
    await wait_until(lambda: bool(list(quick.site.remote.rglob("run-001/exit_record"))))
    assert quick.site.beams()[beam_id]["status"] == "hpc_running"
    engine = await go_on(quick)
    assert engine.snapshot.all_completed
    assert (quick.count(COMPUTING), beam_of(engine.snapshot, beam_id).attempt) == (1, 1)


async def test_a_job_that_failed_while_the_program_was_away_fails_its_beam(quick: QuickSite) -> None:
    (beam_id,) = await stop_while(quick, COMPUTING)
    quick.fail(COMPUTING)
    quick.let_go(COMPUTING)
    await wait_until(lambda: bool(list(quick.site.remote.rglob("run-001/exit_record"))))
    beam = beam_of((await go_on(quick)).snapshot, beam_id)
    assert beam.status is BeamStatus.FAILED
    assert beam.error is not None
    assert "no luck while computing" in beam.error


async def test_a_job_that_was_lost_while_the_program_was_away_is_followed_by_another_attempt(quick: QuickSite) -> None:
    (beam_id,) = await stop_while(quick, COMPUTING)
    ((_, pid),) = quick.runs(COMPUTING)
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    quick.let_go(COMPUTING)
    async with quick.site.engine() as engine:
        snapshot = await until_idle(engine)
        attempts = await engine._context.attempts.list_attempts(beam_id)
    assert snapshot.all_completed
    assert [attempt.outcome for attempt in attempts] == [AttemptOutcome.LOST, AttemptOutcome.SUCCEEDED]


async def test_a_job_whose_id_was_not_written_down_is_found_again(quick: QuickSite) -> None:
    """As after a power cut between the start of the job and the row that says so."""
    (beam_id,) = await stop_while(quick, COMPUTING)
    with database_of(quick) as database:
        database.execute("UPDATE attempts SET hpc_job_id = NULL, submitted_at = NULL")
        database.execute("UPDATE beams SET hpc_job_id = NULL")
    (claim,) = quick.site.remote.rglob("run-001/claim/pid")
    async with quick.site.engine() as engine:
        snapshot = await wait_for(engine, lambda seen: beam_of(seen, beam_id).hpc_job_id is not None)
        assert beam_of(snapshot, beam_id).hpc_job_id == claim.read_text().strip()
        quick.let_go(COMPUTING)
        assert (await until_idle(engine)).all_completed
    assert quick.count(COMPUTING) == 1


async def test_an_attempt_that_was_opened_and_never_submitted_is_submitted_once(quick: QuickSite) -> None:
    quick.configure(hpc={"gpu_count": 1})
    beams = await stop_while(quick, COMPUTING, beams=2)
    ((running, _),) = quick.runs(COMPUTING)
    (waiting,) = [beam_id for beam_id in beams if beam_id != running]
    settings = quick.site.config.settings
    async with quick.site.engine() as engine:
        await until_status(engine, waiting, BeamStatus.HPC_QUEUED)
    # The program is killed just after it wrote down what it is about to do.
    async with Database.open(settings.database_path) as database:
        await GpuRepository(database).set_gpu_count(2)
        assert await GpuRepository(database).assign_free_gpu(waiting) == 1
        case_id = waiting.rsplit("_", 1)[0]
        await AttemptRepository(database).open_attempt(
            waiting,
            token=secrets.token_hex(8),
            run_folder=str(settings.run_folder_of(case_id, waiting, 1)),
        )
    quick.configure(hpc={"gpu_count": 2})
    quick.let_go(COMPUTING)
    engine = await go_on(quick)
    assert engine.snapshot.all_completed
    assert sorted(beam_id for beam_id, _ in quick.runs(COMPUTING)) == beams
    assert [beam.attempt for beam in all_beams(engine.snapshot)] == [1, 1]


async def test_a_new_database_leaves_the_runs_of_an_older_one_as_they_are(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    settings = quick.site.config.settings
    old = Path(settings.run_folder_of(case_id, beam_id, 1))
    kept: dict[str, bytes] = {}
    for _start in ("the first", "with a new database"):
        async with quick.site.engine() as engine:
            await engine.first_scan()
            await engine.dispatch(case_id)
            beam = beam_of(await until_idle(engine), beam_id)
            assert (beam.status, beam.attempt, beam.error) == (BeamStatus.COMPLETED, 1, None)
        kept = kept or {path.name: path.read_bytes() for path in old.iterdir() if path.is_file()}
        settings.database_path.rename(settings.database_path.with_name("moved-away.db"))
    assert {path.name: path.read_bytes() for path in old.iterdir() if path.is_file()} == kept
    assert "exit_record" in kept
    assert quick.count(COMPUTING) == 2


async def test_a_beam_that_was_being_cancelled_is_cancelled_after_the_next_start(quick: QuickSite) -> None:
    seen = quick.site.folder / "seen"
    quick.configure(
        engine=f"trap 'while [ ! -e {seen} ]; do sleep 0.05; done; exit 1' TERM; touch ready; "
        "while :; do sleep 0.05; done"
    )
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await wait_until(lambda: bool(list(quick.site.remote.rglob("run-001/ready"))))
        await engine.cancel_beam(beam_id)
    ((_, pid),) = quick.runs(COMPUTING)
    assert quick.site.beams()[beam_id]["status"] == "cancelling"
    seen.touch()
    engine = await go_on(quick)
    assert beam_of(engine.snapshot, beam_id).status is BeamStatus.CANCELLED
    assert slots_taken(engine.snapshot) == set()
    assert not is_alive(pid)


async def test_fewer_slots_after_a_restart_let_running_jobs_finish(quick: QuickSite) -> None:
    quick.configure(hpc={"gpu_count": 2})
    case_id = quick.add_case(beams=3)
    quick.hold(COMPUTING)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await wait_until(lambda: quick.count(COMPUTING) == 2)
    quick.configure(hpc={"gpu_count": 1})
    async with quick.site.engine() as engine:
        assert len(engine.snapshot.gpus) == 2
        assert len(slots_taken(engine.snapshot)) == 2
        quick.let_go(COMPUTING)
        snapshot = await until_idle(engine)
    assert snapshot.all_completed
    assert [gpu.gpu_id for gpu in snapshot.gpus] == [0]


# What is in the way while the engine runs


async def test_a_scan_directory_that_goes_away_is_noticed_and_work_goes_on_until_it_is_back(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.hold(COMPUTING)
    away = quick.site.cases.with_name("away")
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await wait_until(lambda: quick.count(COMPUTING) == 1)
        quick.site.cases.rename(away)
        snapshot = await wait_for(engine, lambda seen: bool(seen.notice))
        assert snapshot.notice.startswith(f"scan_directory {quick.site.cases} cannot be read since ")
        assert "mount it or correct it in config.yaml" in snapshot.notice
        quick.let_go(COMPUTING)
        await until_status(engine, beam_id, BeamStatus.COMPLETED)
        away.rename(quick.site.cases)
        await wait_for(engine, lambda seen: not seen.notice)
        # New folders are found again.
        other = quick.add_case()
        await wait_for(engine, lambda seen: other in {case.case_id for case in seen.cases})


async def test_an_engine_that_starts_without_its_share_keeps_the_cases_it_knows(quick: QuickSite) -> None:
    share = quick.site.folder.parent / "share"
    quick.configure(scan_directory=str(share))
    case_id = quick.add_case(beams=2)
    quick.site.cases.rename(share)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        assert [case.case_id for case in engine.snapshot.cases] == [case_id]
    share.rename(quick.site.cases)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        assert [case.case_id for case in engine.snapshot.cases] == [case_id]
        assert "cannot be read" in engine.snapshot.notice
        assert not share.exists()
        # A beam that is dispatched meanwhile is held up, and goes on by itself.
        await engine.dispatch(case_id)
        await wait_for(engine, lambda seen: all("held up since" in beam.detail for beam in all_beams(seen)))
        quick.site.cases.rename(share)
        assert (await until_idle(engine)).all_completed


async def test_a_busy_database_holds_the_work_up_and_fails_nothing(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqi_tui.repositories.database.BUSY_SECONDS", 0.1)
    case_id = quick.add_case(beams=2)
    quick.hold(PREPROCESSING)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await wait_until(lambda: quick.count(PREPROCESSING) == 2)
        async with database_held(quick.site.config.settings.database_path):
            quick.let_go(PREPROCESSING)
            # What has ended cannot be written down, so it is done again until it can.
            await wait_until(lambda: quick.count(PREPROCESSING) >= 4)
            with pytest.raises(TransientError, match="cannot be used now"):
                await engine.pause()
        await engine.resume()
        snapshot = await until_idle(engine)
        assert snapshot.all_completed
        assert not [event for event in snapshot.events if event.level == "error"]
    assert quick.count(COMPUTING) == 2


async def test_an_engine_does_not_start_on_a_database_that_another_program_holds(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with quick.site.engine():
        pass
    monkeypatch.setattr("mqi_tui.repositories.database.BUSY_SECONDS", 0.1)
    with database_of(quick) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TransientError, match=r"the database .* cannot be used now"):
            async with quick.site.engine():
                pass
    async with quick.site.engine():
        pass


async def test_a_case_folder_that_goes_away_fails_its_beams_and_a_retry_goes_on_when_it_is_back(
    quick: QuickSite,
) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    away = quick.site.folder / "away"
    async with quick.site.engine() as engine:
        await engine.first_scan()
        (quick.site.cases / case_id).rename(away)
        await engine.dispatch(case_id)
        beam = await until_status(engine, beam_id, BeamStatus.FAILED)
        assert beam.error == f"{beam.beam_path}: the beam folder is not there any more; bring it back, then retry."
        away.rename(quick.site.cases / case_id)
        await engine.retry(beam_id)
        assert (await until_idle(engine)).all_completed
        assert "retry from checking" in messages(engine.snapshot, beam_id)


async def test_an_engine_that_is_closed_while_it_opens_its_beams_leaves_nothing_behind(quick: QuickSite) -> None:
    await stop_while(quick, PREPROCESSING, beams=3)
    for _ in range(3):
        async with quick.site.engine():
            await asyncio.sleep(0)
    assert not any(is_alive(pid) for _, pid in quick.runs(PREPROCESSING))
    quick.let_go(PREPROCESSING)
    assert (await go_on(quick)).snapshot.all_completed
    assert quick.count(COMPUTING) == 3
