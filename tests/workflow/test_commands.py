"""Dispatch, retry, rerun, cancel, pause and resume: what each does in each state, and what it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pkgutil import resolve_name
from typing import Any

import pytest

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, CaseStatus
from mqi_tui.workflow.engine import Engine
from mqi_tui.workflow.request_server import perform
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

STATUS_OF = {
    PREPROCESSING: BeamStatus.PREPROCESSING,
    COMPUTING: BeamStatus.HPC_RUNNING,
    POSTPROCESSING: BeamStatus.POSTPROCESSING,
}


async def begin(quick: QuickSite, engine: Engine, case_id: str) -> None:
    await engine.first_scan()
    await engine.dispatch(case_id)


# Dispatch


async def test_dispatch_starts_every_new_beam_of_the_case_and_of_no_other(quick: QuickSite) -> None:
    case_id, other = quick.add_case(beams=3), quick.add_case(beams=2)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        assert await engine.dispatch(case_id) == f"dispatched 3 beams of {case_id}"
        snapshot = await until_idle(engine)
    views = {case.case_id: case for case in snapshot.cases}
    assert views[case_id].status is CaseStatus.COMPLETED
    assert views[other].status is CaseStatus.READY


async def test_dispatch_of_some_beams_leaves_the_others_new(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=3)
    first, second, third = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        assert await engine.dispatch(case_id, [first, third]) == f"dispatched 2 beams of {case_id}"
        snapshot = await until_idle(engine)
        assert [beam_of(snapshot, beam_id).status.value for beam_id in (first, second, third)] == [
            "completed",
            "new",
            "completed",
        ]
        assert snapshot.cases[0].status is CaseStatus.PARTLY_COMPLETED
        # The rest of it, later.
        assert await engine.dispatch(case_id) == f"dispatched 1 beam of {case_id}"
        assert (await until_idle(engine)).all_completed
    assert quick.count(COMPUTING) == 3


async def test_two_dispatches_at_once_start_each_beam_once(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        answers = await asyncio.gather(engine.dispatch(case_id), engine.dispatch(case_id), return_exceptions=True)
        await until_idle(engine)
    assert answers[0] == f"dispatched 2 beams of {case_id}"
    assert isinstance(answers[1], RequestRefusedError)
    assert "nothing of" in str(answers[1])
    assert sorted(beam_id for beam_id, _ in quick.runs(COMPUTING)) == quick.beam_ids(case_id)


async def test_dispatch_refuses_what_is_unknown_or_not_new_with_the_reason(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (quick.site.cases / "notes").mkdir()
    (quick.site.cases / "notes" / "list.txt").touch()
    async with quick.site.engine() as engine:
        await wait_for(engine, lambda seen: bool(seen.folders and seen.cases))
        with pytest.raises(RequestRefusedError, match=f"there is no case NOBODY; known cases: {case_id}"):
            await engine.dispatch("NOBODY")
        with pytest.raises(RequestRefusedError, match=r"notes cannot be dispatched \(passed over\): no case folder"):
            await engine.dispatch("notes")
        await engine.dispatch(case_id)
        await until_idle(engine)
        with pytest.raises(RequestRefusedError, match=r"nothing of .* is new \(\d+ is completed\); retry or run again"):
            await engine.dispatch(case_id)


async def test_dispatch_with_a_beam_that_the_case_does_not_have_starts_nothing(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    first, _ = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        with pytest.raises(RequestRefusedError, match=rf"no such beam.*{first}"):
            await engine.dispatch(case_id, ["TYPO"])
        with pytest.raises(RequestRefusedError, match="TYPO"):
            await engine.dispatch(case_id, [first, "TYPO"])
        assert {beam.status for beam in all_beams(engine.snapshot)} == {BeamStatus.NEW}


# Retry and full rerun


@pytest.mark.parametrize(
    ("step", "ran"),
    [
        (PREPROCESSING, {PREPROCESSING: 2, COMPUTING: 1, POSTPROCESSING: 1}),
        (COMPUTING, {PREPROCESSING: 1, COMPUTING: 2, POSTPROCESSING: 1}),
        (POSTPROCESSING, {PREPROCESSING: 1, COMPUTING: 1, POSTPROCESSING: 2}),
    ],
)
async def test_a_retry_goes_on_from_the_state_that_failed_with_the_earlier_results(
    quick: QuickSite, step: str, ran: dict[str, int]
) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.fail(step)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        failed = await until_status(engine, beam_id, BeamStatus.FAILED)
        assert failed.error is not None
        assert "exit code 3" in failed.error
        assert f"no luck while {step}" in failed.error
        assert slots_taken(engine.snapshot) == set()
        quick.mend(step)
        going_on = "waiting for GPU" if step == COMPUTING else step
        assert await engine.retry(beam_id) == f"{beam_id} goes on from {going_on}"
        snapshot = await until_idle(engine)
    done = beam_of(snapshot, beam_id)
    assert (done.status, done.error, done.progress) == (BeamStatus.COMPLETED, None, 1.0)
    assert {each: quick.count(each) for each in ran} == ran
    assert done.attempt == ran[COMPUTING]


async def test_a_retry_of_a_failed_postprocessing_leaves_the_dose_file_untouched(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.fail(POSTPROCESSING)
    raw = quick.site.results / case_id / beam_id / "output.raw"
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        failed = await until_status(engine, beam_id, BeamStatus.FAILED)
        before = raw.stat()
        assert failed.error is not None
        assert failed.error.endswith(f"The dose itself is verified: {raw}.")
        quick.mend(POSTPROCESSING)
        await engine.retry(beam_id)
        await until_idle(engine)
    assert (raw.stat().st_ino, raw.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_retry_whose_dose_file_is_gone_brings_it_home_without_computing(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.fail(POSTPROCESSING)
    raw = quick.site.results / case_id / beam_id / "output.raw"
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await until_status(engine, beam_id, BeamStatus.FAILED)
        quick.mend(POSTPROCESSING)
        raw.unlink()
        await engine.retry(beam_id)
        await until_idle(engine)
        error = beam_of(engine.snapshot, beam_id).error
        assert error is not None
        assert "is gone; retry brings it home again" in error
        assert await engine.retry(beam_id) == f"{beam_id} goes on from downloading"
        assert (await until_idle(engine)).all_completed
    assert raw.exists()
    assert quick.count(COMPUTING) == 1


async def test_a_full_rerun_goes_the_whole_way_again_and_keeps_the_earlier_attempt(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await until_status(engine, beam_id, BeamStatus.COMPLETED)
        assert await engine.rerun(beam_id) == f"{beam_id} runs again from its beginning"
        snapshot = await wait_for(engine, lambda seen: seen.is_idle and beam_of(seen, beam_id).attempt == 2)
    assert snapshot.all_completed
    assert [quick.count(step) for step in STATUS_OF] == [2, 2, 2]
    runs = quick.site.remote / case_id / beam_id
    assert sorted(path.parent.name for path in runs.glob("run-*/dose.raw")) == ["run-001", "run-002"]


async def test_a_full_rerun_of_a_failed_beam_does_not_go_on_where_it_failed(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.fail(POSTPROCESSING)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await until_status(engine, beam_id, BeamStatus.FAILED)
        quick.mend(POSTPROCESSING)
        await engine.rerun(beam_id)
        assert (await until_idle(engine)).all_completed
    assert [quick.count(step) for step in STATUS_OF] == [2, 2, 2]


async def test_two_retries_at_once_start_one_worker(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.fail(COMPUTING)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await until_status(engine, beam_id, BeamStatus.FAILED)
        quick.mend(COMPUTING)
        answers = await asyncio.gather(engine.retry(beam_id), engine.retry(beam_id), return_exceptions=True)
        assert answers[0] == f"{beam_id} goes on from waiting for GPU"
        assert isinstance(answers[1], RequestRefusedError)
        assert "only a failed or cancelled beam is retried" in str(answers[1])
        assert (await until_idle(engine)).all_completed
    assert quick.count(COMPUTING) == 2


async def test_commands_go_on_while_a_beam_that_was_retried_at_once_is_at_work(quick: QuickSite) -> None:
    """A retry may come before the worker that failed the beam has looked at it again."""
    fails_once = (
        'while [ -e "$1/hold-first" ]; do sleep 0.02; done; '
        'if mkdir "$1/failed" 2>/dev/null; then exit 3; fi; touch "$1/again"; '
        'while [ -e "$1/hold-again" ]; do sleep 0.02; done'
    )
    quick.configure(interpreter={"command": ["sh", "-c", fails_once, "interpreter", str(quick.site.folder)]})
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.hold("first")
    quick.hold("again")
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await until_status(engine, beam_id, BeamStatus.PREPROCESSING)
        # As many beams that look for a slot do it: a worker that has recorded an end waits before it looks again.
        async with engine._context.allocator._changed:
            quick.let_go("first")
            await until_status(engine, beam_id, BeamStatus.FAILED)
            retry = asyncio.create_task(engine.retry(beam_id))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await until_status(engine, beam_id, BeamStatus.PREPROCESSING)
        async with asyncio.timeout(10):
            await retry
            await wait_until((quick.site.folder / "again").exists)
            await engine.cancel_beam(beam_id)
            await until_status(engine, beam_id, BeamStatus.CANCELLED)


async def test_retry_and_rerun_refuse_what_is_at_work_completed_or_unknown(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.hold(COMPUTING)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        with pytest.raises(RequestRefusedError, match="is new: only a failed or cancelled beam is retried"):
            await engine.retry(beam_id)
        with pytest.raises(RequestRefusedError, match="is new: only a beam that has ended is run again"):
            await engine.rerun(beam_id)
        await engine.dispatch(case_id)
        await until_status(engine, beam_id, BeamStatus.HPC_RUNNING)
        with pytest.raises(RequestRefusedError, match="is computing: only a failed or cancelled beam is retried"):
            await engine.retry(beam_id)
        with pytest.raises(RequestRefusedError, match="is computing: only a beam that has ended is run again"):
            await engine.rerun(beam_id)
        quick.let_go(COMPUTING)
        await until_status(engine, beam_id, BeamStatus.COMPLETED)
        with pytest.raises(RequestRefusedError, match="is completed: only a failed or cancelled beam is retried"):
            await engine.retry(beam_id)
        for command in (engine.retry, engine.rerun, engine.cancel_beam):
            with pytest.raises(RequestRefusedError, match="there is no beam NOBODY; `mqi-tui status` lists the beams"):
                await command("NOBODY")
    assert quick.count(COMPUTING) == 1


# Cancel


@pytest.mark.parametrize("step", [PREPROCESSING, COMPUTING, POSTPROCESSING])
async def test_a_cancel_ends_the_program_that_works_for_the_beam(quick: QuickSite, step: str) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.hold(step)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await until_status(engine, beam_id, STATUS_OF[step])
        await wait_until(lambda: quick.count(step) == 1)
        await wait_for(engine, lambda seen: beam_of(seen, beam_id).word == STATUS_OF[step].word)
        assert await engine.cancel_beam(beam_id) == f"cancelling {beam_id}"
        snapshot = await wait_for(engine, lambda seen: beam_of(seen, beam_id).status is BeamStatus.CANCELLED)
        ((_, pid),) = quick.runs(step)
        assert not is_alive(pid)
        assert slots_taken(snapshot) == set()
        assert snapshot.cases[0].status is CaseStatus.CANCELLED
        assert f"cancel asked for while {STATUS_OF[step].word}" in messages(snapshot, beam_id)

        quick.let_go(step)
        await engine.retry(beam_id)
        assert (await until_idle(engine)).all_completed
    again = {each: 2 if each == step else 1 for each in STATUS_OF}
    assert {each: quick.count(each) for each in STATUS_OF} == again


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("preprocessing.write_calibration", BeamStatus.PREPROCESSING),
        ("preprocessing.check_beam_csvs", BeamStatus.PREPROCESSING),
        ("postprocessing.summarise", BeamStatus.POSTPROCESSING),
    ],
)
async def test_a_cancel_waits_for_the_thread_that_works_for_the_beam(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch, name: str, status: BeamStatus
) -> None:
    """A retry could otherwise write the same files beside it."""
    place = f"mqi_tui.workflow.states.{name}"
    own = resolve_name(place)
    began, let_go = threading.Event(), threading.Event()

    def held(*arguments: Any, **options: Any) -> Any:
        began.set()
        assert let_go.wait(60.0)
        return own(*arguments, **options)

    monkeypatch.setattr(place, held)
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        try:
            await begin(quick, engine, case_id)
            await until_status(engine, beam_id, status)
            await wait_until(began.is_set)
            cancelling = asyncio.create_task(engine.cancel_beam(beam_id))
            await until_status(engine, beam_id, BeamStatus.CANCELLING)
            await asyncio.sleep(0.5)
            await engine.refresh()
            assert beam_of(engine.snapshot, beam_id).status is BeamStatus.CANCELLING
        finally:
            let_go.set()
        await cancelling
        await until_status(engine, beam_id, BeamStatus.CANCELLED)


async def test_a_cancelled_beams_slot_is_released_only_when_its_process_is_gone(quick: QuickSite) -> None:
    seen = quick.site.folder / "seen"
    quick.configure(
        engine=f"trap 'while [ ! -e {seen} ]; do sleep 0.05; done; exit 1' TERM; touch ready; "
        "while :; do sleep 0.05; done",
        hpc={"gpu_count": 1},
    )
    case_id = quick.add_case(beams=2)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await wait_until(lambda: bool(list(quick.site.remote.rglob("run-001/ready"))))
        ((beam_id, pid),) = quick.runs(COMPUTING)
        await until_status(engine, beam_id, BeamStatus.HPC_RUNNING)
        await engine.cancel_beam(beam_id)
        held_while_ending = 0

        def is_released(snapshot: EngineSnapshot) -> bool:
            nonlocal held_while_ending
            # Alive now, so alive when the snapshot was taken.
            alive = is_alive(pid)
            released = beam_id not in slots_taken(snapshot) or beam_of(snapshot, beam_id).status.value == "cancelled"
            assert not (alive and released)
            if alive and beam_of(snapshot, beam_id).status is BeamStatus.CANCELLING:
                held_while_ending += 1
                seen.touch()
            return released

        await wait_for(engine, is_released)
        assert held_while_ending
        # The slot is the next beam's.
        await wait_until(lambda: quick.count(COMPUTING) == 2)
        await engine.cancel_case(case_id)
        await until_idle(engine)


async def test_a_beam_is_cancelled_in_the_queue_and_the_next_one_moves_up(quick: QuickSite) -> None:
    quick.configure(hpc={"gpu_count": 1})
    quick.hold(COMPUTING)
    case_id = quick.add_case(beams=3)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        # A picture from before the first of them took the slot would have two in the queue as well.
        snapshot = await wait_for(engine, lambda seen: len(slots_taken(seen)) == 1 and len(seen.queue) == 2)
        waiting, last = snapshot.queue
        await engine.cancel_beam(waiting)
        snapshot = await wait_for(engine, lambda seen: beam_of(seen, waiting).status is BeamStatus.CANCELLED)
        assert snapshot.queue == (last,)
        quick.let_go(COMPUTING)
        snapshot = await until_idle(engine)
    assert {beam.beam_id: beam.status.value for beam in all_beams(snapshot) if beam.beam_id != waiting} == {
        beam.beam_id: "completed" for beam in all_beams(snapshot) if beam.beam_id != waiting
    }
    assert waiting not in {beam_id for beam_id, _ in quick.runs(COMPUTING)}


async def test_a_beam_that_waits_for_its_turn_is_cancelled_and_says_why_it_waits(quick: QuickSite) -> None:
    quick.configure(max_workers=1)
    quick.hold(PREPROCESSING)
    case_id = quick.add_case(beams=2)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        snapshot = await wait_for(engine, lambda seen: any("max_workers is 1" in one.detail for one in all_beams(seen)))
        (waiting,) = [beam.beam_id for beam in all_beams(snapshot) if beam.detail]
        await engine.cancel_beam(waiting)
        await until_status(engine, waiting, BeamStatus.CANCELLED)
        quick.let_go(PREPROCESSING)
        snapshot = await until_idle(engine)
    assert sorted(beam.status.value for beam in all_beams(snapshot)) == ["cancelled", "completed"]


async def test_cancelling_a_case_cancels_what_is_at_work_and_leaves_the_rest_as_it_is(quick: QuickSite) -> None:
    case_id, other = quick.add_case(beams=3), quick.add_case()
    first, second, third = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id, [first])
        await until_status(engine, first, BeamStatus.COMPLETED)
        quick.hold(COMPUTING)
        await engine.dispatch(case_id, [second])
        await engine.dispatch(other)
        await until_status(engine, second, BeamStatus.HPC_RUNNING)
        assert await engine.cancel_case(case_id) == f"cancelling 1 beam of {case_id}"
        await until_status(engine, second, BeamStatus.CANCELLED)
        with pytest.raises(RequestRefusedError, match=f"no beam of {case_id} is at work: there is nothing to cancel"):
            await engine.cancel_case(case_id)
        quick.let_go(COMPUTING)
        snapshot = await until_idle(engine)
    assert [beam_of(snapshot, beam_id).status.value for beam_id in (first, second, third)] == [
        "completed",
        "cancelled",
        "new",
    ]
    assert beam_of(snapshot, *quick.beam_ids(other)).status is BeamStatus.COMPLETED


async def test_cancel_refuses_what_is_not_at_work(quick: QuickSite) -> None:
    quick.configure(engine="trap 'sleep 0.5; exit 1' TERM; while :; do sleep 0.05; done")
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        with pytest.raises(RequestRefusedError, match="is new: there is nothing to cancel"):
            await engine.cancel_beam(beam_id)
        await engine.dispatch(case_id)
        await wait_until(lambda: quick.count(COMPUTING) == 1)
        answers = await asyncio.gather(engine.cancel_beam(beam_id), engine.cancel_beam(beam_id), return_exceptions=True)
        assert answers[0] == f"cancelling {beam_id}"
        assert str(answers[1]) == f"{beam_id} is cancelling: there is nothing to cancel."
        with pytest.raises(RequestRefusedError, match="is cancelling: only a failed or cancelled beam is retried"):
            await engine.retry(beam_id)
        await until_status(engine, beam_id, BeamStatus.CANCELLED)
        with pytest.raises(RequestRefusedError, match="is cancelled: there is nothing to cancel"):
            await engine.cancel_beam(beam_id)


@pytest.mark.parametrize("step", [PREPROCESSING, COMPUTING, POSTPROCESSING])
async def test_a_cancel_while_a_state_just_ends_is_carried_out_or_refused_never_forgotten(
    quick: QuickSite, step: str
) -> None:
    case_id = quick.add_case(beams=4)
    beams = quick.beam_ids(case_id)
    quick.configure(max_workers=4, hpc={"gpu_count": 4})
    quick.hold(step)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await wait_until(lambda: quick.count(step) == 4)
        quick.let_go(step)
        accepted = set()
        for number, beam_id in enumerate(beams):
            await asyncio.sleep(0.02 * number)  # moments of the end, one for each beam
            try:
                await engine.cancel_beam(beam_id)
                accepted.add(beam_id)
            except RequestRefusedError as refusal:
                assert f"{beam_id} is completed: " in str(refusal)  # noqa: PT017
        snapshot = await until_idle(engine)
    assert {beam.beam_id for beam in all_beams(snapshot) if beam.status is BeamStatus.CANCELLED} == accepted
    assert {beam.status for beam in all_beams(snapshot)} <= {BeamStatus.CANCELLED, BeamStatus.COMPLETED}
    assert slots_taken(snapshot) == set()
    assert not any(is_alive(pid) for each in STATUS_OF for _, pid in quick.runs(each))


async def test_a_case_is_cancelled_though_one_of_its_beams_just_comes_to_its_end(quick: QuickSite) -> None:
    folder = quick.site.folder
    waits = 'touch "$1/post-$2"; while [ -e "$1/hold-$2" ]; do sleep 0.02; done; touch "$1/done-$2"'
    quick.configure(postprocessing={"command": ["sh", "-c", waits, "post", str(folder), "{beam_id}"]})
    case_id = quick.add_case(beams=2)
    first, second = quick.beam_ids(case_id)
    quick.hold(first)
    quick.hold(second)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await wait_until(lambda: all((folder / f"post-{one}").exists() for one in (first, second)))
        # What the workers write has to wait: the command finds the beam at work that has come to its end.
        async with database_held(quick.site.config.settings.database_path):
            quick.let_go(first)
            await wait_until((folder / f"done-{first}").exists)
            await wait_until(lambda: bool(engine._context.cases._database._transactions))
            cancel = asyncio.create_task(engine.cancel_case(case_id))
            await asyncio.sleep(0.1)
        await cancel
        snapshot = await until_idle(engine)
    assert beam_of(snapshot, second).status is BeamStatus.CANCELLED
    assert beam_of(snapshot, first).status in {BeamStatus.COMPLETED, BeamStatus.CANCELLED}


async def test_a_beam_cancelled_while_its_job_is_being_started_leaves_no_process(quick: QuickSite) -> None:
    quick.configure(engine="sleep 60", max_workers=6, hpc={"gpu_count": 6})
    case_id = quick.add_case(beams=6)
    beams = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        for beam_id in beams:
            run = quick.site.remote / case_id / beam_id / "run-001"
            # The job's folder is there: its script, its launcher and its claim follow within milliseconds.
            await wait_until(run.exists)
            await engine.cancel_beam(beam_id)
        snapshot = await until_idle(engine)
        attempts = [await engine._context.attempts.list_attempts(beam_id) for beam_id in beams]
    assert {beam.status for beam in all_beams(snapshot)} == {BeamStatus.CANCELLED}
    assert all(attempt.outcome is not None for (attempt,) in attempts)
    assert not any(is_alive(pid) for _, pid in quick.runs(COMPUTING))


# Pause and resume


async def test_a_pause_starts_nothing_new_and_lets_running_jobs_go_on(quick: QuickSite) -> None:
    quick.configure(hpc={"gpu_count": 1})
    quick.hold(COMPUTING)
    case_id = quick.add_case(beams=2)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        snapshot = await wait_for(engine, lambda seen: len(seen.queue) == 1 and bool(slots_taken(seen)))
        await wait_until(lambda: quick.count(COMPUTING) == 1)
        (computing,) = slots_taken(snapshot)
        (waiting,) = snapshot.queue
        assert await engine.pause() == "paused: nothing new is started, running jobs go on"
        quick.let_go(COMPUTING)
        # The job ends and its slot is free; what would follow waits.
        beam = await until_status(engine, computing, BeamStatus.DOWNLOADING)
        snapshot = await wait_for(engine, lambda seen: seen.paused and not slots_taken(seen))
        assert beam_of(snapshot, waiting).status is BeamStatus.HPC_QUEUED
        assert beam.gpu_id is None
        assert await engine.resume() == "resumed"
        snapshot = await until_idle(engine)
        assert snapshot.all_completed
        assert not snapshot.paused
    said = [event.message for event in snapshot.events if event.beam_id is None]
    assert said[-3:-1] == ["paused: nothing new is started, running jobs go on", "resumed"]


async def test_what_is_dispatched_and_cancelled_during_a_pause_never_starts(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    first, second = quick.beam_ids(case_id)
    async with quick.site.engine(paused=True) as engine:
        await begin(quick, engine, case_id)
        await engine.cancel_beam(first)
        await until_status(engine, first, BeamStatus.CANCELLED)
        assert beam_of(engine.snapshot, second).status is BeamStatus.INITIAL
        assert quick.count(PREPROCESSING) == 0
        await engine.resume()
        snapshot = await until_idle(engine)
    assert beam_of(snapshot, first).status is BeamStatus.CANCELLED
    assert beam_of(snapshot, second).status is BeamStatus.COMPLETED


async def test_a_second_pause_or_resume_changes_nothing(quick: QuickSite) -> None:
    async with quick.site.engine() as engine:
        assert await engine.resume() == "resumed"
        await engine.pause()
        await engine.pause()
        snapshot = await wait_for(engine, lambda seen: seen.paused)
        await engine.resume()
        await wait_for(engine, lambda seen: not seen.paused)
    assert len([event for event in snapshot.events if "paused" in event.message]) == 1


# Commands by name, as another process gives them


async def test_a_retry_of_a_case_takes_all_its_stopped_beams_on(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=3)
    quick.fail(COMPUTING)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id, quick.beam_ids(case_id)[:2])
        await until_idle(engine)
        quick.mend(COMPUTING)
        answer = await perform(engine, "retry", case_id)
        assert answer == "; ".join(f"{one} goes on from waiting for GPU" for one in quick.beam_ids(case_id)[:2])
        snapshot = await until_idle(engine)
        with pytest.raises(RequestRefusedError, match=f"no beam of {case_id} is failed or cancelled"):
            await perform(engine, "retry", case_id)
    assert [beam.status.value for beam in all_beams(snapshot)] == ["completed", "completed", "new"]


async def test_a_retry_of_a_case_goes_on_past_a_beam_that_someone_has_just_retried(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    first, second = quick.beam_ids(case_id)
    quick.fail(COMPUTING)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)
        await wait_for(engine, lambda seen: all(one.status is BeamStatus.FAILED for one in all_beams(seen)))
        quick.mend(COMPUTING)
        await engine.retry(first)
        # The picture that the command is judged by may still be the one from before.
        assert f"{second} goes on" in await perform(engine, "retry", case_id)
        assert (await until_idle(engine)).all_completed


async def test_a_full_rerun_of_a_case_takes_every_beam_that_has_ended(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=3)
    first, second, third = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id, [first, second])
        await until_idle(engine)
        answer = await perform(engine, "rerun", case_id)
        assert answer == "; ".join(f"{one} runs again from its beginning" for one in (first, second))
        snapshot = await wait_for(engine, lambda seen: seen.is_idle and beam_of(seen, second).attempt == 2)
    assert [beam_of(snapshot, one).attempt for one in (first, second, third)] == [2, 2, 0]


async def test_a_command_of_an_unknown_name_is_refused(quick: QuickSite) -> None:
    async with quick.site.engine() as engine:
        with pytest.raises(RequestRefusedError, match="unknown command 'erase'; was it made by another version"):
            await perform(engine, "erase", "CASE")


# Priority


async def test_a_beam_with_a_higher_priority_gets_its_slot_first_also_after_a_restart(quick: QuickSite) -> None:
    quick.configure(hpc={"gpu_count": 1})
    case_id = quick.add_case(beams=4)
    first, second, third, fourth = quick.beam_ids(case_id)
    quick.hold(COMPUTING)
    async with quick.site.engine() as engine:
        await begin(quick, engine, case_id)

        def all_wait_for_the_one_slot(snapshot: EngineSnapshot) -> bool:
            return len(slots_taken(snapshot)) == 1 and len(snapshot.queue) == 3

        snapshot = await wait_for(engine, all_wait_for_the_one_slot)
        (computing,) = slots_taken(snapshot)
        last, *_, later = reversed(snapshot.queue)
        answer = await engine.change_priority(last, 1)
        assert answer == f"{last}: priority 0 -> 1, now 1 of 3 that wait for a GPU"
        await engine.change_priority(later, -2)
        await engine.refresh()
        snapshot = engine.snapshot
        assert (snapshot.queue[0], snapshot.queue[-1]) == (last, later)
        assert beam_of(snapshot, last).priority == 1
        assert "priority 0 -> 1" in messages(snapshot, last)
        with pytest.raises(RequestRefusedError, match=f"{computing} is .*: it has its GPU slot, and a job"):
            await engine.change_priority(computing, 1)
        with pytest.raises(RequestRefusedError, match="there is no beam NOBODY"):
            await engine.change_priority("NOBODY", 1)
    quick.let_go(COMPUTING)
    async with quick.site.engine() as engine:
        await until_idle(engine)
        with pytest.raises(RequestRefusedError, match=f"{last} is completed: it waits for nothing"):
            await engine.change_priority(last, 1)
    order = [beam_id for beam_id, _ in quick.runs(COMPUTING)]
    assert (order[:2], order[-1]) == ([computing, last], later)
    assert set(order) == {first, second, third, fourth}


async def test_the_turns_on_this_machine_follow_a_priority_that_was_stored_before(quick: QuickSite) -> None:
    quick.configure(max_workers=1)
    case_id = quick.add_case(beams=3)
    first, second, third = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.change_priority(third, 3)
        await engine.change_priority(first, -1)
    quick.hold(PREPROCESSING)
    async with quick.site.engine() as engine:
        await engine.dispatch(case_id, [second])
        await until_status(engine, second, BeamStatus.PREPROCESSING)
        await engine.dispatch(case_id)

        def both_wait(snapshot: EngineSnapshot) -> bool:
            return all("waits for its turn" in beam_of(snapshot, beam_id).detail for beam_id in (first, third))

        await wait_for(engine, both_wait)
        quick.let_go(PREPROCESSING)
        await until_idle(engine)
    assert [beam_id for beam_id, _ in quick.runs(PREPROCESSING)] == [second, third, first]


async def test_the_priority_of_a_case_is_that_of_its_beams_that_can_be_moved(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    first, second = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id, [first])
        await until_status(engine, first, BeamStatus.COMPLETED)
        await engine.refresh()
        assert await perform(engine, "priority -2", case_id) == f"{second}: priority 0 -> -2"
        assert await perform(engine, "priority +1", second) == f"{second}: priority -2 -> -1"
        with pytest.raises(RequestRefusedError, match="unknown command 'priority 0'"):
            await perform(engine, "priority 0", second)
        await engine.dispatch(case_id)
        await until_status(engine, second, BeamStatus.COMPLETED)
        await engine.refresh()
        with pytest.raises(RequestRefusedError, match=f"no beam of {case_id} is waiting"):
            await perform(engine, "priority +1", case_id)
