"""What each key asks of the engine, and what is told of its answer."""

from __future__ import annotations

import asyncio

import pytest

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from tests.support.screens import MIDDLE, SMALL, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_folder, a_snapshot


def _snapshot() -> EngineSnapshot:
    return a_snapshot(
        a_case("alpha", a_beam("alpha", "b1"), a_beam("alpha", "b2"), a_beam("alpha", "b3", BeamStatus.FAILED)),
        a_case("beta", a_beam("beta", "b1", BeamStatus.FAILED), a_beam("beta", "b2", BeamStatus.CANCELLED)),
        folders=[a_folder("gamma", FolderState.INCOMPLETE, "no RTPLAN file")],
    )


async def test_d_on_a_case_dispatches_the_whole_case() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("d")
        await stage.until(lambda: stage.engine.commands == [("dispatch", "alpha", None)])


async def test_d_on_a_beam_dispatches_this_beam_alone() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "down", "d")
        await stage.until(lambda: stage.engine.commands == [("dispatch", "alpha", ("alpha_b2",))])


async def test_d_dispatches_the_marked_beams_of_each_case_and_unmarks_them() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("a", "space", "down", "space", "end", "space", "d")
        await stage.until(lambda: len(stage.engine.commands) == 2)
        assert stage.engine.commands == [
            ("dispatch", "alpha", ("alpha_b1", "alpha_b2")),
            ("dispatch", "beta", ("beta_b2",)),
        ]
        await stage.until(lambda: not stage.main.marked)


async def test_marks_of_another_case_are_counted_but_not_acted_on() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "space", "shift+tab", "down")
        assert "1 marked elsewhere" in stage.text
        await stage.press("d")
        await stage.until(lambda: stage.engine.commands == [("dispatch", "beta", None)])


async def test_space_marks_and_unmarks_a_beam_or_all_beams_of_a_case() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("space")
        assert set(stage.main.marked) == {"alpha_b1", "alpha_b2", "alpha_b3"}
        await stage.press("tab", "space")
        assert set(stage.main.marked) == {"alpha_b2", "alpha_b3"}
        await stage.press("u")
        assert not stage.main.marked


async def test_r_retries_the_selected_beam() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "end", "r")
        await stage.until(lambda: stage.engine.commands == [("retry", "alpha_b3")])


async def test_r_on_a_case_retries_what_stopped_there() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("down", "r")
        await stage.until(lambda: stage.engine.commands == [("retry", "beta_b1"), ("retry", "beta_b2")])


async def test_shift_r_retries_the_failed_beams_of_the_case_alone_and_says_how_many() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("down", "R")
        await stage.until(lambda: stage.engine.commands == [("retry", "beta_b1")])
        await stage.until(lambda: stage.toasts == ["1 failed beam of beta goes on from the step that failed"])


async def test_shift_r_on_any_beam_means_its_case_whatever_is_marked() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "space", "R")
        await stage.until(lambda: stage.engine.commands == [("retry", "alpha_b3")])
        assert set(stage.main.marked) == {"alpha_b1"}


async def test_shift_r_without_a_failed_beam_says_so() -> None:
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha"))))) as stage:
        await stage.press("R")
        await stage.until(lambda: stage.toasts == ["Refused\nno beam of alpha has failed: nothing to retry."])


async def test_r_on_a_beam_that_did_not_fail_shows_why_the_engine_refuses() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "r")
        await stage.until(lambda: bool(stage.toasts))
        assert stage.toasts == ["Refused\nalpha_b1 is new: only a failed or cancelled beam is retried."]


async def test_one_refusal_does_not_keep_the_other_beams_from_their_retry() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("space", "r")
        await stage.until(lambda: len(stage.toasts) == 2)
        assert stage.engine.commands == [("retry", "alpha_b3")]


async def test_many_answers_are_counted_not_all_quoted() -> None:
    beams = [a_beam("alpha", f"b{number}") for number in range(9)]
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", *beams)))) as stage:
        await stage.press("space", "r")
        await stage.until(lambda: bool(stage.toasts))
        assert stage.toasts[0].endswith("… and 5 more answers")


async def test_d_on_a_folder_that_is_no_case_shows_why_the_engine_refuses() -> None:
    engine = ScriptedEngine(_snapshot())
    engine.answers["dispatch"] = RequestRefusedError("gamma cannot be dispatched: no RTPLAN file")
    async with on_stage(engine) as stage:
        await stage.press("end", "d")
        await stage.until(lambda: stage.toasts == ["Refused\ngamma cannot be dispatched: no RTPLAN file"])


async def test_p_pauses_and_resumes() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("p")
        await stage.until(lambda: "PAUSED" in stage.text and "p Resume" in stage.text)
        await stage.press("p")
        await stage.until(lambda: "RUNNING" in stage.text and "p Pause" in stage.text)
        assert stage.engine.commands == [("pause",), ("resume",)]


