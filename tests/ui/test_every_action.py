"""Every action of the registry, done by its key at 80 x 24 and 120 x 40; an action without a scenario is a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.moqui.dose_planes import PlaneKind
from mqi_tui.ui.actions import ACTIONS, Action
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.case import CaseScreen
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.doctor import DoctorScreen
from mqi_tui.ui.screens.events import EventsScreen
from mqi_tui.ui.screens.help import HelpScreen
from mqi_tui.ui.screens.main import MainScreen
from mqi_tui.ui.screens.palette import PaletteScreen
from mqi_tui.ui.screens.paths import PathsScreen
from mqi_tui.ui.screens.save_log import SaveLogScreen
from mqi_tui.ui.screens.search import SearchScreen
from mqi_tui.ui.screens.settings import SettingsScreen
from mqi_tui.ui.screens.theme import ThemeScreen
from mqi_tui.ui.widgets.attention_list import AttentionList
from mqi_tui.ui.widgets.beam_head import Tab
from mqi_tui.ui.widgets.dose_pane import DosePane
from tests.support.screens import MIDDLE, SMALL, Stage, on_stage
from tests.support.scripted_engine import ScriptedEngine, ScriptedLog, a_beam, a_case, a_folder, a_snapshot
from tests.support.scripted_inspector import a_dose_array

SNAPSHOT = a_snapshot(
    a_case(
        "alpha",
        a_beam("alpha", "b1"),
        a_beam("alpha", "b2", BeamStatus.HPC_QUEUED),
        a_beam("alpha", "b3", BeamStatus.FAILED, error="no luck"),
        a_beam("alpha", "b4", BeamStatus.COMPLETED, attempt=1),
    ),
    a_case("beta", a_beam("beta", "b1", BeamStatus.FAILED, error="no luck"), a_beam("beta", "b2")),
    a_case("gamma", *(a_beam("gamma", f"b{number:02}", BeamStatus.HPC_QUEUED) for number in range(60))),
    folders=[a_folder("delta", FolderState.INCOMPLETE, "no RTPLAN file")],
)
LOG = "".join(
    f"line {number} {'CUDA error: out of memory' if number == 50 else 'x' * 300}\n" for number in range(200)
).encode()

Condition = Callable[[Stage], bool]


@dataclass(frozen=True)
class Scenario:
    """What is pressed before, and what must be true after the action's own key."""

    then: Condition
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """What is pressed after it, such as the confirmation."""
    ready: Condition = lambda _: True
    """What must have come true before the action's own key."""


def commands(*expected: tuple[object, ...]) -> Condition:
    return lambda stage: stage.engine.commands == list(expected)


def shows(screen: type) -> Condition:
    return lambda stage: isinstance(stage.app.screen, screen)


def says(text: str) -> Condition:
    return lambda stage: text in stage.text


def tree_at(position: int) -> Condition:
    return lambda stage: stage.cases.cursor_row is stage.cases.rows[position]


def marked(*names: str) -> Condition:
    return lambda stage: set(stage.main.marked) == set(names)


def log_at(x: int | None = None, y: int | None = None, *, follows: bool | None = None) -> Condition:
    def is_there(stage: Stage) -> bool:
        offset = stage.log.scroll_offset
        return x in {None, offset.x} and y in {None, offset.y} and follows in {None, stage.log.is_following}

    return is_there


def in_the_log(stage: Stage) -> bool:
    return stage.log.has_focus


_LIST_END = len(SNAPSHOT.cases) + 1  # the cases, the heading of the folders and the folder, from 0
_TO_LOG = ("tab", "l")
_TO_LOG_TOP = (*_TO_LOG, "home")

_TO_BEAM = ("tab", "end", "enter")
_TO_DOSE = (*_TO_BEAM, "5")
_TO_PLANE = (*_TO_DOSE, "z")


def tab_is(tab: Tab) -> Condition:
    return lambda stage: isinstance(stage.app.screen, BeamScreen) and stage.app.screen._tab is tab


def has_dose(stage: Stage) -> bool:
    return stage.app.screen.query_one(DosePane)._dose is not None


def cursor_at(x: int, y: int, z: int) -> Condition:
    return lambda stage: stage.app.screen.query_one(DosePane)._voxel == (x, y, z)


def sees_plane(kind: PlaneKind) -> Condition:
    return lambda stage: any(view.is_on_screen and view.has_focus for view in stage.app.screen.query(f"#{kind}"))


def on_curves(stage: Stage) -> bool:
    return stage.app.screen.query_one(DosePane)._is_on_curves


def case_tab_has_focus(pane: str) -> Condition:
    return lambda stage: stage.app.focused is not None and stage.app.focused.id == pane


