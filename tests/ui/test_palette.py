"""The palette: all that can be done, found by a few letters, with its key beside it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import Input

from mqi_tui.domain.status import BeamStatus
from mqi_tui.domain.text import printable
from mqi_tui.ui.actions import ACTIONS, Scope
from mqi_tui.ui.screens.palette import CommandList, CommandRow, PaletteScreen, found
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot

SNAPSHOT = a_snapshot(a_case("alpha", a_beam("alpha", "b1"), a_beam("alpha", "b2", BeamStatus.FAILED)))
ROWS = [CommandRow(action) for action in ACTIONS if action.title]


def _list(stage: Stage) -> CommandList:
    return stage.app.screen.query_one(CommandList)


async def test_the_palette_lists_every_action_with_a_title_and_its_key() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), LARGE) as stage:
        await stage.press("ctrl+p")
        elsewhere = {Scope.CASE, Scope.BEAM, Scope.DOSE, Scope.PLANE, Scope.SETTINGS, Scope.DOCTOR}
        here = [action for action in ACTIONS if action.scope not in elsewhere]
        assert [row.action.title for row in _list(stage).rows] == [action.title for action in here if action.title]
        assert any("Dispatch what is selected" in line and " d " in line for line in stage.lines)


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_a_few_letters_find_an_action_and_enter_does_it(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT), size) as stage:
        await stage.press("ctrl+p", *"pause", "enter")
        await stage.until(lambda: stage.engine.commands == [("pause",)])
        assert stage.app.screen is stage.main


async def test_the_arrows_choose_while_letters_are_typed() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("colon", "down", "down", "up", "enter")
        await stage.until(lambda: stage.engine.commands == [("retry", "alpha_b2")])


async def test_what_asks_still_asks() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("tab", "end", "ctrl+p", *"rerun", "enter")
        assert "Run 1 beam again from the beginning?" in stage.text
        await stage.press("enter")
        assert stage.engine.commands == []


@pytest.mark.parametrize("key", ["escape", "ctrl+p"])
async def test_the_palette_is_left_without_doing_anything(key: str) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("ctrl+p", *"dprq", key)
        assert stage.app.screen is stage.main
        assert stage.engine.commands == []


async def test_enter_with_nothing_found_does_nothing() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("ctrl+p", *"qqqq", "enter")
        assert "Nothing is called that." in stage.text
        assert isinstance(stage.app.screen, PaletteScreen)


async def test_the_mouse_opens_the_palette_and_a_double_click_does_it() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        [keys] = lines_of(stage.main.query_one("#keys"))
        await stage.pilot.click("#keys", offset=(keys.index("Commands"), 0))
        await stage.press(*"pause")
        await stage.pilot.click(CommandList, offset=(2, 0), times=2)
        await stage.until(lambda: stage.engine.commands == [("pause",)])


async def test_a_click_beside_it_closes_it() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press("ctrl+p")
        await stage.pilot.click(offset=(1, 30))
        await stage.until(lambda: stage.app.screen is stage.main)


def test_titles_come_before_explanations() -> None:
    titles = [row.action.title for row in found(ROWS, "dispatch")]
    assert titles[0] == "Dispatch what is selected"


@given(st.text(max_size=30))
def test_what_is_found_is_always_part_of_all(text: str) -> None:
    rows = found(ROWS, text)
    assert set(rows) <= set(ROWS)
    assert len(rows) == len(set(rows))
    if not text.split():
        assert rows == ROWS


@given(st.lists(st.sampled_from(["[/red]", "[@click=app.quit]x[/]", "$x", "\x1b[2J", "]", "\u202e", "한글", "]["])))
@settings(max_examples=5)
async def test_no_name_and_no_typed_text_is_read_as_markup(pieces: list[str]) -> None:
    name = "".join(pieces) or "x"
    async with on_stage(ScriptedEngine(a_snapshot(a_case(name, a_beam(name))))) as stage:
        await stage.press("ctrl+p")
        stage.app.screen.query_one("#wanted", Input).value = name
        await stage.press("down")
        assert all(printable(line) == line for line in stage.lines)
