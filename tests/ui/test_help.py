"""The help: the pane in focus first, then every action and every sign."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import Static

from mqi_tui.ui.actions import ACTIONS, Pane, Scope
from mqi_tui.ui.screens.help import HelpScreen, Sentence
from tests.support.screens import MIDDLE, SMALL, a_config, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot

TALL = (120, 600)


async def test_the_help_lists_every_action() -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), TALL) as stage:
        await stage.press("question_mark")
        shown = " ".join(stage.text.replace("│", " ").split())
        for action in ACTIONS:
            assert action.help in shown
            assert action.setting in shown
        await stage.press("escape")
        assert stage.app.screen is stage.main


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
@pytest.mark.parametrize(
    ("pane", "first", "says"),
    [
        ("#cases", Scope.TREE, "The case tree: each case"),
        ("#beams", Scope.BEAMS, "The beam list: each beam"),
        ("#log", Scope.LOG_ALONE, "The log of the selected"),
        ("#details", Scope.LOG, "All that is known"),
    ],
)
async def test_the_help_begins_with_the_pane_in_focus(
    size: tuple[int, int], pane: str, first: Scope, says: str
) -> None:
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha")))), size) as stage:
        stage.main.query_one(pane).focus()
        await stage.press("question_mark")
        shown = " ".join(stage.text.replace("│", " ").split())
        assert shown.index("This pane") < shown.index(says) < shown.index(first.value)


async def test_every_pane_has_a_help_of_its_own() -> None:
    async with on_stage(ScriptedEngine(a_snapshot(gpu_count=64)), SMALL) as stage:
        panes = list(stage.main.query("#panes > *, #attention"))
        helps = [pane.HELP for pane in panes if isinstance(pane, Pane)]
        assert len(panes) == len(helps) == 6
        assert len(set(helps)) == 6
        assert None not in helps


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_the_list_of_events_has_its_help(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), size) as stage:
        await stage.press("e")
        assert "? help" in stage.text
        await stage.press("question_mark")
        shown = " ".join(stage.text.replace("│", " ").split())
        assert shown.index("This pane") < shown.index("What has happened, the newest") < shown.index("In every list")
        await stage.press("escape", "escape")
        assert stage.app.screen is stage.main


async def test_the_list_of_events_names_no_key_for_help_where_there_is_none() -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), config=a_config(keys={"help": ()})) as stage:
        await stage.press("e")
        assert "─ esc close ─" in stage.text


async def test_the_users_own_keys_hold_in_the_list_of_events() -> None:
    config = a_config(keys={"events": ("f7",), "help": ("f8",)})
    async with on_stage(ScriptedEngine(a_snapshot()), config=config) as stage:
        await stage.press("f7", "f8")
        assert isinstance(stage.app.screen_stack[-1], HelpScreen)
        await stage.press("escape", "f7")
        assert stage.app.screen is stage.main


async def test_a_click_on_a_sentence_does_what_it_says() -> None:
    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        stage.main.set_focus(None)
        await stage.press("question_mark")
        pause = next(one for one in stage.app.screen.query(Sentence) if "Pause: start nothing" in str(one.render()))
        await stage.pilot.click(pause)
        await stage.until(lambda: stage.engine.commands == [("pause",)])
        assert stage.app.screen is stage.main


async def test_a_click_on_what_only_moves_the_cursor_does_nothing() -> None:
    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        await stage.press("question_mark")
        move = next(one for one in stage.app.screen.query(Sentence) if "One row up." in str(one.render()))
        move.scroll_visible(animate=False)
        await stage.pause()
        await stage.pilot.click(move)
        assert isinstance(stage.app.screen, HelpScreen)


@given(st.sampled_from(["[/red]", "[@click=app.quit]x[/]", "a\\[b", "DOE^JOHN [QA]"]))
@settings(max_examples=5)
async def test_no_text_of_a_pane_is_read_as_markup(text: str) -> None:
    class Nasty(Static):
        scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG,)
        HELP = text

    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        await stage.app.push_screen(HelpScreen(stage.main._actions, Nasty(), {Scope.LOG}))
        await stage.pause()
        assert text in stage.text
