"""The choice of the theme: the screen takes each as the cursor comes to it; enter keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import BEAM_MARKS
from mqi_tui.ui.screens.info import InfoScreen
from mqi_tui.ui.text import fit
from mqi_tui.ui.theme import THEMES, WORDS
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.ui.widgets.toned_text import TonedText

_SAMPLES = (
    BeamStatus.HPC_RUNNING,
    BeamStatus.HPC_QUEUED,
    BeamStatus.COMPLETED,
    BeamStatus.FAILED,
    BeamStatus.CANCELLING,
)
"""One state of each colour."""


@dataclass(frozen=True, slots=True)
class ThemeRow:
    key: str
    """The theme's name."""
    was_chosen: bool
    """It is the one that was in force before the screen was opened."""


class ThemeList(RowList[ThemeRow]):
    def line_of(self, row: ThemeRow, width: int) -> Line:
        now = f" {_('now')} " if row.was_chosen else ""
        return [(fit(f" {_(WORDS[row.key])}", width - cell_len(now)), Tone.NORMAL), (now, Tone.MUTED)]


class ThemeScreen(InfoScreen[str]):
    """Dismissed with the name of the theme that was chosen; left without one, the theme is what it was before."""

    CSS_PATH = "theme.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("T", "leave", show=False),
        Binding("enter", "choose", show=False),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="theme") as frame:
            frame.border_title = Content(_("Theme"))
            frame.border_subtitle = Content(_("↑ ↓ try it · enter keeps it · esc as before"))
            yield ThemeList(id="theme-list")
            yield TonedText([_samples()], classes="sample")

    def on_mount(self) -> None:
        self._before = self.app.theme
        themes = self.query_one(ThemeList)
        themes.set_rows([ThemeRow(name, name == self._before) for name in THEMES])
        themes.move_to_key(self._before)
        themes.focus()

    @on(RowList.Highlighted)
    def _try(self, event: RowList.Highlighted) -> None:
        if event.key is not None:
            self.app.theme = event.key

    def action_choose(self) -> None:
        if row := self.query_one(ThemeList).cursor_row:
            self.dismiss(row.key)

    def action_leave(self) -> None:
        self.app.theme = self._before
        super().action_leave()


def _samples() -> Line:
    marks = [(_(status.word), BEAM_MARKS[status]) for status in _SAMPLES]
    return [(f" {mark.glyph} {word} ", mark.tone) for word, mark in marks]