SCENARIOS = {
    "MAIN.dispatch_target": Scenario(commands(("dispatch", "alpha", None))),
    "MAIN.retry_target": Scenario(commands(("retry", "alpha_b3"))),
    "MAIN.cancel_target": Scenario(commands(("cancel_case", "alpha")), after=("y",)),
    "MAIN.toggle_mark": Scenario(marked("alpha_b1"), before=("tab",)),
    "MAIN.toggle_pause": Scenario(commands(("pause",))),
    "MAIN.filter": Scenario(says("Cases · 1 of 3"), after=tuple("beta")),
    "MAIN.help": Scenario(shows(HelpScreen)),
    "MAIN.quit": Scenario(shows(ConfirmScreen)),
    "MAIN.palette": Scenario(shows(PaletteScreen)),
    "MAIN.toggle_all": Scenario(says("Beams of all cases")),
    "MAIN.open_case": Scenario(shows(CaseScreen), before=("tab",)),
    "MAIN.events": Scenario(shows(EventsScreen)),
    "MAIN.doctor": Scenario(shows(DoctorScreen)),
    "MAIN.settings": Scenario(shows(SettingsScreen)),
    "MAIN.theme": Scenario(shows(ThemeScreen)),
    "MAIN.dispatch_ready": Scenario(
        commands(("dispatch", "alpha", ("alpha_b1",)), ("dispatch", "beta", ("beta_b2",))), after=("y",)
    ),
    "MAIN.retry_case": Scenario(commands(("retry", "alpha_b3")), before=("tab",)),
    "MAIN.rerun_target": Scenario(commands(("rerun", "alpha_b3"), ("rerun", "alpha_b4")), after=("y",)),
    "MAIN.priority_up": Scenario(commands(("change_priority", "alpha_b1", 1), ("change_priority", "alpha_b2", 1))),
    "MAIN.priority_down": Scenario(commands(("change_priority", "alpha_b2", -1)), before=("tab", "down")),
    "MAIN.next_failed": Scenario(says("▌  b3")),
    "MAIN.previous_failed": Scenario(says("▌  b3"), before=("down",)),
    "MAIN.toggle_finished": Scenario(says("1 finished hidden")),
    "MAIN.sort": Scenario(says("by state")),
    "MAIN.mark_up": Scenario(marked("alpha_b1", "alpha_b2"), before=("tab", "down")),
    "MAIN.mark_down": Scenario(marked("alpha_b1", "alpha_b2"), before=("tab",)),
    "MAIN.mark_range": Scenario(marked("alpha_b1", "alpha_b2", "alpha_b3"), before=("tab", "v", "down", "down")),
    "MAIN.copy_path": Scenario(lambda stage: stage.app.clipboard == "/data/cases/alpha"),
    "MAIN.show_paths": Scenario(shows(PathsScreen), before=("tab", "end")),
    "MAIN.clear_marks": Scenario(marked(), before=("space",)),
    "MAIN.focus_next": Scenario(lambda stage: stage.beams.has_focus),
    "MAIN.focus_previous": Scenario(lambda stage: stage.main.query_one(AttentionList).has_focus),
    "MAIN.clear_filter": Scenario(says("Cases · 3"), before=("slash", *"beta", "enter")),
    "LIST.cursor_up": Scenario(tree_at(1), before=("down", "down")),
    "LIST.cursor_down": Scenario(tree_at(1)),
    "LIST.page_up": Scenario(lambda stage: not tree_at(_LIST_END)(stage), before=("end",)),
    "LIST.page_down": Scenario(lambda stage: not tree_at(0)(stage)),
    "LIST.first": Scenario(tree_at(0), before=("end",)),
    "LIST.last": Scenario(tree_at(_LIST_END)),
    "TREE.open_node": Scenario(shows(CaseScreen)),
    "TREE.toggle_node": Scenario(lambda stage: len(stage.cases.rows) == _LIST_END + 1 + 4),
    "TREE.expand": Scenario(lambda stage: len(stage.cases.rows) == _LIST_END + 1 + 4),
    "TREE.collapse": Scenario(lambda stage: len(stage.cases.rows) == _LIST_END + 1, before=("right",)),
    "ATTENTION.go_there": Scenario(says("▌  b3"), before=("shift+tab",)),
    "BEAMS.open_log": Scenario(in_the_log, before=("tab",)),
    "BEAMS.open_beam": Scenario(shows(BeamScreen), before=("tab",)),
    "CASE.show_beams": Scenario(case_tab_has_focus("case-beams"), before=("enter", "2")),
    "CASE.show_plan": Scenario(case_tab_has_focus("case-plan"), before=("enter",)),
    "CASE.show_depth_doses": Scenario(case_tab_has_focus("case-curves"), before=("enter",)),
    "CASE.previous_tab": Scenario(case_tab_has_focus("case-beams"), before=("enter", "2")),
    "CASE.next_tab": Scenario(case_tab_has_focus("case-plan"), before=("enter",)),
    "CASE.open_beam": Scenario(shows(BeamScreen), before=("enter",)),
    "CASE.save_report": Scenario(commands(("save_report", "alpha")), before=("enter",)),
    "CASE.retry_beam": Scenario(commands(("retry", "alpha_b3")), before=("enter", "down", "down")),
    "CASE.retry_case": Scenario(commands(("retry", "alpha_b3")), before=("enter",)),
    "CASE.cancel_case": Scenario(commands(("cancel_case", "alpha")), before=("enter",), after=("y",)),
    "CASE.dispatch_case": Scenario(commands(("dispatch", "alpha", None)), before=("enter",)),
    "CASE.change_scale": Scenario(says("% of each maximum"), before=("enter", "3")),
    "CASE.help": Scenario(shows(HelpScreen), before=("enter",)),
    "CASE.palette": Scenario(shows(PaletteScreen), before=("enter",)),
    "CASE.leave": Scenario(shows(MainScreen), before=("enter",)),
    "CASE.theme": Scenario(shows(ThemeScreen), before=("enter",)),
    "CASE.quit": Scenario(shows(ConfirmScreen), before=("enter",)),
    "BEAM.show_overview": Scenario(tab_is(Tab.OVERVIEW), before=(*_TO_BEAM, "2")),
    "BEAM.show_files": Scenario(tab_is(Tab.FILES), before=_TO_BEAM),
    "BEAM.show_input": Scenario(tab_is(Tab.INPUT), before=_TO_BEAM),
    "BEAM.show_log": Scenario(tab_is(Tab.LOG), before=_TO_BEAM),
    "BEAM.show_dose": Scenario(tab_is(Tab.DOSE), before=_TO_BEAM),
    "BEAM.previous_tab": Scenario(tab_is(Tab.OVERVIEW), before=(*_TO_BEAM, "2"), ready=lambda _: True),
    "BEAM.next_tab": Scenario(tab_is(Tab.FILES), before=_TO_BEAM, ready=lambda _: True),
    "BEAM.help": Scenario(shows(HelpScreen), before=_TO_BEAM),
    "BEAM.palette": Scenario(shows(PaletteScreen), before=_TO_BEAM),
    "BEAM.leave": Scenario(shows(MainScreen), before=_TO_BEAM),
    "BEAM.retry_beam": Scenario(commands(("retry", "alpha_b3")), before=("tab", "end", "up", "enter")),
    "BEAM.cancel_beam": Scenario(commands(("cancel_beam", "alpha_b2")), before=("tab", "down", "enter"), after=("y",)),
    "BEAM.rerun_beam": Scenario(commands(("rerun", "alpha_b4")), before=_TO_BEAM, after=("y",)),
    "BEAM.theme": Scenario(shows(ThemeScreen), before=_TO_BEAM),
    "BEAM.priority_up": Scenario(commands(("change_priority", "alpha_b2", 1)), before=("tab", "down", "enter")),
    "BEAM.priority_down": Scenario(commands(("change_priority", "alpha_b2", -1)), before=("tab", "down", "enter")),
    "BEAM.quit": Scenario(shows(ConfirmScreen), before=_TO_BEAM),
    "DOSE.show_transverse": Scenario(sees_plane(PlaneKind.TRANSVERSE), before=_TO_DOSE, ready=has_dose),
    "DOSE.show_coronal": Scenario(sees_plane(PlaneKind.CORONAL), before=(*_TO_DOSE, "z"), ready=has_dose),
    "DOSE.show_sagittal": Scenario(sees_plane(PlaneKind.SAGITTAL), before=_TO_DOSE, ready=has_dose),
    "DOSE.show_curves": Scenario(on_curves, before=(*_TO_DOSE, "z"), ready=has_dose),
    "DOSE.to_maximum": Scenario(cursor_at(7, 4, 15), before=(*_TO_PLANE, "left"), ready=cursor_at(6, 4, 15)),
    "PLANE.cursor_up": Scenario(cursor_at(7, 5, 15), before=_TO_PLANE, ready=has_dose),
    "PLANE.cursor_down": Scenario(cursor_at(7, 3, 15), before=_TO_PLANE, ready=has_dose),
    "PLANE.cursor_left": Scenario(cursor_at(6, 4, 15), before=_TO_PLANE, ready=has_dose),
    "PLANE.cursor_right": Scenario(cursor_at(8, 4, 15), before=_TO_PLANE, ready=has_dose),
    "PLANE.slice_back": Scenario(cursor_at(7, 4, 14), before=_TO_PLANE, ready=has_dose),
    "PLANE.slice_on": Scenario(cursor_at(7, 4, 16), before=_TO_PLANE, ready=has_dose),
    "SETTINGS.filter": Scenario(says("Settings · 1 of "), before=("comma",), after=tuple("max_workers")),
    "SETTINGS.help": Scenario(shows(HelpScreen), before=("comma",)),
    "SETTINGS.palette": Scenario(shows(PaletteScreen), before=("comma",)),
    "SETTINGS.leave": Scenario(shows(MainScreen), before=("comma",)),
    "SETTINGS.quit": Scenario(shows(ConfirmScreen), before=("comma",)),
    "DOCTOR.check_again": Scenario(
        lambda stage: stage.engine.doctors == [2, 2], before=("f2",), ready=says("0 checks")
    ),
    "DOCTOR.help": Scenario(shows(HelpScreen), before=("f2",)),
    "DOCTOR.palette": Scenario(shows(PaletteScreen), before=("f2",)),
    "DOCTOR.leave": Scenario(shows(MainScreen), before=("f2",)),
    "DOCTOR.quit": Scenario(shows(ConfirmScreen), before=("f2",)),
    "LOG.scroll_up": Scenario(log_at(follows=False), before=_TO_LOG),
    "LOG.scroll_down": Scenario(log_at(y=1), before=_TO_LOG_TOP),
    "LOG.page_up": Scenario(log_at(follows=False), before=_TO_LOG),
    "LOG.page_down": Scenario(lambda stage: stage.log.scroll_offset.y > 1, before=_TO_LOG_TOP),
    "LOG_ALONE.next_error": Scenario(log_at(y=50), before=_TO_LOG_TOP),
    "LOG_ALONE.previous_error": Scenario(log_at(y=50), before=_TO_LOG),
    "LOG_ALONE.search": Scenario(shows(SearchScreen), before=_TO_LOG),
    "LOG_ALONE.next_match": Scenario(log_at(y=79), before=(*_TO_LOG_TOP, "ctrl+f", *"79", "space", "enter", "home")),
    "LOG_ALONE.previous_match": Scenario(log_at(y=179), before=(*_TO_LOG, "ctrl+f", *"79", "space", "enter", "end")),
    "LOG_ALONE.wrap": Scenario(lambda stage: stage.log.virtual_size.height > len(stage.log.lines), before=_TO_LOG),
    "LOG_ALONE.copy_page": Scenario(
        lambda stage: stage.app.clipboard.startswith(f"line 0 {'x' * 300}\nline 1 "), before=_TO_LOG_TOP
    ),
    "LOG_ALONE.copy_line": Scenario(
        lambda stage: stage.app.clipboard == "line 50 CUDA error: out of memory", before=(*_TO_LOG_TOP, "x")
    ),
    "LOG_ALONE.save_log": Scenario(shows(SaveLogScreen), before=_TO_LOG),
    "LOG.scroll_left": Scenario(log_at(x=0), before=(*_TO_LOG, "right")),
    "LOG.scroll_right": Scenario(lambda stage: stage.log.scroll_offset.x > 0, before=_TO_LOG),
    "LOG.scroll_home": Scenario(log_at(y=0), before=_TO_LOG),
    "LOG.scroll_end": Scenario(log_at(follows=True), before=_TO_LOG_TOP),
}


