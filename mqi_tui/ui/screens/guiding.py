"""What every screen with actions of its own has: help and palette over what can be done there, and a word before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.dom import DOMNode
from textual.screen import Screen

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.text import printable
from mqi_tui.ui import questions
from mqi_tui.ui.actions import Action, Actions, Scope
from mqi_tui.ui.language import _
from mqi_tui.ui.questions import Question
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.help import HelpScreen
from mqi_tui.ui.screens.palette import PaletteScreen
from mqi_tui.ui.targets import ENDED, Target, beams_of, name_of


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

    def _ask_to_cancel(self, target: Target, deed: Callable[[], None]) -> None:
        self._ask(
            questions.about_cancel(target, self._actions),
            _("{name}: nothing is at work, so there is nothing to cancel.").format(name=name_of(target)),
            deed,
        )

    def _ask_to_rerun(self, target: Target, deed: Callable[[Sequence[BeamRecord]], None]) -> None:
        """`deed` is given the beams of the target that can be run again."""
        ended = [beam for beam in beams_of(target) if beam.status in ENDED]
        self._ask(
            questions.about_rerun(ended, self._actions),
            _("{name}: only a beam that has ended is run again.").format(name=name_of(target)),
            lambda: deed(ended),
        )

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self._actions, self.focused, self._owners.keys()), self._do)

    def action_palette(self) -> None:
        choices = [action for action in self._actions if action.title and action.scope in self._owners]
        self.app.push_screen(PaletteScreen(choices, self._acts_on), self._do)

    async def _do(self, action: Action | None) -> None:
        """What was chosen in the palette or in the help."""
        if action is not None:
            await self.app.run_action(action.name, self._owners[action.scope])
