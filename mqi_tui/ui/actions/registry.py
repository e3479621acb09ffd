"""The registry: the table of actions with the keys that are in force, and the bindings for Textual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from textual.binding import Binding, BindingType

from mqi_tui.ui.actions.action import Action, Scope
from mqi_tui.ui.actions.table import ACTIONS
from mqi_tui.ui.language import _

_NO_KEY = "no-key"
"""Stands where a binding must name a key and there is none: no terminal sends it."""


class Actions:
    """The registry with the keys in force: those of `own` (by the actions' names in the config), else the defaults."""

    def __init__(self, own: Mapping[str, tuple[str, ...]] | None = None) -> None:
        own = own or {}
        self._actions = tuple(replace(action, keys=own.get(action.setting, action.keys)) for action in ACTIONS)
        self.keymap = {
            action.binding_id: ",".join(action.keys) or _NO_KEY for action in self._actions if action.setting in own
        }
        """For Textual: the keys of the bindings that differ from the default."""

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions)

    def of(self, scope: Scope) -> list[Action]:
        return [action for action in self._actions if action.scope is scope]

    def way_to(self, name: str) -> str:
        """How a sentence names the way to do it: `r`, or the palette and its title there if it has no key.

        Empty if it has neither, for the user can take away the key of what is not in the palette.
        """
        action = next(action for action in self._actions if action.setting == name)
        if action.keys:
            return action.shown_key
        if not action.title:
            return ""
        palette = next(action for action in self._actions if action.name == "palette")
        return f"{palette.shown_key} “{_(action.title)}”"


def bindings_of(scope: Scope) -> list[BindingType]:
    """The bindings of the widget or screen that carries out the actions of `scope`."""
    return [
        Binding(",".join(action.keys) or _NO_KEY, action.name, action.help, show=False, id=action.binding_id)
        for action in ACTIONS
        if action.scope is scope
    ]
