"""What the topics of the main screen's actions share: its panes, what the reader chose, and what a key acts on."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping

from textual.dom import DOMNode
from textual.widget import Widget

from mqi_tui.config import Config
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.ui.actions import Pane, Scope
from mqi_tui.ui.commands import CommandRunner, Outcome
from mqi_tui.ui.language import _
from mqi_tui.ui.rows import BeamRow, CaseRow, FolderRow, TreeRow
from mqi_tui.ui.screens.guiding import Guiding
from mqi_tui.ui.targets import BeamsTarget, CaseTarget, FolderTarget, Target, beams_of, name_of
from mqi_tui.ui.view import View
from mqi_tui.ui.widgets.attention_list import AttentionList
from mqi_tui.ui.widgets.beam_list import BeamList
from mqi_tui.ui.widgets.case_tree import CaseTree
from mqi_tui.ui.widgets.filter_input import FilterInput
from mqi_tui.workflow.control import EngineControl


class Cockpit(Guiding):
    """`MainScreen` fills it and shows it; the topics beside it act on it."""

    _engine: EngineControl
    _runner: CommandRunner
    _config: Config
    _snapshot: EngineSnapshot
    _view: View
    _marked: set[str]
    _anchor: str | None
    """The beam at which a range of marks was begun."""
    _attention: AttentionList
    _cases: CaseTree
    _beams: BeamList
    _filter_input: FilterInput

    def _go_to(self, case_id: str | None, key: str) -> None:
        """Put the cursor on a row of the tree, whatever is filtered, hidden or folded up."""
        raise NotImplementedError

    def _put_cursors_on(self, key: str) -> None:
        """Put the tree's cursor on a row that is shown, and the beam list's on the same if it is a beam's."""
        raise NotImplementedError

    def _show_rows(self) -> None:
        """Bring the lists up to date with the snapshot and with what the reader chose."""
        raise NotImplementedError

    def _catch_up(self) -> None:
        """Let the beam list follow the tree's cursor now; with the focus in the tree, it is where that is.

        Keys that come in one burst, as over a slow line, are carried out before the screen gets the messages about
        where the cursor went: without it they would act on what it was on before.
        """
        raise NotImplementedError

    @property
    def _row_in_focus(self) -> TreeRow | None:
        """What keys act on: what the focused pane's cursor is on; the beam while a pane without rows has the focus."""
        self._catch_up()
        if self._attention.has_focus:
            return self._row_in_attention
        beam_row = self._beams.cursor_row
        tree_row = self._cases.cursor_row
        if beam_row is None:
            return tree_row
        # The beam list's row knows the place in the queue too.
        return tree_row if self._cases.has_focus and not isinstance(tree_row, BeamRow) else beam_row

    @property
    def _row_in_attention(self) -> TreeRow | None:
        """What the row is about that the cursor is on in the list of what needs a person."""
        wanted = self._attention.cursor_row
        if wanted is None:
            return None
        if wanted.case_id is not None:
            case = self._snapshot.case(wanted.case_id)
            return CaseRow(case, is_expanded=False) if case is not None else None
        folders = map(FolderRow, self._snapshot.folders)
        return next((row for row in folders if row.key == wanted.goes_to), None)

    @property
    def _target(self) -> Target | None:
        self._catch_up()
        marked = tuple(row.beam for row in self._beams.rows if row.is_marked)
        if marked and not self._attention.has_focus:
            return BeamsTarget(marked)
        wanted = self._attention.cursor_row
        match self._row_in_focus:
            case CaseRow(case) if self._attention.has_focus and wanted is not None:
                return BeamsTarget(tuple(beam for beam in case.beams if beam.beam_id in wanted.beam_ids))
            case CaseRow(case):
                return CaseTarget(case)
            case BeamRow() as row:
                return BeamsTarget((row.beam,))
            case FolderRow(folder):
                return FolderTarget(folder)
            case _:
                return None

    @property
    def _owners(self) -> Mapping[Scope, DOMNode]:
        panes = [pane for pane in self.query(Widget) if isinstance(pane, Pane)]
        return {Scope.MAIN: self} | {scope: pane for pane in reversed(panes) for scope in pane.scopes}

    @property
    def _acts_on(self) -> str:
        return name_of(self._target) if self._target else _("nothing")

    @property
    def _case_in_focus(self) -> CaseView | None:
        """The case that the cursor is on, or that its beam is of."""
        match self._row_in_focus:
            case CaseRow(case):
                return case
            case BeamRow() as row:
                return self._snapshot.case(row.beam.parent_case_id)
            case _:
                return None

    def _target_or_say(self) -> Target | None:
        target = self._target
        if target is None:
            self._say(_("Nothing is selected."))
        return target

    def _focus_list(self) -> None:
        """The tree, or the beam list where that has taken its place."""
        (self._cases if self._cases.display else self._beams).focus()

    def _carry_out(self, command: Coroutine[object, object, Outcome], target: Target) -> None:
        # What is marked while the command is under way was not meant by it.
        meant = self._marked & {beam.beam_id for beam in beams_of(target)}

        async def carry_out_and_unmark() -> Outcome:
            outcome = await command
            if outcome.done:
                self._marked -= meant
                self._show_rows()
            return outcome

        self._runner.carry_out(carry_out_and_unmark())
