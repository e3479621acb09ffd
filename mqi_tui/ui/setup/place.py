"""The first step of the set-up: where simulations run."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mqi_tui.ui.language import _
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.text import one_line


class PlaceScreen(Screen[None]):
    """Posts the place that was chosen to the app."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.quit", show=False),
        *(Binding(str(number), f"choose({number - 1})", show=False) for number in range(1, len(Place) + 1)),
    ]

    class Chosen(Message):
        def __init__(self, place: Place) -> None:
            super().__init__()
            self.place = place

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def compose(self) -> ComposeResult:
        yield Static(Content(f"mqi-tui · {_('set-up 1 of 2')}"), classes="head")
        yield Static(
            Content(
                _(
                    "There is no config at {path} yet. A few questions, and it can be written; nothing is written "
                    "before you have seen it and said yes.\n\nWhere do the simulations run?"
                ).format(path=one_line(str(self._path)))
            ),
            id="welcome",
        )
        yield OptionList(
            *(
                Option(
                    Content.from_markup(
                        "[bold]$number  $title[/]\n$meaning\n",
                        number=number,
                        title=_(place.title),
                        meaning=_(place.meaning),
                    )
                )
                for number, place in enumerate(Place, 1)
            ),
            id="places",
        )
        yield Static(
            Content(" " + _("↑ ↓ or 1 2 3 choose · enter goes on · esc leaves, and nothing is written")), id="hint"
        )

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def action_choose(self, index: int) -> None:
        self.query_one(OptionList).highlighted = index
        self.post_message(self.Chosen(list(Place)[index]))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.post_message(self.Chosen(list(Place)[event.option_index]))
