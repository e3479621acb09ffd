"""The tree of cases: each with its state and counts, its beams under it; at the end the folders that are no cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.message import Message

from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.status import BeamStatus, CaseStatus
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.beam_tips import BeamColumn, beam_tip
from mqi_tui.ui.language import N_, _, ngettext
from mqi_tui.ui.marks import BEAM_MARKS, CASE_MARKS, FOLDER_MARKS, mark_of
from mqi_tui.ui.rows import FOLDERS_KEY, BeamRow, CaseRow, FolderRow, FoldersRow, TreeRow
from mqi_tui.ui.text import cut, fit, fit_middle
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.row_list import RowList

_CASE_STATE_WIDTH = 13
_BEAM_STATE_WIDTH = 17
_ARROW_COLUMNS = range(1, 3)
_MARK_COLUMNS = range(1, 4)


class CaseTree(RowList[TreeRow]):
    """Which rows are expanded is kept here; the rows themselves are made by `mqi_tui.ui.rows.tree_rows`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.TREE)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.TREE, Scope.LIST)
    HELP = N_(
        "The case tree: each case with its state and how many of its beams are done or failed, its beams under it. At "
        "the end are the folders that are no cases, each with the reason. ● is marked, ! warns or needs a person."
    )

    @dataclass
    class Opened(Message):
        """The reader wants to look at the case or the beam itself."""

        row: CaseRow | BeamRow

    def __init__(self, on_expansion: Callable[[], None], *, id: str) -> None:  # noqa: A002
        """`on_expansion` brings the rows up to date at once: the next key may have come already, and acts on them."""
        super().__init__(id=id)
        self._on_expansion = on_expansion
        self.expanded: set[str] = {FOLDERS_KEY}

    def line_of(self, row: TreeRow, width: int) -> Line:
        match row:
            case CaseRow():
                return self._case_line(row, width)
            case BeamRow():
                return self._beam_line(row, width)
            case FoldersRow():
                arrow = "▾ " if row.is_expanded else "▸ "
                needs = ngettext("{count} needs you", "{count} need you", row.need_person)
                needed = f", {needs.format(count=row.need_person)}" if row.need_person else ""
                return [(arrow, Tone.MUTED), (cut(f"{row.title}{needed}", width - 2), Tone.MUTED)]
            case FolderRow():
                return self._folder_line(row, width)

    def mark_columns(self, row: TreeRow) -> range:
        return _MARK_COLUMNS if isinstance(row, BeamRow) else range(0)

    def click_row(self, row: TreeRow, x: int) -> bool:
        is_arrow = isinstance(row, CaseRow | FoldersRow) and x in _ARROW_COLUMNS
        if is_arrow:
            self.action_toggle_node()
        return is_arrow

    def row_tip(self, row: TreeRow, x: int) -> str:
        if isinstance(row, CaseRow | FoldersRow) and x in _ARROW_COLUMNS:
            return _("A click hides what is under it.") if row.is_expanded else _("A click shows what is under it.")
        match row:
            case CaseRow(case):
                counts = Counter(_(beam.word) for beam in case.beams)
                beams = ", ".join(f"{count} {word}" for word, count in counts.items())
                return "\n".join([f"{case.case_id}: {_(case.status.value)}", beams, *case.record.warnings])
            case BeamRow():
                return f"{row.beam.beam_id}\n{beam_tip(row, BeamColumn.STATE)}"
            case FolderRow(folder):
                return f"{folder.path}\n{_(folder.state.value)}: {folder.reason}"
            case _:
                return _("These folders wait, need a person, or are no case folders; each says why.")

    def action_open_node(self) -> None:
        match self.cursor_row:
            case CaseRow() | BeamRow() as row:
                self.post_message(self.Opened(row))
            case _:
                self.action_toggle_node()

    def action_toggle_node(self) -> None:
        row = self.cursor_row
        if isinstance(row, CaseRow | FoldersRow):
            self._set_expanded(row.key, not row.is_expanded)

    def action_expand(self) -> None:
        row = self.cursor_row
        if isinstance(row, CaseRow | FoldersRow):
            self._set_expanded(row.key, True)

    def action_collapse(self) -> None:
        match self.cursor_row:
            case CaseRow() | FoldersRow() as row:
                self._set_expanded(row.key, False)
            case BeamRow() as row:
                self.move_to_key(f"case {row.beam.parent_case_id}")
            case FolderRow():
                self.move_to_key(FOLDERS_KEY)

    def _set_expanded(self, key: str, expanded: bool) -> None:
        (self.expanded.add if expanded else self.expanded.discard)(key)
        self._on_expansion()

    def _case_line(self, row: CaseRow, width: int) -> Line:
        case, mark = row.case, CASE_MARKS[row.case.status]
        state = f"{mark.glyph} {case_state(case)}"
        state_width = max(_CASE_STATE_WIDTH, cell_len(state))
        warning = "! " if case.record.warnings else ""
        return [
            ("▾ " if row.is_expanded else "▸ ", Tone.MUTED),
            (warning, Tone.WARNING),
            (fit_middle(case.case_id, width - 3 - len(warning) - state_width), Tone.NORMAL),
            (" " + fit(state, state_width), mark.tone),
        ]

    def _beam_line(self, row: BeamRow, width: int) -> Line:
        mark = mark_of(row.beam)
        return [
            (" ● " if row.is_marked else "   ", Tone.ACCENT),
            (fit_middle(row.beam.beam_name, width - 4 - _BEAM_STATE_WIDTH), Tone.MUTED),
            (" " + fit(f"{mark.glyph} {_(row.beam.word)}", _BEAM_STATE_WIDTH), mark.tone),
        ]

    def _folder_line(self, row: FolderRow, width: int) -> Line:
        mark, folder = FOLDER_MARKS[row.folder.state], row.folder
        name_width = max((width - 4) // 2, 8)
        return [
            (f"  {mark.glyph} ", mark.tone),
            (fit_middle(folder.path.name, name_width), Tone.NORMAL),
            (" " + cut(f"{_(folder.state.value)}: {folder.reason}", width - 5 - name_width), Tone.MUTED),
        ]


def case_state(case: CaseView) -> str:
    """The case's state in one word, with how many of its beams failed or are completed where that says more."""
    statuses = [beam.status for beam in case.beams]
    match case.status:
        case CaseStatus.PROCESSING:
            state, count = _("working"), statuses.count(BeamStatus.COMPLETED)
        case CaseStatus.PARTLY_COMPLETED:
            state, count = _("partly"), statuses.count(BeamStatus.COMPLETED)
        case CaseStatus.PARTLY_FAILED:
            state, count = _("failed"), statuses.count(BeamStatus.FAILED)
        case status:
            return _(status.value)
    failed = statuses.count(BeamStatus.FAILED)
    lost = f" {BEAM_MARKS[BeamStatus.FAILED].glyph}{failed}" if failed and case.status is CaseStatus.PROCESSING else ""
    return f"{state} {count}/{len(statuses)}{lost}"
