"""What every screen with actions of its own has: help and palette over what can be done there, and a word before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.dom import DOMNode
from textual.screen import Screen

from mqi_tui.domain.text import printable
from mqi_tui.ui.actions import Action, Actions, Scope
from mqi_tui.ui.questions import Question
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.help import HelpScreen
from mqi_tui.ui.screens.palette import PaletteScreen


class Guiding(Screen[None]):
    _actions: Actions

    @property
    def _owners(self) -> Mapping[Scope, DOMNode]:
        """Who carries out the actions of each scope that can be reached from here."""
        raise NotImplementedError

    @property
    def _acts_on(self) -> str:
        """What is selected, as the palette names it."""
        raise NotImplementedError

    def _say(self, text: str) -> None:
        """A toast on why nothing was done."""
        self.notify(printable(text), severity="warning", markup=False)

    def _ask(self, question: Question | None, otherwise: str, deed: Callable[[], None]) -> None:
        """Do it if the reader says yes; without a question there is nothing to do, and `otherwise` says so."""
        if question is None:
            self._say(otherwise)
            return
        self.app.push_screen(ConfirmScreen(question), lambda answer: deed() if answer else None)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self._actions, self.focused, self._owners.keys()), self._do)

    def action_palette(self) -> None:
        choices = [action for action in self._actions if action.title and action.scope in self._owners]
        self.app.push_screen(PaletteScreen(choices, self._acts_on), self._do)

    async def _do(self, action: Action | None) -> None:
        """What was chosen in the palette or in the help."""
        if action is not None:
            await self.app.run_action(action.name, self._owners[action.scope])
