"""Order, finished beams, failed beams one after the other, ranges of marks, paths, and the mouse for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.ui.filtering import Filter
from mqi_tui.ui.ordering import Order, ordered_beams, ordered_cases
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.case import CaseScreen
from mqi_tui.ui.view import FINISHED, View
from tests.support.screens import MIDDLE, SMALL, Stage, a_config, lines_of, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, a_beam, a_case, a_folder, a_snapshot

SNAPSHOT = a_snapshot(
    a_case("alpha", a_beam("alpha", "b1", BeamStatus.COMPLETED), a_beam("alpha", "b2", BeamStatus.COMPLETED)),
    a_case(
        "beta",
        a_beam("beta", "b1", BeamStatus.HPC_RUNNING, gpu_id=0),
        a_beam("beta", "b2", BeamStatus.FAILED, error="no luck"),
        a_beam("beta", "b3", BeamStatus.COMPLETED),
        a_beam("beta", "b4"),
    ),
    a_case("gamma", a_beam("gamma", "b1", BeamStatus.FAILED, error="no luck")),
    folders=[a_folder("delta", FolderState.INCOMPLETE, "no RTPLAN file")],
)


def _cases(stage: Stage) -> str:
    return " ".join(row.key.removeprefix("case ") for row in stage.cases.rows if row.key.startswith("case "))


def _beams(stage: Stage) -> str:
    return " ".join(row.beam.beam_name for row in stage.beams.rows)


# Order


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_s_sorts_in_turn_and_the_titles_say_how(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await stage.press("down")
        assert (_cases(stage), _beams(stage)) == ("alpha beta gamma", "b1 b2 b3 b4")
        await stage.press("s")
        assert (_cases(stage), _beams(stage)) == ("gamma beta alpha", "b2 b1 b4 b3")
        assert "· by state" in stage.text
        await stage.press("s")
        assert (_cases(stage), _beams(stage)) == ("alpha beta gamma", "b3 b1 b2 b4")
        assert "· by progress" in stage.text
        await stage.press("s")
        assert "· by age" in stage.text
        await stage.press("s")
        assert (_cases(stage), _beams(stage)) == ("alpha beta gamma", "b1 b2 b3 b4")
        assert "· by" not in stage.text


async def test_the_cursor_stays_on_its_row_when_the_order_changes() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("down", "tab", "end", "s")
        assert stage.beams.selected_beam is not None
        assert stage.beams.selected_beam.beam_id == "beta_b4"


async def test_in_the_list_of_all_cases_the_order_goes_over_all_of_them() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("a", "s")
        assert [row.beam.beam_id for row in stage.beams.rows][:3] == ["beta_b2", "gamma_b1", "beta_b1"]


def test_the_newest_come_first_by_age() -> None:
    old, new = a_case("a", a_beam("a", "b")), a_case("b", a_beam("b", "b"))
    new = replace(new, record=replace(new.record, created_at=NOW + timedelta(hours=1)))
    assert [case.case_id for case in ordered_cases([old, new], Order.AGE)] == ["b", "a"]


@given(st.lists(st.sampled_from(BeamStatus), max_size=12), st.sampled_from(Order))
def test_an_order_loses_and_invents_nothing_and_equal_rows_stay(statuses: list[BeamStatus], order: Order) -> None:
    beams = [a_beam("a", f"b{number:02}", status) for number, status in enumerate(statuses)]
    shown = ordered_beams(beams, order)
    assert sorted(shown, key=lambda beam: beam.beam_id) == beams
    for one, other in pairwise(shown):
        assert one.status is not other.status or one.beam_id < other.beam_id


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
@pytest.mark.parametrize(("head", "order"), [("state", Order.STATE), ("progress", Order.PROGRESS), ("beam", Order.ID)])
async def test_a_click_on_a_head_sorts_by_its_column(size: tuple[int, int], head: str, order: Order) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await stage.press("s", "s", "s")
        x = lines_of(stage.beams)[0].index(head)
        await stage.pilot.click(stage.beams, offset=(x, 1))
        await stage.until(lambda: stage.main._view.order is order)


# Finished


async def test_f_hides_finished_beams_and_says_how_many() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("down", "f")
        assert (_cases(stage), _beams(stage)) == ("beta gamma", "b1 b2 b4")
        assert "Cases · 2 of 3 · 3 finished hidden" in stage.text
        await stage.press("f")
        assert _cases(stage) == "alpha beta gamma"


async def test_with_everything_finished_and_hidden_the_list_says_so() -> None:
    async with on_stage(ScriptedEngine(a_snapshot(SNAPSHOT.cases[0]))) as stage:
        await stage.press("f")
        assert "All beams are finished" in stage.text


@given(st.lists(st.sampled_from(BeamStatus), min_size=1, max_size=8), st.sampled_from(["", "b1", "state:failed"]))
def test_what_is_hidden_and_what_is_shown_are_all(statuses: list[BeamStatus], text: str) -> None:
    case = a_case("a", *(a_beam("a", f"b{number}", status) for number, status in enumerate(statuses)))
    shown = View(Filter(text), hides_finished=True).beams_of(case) or ()
    hidden = [beam for beam in Filter(text).beams_of(case) or () if beam.status in FINISHED]
    assert len(shown) + len(hidden) == len(Filter(text).beams_of(case) or ())


# Failed beams


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_n_goes_from_failed_beam_to_failed_beam_and_round(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        for beam_id in ("beta_b2", "gamma_b1"):
            await stage.press("n")
            await stage.until(lambda name=beam_id: f"{name}  ✗ failed" in stage.details.text)  # type: ignore[misc]
            assert not stage.toasts
        await stage.press("n")
        await stage.until(lambda: "beta_b2  ✗ failed" in stage.details.text)
        assert stage.toasts == ["Round again: the first of 2 failed beams."]
        await stage.press("N")
        await stage.until(lambda: "gamma_b1  ✗ failed" in stage.details.text)
        assert "Round again: the last of 2 failed beams." in stage.toasts


async def test_n_keeps_the_focus_in_the_beam_list_and_in_the_list_of_all() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), SMALL) as stage:
        await stage.press("a", "n")
        await stage.until(lambda: "beta_b2  ✗ failed" in stage.details.text)
        assert stage.beams.has_focus
        await stage.press("N")
        await stage.until(lambda: "gamma_b1  ✗ failed" in stage.details.text)


async def test_n_says_when_nothing_has_failed_or_the_filter_hides_it() -> None:
    engine = ScriptedEngine(SNAPSHOT)
    async with on_stage(engine) as stage:
        await stage.press("slash", *"alpha", "enter")
        await stage.until(lambda: stage.cases.has_focus)
        await stage.press("n")
        await stage.until(
            lambda: stage.toasts == ["No beam has failed of those shown; the filter hides 2 failed beams."]
        )
        engine.publish(a_snapshot(SNAPSHOT.cases[0]))
        await stage.until(lambda: "Needs you" not in stage.text)
        await stage.press("n")
        await stage.until(lambda: "No beam has failed." in stage.toasts)


# Marks


async def test_a_range_is_marked_upwards_too_and_escape_forgets_one_that_was_begun() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("down", "tab", "end", "v")
        assert "range begun, v ends it" in stage.text
        await stage.press("up", "up", "v")
        assert set(stage.main.marked) == {"beta_b2", "beta_b3", "beta_b4"}
        await stage.press("u", "v", "escape")
        assert "range begun" not in stage.text
        assert not stage.main.marked


async def test_a_range_goes_over_cases_in_the_tree() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("v", "down", "v")
        assert len(stage.main.marked) == 6


async def test_shift_and_arrows_mark_as_they_go() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("down", "tab", "shift+down", "shift+down")
        assert set(stage.main.marked) == {"beta_b1", "beta_b2", "beta_b3"}


async def test_a_range_over_unfolded_cases_ends_where_it_ends() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("right", "down", "down", "down", "right", "up", "v")
        await stage.press("down", "down", "down", "v")
        assert set(stage.main.marked) == {"alpha_b2", "beta_b1", "beta_b2"}


async def test_shift_and_arrows_over_an_unfolded_case_mark_its_beams_one_by_one() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("down", "right", "up", "right", "down", "down")
        await stage.press("shift+down", "shift+down")
        assert set(stage.main.marked) == {"alpha_b2", "beta_b1"}
        await stage.press("u", "down", "shift+up", "shift+up", "shift+up")
        assert set(stage.main.marked) == {"alpha_b2", "beta_b1", "beta_b2"}


async def test_a_range_that_passes_a_folded_case_takes_all_its_beams() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("right", "down", "down", "v", "down", "v")
        assert set(stage.main.marked) == {"alpha_b2", "beta_b1", "beta_b2", "beta_b3", "beta_b4"}


async def test_space_marks_all_beams_of_a_case_unfolded_or_not() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("right", "space")
        assert set(stage.main.marked) == {"alpha_b1", "alpha_b2"}


async def test_what_is_said_of_a_range_is_said_in_korean() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), config=a_config(language="ko")) as stage:
        await stage.press("v", "tab", "v")
        await stage.until(lambda: stage.toasts == ["범위를 시작한 행이 이 목록에 없어, 여기서 새로 시작합니다."])


async def test_without_a_row_a_range_is_refused_in_korean() -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), config=a_config(language="ko")) as stage:
        await stage.press("v")
        await stage.until(lambda: stage.toasts == ["선택된 것이 없습니다."])


async def test_marking_a_case_marks_those_of_its_beams_that_are_shown() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("down", "f", "space")
        assert set(stage.main.marked) == {"beta_b1", "beta_b2", "beta_b4"}


# The mouse


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_a_click_on_the_mark_marks_and_a_double_click_does_what_enter_does(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await stage.press("down")
        await stage.pilot.click(stage.beams, offset=(1, 3))
        await stage.until(lambda: set(stage.main.marked) == {"beta_b2"})
        await stage.pilot.click(stage.cases, offset=(6, 2), times=2)
        await stage.until(lambda: isinstance(stage.app.screen, CaseScreen))
        await stage.press("escape")
        await stage.pilot.click(stage.beams, offset=(6, 2), times=2)
        await stage.until(lambda: isinstance(stage.app.screen, BeamScreen))


# Paths


async def test_a_path_is_copied_and_shown_whole() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("y")
        assert stage.app.clipboard == "/data/cases/alpha"
        await stage.until(lambda: any("/data/cases/alpha\no shows it" in toast for toast in stage.toasts))


async def test_a_long_path_is_whole_on_a_small_screen_and_a_click_copies_it() -> None:
    name = "[QA] " + "x" * 150
    async with on_stage(ScriptedEngine(a_snapshot(a_case(name, a_beam(name, "b1")))), SMALL) as stage:
        await stage.press("tab", "o")
        place = stage.app.screen.query_one(".path").region
        shown = "".join(line[place.x : place.right] for line in stage.lines[place.y : place.bottom])
        assert shown.replace(" ", "") == f"/data/cases/{name}/b1".replace(" ", "")
        await stage.click(".path")
        await stage.until(lambda: stage.app.clipboard == f"/data/cases/{name}/b1")
        assert stage.app.screen is stage.main


async def test_nothing_selected_has_no_path() -> None:
    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        await stage.press("y", "o")
        await stage.until(lambda: stage.toasts == ["Nothing with a folder is selected."] * 2)
