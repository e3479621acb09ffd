"""The main screen: case tree, beam list, details, GPU slots and log; shows snapshots, turns keys into commands."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from mqi_tui.config import Config
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.ui.actions import Actions, Scope, bindings_of
from mqi_tui.ui.asking import Asking
from mqi_tui.ui.attention import attention_rows
from mqi_tui.ui.cluster import cluster_words
from mqi_tui.ui.commands import CommandRunner
from mqi_tui.ui.details import attention_details, details_of
from mqi_tui.ui.guidance import first_steps, no_beams_text, no_cases_text
from mqi_tui.ui.language import _, ngettext
from mqi_tui.ui.pump import bring_snapshots
from mqi_tui.ui.rows import FOLDERS_KEY, BeamRow, CaseRow, TreeRow, beam_rows, tree_rows
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.case import CaseScreen
from mqi_tui.ui.screens.commanding import Commanding
from mqi_tui.ui.screens.events import EventsScreen
from mqi_tui.ui.screens.marking import Marking
from mqi_tui.ui.screens.viewing import Viewing
from mqi_tui.ui.text import counted, cut_middle
from mqi_tui.ui.view import View
from mqi_tui.ui.widgets.attention_list import AttentionList
from mqi_tui.ui.widgets.beam_list import BeamList
from mqi_tui.ui.widgets.case_tree import CaseTree
from mqi_tui.ui.widgets.detail_pane import DetailPane
from mqi_tui.ui.widgets.event_line import EventLine
from mqi_tui.ui.widgets.filter_input import FilterInput
from mqi_tui.ui.widgets.gpu_grid import GpuGrid
from mqi_tui.ui.widgets.header_line import HeaderLine
from mqi_tui.ui.widgets.key_line import KeyLine
from mqi_tui.ui.widgets.log_view import LogView
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.workflow.control import EngineControl


class MainScreen(Commanding, Marking, Viewing):
    """Keeps what the reader chose (case, marks, filter); everything else comes with each snapshot."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.MAIN)
    AUTO_FOCUS = "#cases"

    def __init__(self, engine: EngineControl, runner: CommandRunner, config: Config, actions: Actions) -> None:
        super().__init__()
        self._engine = engine
        self._runner = runner
        self._config = config
        self._actions = actions
        self._snapshot = engine.snapshot
        self._marked: set[str] = set()
        self._asking = Asking(lambda: self.app, engine.answer)
        self._view = View()
        self._anchor: str | None = None
        self._followed_key: str | None = None
        self._header = HeaderLine(
            str(config.path), cluster_words(config.settings.hpc), lambda: engine.confirmed_at, id="header"
        )
        self._attention = AttentionList(id="attention")
        self._cases = CaseTree(self._show_rows, id="cases")
        self._beams = BeamList(id="beams")
        self._details = DetailPane(id="details")
        self._gpus = GpuGrid(id="gpus")
        self._log = LogView(engine, runner, actions, id="log")
        self._filter_input = FilterInput(id="filter")
        self._event = EventLine(id="event")
        self._keys = KeyLine(actions, id="keys")

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._attention
        yield Container(self._cases, self._beams, self._details, self._gpus, self._log, id="panes")
        yield self._filter_input
        yield self._event
        yield self._keys

    def on_mount(self) -> None:
        self.show(self._snapshot)
        self.run_worker(bring_snapshots(self._engine, self.show, self._runner.complain), exit_on_error=False)

    @property
    def marked(self) -> Collection[str]:
        """Ids of the marked beams, also of those that are not in the list at the moment."""
        return frozenset(self._marked)

    def show(self, snapshot: EngineSnapshot) -> None:
        """Show this picture; each widget repaints only what changed."""
        self._snapshot = snapshot
        self._marked &= {beam.beam_id for case in snapshot.cases for beam in case.beams}
        self._header.show(snapshot)
        had_focus = self._attention.has_focus
        self._attention.set_rows(attention_rows(snapshot, self._actions))
        if had_focus and not self._attention.display:
            self._focus_list()
        self._gpus.show(snapshot)
        self._event.show(snapshot.events[-1] if snapshot.events else None)
        self._keys.show(paused=snapshot.paused)
        self._show_rows()
        for screen in self.app.screen_stack:
            if isinstance(screen, EventsScreen | CaseScreen | BeamScreen):
                screen.show(snapshot)
        self._asking.show(snapshot.questions)

    # What is shown

    def _show_rows(self) -> None:
        self._cases.set_rows(tree_rows(self._snapshot, self._cases.expanded, self._marked, self._view))
        shown = sum(isinstance(row, CaseRow) for row in self._cases.rows)
        total = len(self._snapshot.cases)
        count = _("{shown} of {total}").format(shown=shown, total=total) if shown < total else f"{shown}"
        needy = sum(folder.state.needs_person for folder in self._snapshot.folders)
        title = f"{_('Cases')} · {count}{self._view.words(self._snapshot)}"
        if needy:
            needs = ngettext("{folders} needs you", "{folders} need you", needy)
            title += f" · ! {needs.format(folders=counted(needy, 'folder'))}"
        self._cases.set_title(title)
        self._cases.set_placeholder(
            no_cases_text(self._snapshot, self._view, self._config.settings.scan_directory, self._actions)
        )
        self._show_beams()

    def _show_beams(self) -> None:
        row = self._cases.cursor_row
        case_id = _case_id_of(row)
        show_all = self._beams.shows_all_cases
        wanted = [] if case_id is None and not show_all else [None if show_all else case_id]
        rows = [row for each in wanted for row in beam_rows(self._snapshot, each, self._marked, self._view)]
        self._beams.set_rows(rows)
        self._beams.set_placeholder(no_beams_text(self._snapshot, row))
        whose = _("all cases") if show_all or case_id is None else cut_middle(case_id, 30)
        here = sum(row.is_marked for row in rows)
        elsewhere = len(self._marked) - here
        notes = [
            _("{count} marked").format(count=here) if here else "",
            _("{count} marked elsewhere").format(count=elsewhere) if elsewhere else "",
            _("range begun, {key} ends it").format(key=self._actions.way_to("mark_range")) if self._anchor else "",
        ]
        title = _("Beams of {case}").format(case=whose) + self._view.order_words
        self._beams.set_title(" · ".join([title, *filter(None, notes)]) if wanted else _("Beams"))
        self._show_selected()

    @on(RowList.Highlighted, "#cases")
    def _catch_up(self) -> None:
        row = self._cases.cursor_row
        key = row.key if row is not None else None
        if key == self._followed_key:
            beam_row = self._beams.cursor_row
            if self._cases.has_focus and isinstance(row, BeamRow) and beam_row and beam_row.key != row.key:
                self._beams.move_to_key(row.key)
            return
        self._followed_key = key
        self._show_beams()
        match self._cases.cursor_row:
            case BeamRow() as row:
                self._beams.move_to_key(row.key)
            case CaseRow(case) if self._beams.shows_all_cases and case.beams:
                self._beams.move_to_key(f"beam {case.beams[0].beam_id}")
        self._show_selected()

    @on(RowList.Highlighted, "#attention")
    @on(RowList.Highlighted, "#beams")
    def _show_selected(self) -> None:
        self._log.show_beam(self._beams.selected_beam)
        row = self._row_in_focus
        if self._attention.has_focus and self._attention.cursor_row is not None:
            self._details.show(_("Needs you"), attention_details(self._attention.cursor_row))
        elif row is None:
            self._details.show(_("What to do"), first_steps(self._actions) if not self._snapshot.cases else [])
        else:
            title = {BeamRow: _("Beam"), CaseRow: _("Case")}.get(type(row), _("Folder"))
            self._details.show(title, details_of(row, self._actions))

    @on(AttentionList.Chosen)
    def _go_to_what_needs_a_person(self, event: AttentionList.Chosen) -> None:
        if event.row.goes_to is not None:
            self._go_to(event.row.case_id, event.row.goes_to)

    @on(GpuGrid.BeamWanted)
    def _go_to_the_beam_of_a_slot(self, event: GpuGrid.BeamWanted) -> None:
        beam = self._snapshot.beam(event.beam_id)
        if beam is not None:
            self._go_to(beam.parent_case_id, f"beam {beam.beam_id}")

    def _go_to(self, case_id: str | None, key: str) -> None:
        """Put the cursor on a row of the tree, whatever is filtered or folded up."""
        self._filter_input.empty()
        self._view = View(order=self._view.order)
        self._cases.expanded.add(FOLDERS_KEY if case_id is None else f"case {case_id}")
        self._show_rows()
        self._put_cursors_on(key)
        self._focus_list()

    def _put_cursors_on(self, key: str) -> None:
        self._cases.move_to_key(key)
        # The beam list goes along even where the tree's cursor was there already.
        self._followed_key = None
        self._catch_up()

    def on_descendant_focus(self) -> None:
        self._show_selected()

    @on(CaseTree.Opened)
    def _open_row(self, event: CaseTree.Opened) -> None:
        match event.row:
            case CaseRow(case):
                self._open_case(case)
            case BeamRow() as row:
                self._open_beam(row.beam)

    @on(BeamList.Opened)
    def _open_selected_beam(self) -> None:
        if beam := self._beams.selected_beam:
            self._open_beam(beam)

    def action_open_case(self) -> None:
        if case := self._case_in_focus:
            self._open_case(case)
        else:
            self._say(_("No case is selected."))

    def _open_beam(self, beam: BeamRecord) -> None:
        self.app.push_screen(BeamScreen(self._engine, self._runner, self._snapshot, beam, self._actions))

    def _open_case(self, case: CaseView) -> None:
        self.app.push_screen(CaseScreen(self._engine, self._runner, self._snapshot, case, self._actions))

    @on(BeamList.LogWanted)
    def _focus_log(self) -> None:
        self._log.focus()


def _case_id_of(row: TreeRow | None) -> str | None:
    match row:
        case CaseRow(case):
            return case.case_id
        case BeamRow() as beam_row:
            return beam_row.beam.parent_case_id
        case _:
            return None
