"""The list of what needs a person; takes no room while nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.message import Message

from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.attention import AttentionRow
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.text import fit, without_folders
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.row_list import RowList

_MOST_LINES = 4
_MOST_LINES_NARROW = 2
_MIN_TEXT_WIDTH = 40


class AttentionList(RowList[AttentionRow]):
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.ATTENTION)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.ATTENTION, Scope.LIST)
    HELP = N_(
        "What needs a person, most urgent first, with what resolves it; a click goes there. It takes no room while "
        "nothing does."
    )

    @dataclass
    class Chosen(Message):
        """The reader wants to see what the row is about."""

        row: AttentionRow

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.display = False

    def set_rows(self, rows: Sequence[AttentionRow]) -> None:
        super().set_rows(rows)
        self.set_title(f"{_('Needs you')} · {len(rows)}")
        self.display = bool(rows)
        self._take_room()

    def on_resize(self) -> None:
        super().on_resize()
        self._take_room()

    def action_go_there(self) -> None:
        if self.cursor_row is not None:
            self.post_message(self.Chosen(self.cursor_row))

    def click_row(self, row: AttentionRow, x: int) -> bool:  # noqa: ARG002
        if row.goes_to is not None:
            self.action_go_there()
        return row.goes_to is not None

    def row_tip(self, row: AttentionRow, x: int) -> str:  # noqa: ARG002
        return "\n".join(filter(None, (row.text, row.remedy)))

    def line_of(self, row: AttentionRow, width: int) -> Line:
        remedy = f"  {row.remedy} " if row.remedy else ""
        if width - 2 - cell_len(remedy) < _MIN_TEXT_WIDTH:
            remedy = ""
        text_width = width - 2 - cell_len(remedy)
        text = row.text if cell_len(row.text) <= text_width else without_folders(row.text)
        return [(f"{row.mark.glyph} ", row.mark.tone), (fit(text, text_width), Tone.NORMAL), (remedy, Tone.KEY)]

    def _take_room(self) -> None:
        most = _MOST_LINES_NARROW if self.screen.has_class("-narrow") else _MOST_LINES
        # One more for the border with the title.
        height = min(len(self.rows), most) + 1
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
