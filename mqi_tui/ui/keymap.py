"""The user's own keys (`keys:` in the config): what they may be, and which cannot be told apart."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import combinations

from textual.binding import Binding
from textual.keys import Keys, format_key

from mqi_tui.config import Config
from mqi_tui.domain.errors import ConfigError
from mqi_tui.ui.actions import ACTIONS, Action, Actions, Scope, shown_key

_SECTION = "keys"
_CONFIRMS = "y"
_MODIFIERS = ("ctrl", "alt", "shift")
_NAMED = frozenset(key.value for key in Keys if key.value.isalnum()) - {"return"}
"""The keys that are no characters: enter, pageup, f5 ..."""
_TAKEN_BY_THE_PROGRAM = frozenset({"ctrl+c", "ctrl+q"})

_TOGETHER: tuple[frozenset[Scope], ...] = (
    *(frozenset({Scope.MAIN, Scope.LIST, scope}) for scope in (Scope.TREE, Scope.BEAMS, Scope.ATTENTION)),
    frozenset({Scope.MAIN, Scope.LOG, Scope.LOG_ALONE}),
    frozenset({Scope.CASE, Scope.LIST}),
    frozenset({Scope.CASE, Scope.LOG}),
    frozenset({Scope.BEAM, Scope.LOG, Scope.LOG_ALONE}),
    frozenset({Scope.BEAM, Scope.DOSE, Scope.PLANE}),
)
"""The scopes whose keys work at the same time, by pane."""

_EXAMPLES = "the name of a key, such as f5, R, ctrl+r, space or pageup"


def actions_of(config: Config) -> Actions:
    """The registry with the keys of the config.

    Raises ConfigError with a line for each action or key that is unknown, and for two actions on one key.
    """
    problems: list[ConfigError] = []
    own: dict[str, tuple[str, ...]] = {}
    for name, keys in config.settings.keys.items():
        action = next((action for action in ACTIONS if action.setting == name), None)
        if action is None:
            problems.append(config.error((_SECTION, name), name, _known_names(name)))
            continue
        named: list[str] = []
        for number, text in enumerate(keys, start=1):
            key, expected = _key_of(text, action)
            if expected:
                problems.append(config.error((_SECTION, name, f"[{number}]"), text, expected))
            else:
                named.append(key)
        own[name] = tuple(dict.fromkeys(named))
    actions = Actions(own)
    problems.extend(_clashes(config, actions, own))
    if problems:
        raise ConfigError("\n".join(map(str, problems)))
    return actions


def _key_of(text: str, action: Action) -> tuple[str, str]:
    """(Textual's name of the key, what is expected instead); one of them is empty."""
    *modifiers, name = ["plus"] if text == "+" else text.split("+")
    if len(set(modifiers)) < len(modifiers) or not set(modifiers) <= set(_MODIFIERS):
        return "", _EXAMPLES
    if name not in _NAMED:
        character = format_key(name)
        if len(character) != 1 or not character.isprintable() or character.isspace():
            return "", _EXAMPLES
        if "shift" in modifiers:
            return "", f"the character itself, such as {character.upper()}: a terminal sends that for shift"
        name = _name_of(character.lower() if modifiers else character)
    key = "+".join([*(modifier for modifier in _MODIFIERS if modifier in modifiers), name])
    if key in _TAKEN_BY_THE_PROGRAM:
        return "", "another key: ctrl+c and ctrl+q always ask whether to quit"
    if action.asks and key == _CONFIRMS:
        return "", f"another key: {_CONFIRMS} confirms what this one asks"
    return key, ""


def _name_of(character: str) -> str:
    """As Textual names the key of a character."""
    [binding] = Binding.make_bindings([Binding("comma" if character == "," else character, "")])
    return binding.key


def _clashes(config: Config, actions: Actions, own: Mapping[str, tuple[str, ...]]) -> Iterator[ConfigError]:
    order = {name: number for number, name in enumerate(own, start=1)}
    told: set[tuple[str, str]] = set()
    for scopes in _TOGETHER:
        active = [action for action in actions if action.scope in scopes]
        for pair in combinations(active, 2):
            # Told of the one that comes later in the config: the other had the key before.
            other, mine = sorted(pair, key=lambda action: order.get(action.setting, 0))
            if mine.setting not in own:
                continue  # where a default key has two meanings, the one of the pane in focus is meant
            for key in set(mine.keys) & set(other.keys):
                if (mine.setting, key) not in told:
                    told.add((mine.setting, key))
                    place = (_SECTION, mine.setting, f"[{mine.keys.index(key) + 1}]")
                    expected = f"a key that is free: {other.setting} has it ({other.scope.value.lower()})"
                    yield config.error(place, shown_key(key), expected)


def _known_names(name: str) -> str:
    known = sorted({action.setting for action in ACTIONS})
    likely = difflib.get_close_matches(name, known, n=1)
    return f"{likely[0]} (did you mean that?)" if likely else f"one of {', '.join(known)}"
