"""One case: its plan, its beams side by side and their depth doses in one plot; live, and read beside the screen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.dom import DOMNode
from textual.widget import Widget

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.text import printable
from mqi_tui.ui import commands
from mqi_tui.ui.actions import Actions, Scope, bindings_of
from mqi_tui.ui.case_beams import CaseBeamRow, Found, Unreadable, case_beam_details, case_beam_rows
from mqi_tui.ui.commands import CommandRunner
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.pages import paragraph
from mqi_tui.ui.plan_page import plan_page
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.tabbed import Tabbed
from mqi_tui.ui.targets import BeamsTarget, CaseTarget
from mqi_tui.ui.tones import Tone
from mqi_tui.ui.widgets.case_beam_list import CaseBeamList
from mqi_tui.ui.widgets.case_head import CaseHead
from mqi_tui.ui.widgets.depth_doses import DepthDoses
from mqi_tui.ui.widgets.detail_pane import DetailPane
from mqi_tui.ui.widgets.key_line import KeyLine
from mqi_tui.ui.widgets.page_view import PageView
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.ui.widgets.tab_line import TabLine
from mqi_tui.workflow.control import EngineControl
from mqi_tui.workflow.inspection import BeamDose, CasePlan, NoDose

_WIDE, _HIGH = 110, 38
"""Columns and rows from which all tabs are shown at once, one below the other."""
_VERY_WIDE = 160
"""Columns from which they are whatever the rows: the plan is beside the beams then."""


class Tab(StrEnum):
    """In their order; the value is the tab's name, its key is its number from 1."""

    BEAMS = N_("Beams")
    PLAN = N_("Plan")
    DEPTH_DOSES = N_("Depth doses")


class PlanView(PageView):
    HELP = N_(
        "The plan as the file in the case folder reads now: patient, label, machine, fractions, and its beams. The "
        "letters under logs say which beam folder holds the logs of which beam of the plan."
    )


