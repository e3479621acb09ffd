"""The registry of actions: one place for bindings, the line of keys and the help."""

from __future__ import annotations

import pytest

from mqi_tui.ui.actions import ACTIONS, Action, Scope
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.main import MainScreen
from mqi_tui.ui.widgets.attention_list import AttentionList
from mqi_tui.ui.widgets.beam_list import BeamList
from mqi_tui.ui.widgets.case_tree import CaseTree
from mqi_tui.ui.widgets.dose_pane import DosePane
from mqi_tui.ui.widgets.log_view import LogView
from mqi_tui.ui.widgets.plane_view import PlaneView
from mqi_tui.ui.widgets.row_list import RowList
from tests.support.screens import SMALL, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_snapshot

_OWNERS = {
    Scope.MAIN: MainScreen,
    Scope.LIST: RowList,
    Scope.TREE: CaseTree,
    Scope.BEAMS: BeamList,
    Scope.ATTENTION: AttentionList,
    Scope.LOG: LogView,
    Scope.LOG_ALONE: LogView,
    Scope.BEAM: BeamScreen,
    Scope.DOSE: DosePane,
    Scope.PLANE: PlaneView,
}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action.scope.name}-{action.name}")
def test_every_action_is_carried_out_by_the_owner_of_its_scope(action: Action) -> None:
    owner = MqiApp if action.name.startswith("app.") else _OWNERS[action.scope]
    assert hasattr(owner, f"action_{action.name.removeprefix('app.')}")


def test_no_key_has_two_meanings_in_one_place() -> None:
    for scope in (Scope.TREE, Scope.BEAMS, Scope.ATTENTION, Scope.LOG):
        together = {scope, Scope.MAIN} | ({Scope.LIST} if scope is not Scope.LOG else {Scope.LOG_ALONE})
        keys = [key for action in ACTIONS if action.scope in together for key in action.keys]
        assert len(keys) == len(set(keys)), scope


def test_the_beam_screen_and_its_dose_share_no_key() -> None:
    keys = [key for action in ACTIONS if action.scope in {Scope.BEAM, Scope.DOSE} for key in action.keys]
    assert len(keys) == len(set(keys))


async def test_the_help_lists_every_action() -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), (120, 150)) as stage:
        await stage.press("question_mark")
        shown = " ".join(stage.text.replace("│", " ").split())
        for action in ACTIONS:
            assert action.help in shown
        await stage.press("escape")
        assert stage.app.screen is stage.main


async def test_the_line_of_keys_names_the_essential_ones_at_80_columns() -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), SMALL) as stage:
        [keys] = lines_of(stage.main.query_one("#keys"))
        for word in ("d Dispatch", "r Retry", "c Cancel", "space Mark", "p Pause", "/ Filter", "? Help", "q Quit"):
            assert word in keys


async def test_a_key_in_the_line_of_keys_can_be_clicked() -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), SMALL) as stage:
        [keys] = lines_of(stage.main.query_one("#keys"))
        await stage.pilot.click("#keys", offset=(keys.index("Pause"), 0))
        await stage.until(lambda: stage.engine.commands == [("pause",)])
