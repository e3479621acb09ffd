"""Keys act on the row under the cursor of the focused pane, whatever was looked at elsewhere before."""

from __future__ import annotations

import pytest

from mqi_tui.domain.status import BeamStatus
from tests.support.screens import MIDDLE, SMALL, Stage, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot

FAILED = BeamStatus.FAILED


def _engine(failed: str) -> ScriptedEngine:
    """One case of four beams; those that are named have failed."""
    beams = [
        a_beam("alpha", name, FAILED, error="no luck") if name in failed.split() else a_beam("alpha", name)
        for name in ("b1", "b2", "b3", "b4")
    ]
    return ScriptedEngine(a_snapshot(a_case("alpha", *beams)))


def _beam_of_list(stage: Stage) -> str:
    assert stage.beams.cursor_row is not None
    return stage.beams.cursor_row.beam.beam_id


async def test_back_in_the_tree_keys_act_on_the_tree_s_beam_again() -> None:
    engine = _engine("b2 b3")
    async with on_stage(engine) as stage:
        await stage.press("right", "down", "down", "tab", "down")
        assert _beam_of_list(stage) == "alpha_b3"
        await stage.press("shift+tab")
        assert stage.cases.has_focus
        assert stage.cases.cursor_row is not None
        assert stage.cases.cursor_row.key == "beam alpha_b2"
        await stage.until(lambda: "b2" in stage.details.text)
        await stage.press("r")
        await stage.until(lambda: bool(engine.commands))
        assert engine.commands == [("retry", "alpha_b2")]


@pytest.mark.parametrize(("size", "first"), [(MIDDLE, ["n", "tab"]), (SMALL, ["a", "n"])])
async def test_n_comes_back_to_the_one_failed_beam(size: tuple[int, int], first: list[str]) -> None:
    async with on_stage(_engine("b2"), size) as stage:
        await stage.press(*first)
        assert _beam_of_list(stage) == "alpha_b2"
        await stage.press("down")
        assert _beam_of_list(stage) == "alpha_b3"
        await stage.press("n")
        assert _beam_of_list(stage) == "alpha_b2"


async def test_escape_clears_the_filter_and_leaves_the_focus_where_it_is() -> None:
    engine = _engine("b2 b3")
    async with on_stage(engine) as stage:
        await stage.press("slash", *"state:failed", "enter", "tab", "down")
        assert _beam_of_list(stage) == "alpha_b3"
        await stage.press("escape")
        await stage.until(lambda: len(stage.beams.rows) == 4)
        assert stage.beams.has_focus
        await stage.press("r")
        await stage.until(lambda: bool(engine.commands))
        assert engine.commands == [("retry", "alpha_b3")]


async def test_escape_in_the_log_clears_the_filter_and_stays_in_the_log() -> None:
    async with on_stage(_engine("b2")) as stage:
        await stage.press("slash", *"state:failed", "enter")
        stage.log.focus()
        await stage.pause()
        await stage.press("escape")
        await stage.until(lambda: "Cases · 1" in stage.text and len(stage.beams.rows) == 4)
        assert stage.app.focused is not None
        assert stage.log in stage.app.focused.ancestors_with_self


@pytest.mark.parametrize("size", [MIDDLE, SMALL])
async def test_with_the_last_thing_that_needed_a_person_gone_the_list_has_the_keys(size: tuple[int, int]) -> None:
    engine = _engine("b2")
    async with on_stage(engine, size) as stage:
        await stage.press("shift+tab")
        engine.publish(_engine("").snapshot)
        await stage.until(lambda: "Needs you" not in stage.text)
        assert stage.cases.has_focus
        await stage.press("right", "down")
        assert stage.cases.cursor_row is not None
        assert stage.cases.cursor_row.key == "beam alpha_b1"


async def test_the_details_of_a_cancelled_beam_say_what_a_retry_does() -> None:
    beam = a_beam("alpha", "b1", BeamStatus.CANCELLED, stage=BeamStatus.HPC_RUNNING)
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", beam)))) as stage:
        await stage.press("tab")
        said = "cancelled while computing; r goes on from waiting for GPU"
        await stage.until(lambda: said in " ".join(stage.details.text.split()))
