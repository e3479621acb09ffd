"""The palette: everything that can be done, found by a few letters, with its key beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from mqi_tui.ui.actions import Action
from mqi_tui.ui.language import _, in_both
from mqi_tui.ui.screens.info import InfoScreen
from mqi_tui.ui.text import cut, cut_middle, fit, fit_right
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.ui.widgets.safe_input import SafeInput

_KEY_WIDTH = 9
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class CommandRow:
    action: Action

    @property
    def key(self) -> str:
        return self.action.binding_id

    @property
    def title(self) -> str:
        return f"{_(self.action.title)} …" if self.action.asks else _(self.action.title)


class CommandList(RowList[CommandRow]):
    def line_of(self, row: CommandRow, width: int) -> Line:
        room = width - _KEY_WIDTH - 2
        return [
            (fit(row.title, room), Tone.NORMAL),
            (" " + fit_right(cut(row.action.shown_key, _KEY_WIDTH), _KEY_WIDTH) + " ", Tone.KEY),
        ]


class PaletteScreen(InfoScreen[Action]):
    """Dismissed with the action that was chosen. The field keeps the focus; the arrows move in the list."""

    CSS_PATH = "palette.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move('cursor_up')", show=False),
        Binding("down", "move('cursor_down')", show=False),
        Binding("pageup", "move('page_up')", show=False),
        Binding("pagedown", "move('page_down')", show=False),
        Binding("ctrl+p", "leave", show=False),
    ]

    def __init__(self, choices: Sequence[Action], acts_on: str) -> None:
        super().__init__()
        self._rows = [CommandRow(action) for action in choices]
        self._acts_on = acts_on

    def compose(self) -> ComposeResult:
        with Vertical(id="palette") as frame:
            frame.border_title = Content(_("Commands"))
            frame.border_subtitle = Content(_("↑ ↓ choose · enter or double click does it · esc close"))
            field = SafeInput(placeholder=_("a few letters of what you want to do"), id="wanted")
            field.cursor_blink = False
            yield field
            yield CommandList(id="commands")
            yield Static(id="explanation")

    def on_mount(self) -> None:
        commands = self.query_one(CommandList)
        commands.can_focus = False
        commands.set_placeholder(_("Nothing is called that."))
        self._search("")
        self.query_one("#wanted").focus()

    def action_move(self, step: str) -> None:
        getattr(self.query_one(CommandList), f"action_{step}")()

    @on(Input.Changed, "#wanted")
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @on(Input.Submitted, "#wanted")
    def _choose(self) -> None:
        if row := self.query_one(CommandList).cursor_row:
            self.dismiss(row.action)

    def _search(self, text: str) -> None:
        commands = self.query_one(CommandList)
        commands.set_rows(found(self._rows, text))
        commands.move_to(0)
        self._explain()

    @on(RowList.Highlighted)
    def _explain(self) -> None:
        row = self.query_one(CommandList).cursor_row
        lines = [
            _(row.action.help) if row else "",
            _("Selected: {target}").format(target=cut_middle(self._acts_on, _LONGEST_NAME)),
        ]
        self.query_one("#explanation", Static).update(Content("\n".join(lines)))


def found(rows: Sequence[CommandRow], text: str) -> list[CommandRow]:
    """The rows that hold every word of `text` in their title, then those that hold it in their help.

    English words find them in every language.
    """
    words = text.casefold().split()
    by_title = [row for row in rows if _holds(in_both(row.action.title), words)]
    by_help = [row for row in rows if row not in by_title and _holds(in_both(row.action.title, row.action.help), words)]
    return [*by_title, *by_help]


def _holds(text: str, words: list[str]) -> bool:
    folded = text.casefold()
    return all(word in folded for word in words)