async def test_a_defect_in_a_command_becomes_a_toast_and_the_program_goes_on() -> None:
    engine = ScriptedEngine(_snapshot())
    engine.answers["dispatch"] = ValueError("[/red] is no markup")
    async with on_stage(engine) as stage:
        await stage.press("d")
        await stage.until(lambda: bool(stage.toasts))
        assert "ValueError: [/red] is no markup" in stage.toasts[0]
        await stage.press("p")
        await stage.until(lambda: ("pause",) in engine.commands)


async def test_a_slow_command_does_not_hold_the_screen_up() -> None:
    engine = ScriptedEngine(_snapshot())
    engine.gate = asyncio.Event()
    engine.answers["dispatch"] = "dispatched alpha"
    async with on_stage(engine) as stage:
        await stage.press("d", "down")
        assert "Beams of beta" in stage.text
        engine.gate.set()
        await stage.until(lambda: stage.toasts == ["dispatched alpha"])


async def test_keys_with_nothing_selected_say_so() -> None:
    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        await stage.press("d")
        await stage.until(lambda: stage.toasts == ["Nothing is selected."])


async def test_what_is_marked_while_a_command_is_under_way_stays_marked() -> None:
    engine = ScriptedEngine(_snapshot())
    engine.gate = asyncio.Event()
    engine.answers["dispatch"] = "dispatched alpha"
    async with on_stage(engine) as stage:
        await stage.press("d", "right", "down", "space")
        marked = stage.main.marked
        assert len(marked) == 1
        engine.gate.set()
        await stage.until(lambda: stage.toasts == ["dispatched alpha"])
        assert stage.main.marked == marked


async def test_keys_in_one_burst_act_on_what_the_cursor_is_on_by_then() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("right", "down")
        for key in ("down", "down", "r"):
            stage.app.simulate_key(key)
        await stage.until(lambda: stage.engine.commands == [("retry", "alpha_b3")])


async def test_marks_of_a_case_that_was_just_left_are_not_acted_on() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("space")
        for key in ("down", "d"):
            stage.app.simulate_key(key)
        await stage.until(lambda: stage.engine.commands == [("dispatch", "beta", None)])


async def test_plus_and_minus_move_the_marked_beams_and_leave_the_marks_for_the_next_press() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        await stage.press("tab", "space", "down", "space", "plus", "plus", "minus")
        await stage.until(lambda: len(stage.engine.commands) == 6)
        steps = [(beam, step) for _, beam, step in stage.engine.commands]
        assert steps == [(beam, step) for step in (1, 1, -1) for beam in ("alpha_b1", "alpha_b2")]
        assert set(stage.main.marked) == {"alpha_b1", "alpha_b2"}


async def test_why_a_beam_or_case_is_not_moved_is_told() -> None:
    engine = ScriptedEngine(_snapshot())
    engine.answers["change_priority"] = RequestRefusedError("alpha_b1 is [busy]")
    async with on_stage(engine) as stage:
        await stage.press("tab", "plus")
        await stage.until(lambda: stage.toasts == ["Refused\nalpha_b1 is [busy]"])
        await stage.press("shift+tab", "down", "minus")
        await stage.until(lambda: any("no beam of beta waits" in toast for toast in stage.toasts))
        await stage.press("end", "plus")
        await stage.until(lambda: any("gamma is no case" in toast for toast in stage.toasts))


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
async def test_a_priority_is_shown_where_it_counts(size: tuple[int, int]) -> None:
    beams = (
        a_beam("alpha", "b1", BeamStatus.HPC_QUEUED, priority=2),
        a_beam("alpha", "b2", BeamStatus.HPC_QUEUED, priority=-9),
        a_beam("alpha", "b3", BeamStatus.COMPLETED, priority=5),
        a_beam("alpha", "2025042401440800", BeamStatus.UPLOADING, priority=7),
    )
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", *beams))), size) as stage:
        await stage.press("tab")
        _, first, second, third, fourth, *_ = lines_of(stage.beams)
        assert first.split()[1:3] == ["b1", "+2"]
        assert second.split()[:2] == ["b2", "-9"]
        assert "+" not in third
        assert " +7 " in fourth
        assert len({line.index(beam.status.word) for line, beam in zip([first, second], beams, strict=False)}) == 1
        assert "priority +2" in stage.text
        await stage.press("enter")
        assert "priority +2" in stage.text


async def test_a_case_that_is_unfolded_and_left_in_one_burst_is_left_to_its_first_beam() -> None:
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        for key in ("right", "down", "d"):
            stage.app.simulate_key(key)
        await stage.until(lambda: stage.engine.commands == [("dispatch", "alpha", ("alpha_b1",))])
