"""The screen through changes: what the reader chose stays, and only what changed is painted."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import pytest
from textual.strip import Strip

from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.ui.pump import UPDATE_INTERVAL_SECONDS
from mqi_tui.ui.widgets.case_tree import CaseTree
from tests.support.screens import SMALL, lines_of, on_stage, turn_wheel
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_folder, a_snapshot


def _case(number: int, status: BeamStatus = BeamStatus.NEW) -> CaseView:
    case_id = f"case{number:03}"
    return a_case(case_id, *(a_beam(case_id, f"b{beam}", status) for beam in range(4)))


def _many(numbers: Iterable[int] = range(500), status: BeamStatus = BeamStatus.NEW) -> EngineSnapshot:
    return a_snapshot(*(_case(number, status) for number in numbers))


def _watch_painting(widget: CaseTree, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lines that the widget paints from now on."""
    painted: list[int] = []
    render_line = widget.render_line

    def watched(y: int) -> Strip:
        painted.append(y)
        return render_line(y)

    monkeypatch.setattr(widget, "render_line", watched)
    return painted


async def test_500_cases_of_4_beams_are_shown_at_once() -> None:
    engine = ScriptedEngine(_many())
    started = time.process_time()
    async with on_stage(engine) as stage:
        assert "Cases · 500" in stage.text
        # The first picture of 2,000 beams takes about 0.3 s; ten times as long would be a defect of its own.
        assert time.process_time() - started < 5
        await stage.press("a", "end")
        assert "case499_b3" in stage.text


async def test_cursor_scroll_expansion_and_marks_survive_an_update() -> None:
    engine = ScriptedEngine(_many())
    async with on_stage(engine) as stage:
        await stage.press(*["pagedown"] * 3, "right", "down", "down", "space")
        row, scroll, marked = stage.cases.cursor_row, stage.cases.scroll_offset, stage.main.marked
        assert row is not None
        assert scroll.y > 0
        line = next(line for line in lines_of(stage.cases) if line.startswith("▌"))

        engine.publish(_many(status=BeamStatus.HPC_QUEUED))
        await stage.until(lambda: "waiting for GPU" in stage.text)

        assert stage.cases.cursor_row is not None
        assert stage.cases.cursor_row.key == row.key
        assert stage.cases.scroll_offset == scroll
        assert stage.main.marked == marked
        changed = next(line for line in lines_of(stage.cases) if line.startswith("▌"))
        assert changed.split()[:3] == line.split()[:3]


async def test_a_case_that_comes_in_above_moves_neither_cursor_nor_view() -> None:
    engine = ScriptedEngine(_many(range(100, 300)))
    async with on_stage(engine) as stage:
        await stage.press(*["pagedown"] * 2)
        before = lines_of(stage.cases)
        engine.publish(_many([*range(20), *range(100, 300)]))
        await stage.until(lambda: "Cases · 220" in stage.text)
        assert lines_of(stage.cases) == before


async def test_a_list_that_was_scrolled_away_from_its_cursor_stays_where_it_is_read() -> None:
    engine = ScriptedEngine(_many(range(1, 60)))
    async with on_stage(engine) as stage:
        for _notch in range(20):
            await turn_wheel(stage, stage.cases, down=True)
        shown = lines_of(stage.cases)
        assert not any("case001" in line for line in shown)
        engine.publish(_many([0, *range(1, 60), 999]))
        await stage.until(lambda: "Cases · 61" in stage.text)
        assert lines_of(stage.cases) == shown
        # Something that needs a person takes a line from the panes.
        broken = a_case("case999", a_beam("case999", "b0", BeamStatus.FAILED, error="no luck"))
        engine.publish(a_snapshot(*(_case(number) for number in range(60)), broken))
        await stage.until(lambda: "Needs you" in stage.text)
        assert lines_of(stage.cases) == shown[: stage.cases.size.height]


async def test_the_cursor_stays_near_when_its_case_goes() -> None:
    engine = ScriptedEngine(_many(range(10)))
    async with on_stage(engine) as stage:
        await stage.press("down", "down")
        engine.publish(_many([0, 1, 3, 4]))
        await stage.until(lambda: "Cases · 4" in stage.text)
        assert "Beams of case003" in stage.text


async def test_marks_of_beams_that_are_gone_are_forgotten() -> None:
    engine = ScriptedEngine(_many(range(2)))
    async with on_stage(engine) as stage:
        await stage.press("space")
        engine.publish(_many([1]))
        await stage.until(lambda: "Cases · 1" in stage.text)
        assert not stage.main.marked


