"""The line of keys at the bottom, made of the registry of actions; what does not fit is in the help."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from textual.dom import DOMNode
from textual.events import Click

from mqi_tui.ui.actions import Action, Actions, Scope
from mqi_tui.ui.language import _
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.ui.widgets.one_line import OneLine
from mqi_tui.ui.widgets.tips import under


class KeyLine(OneLine):
    """The keys can be clicked too."""

    def __init__(self, actions: Actions, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._owners: Mapping[Scope, DOMNode] | None = None
        self._actions = actions
        self._paused = False

    def show(self, *, paused: bool) -> None:
        if paused != self._paused:
            self._paused = paused
            self.refresh()

    def show_scopes(self, owners: Mapping[Scope, DOMNode]) -> None:
        """Show the keys of these scopes, in their order, not the main screen's; each with the owner of its actions."""
        self._owners = owners
        self.refresh()

    def line(self, width: int) -> Line:
        parts: list[Part] = []
        for action, text in self._shown_actions(width):
            parts += [(f" {action.shown_key}", Tone.KEY), (text.removeprefix(f" {action.shown_key}"), Tone.MUTED)]
        return parts

    async def on_click(self, event: Click) -> None:
        action = self._action_at(event.x)
        if action is not None:
            await self.app.run_action(action.name, self._scopes[action.scope])

    def tip_at(self, x: int, y: int) -> str:  # noqa: ARG002
        action = self._action_at(x)
        return _(action.help) if action is not None else ""

    def _action_at(self, x: int) -> Action | None:
        return under(x, ((text, action) for action, text in self._shown_actions(self.size.width)))

    @property
    def _scopes(self) -> Mapping[Scope, DOMNode]:
        return self._owners if self._owners is not None else {Scope.MAIN: self.screen}

    def _shown_actions(self, room: int) -> list[tuple[Action, str]]:
        shown: list[tuple[Action, str]] = []
        for action in (action for scope in self._scopes for action in self._actions.of(scope)):
            label = _("Resume") if action.name == "toggle_pause" and self._paused else _(action.label)
            text = f" {action.shown_key} {label} "
            if label and action.keys and cell_len(text) <= room:
                shown.append((action, text))
                room -= cell_len(text)
        return shown