class CaseScreen(Tabbed[Tab]):
    """Follows the case through the snapshots that `show` brings; a beam's dose is read again when the beam changes."""

    CSS_PATH = "case.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.CASE)
    AUTO_FOCUS = ""
    _all_tabs = tuple(Tab)

    def __init__(
        self,
        engine: EngineControl,
        runner: CommandRunner,
        snapshot: EngineSnapshot,
        case: CaseView,
        actions: Actions,
    ) -> None:
        super().__init__()
        self._actions = actions
        self._engine = engine
        self._runner = runner
        self._snapshot = snapshot
        self._case = case
        self._tab = Tab.BEAMS
        self._plan: CasePlan | None = None
        self._found: dict[str, Found] = {}
        self._news: dict[str, tuple[object, ...]] = {}
        self._head = CaseHead(case, id="case-head")
        self._tabs = TabLine(self._all_tabs, id="case-tabs")
        self._plan_view = PlanView(id="case-plan")
        self._beams = CaseBeamList(id="case-beams")
        self._detail = DetailPane(id="case-detail", share=4)
        self._table = Container(self._beams, self._detail, id="case-table")
        self._curves = DepthDoses(id="case-curves")
        self._keys = KeyLine(actions, id="case-keys")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._tabs
        yield Container(self._plan_view, self._table, self._curves, id="case-panes")
        yield self._keys

    def on_mount(self) -> None:
        self._plan_view.border_title = Content(_("Plan"))
        self._plan_view.show(lambda width: paragraph(_("Reading the plan …"), Tone.MUTED, width))
        self._beams.set_title(_("Beams"))
        self._beams.set_placeholder(_("The case has no beams."))
        self._keys.show_scopes(self._owners)
        self._show_rows()
        self._show_tab(Tab.BEAMS)

    def on_screen_resume(self) -> None:
        """Files may have changed while another screen was in front."""
        self._news.clear()
        self._read_what_is_new()

    def on_resize(self) -> None:
        self._arrange()

    def show(self, snapshot: EngineSnapshot) -> None:
        """Take what this picture says of the case."""
        self._snapshot = snapshot
        self._case = snapshot.case(self._case.case_id) or self._case
        if self.is_mounted:
            self._head.show(self._case)
            self._show_rows()
            self._read_what_is_new()

    # Tabs

    def action_show_beams(self) -> None:
        self._show_tab(Tab.BEAMS)

    def action_show_plan(self) -> None:
        self._show_tab(Tab.PLAN)

    def action_show_depth_doses(self) -> None:
        self._show_tab(Tab.DEPTH_DOSES)

    def _show_tab(self, tab: Tab) -> None:
        """On a small screen the tab is all that is shown; on a large one it has the keys."""
        self._tab = tab
        self._tabs.show(tab)
        self._arrange()
        (self._beams if tab is Tab.BEAMS else self._panes[tab]).focus()

    def on_descendant_focus(self) -> None:
        """The pane that was reached by `tab` or a click is the tab that stays when the screen gets small."""
        reached = self.focused.ancestors_with_self if self.focused is not None else []
        self._tab = next((tab for tab, pane in self._panes.items() if pane in reached), self._tab)
        self._tabs.show(self._tab)

    @property
    def _panes(self) -> Mapping[Tab, Widget]:
        return dict(zip(Tab, (self._table, self._plan_view, self._curves), strict=True))

    def _arrange(self) -> None:
        width, height = self.app.size
        is_stacked = _WIDE <= width < _VERY_WIDE and height >= _HIGH
        self.set_class(is_stacked, "-stacked")
        for tab, pane in self._panes.items():
            pane.display = tab is self._tab or is_stacked or width >= _VERY_WIDE
        self._curves.show(self._beams.rows)

    @property
    def _owners(self) -> Mapping[Scope, DOMNode]:
        return {Scope.CASE: self}

    @property
    def _acts_on(self) -> str:
        return self._case.case_id

    # Reading

    def _read_what_is_new(self) -> None:
        """Progress, which comes twice a second, is no reason to read anything again."""
        news: dict[str, tuple[object, ...]] = {
            beam.beam_id: (beam.status, beam.attempt, beam.updated_at, beam.result_path) for beam in self._case.beams
        }
        if news == self._news:
            return
        changed = [beam for beam in self._case.beams if news[beam.beam_id] != self._news.get(beam.beam_id)]
        self._news = news
        case, inspector = self._case, self._engine.inspector
        self._read("plan", partial(inspector.case_plan, case), self._show_plan, self._show_plan_trouble)
        for beam in changed:
            self._read_dose(beam)

    def _read_dose(self, beam: BeamRecord) -> None:
        async def show(found: BeamDose | NoDose) -> None:
            self._show_found(beam.beam_id, found)

        self._read(
            f"dose {beam.beam_id}",
            partial(self._engine.inspector.dose, beam),
            show,
            lambda trouble: self._show_found(beam.beam_id, Unreadable(trouble)),
        )

    def _show_found(self, beam_id: str, found: Found) -> None:
        self._found[beam_id] = found
        self._show_rows()

    async def _show_plan(self, plan: CasePlan) -> None:
        self._plan = plan
        self._show_rows()
        case, letters = self._case, {row.beam.beam_id: row.letter for row in self._beams.rows}
        self._plan_view.show(lambda width: plan_page(case, plan, letters, width))

    def _show_plan_trouble(self, trouble: str) -> None:
        text = _("The plan cannot be read: {reason}").format(reason=trouble)
        self._plan_view.show(lambda width: paragraph(text, Tone.BAD, width))

    def _show_rows(self) -> None:
        rows = case_beam_rows(self._case, self._plan.beams if self._plan else None, self._found)
        self._beams.set_rows(rows)
        self._curves.show(rows)
        self._show_detail()

    @on(RowList.Highlighted)
    def _show_detail(self) -> None:
        row = self._beams.cursor_row
        self._detail.show(_("Beam"), case_beam_details(row, self._actions) if row is not None else [])

    # Actions

    def action_open_beam(self) -> None:
        if row := self._row_or_say():
            self.app.push_screen(BeamScreen(self._engine, self._runner, self._snapshot, row.beam, self._actions))

    def action_change_scale(self) -> None:
        self._curves.change_scale()

    def action_save_report(self) -> None:
        # Every dose file is read once more, and some are large.
        self.notify(
            printable(
                _("Writing the report of {case}; its dose files are compared with their checksums.").format(
                    case=self._case.case_id
                )
            ),
            markup=False,
        )
        self._runner.carry_out(commands.save_report(self._engine, self._case))

    def action_dispatch_case(self) -> None:
        self._runner.carry_out(commands.dispatch(self._engine, CaseTarget(self._case)))

    def action_retry_beam(self) -> None:
        if row := self._row_or_say():
            self._runner.carry_out(commands.retry(self._engine, BeamsTarget((row.beam,))))

    def action_retry_case(self) -> None:
        self._runner.carry_out(commands.retry_failed(self._engine, self._case))

    def action_cancel_case(self) -> None:
        target = CaseTarget(self._case)
        self._ask_to_cancel(target, lambda: self._runner.carry_out(commands.cancel(self._engine, target)))

    def action_leave(self) -> None:
        self.dismiss(None)

    def _row_or_say(self) -> CaseBeamRow | None:
        row = self._beams.cursor_row
        if row is None:
            self._say(_("The case has no beams."))
        return row
