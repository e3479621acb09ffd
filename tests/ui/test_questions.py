"""What ends or destroys something asks first: by default nothing happens, and the question says what will."""

from __future__ import annotations

import pytest

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.screens.confirm import ConfirmScreen
from tests.support.screens import LARGE, MIDDLE, SMALL, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot


def _snapshot() -> EngineSnapshot:
    return a_snapshot(
        a_case(
            "alpha",
            a_beam("alpha", "b1", BeamStatus.HPC_RUNNING, gpu_id=3, hpc_job_id="4712", attempt=1),
            a_beam("alpha", "b2", BeamStatus.HPC_QUEUED),
            a_beam("alpha", "b3", BeamStatus.COMPLETED, attempt=1),
        )
    )


@pytest.mark.parametrize("key", ["n", "escape", "enter", "q"])
async def test_every_answer_but_y_leaves_all_as_it_is(key: str) -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("c")
        assert isinstance(stage.app.screen, ConfirmScreen)
        await stage.press(key)
        assert len(stage.app.screen_stack) == 1
        assert stage.engine.commands == []


@pytest.mark.parametrize("key", ["c", "d", "r", "space"])
async def test_the_key_that_asked_and_other_commands_do_not_answer(key: str) -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("c")
        await stage.press(key)
        assert isinstance(stage.app.screen, ConfirmScreen)
        assert stage.engine.commands == []


async def test_cancelling_a_case_says_what_becomes_of_each_beam() -> None:
    async with on_stage(ScriptedEngine(_snapshot()), SMALL) as stage:
        await stage.press("c")
        for sentence in (
            "Cancel case alpha?",
            "alpha_b1: job 4712 on GPU slot 3 is ended (57% done)",
            "alpha_b2: leaves the queue for a GPU.",
            "1 other beam not at work: untouched.",
            "Yes, cancel 2 beams (y)",
        ):
            assert sentence in stage.text
        await stage.press("y")
        await stage.until(lambda: stage.engine.commands == [("cancel_case", "alpha")])


@pytest.mark.parametrize(("job_id", "name"), [("4712", "job 4712"), (None, "its job")])
async def test_a_job_that_waits_has_no_computing_to_lose(job_id: str | None, name: str) -> None:
    beam = a_beam("alpha", "b1", BeamStatus.HPC_RUNNING, gpu_id=3, hpc_job_id=job_id, job_waits=True)
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", beam))), LARGE) as stage:
        await stage.press("c")
        assert f"alpha_b1: {name} is ended; when last seen, it waited" in stage.text
        assert "lost" not in stage.text


async def test_cancelling_one_beam_names_it() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "down", "c")
        assert "Cancel beam alpha_b2?" in stage.text
        await stage.press("y")
        await stage.until(lambda: stage.engine.commands == [("cancel_beam", "alpha_b2")])


async def test_all_that_cancelling_many_beams_does_can_be_read_on_a_small_screen() -> None:
    case_id = "QA_PHANTOM_2025-04-24_HEAD_AND_NECK"
    running = [
        a_beam(case_id, f"2025042401440800_field{number}", BeamStatus.HPC_RUNNING, gpu_id=number, hpc_job_id="4712")
        for number in range(8)
    ]
    async with on_stage(ScriptedEngine(a_snapshot(a_case(case_id, *running))), SMALL) as stage:
        await stage.press("tab", *["space", "down"] * 8, "c")
        assert "Cancel 8 beams?" in stage.text
        assert "Files on the HPC stay" not in stage.text
        await stage.until(lambda: "more below: ↓ pagedown" in stage.text)
        await stage.press("pagedown")
        await stage.until(lambda: "Files on the HPC stay" in stage.text)
        assert "and 2 more beams" in stage.text
        assert "more below" not in stage.text
        assert isinstance(stage.app.screen, ConfirmScreen)
        assert stage.engine.commands == []
        await stage.press("pageup")
        await stage.until(lambda: "more below" in stage.text)
        await stage.press("y")
        await stage.until(lambda: len(stage.engine.commands) == 8)


async def test_there_is_no_question_when_nothing_can_be_cancelled() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "end", "c")
        await stage.until(lambda: bool(stage.toasts))
        assert stage.toasts == ["alpha_b3: nothing is at work, so there is nothing to cancel."]
        assert stage.app.screen is stage.main


async def test_a_full_rerun_is_confirmed_and_touches_ended_beams_alone() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("ctrl+p", *"rerun", "enter")
        assert "Run 1 beam again from the beginning?" in stage.text
        assert "alpha_b3: now completed" in stage.text
        assert "the step it stopped in" not in stage.text
        await stage.press("y")
        await stage.until(lambda: stage.engine.commands == [("rerun", "alpha_b3")])


async def test_a_full_rerun_of_a_failed_beam_says_that_a_retry_may_do() -> None:
    failed = a_case("alpha", a_beam("alpha", "b1", BeamStatus.FAILED, error="no logs"))
    async with on_stage(ScriptedEngine(a_snapshot(failed))) as stage:
        await stage.press("ctrl+p", *"rerun", "enter")
        assert "To go on from the step it stopped in instead, say no and press r." in stage.text


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_dispatching_all_that_is_ready_says_how_many_beams_of_how_many_cases(size: tuple[int, int]) -> None:
    cases = [a_case(f"c{number}", *(a_beam(f"c{number}", f"b{beam}") for beam in range(3))) for number in range(8)]
    engine = ScriptedEngine(a_snapshot(*cases, a_case("done", a_beam("done", "b", BeamStatus.COMPLETED))))
    async with on_stage(engine, size) as stage:
        await stage.press("slash", *"c0", "enter", "D")
        for sentence in (
            "Dispatch 24 new beams of 8 cases?",
            "24 new beams of 8 cases are started",
            "· c0: 3 beams",
            "· and 2 more cases",
            "The filter does not narrow this",
            "Yes, dispatch 24 beams (y)",
        ):
            assert sentence in stage.text
        await stage.press("D")
        assert engine.commands == []
        await stage.press("y")
        await stage.until(lambda: len(engine.commands) == 8)
        assert engine.commands[7] == ("dispatch", "c7", ("c7_b0", "c7_b1", "c7_b2"))


async def test_a_beam_that_comes_in_after_the_question_is_not_dispatched_by_it() -> None:
    engine = ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha", "b1"))))
    async with on_stage(engine) as stage:
        await stage.press("D")
        engine.publish(a_snapshot(a_case("alpha", a_beam("alpha", "b1"), a_beam("alpha", "b2"))))
        await stage.until(lambda: len(stage.beams.rows) == 2)
        await stage.press("y")
        await stage.until(lambda: engine.commands == [("dispatch", "alpha", ("alpha_b1",))])


async def test_with_nothing_new_there_is_no_question() -> None:
    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        await stage.press("D")
        await stage.until(lambda: stage.toasts == ["No beam is new: there is nothing to dispatch."])


async def test_quit_says_what_goes_on_running() -> None:
    async with on_stage(ScriptedEngine(_snapshot()), SMALL) as stage:
        await stage.press("q")
        assert "1 job on the HPC goes on and" in stage.text
        assert "1 beam waiting or in local work stops now" in stage.text
        await stage.press("y")
        await stage.until(lambda: not stage.app.is_running)


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_the_usual_ways_out_ask_too(key: str) -> None:
    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        await stage.press(key, key)
        assert "Nothing is at work" in stage.text
        await stage.press("escape")
        assert stage.app.is_running
        assert stage.app.screen is stage.main