async def test_changes_are_coalesced_to_two_a_second() -> None:
    engine = ScriptedEngine(_many(range(3)))
    async with on_stage(engine) as stage:
        taken, started = engine.published, time.monotonic()
        for number in range(30):
            engine.publish(replace(_many(range(3)), scan_trouble=f"notice {number}"))
            await stage.pilot.pause(0.01)
        await stage.until(lambda: "notice 29" in stage.text)
        most = (time.monotonic() - started) / UPDATE_INTERVAL_SECONDS + 2
        assert engine.published - taken <= most


async def test_an_unchanged_picture_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine(_many(range(50)))
    async with on_stage(engine) as stage:
        await stage.pause()
        painted = _watch_painting(stage.cases, monkeypatch)
        taken = engine.published
        engine.publish(_many(range(50)))
        await stage.until(lambda: engine.published > taken)
        await stage.pause()
        assert painted == []


async def test_a_change_of_one_case_paints_its_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine(_many(range(50)))
    async with on_stage(engine) as stage:
        await stage.pause()
        painted = _watch_painting(stage.cases, monkeypatch)
        cases = [_case(number) for number in range(50)]
        cases[7] = _case(7, BeamStatus.HPC_QUEUED)
        engine.publish(a_snapshot(*cases))
        await stage.until(lambda: bool(painted))
        assert painted == [7]


async def test_a_defect_in_a_picture_is_told_and_the_next_one_is_shown() -> None:
    engine = ScriptedEngine(_many(range(3)))
    async with on_stage(engine) as stage:
        engine.publish(replace(_many(range(3)), cases=cast(tuple[CaseView, ...], None)))
        await stage.until(lambda: any("What is shown may be old" in toast for toast in stage.toasts))
        engine.publish(_many(range(2)))
        await stage.until(lambda: "Cases · 2" in stage.text)


async def test_the_filter_narrows_cases_and_escape_brings_them_back() -> None:
    async with on_stage(ScriptedEngine(_many())) as stage:
        await stage.press("slash", *"case49", "enter")
        assert "Cases · 10 of 500" in stage.text
        assert stage.cases.has_focus
        await stage.press("escape")
        assert "Cases · 500" in stage.text


async def test_letters_typed_into_the_filter_are_no_commands() -> None:
    engine = ScriptedEngine(_many(range(3)))
    async with on_stage(engine) as stage:
        await stage.press("slash", *"dprq?c", "enter")
        assert engine.commands == []
        assert "Nothing matches the filter." in stage.text


async def test_a_folder_that_waits_says_why() -> None:
    folders = [
        a_folder("new", FolderState.SETTLING, "changed 4 s ago"),
        a_folder("bad", FolderState.INCOMPLETE, "no RTPLAN file"),
    ]
    async with on_stage(ScriptedEngine(a_snapshot(folders=folders))) as stage:
        assert "2 folders not taken, 1 needs you" in stage.text
        await stage.press("down")
        assert "changed 4 s ago" in stage.details.text
        await stage.press("down")
        assert "no RTPLAN file" in stage.details.text


async def test_z_and_arrows_show_and_hide_the_beams_of_a_case() -> None:
    async with on_stage(ScriptedEngine(_many(range(2)))) as stage:
        await stage.press("z")
        assert len(stage.cases.rows) == 6
        await stage.press("down", "down", "left")
        assert stage.cases.cursor_row is stage.cases.rows[0]
        await stage.press("left")
        assert len(stage.cases.rows) == 2
        await stage.press("right")
        assert len(stage.cases.rows) == 6
        await stage.press("z")
        assert len(stage.cases.rows) == 2


async def test_tab_goes_round_the_panes() -> None:
    async with on_stage(ScriptedEngine(_many(range(2))), SMALL) as stage:
        seen = []
        for _ in range(5):
            assert stage.app.focused is not None
            seen.append(stage.app.focused.id)
            await stage.press("tab")
        assert seen == ["cases", "beams", "details", "log", "cases"]


async def test_the_time_that_a_beam_still_computes_is_a_range_or_unknown_and_nothing_else() -> None:
    case = a_case(
        "alpha",
        a_beam("alpha", "b1", BeamStatus.HPC_RUNNING, gpu_id=0),
        a_beam("alpha", "b2", BeamStatus.HPC_RUNNING, gpu_id=1),
        a_beam("alpha", "b3", BeamStatus.HPC_RUNNING, gpu_id=2, job_waits=True),
    )
    snapshot = replace(a_snapshot(case), times_left={"alpha_b1": TimeLeft(130.0, 170.0)})
    async with on_stage(ScriptedEngine(snapshot), (160, 40)) as stage:
        head, known, unknown, waiting = lines_of(stage.beams)[:4]
        column = head.index("left")
        assert known[column:].startswith("2-3 min")
        assert unknown[column:].startswith("unknown")
        assert waiting[column:].startswith("unknown")
        await stage.press("tab")
        assert "computes for 2-3 min more at this pace" in stage.details.text
