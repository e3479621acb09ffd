"""The list of what needs a person: what is in it, in which order, and that it takes one there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mqi_tui.domain.hold_up import HoldUp
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.attention import attention_rows
from mqi_tui.ui.rows import FolderRow
from mqi_tui.ui.widgets.attention_list import AttentionList
from tests.support.screens import LARGE, MIDDLE, SMALL, lines_of, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, a_beam, a_case, a_folder, a_snapshot

SIZES = [SMALL, MIDDLE, LARGE]


def _snapshot() -> EngineSnapshot:
    return a_snapshot(
        a_case("alpha", a_beam("alpha", "b1", BeamStatus.COMPLETED), a_beam("alpha", "b2")),
        a_case(
            "beta",
            a_beam("beta", "b1", BeamStatus.COMPLETED),
            a_beam("beta", "b2", BeamStatus.FAILED, error="the log [b2] is cut short"),
            a_beam("beta", "b3", BeamStatus.FAILED, error="another reason"),
        ),
        folders=[
            a_folder("gamma", FolderState.INCOMPLETE, "the plan is missing"),
            a_folder("delta", FolderState.SETTLING, "files still arrive"),
        ],
    )


def _list(stage: object) -> AttentionList:
    return stage.main.query_one(AttentionList)  # type: ignore[attr-defined,no-any-return]


def test_nothing_needs_a_person_while_all_is_well() -> None:
    assert attention_rows(a_snapshot(a_case("alpha", a_beam("alpha")), paused=True), Actions()) == []


def test_the_whole_engine_comes_first_then_beams_then_folders() -> None:
    snapshot = a_snapshot(*_snapshot().cases, folders=_snapshot().folders, unreachable_since=NOW)
    notice, failed, folder = attention_rows(snapshot, Actions())
    assert notice.text.startswith("HPC unreachable since 10:41:07 UTC; ")
    assert failed.text == "beta: 2 of 3 beams failed: the log [b2] is cut short"
    assert folder.text == "gamma: incomplete, the plan is missing"


def test_the_reason_is_told_without_the_path_of_the_case() -> None:
    case = a_case("alpha", a_beam("alpha", "b1", BeamStatus.FAILED))
    log = case.record.case_path / "b1" / "01.ptn"
    failed = replace(case.beams[0], error=f"{log} is cut short")
    (row,) = attention_rows(a_snapshot(replace(case, beams=(failed,))), Actions())
    assert row.text == "alpha: 1 of 1 beam failed: 01.ptn is cut short"
    assert row.remedy == "n goes there, r retries"


def test_beams_that_are_held_up_are_told_by_case_with_their_reason() -> None:
    case = a_case("alpha", *(a_beam("alpha", name, BeamStatus.UPLOADING) for name in ("b1", "b2", "b3")))
    hold_ups = {
        "alpha_b1": HoldUp(NOW - timedelta(minutes=2), "the disk is full"),
        "alpha_b3": HoldUp(NOW - timedelta(minutes=3), f"{case.beams[2].beam_path}/x.csv: no room"),
    }
    snapshot = a_snapshot(case, hold_ups=hold_ups)
    (row,) = attention_rows(snapshot, Actions())
    assert row.text == "alpha: 2 of 3 beams held up since 10:38:07 UTC: x.csv: no room"
    assert (row.remedy, row.goes_to) == ("enter shows it", "beam alpha_b3")


def test_an_outage_is_told_once_and_not_for_each_beam_that_it_holds_up() -> None:
    case = a_case("alpha", a_beam("alpha", "b1", BeamStatus.UPLOADING))
    hold_ups = {"alpha_b1": HoldUp(NOW - timedelta(minutes=2), "unreachable")}
    (row,) = attention_rows(a_snapshot(case, hold_ups=hold_ups, unreachable_since=NOW), Actions())
    assert row.key == "notice"


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_keys_on_a_row_about_held_up_beams_act_on_these_alone(size: tuple[int, int]) -> None:
    case = a_case(
        "alpha",
        a_beam("alpha", "b1", BeamStatus.FAILED, error="no luck"),
        a_beam("alpha", "b2", BeamStatus.UPLOADING),
        a_beam("alpha", "b3", BeamStatus.HPC_RUNNING, gpu_id=0),
    )
    engine = ScriptedEngine(a_snapshot(case, hold_ups={"alpha_b2": HoldUp(NOW, "the disk is full")}))
    async with on_stage(engine, size) as stage:
        await stage.press("shift+tab", "down")
        row = _list(stage).cursor_row
        assert row is not None
        assert row.key == "held up alpha"
        await stage.press("r", "c", "y")
        await stage.until(lambda: bool(engine.commands))
        assert engine.commands == [("cancel_beam", "alpha_b2")]
        await stage.press("space")
        assert set(stage.main.marked) == {"alpha_b2"}


async def test_it_takes_no_room_while_nothing_is_in_it() -> None:
    engine = ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha"))))
    async with on_stage(engine) as stage:
        assert not _list(stage).display
        engine.publish(_snapshot())
        await stage.until(lambda: "Needs you · 2" in stage.text)
        await stage.press("shift+tab")
        assert _list(stage).has_focus
        engine.publish(a_snapshot(a_case("alpha", a_beam("alpha"))))
        await stage.until(lambda: not _list(stage).display)
        # The keys work on, wherever the focus went.
        await stage.press("question_mark")
        assert stage.app.screen is not stage.main


@pytest.mark.parametrize("size", SIZES)
async def test_enter_goes_to_the_first_failed_beam_of_the_case(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(_snapshot()), size) as stage:
        await stage.press("slash", *"alpha", "enter")
        await stage.press("shift+tab", "enter")
        await stage.until(lambda: stage.cases.has_focus)
        assert stage.cases.cursor_row is not None
        assert stage.cases.cursor_row.key == "beam beta_b2"
        await stage.until(lambda: "the log [b2] is cut short" in stage.details.text)
        await stage.press("r")
        await stage.until(lambda: stage.engine.commands == [("retry", "beta_b2")])


async def test_keys_act_on_what_the_row_is_about_and_not_on_the_beam_elsewhere() -> None:
    async with on_stage(ScriptedEngine(_snapshot()), MIDDLE) as stage:
        await stage.press("space", "shift+tab", "r")
        await stage.until(lambda: stage.engine.commands == [("retry", "beta_b2"), ("retry", "beta_b3")])
        await stage.press("down", "r")
        await stage.until(lambda: any("gamma is no case" in toast for toast in stage.toasts))
        assert len(stage.engine.commands) == 2


async def test_enter_shows_a_folder_that_waits_though_its_heading_is_folded_up() -> None:
    async with on_stage(ScriptedEngine(_snapshot()), MIDDLE) as stage:
        await stage.press("end", "left", "left")
        await stage.until(lambda: not any(isinstance(row, FolderRow) for row in stage.cases.rows))
        await stage.press("shift+tab", "end", "enter")
        await stage.until(lambda: isinstance(stage.cases.cursor_row, FolderRow))
        assert "the plan is missing" in stage.details.text


@pytest.mark.parametrize(("size", "lines"), [(SMALL, 2), (MIDDLE, 4)])
async def test_many_things_take_a_few_lines_and_all_can_be_reached(size: tuple[int, int], lines: int) -> None:
    cases = [
        a_case(f"c{number:02}", a_beam(f"c{number:02}", "b", BeamStatus.FAILED, error="why")) for number in range(20)
    ]
    async with on_stage(ScriptedEngine(a_snapshot(*cases)), size) as stage:
        assert len(lines_of(_list(stage))) == lines
        await stage.press("shift+tab", "end")
        assert "c19: 1 of 1 beam failed" in lines_of(_list(stage))[-1]


@pytest.mark.parametrize("size", SIZES)
async def test_a_click_on_a_line_goes_there(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(_snapshot()), size) as stage:
        await stage.pilot.click("#attention", offset=(5, 2))
        await stage.until(lambda: stage.cases.has_focus and isinstance(stage.cases.cursor_row, FolderRow))
        assert "the plan is missing" in stage.details.text


async def test_a_click_on_what_leads_nowhere_shows_it_whole() -> None:
    snapshot = a_snapshot(*_snapshot().cases, unreachable_since=NOW)
    async with on_stage(ScriptedEngine(snapshot), SMALL) as stage:
        await stage.pilot.click("#attention", offset=(5, 1))
        await stage.until(lambda: "nothing fails for it" in " ".join(stage.details.text.split()))
        assert _list(stage).has_focus


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_what_is_said_of_a_file_with_a_long_path_is_seen_in_a_narrow_row(size: tuple[int, int]) -> None:
    path = "/mnt/cluster/proton/moqui-results/alpha/output.raw"
    failed = a_beam("alpha", "b1", BeamStatus.FAILED, error=f"{path} is cut")
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", failed))), size) as stage:
        (line,) = lines_of(_list(stage))
        assert ("failed: …/output.raw is cut " if size == SMALL else f"failed: {path} is cut ") in line
