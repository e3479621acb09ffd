"""The mouse does what the keys do: arrows, marks, keys at the bottom, the wheel."""

from __future__ import annotations

import pytest
from textual.widget import Widget

from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.ui.rows import FoldersRow
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.events import EventList
from mqi_tui.ui.screens.main import MainScreen
from mqi_tui.ui.widgets.beam_head import Tab
from tests.support.screens import MIDDLE, SMALL, Stage, lines_of, on_stage, turn_wheel
from tests.support.scripted_engine import (
    ScriptedEngine,
    ScriptedLog,
    a_beam,
    a_case,
    a_folder,
    a_snapshot,
    an_event,
)

BOTH_SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE])

SNAPSHOT = a_snapshot(
    a_case("alpha", a_beam("alpha", "b1"), a_beam("alpha", "b2", BeamStatus.HPC_RUNNING, gpu_id=0)),
    a_case("beta", *(a_beam("beta", f"b{number:02}") for number in range(60)), warnings=("word " * 300,)),
    a_case("gamma", a_beam("gamma", "b1", BeamStatus.COMPLETED)),
    folders=[a_folder(f"f{number:02}", FolderState.INCOMPLETE, "no RTPLAN file") for number in range(60)],
    gpu_count=64,
    events=[an_event(number, f"event {number}") for number in range(100)],
)


async def click(stage: Stage, widget: Widget, text: str, *, control: bool = False) -> None:
    """On the first cell of `text` where the widget shows it; (x, y) of the widget with its border."""
    content = widget.content_region.offset - widget.region.offset
    x, y = next((line.index(text), y) for y, line in enumerate(lines_of(widget)) if text in line)
    await stage.pilot.click(widget, offset=(content.x + x, content.y + y), control=control)


@BOTH_SIZES
async def test_a_click_on_the_arrow_shows_and_hides_the_beams_of_a_case(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await click(stage, stage.cases, "▸ ! beta")
        await stage.until(lambda: "case beta" in stage.cases.expanded)
        assert stage.cases.cursor_row is not None
        assert stage.cases.cursor_row.key == "case beta"
        await click(stage, stage.cases, "▾ ! beta")
        await stage.until(lambda: "case beta" not in stage.cases.expanded)


async def test_a_click_on_the_name_of_a_case_selects_it_and_leaves_it_folded() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await click(stage, stage.cases, "beta")
        await stage.until(lambda: "Beams of beta" in stage.text)
        assert stage.cases.expanded == {"folders"}


async def test_a_click_on_the_arrow_hides_the_folders_that_are_no_cases() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await click(stage, stage.cases, "▾ 60 folders")
        await stage.until(lambda: isinstance(stage.cases.rows[-1], FoldersRow))


@BOTH_SIZES
async def test_a_mark_in_the_tree_is_set_by_a_click_on_its_place(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await stage.press("right")
        await click(stage, stage.cases, "  b2")
        await stage.until(lambda: set(stage.main.marked) == {"alpha_b2"})
        await click(stage, stage.cases, "● b2")
        await stage.until(lambda: not stage.main.marked)


@BOTH_SIZES
async def test_a_click_with_ctrl_marks_beams_and_all_beams_of_a_case(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await click(stage, stage.beams, "b1", control=True)
        await click(stage, stage.beams, "b2", control=True)
        await stage.until(lambda: set(stage.main.marked) == {"alpha_b1", "alpha_b2"})
        await click(stage, stage.beams, "b2", control=True)
        await stage.until(lambda: set(stage.main.marked) == {"alpha_b1"})
        await click(stage, stage.cases, "gamma", control=True)
        await stage.until(lambda: set(stage.main.marked) == {"alpha_b1", "gamma_b1"})


@BOTH_SIZES
async def test_a_key_at_the_bottom_can_be_clicked(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        keys = stage.main.query_one("#keys")
        await click(stage, keys, "Dispatch")
        await stage.until(lambda: stage.engine.commands == [("dispatch", "alpha", None)])
        await click(stage, keys, "Quit")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmScreen))
        await stage.click("#no")
        await stage.until(lambda: isinstance(stage.app.screen, MainScreen))


async def test_a_key_that_does_the_opposite_next_says_so() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await click(stage, stage.main.query_one("#keys"), "Pause")
        await stage.until(lambda: "p Resume" in stage.text)


@BOTH_SIZES
async def test_the_beam_screen_is_driven_by_the_mouse(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await stage.press("tab", "down")
        x = lines_of(stage.beams)[2].index("b2")
        await stage.pilot.click(stage.beams, offset=(x, 3), times=2)
        await stage.until(lambda: isinstance(stage.app.screen, BeamScreen))
        screen = stage.app.screen
        assert isinstance(screen, BeamScreen)
        await click(stage, screen.query_one("#tabs"), "Files")
        await stage.until(lambda: screen._tab is Tab.FILES)
        await click(stage, screen.query_one("#beam-keys"), "Cancel")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmScreen))
        await stage.click("#yes")
        await stage.until(lambda: stage.engine.commands == [("cancel_beam", "alpha_b2")])
        await click(stage, screen.query_one("#beam-keys"), "Back")
        await stage.until(lambda: isinstance(stage.app.screen, MainScreen))


@BOTH_SIZES
@pytest.mark.parametrize("pane", ["attention", "cases", "beams", "details", "gpus", "log"])
async def test_the_wheel_scrolls_each_pane(size: tuple[int, int], pane: str) -> None:
    engine = ScriptedEngine(SNAPSHOT)
    engine.logs["beta_b00"] = ScriptedLog(data=b"line\n" * 500)
    async with on_stage(engine, size) as stage:
        await stage.press("down")
        widget = stage.main.query_one(f"#{pane}")
        # What can be scrolled has its scrollbar at the next layout, and takes no wheel before.
        await stage.until(lambda: "beta  ○ ready" in stage.text and widget.allow_vertical_scroll)
        # The log goes to its end once more whenever the panes around it take their room.
        await stage.until(lambda: pane != "log" or 0 < widget.scroll_y == widget.max_scroll_y)
        down = widget.scroll_y < widget.max_scroll_y
        before = widget.scroll_y
        await turn_wheel(stage, widget, down=down)
        # Where the log's end is changes with the room that the panes around it take.
        await stage.until(lambda: widget.scroll_y > before if down else not stage.log.is_following)


async def test_the_wheel_scrolls_the_list_of_events() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("e")
        events = stage.app.screen.query_one(EventList)
        await stage.until(lambda: events.allow_vertical_scroll and 0 < events.scroll_y == events.max_scroll_y)
        before = events.scroll_y
        await turn_wheel(stage, events, down=False)
        await turn_wheel(stage, events, down=False)
        await stage.until(lambda: events.scroll_y < before)
