"""The registry of actions: one place for bindings, the line of keys, the palette and the help."""

from __future__ import annotations

import pytest

from mqi_tui.ui.actions import ACTIONS, Action, Actions, Scope, bindings_of
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.case import CaseScreen
from mqi_tui.ui.screens.doctor import DoctorScreen
from mqi_tui.ui.screens.main import MainScreen
from mqi_tui.ui.screens.settings import SettingsScreen
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
    Scope.CASE: CaseScreen,
    Scope.BEAM: BeamScreen,
    Scope.DOSE: DosePane,
    Scope.PLANE: PlaneView,
    Scope.SETTINGS: SettingsScreen,
    Scope.DOCTOR: DoctorScreen,
}
_BEAM_SCREEN = {Scope.BEAM, Scope.DOSE, Scope.PLANE}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.binding_id)
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


def test_the_case_screen_and_its_list_share_no_key() -> None:
    keys = [key for action in ACTIONS if action.scope in {Scope.CASE, Scope.LIST} for key in action.keys]
    assert len(keys) == len(set(keys))


def test_the_list_of_settings_shares_no_key_with_its_screen() -> None:
    for scope in (Scope.LIST, Scope.LOG):
        keys = [key for action in ACTIONS if action.scope in {Scope.SETTINGS, scope} for key in action.keys]
        assert len(keys) == len(set(keys)), scope


def test_no_two_actions_have_one_name_in_the_palette_or_in_a_scope() -> None:
    own = {Scope.CASE, Scope.SETTINGS, Scope.DOCTOR}
    for scopes in (_BEAM_SCREEN, *({scope} for scope in own), set(Scope) - _BEAM_SCREEN - own):
        titles = [action.title for action in ACTIONS if action.title and action.scope in scopes]
        assert len(titles) == len(set(titles))
    assert len({action.binding_id for action in ACTIONS}) == len(ACTIONS)


def test_what_has_no_key_is_in_the_palette() -> None:
    assert [action.name for action in ACTIONS if not action.keys and not action.title] == []


def test_the_bindings_are_made_of_the_registry() -> None:
    for scope in Scope:
        assert len(bindings_of(scope)) == len(Actions().of(scope))


async def test_the_line_of_keys_names_the_essential_ones_at_80_columns() -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), SMALL) as stage:
        [keys] = lines_of(stage.main.query_one("#keys"))
        for word in ("d Dispatch", "r Retry", "c Cancel", "/ Filter", "? Help", "q Quit", "ctrl+p Commands"):
            assert word in keys


async def test_the_line_of_keys_names_more_where_there_is_room() -> None:
    async with on_stage(ScriptedEngine(a_snapshot())) as stage:
        [keys] = lines_of(stage.main.query_one("#keys"))
        for word in ("space Mark", "p Pause", "a All beams", "e Events"):
            assert word in keys