def test_every_action_has_a_scenario_and_no_scenario_is_left_over() -> None:
    assert {action.binding_id for action in ACTIONS} == set(SCENARIOS)


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.binding_id)
async def test_the_action_does_what_it_says(action: Action, size: tuple[int, int]) -> None:
    scenario = SCENARIOS[action.binding_id]
    engine = ScriptedEngine(SNAPSHOT)
    engine.logs["alpha_b1"] = ScriptedLog(data=LOG)
    engine.inspector.show_dose(a_dose_array())
    async with on_stage(engine, size) as stage:
        await stage.until(lambda: len(stage.log.lines) > 100)
        for key in scenario.before:
            await stage.press(key)
        await stage.until(lambda: scenario.ready(stage))
        assert not scenario.then(stage), "true before anything was done"
        if action.keys:
            await stage.press(action.keys[0])
        else:
            await stage.press("ctrl+p", *("space" if letter == " " else letter for letter in action.title), "enter")
        await stage.press(*scenario.after)
        await stage.until(lambda: scenario.then(stage))


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.asks], ids=lambda action: action.binding_id)
async def test_what_asks_does_nothing_without_its_y(action: Action) -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        await stage.press(*SCENARIOS[action.binding_id].before)
        below = stage.app.screen
        await below.run_action(action.name)
        await stage.pause()
        assert isinstance(stage.app.screen, ConfirmScreen)
        for key in (*action.keys, "enter"):
            if isinstance(stage.app.screen, ConfirmScreen):
                await stage.press(key)
        assert stage.app.screen is below
        assert stage.engine.commands == []
        assert stage.app.is_running
