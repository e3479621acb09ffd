"""The help: the pane that has the focus first, then every key and every sign, made of the registries themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mqi_tui.ui.actions import Action, Actions, Pane, Scope
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import BEAM_MARKS, FOLDER_MARKS, GPU_MARKS, IN_HPC_QUEUE, Mark
from mqi_tui.ui.screens.info import InfoScreen
from mqi_tui.ui.text import fit
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.toned_text import TonedText

_LEGEND_WIDTH = 24


class Sentence(Static):
    """What an action does; a click does it, if it can be done where the help was opened."""

    class Clicked(Message):
        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    def __init__(self, action: Action, *, can_be_done: bool) -> None:
        super().__init__(Content(_(action.help)), classes="sentence")
        self._can_be_done = can_be_done
        self._action = action
        if can_be_done:
            self.tooltip = Content(_("a click does it"))

    def on_click(self, event: Click) -> None:
        if self._can_be_done:
            event.stop()
            self.post_message(self.Clicked(self._action))


class HelpScreen(InfoScreen[Action]):
    """Dismissed with the action that was clicked, if any; `reach` holds the scopes of the screen below."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1,enter", "leave", show=False)]

    def __init__(self, actions: Actions, pane: Widget | None, reach: Collection[Scope]) -> None:
        super().__init__()
        self._actions = actions
        self._pane = pane if isinstance(pane, Pane) else None
        self._reach = reach

    def compose(self) -> ComposeResult:
        first = (*(self._pane.scopes if self._pane else ()), *self._reach)
        with VerticalScroll(id="help") as frame:
            frame.border_title = Content(_("Help"))
            frame.border_subtitle = Content(
                _("↑ ↓ scroll · esc close · {palette} all commands").format(palette=self._actions.way_to("palette"))
            )
            if self._pane and self._pane.HELP:
                yield Static(Content(_("This pane")), classes="heading")
                yield Static(Content(_(self._pane.HELP)), classes="wide")
            for scope in dict.fromkeys((*first, *Scope)):
                yield from self._entries(scope)
            yield Static(Content(_("Signs")), classes="heading")
            beam_marks = [
                *((_(status.word), mark) for status, mark in BEAM_MARKS.items()),
                (_("in HPC queue"), IN_HPC_QUEUE),
            ]
            folder_marks = (
                (_("folder {state}").format(state=_(state.value)), mark) for state, mark in FOLDER_MARKS.items()
            )
            gpu_marks = ((_("GPU {state}").format(state=_(word)), mark) for word, mark in GPU_MARKS.items())
            yield TonedText(_legend([*beam_marks, *folder_marks, *gpu_marks]), classes="wide")
            yield Static(Content(_("Your own keys")), classes="heading")
            yield Static(Content(_own_keys(self._actions)), classes="wide")

    def _entries(self, scope: Scope) -> ComposeResult:
        yield Static(Content(_(scope.value)), classes="heading")
        without_key = _("in {palette}").format(palette=self._actions.way_to("palette"))
        with Grid(classes="entries"):
            for action in self._actions.of(scope):
                yield Static(Content(action.shown_keys or without_key), classes="keys")
                yield Sentence(action, can_be_done=bool(action.title) and scope in self._reach)

    @on(Sentence.Clicked)
    def _do(self, event: Sentence.Clicked) -> None:
        self.dismiss(event.action)


def _own_keys(actions: Actions) -> str:
    names = ", ".join(dict.fromkeys(action.setting for action in actions))
    return _("The section keys of the config gives other keys to: {names}.").format(names=names)


def _legend(signs: Iterable[tuple[str, Mark]]) -> Sequence[Line]:
    """Two signs a line."""
    cells = [((f"{mark.glyph} ", mark.tone), (fit(word, _LEGEND_WIDTH), Tone.NORMAL)) for word, mark in signs]
    return [[part for cell in cells[start : start + 2] for part in cell] for start in range(0, len(cells), 2)]
