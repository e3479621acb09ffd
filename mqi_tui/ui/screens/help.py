"""The help: every key and every sign, made of the registries that the screen itself uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mqi_tui.ui.actions import ACTIONS, Scope
from mqi_tui.ui.marks import BEAM_MARKS, FOLDER_MARKS, IN_HPC_QUEUE, Mark
from mqi_tui.ui.text import fit
from mqi_tui.ui.tones import TONE_CLASSES, Line, Tone, content_of

_LEGEND_WIDTH = 24


class HelpScreen(ModalScreen[None]):
    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q,enter", "dismiss", show=False)]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as pane:
            pane.border_title = Content("Help")
            pane.border_subtitle = Content("↑ ↓ scroll · esc close")
            for scope in Scope:
                yield Static(Content(scope.value), classes="heading")
                for action in ACTIONS:
                    if action.scope is scope:
                        yield Static(Content(action.shown_keys), classes="keys")
                        yield Static(Content(action.help), classes="sentence")
            yield Static(Content("Signs"), classes="heading")
            beam_marks = [*((status.word, mark) for status, mark in BEAM_MARKS.items()), ("in HPC queue", IN_HPC_QUEUE)]
            folder_marks = ((f"folder {state.value}", mark) for state, mark in FOLDER_MARKS.items())
            yield Static(content_of(self, _legend([*beam_marks, *folder_marks])), classes="legend")


def _legend(signs: Iterable[tuple[str, Mark]]) -> Sequence[Line]:
    """Two signs a line."""
    cells = [((f"{mark.glyph} ", mark.tone), (fit(word, _LEGEND_WIDTH), Tone.NORMAL)) for word, mark in signs]
    return [[part for cell in cells[start : start + 2] for part in cell] for start in range(0, len(cells), 2)]
