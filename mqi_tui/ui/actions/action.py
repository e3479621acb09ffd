"""What an action is: its name, where its keys work, and the words by which a person finds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from textual.keys import format_key

_SHOWN_KEYS = {
    "enter": "enter",
    "backspace": "backspace",
}
"""Where the words are better than Textual's signs."""


class Scope(StrEnum):
    """Where an action's keys work; the value is the heading in the help."""

    MAIN = "Everywhere"
    LIST = "In every list"
    TREE = "In the case tree"
    BEAMS = "In the beam list"
    ATTENTION = "In the list of what needs you"
    LOG = "In the log and the details"
    LOG_ALONE = "In the log"
    CASE = "On the case screen"
    BEAM = "On the beam screen"
    DOSE = "In the dose of a beam"
    PLANE = "In a plane of the dose"


@runtime_checkable
class Pane(Protocol):
    """A widget with keys of its own; its help says what it shows."""

    scopes: ClassVar[tuple[Scope, ...]]
    """What it carries out, the most particular first."""
    HELP: ClassVar[str | None]


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    """The widget or screen of the scope has a method `action_{name}`; with the prefix `app.`, the app has it."""
    scope: Scope
    keys: tuple[str, ...]
    """Names of Textual; the first is the one that is shown. None: in the palette alone."""
    help: str
    """One sentence for the help."""
    label: str = ""
    """The word in the line of keys; empty for actions that are not there."""
    title: str = ""
    """What the palette calls it; empty for what makes no sense there, such as moving the cursor."""
    asks: bool = False
    """It says what will happen first, and `y` confirms: so `y` cannot be its key."""

    @property
    def setting(self) -> str:
        """Its name in the config's section `keys`."""
        return self.name.removeprefix("app.")

    @property
    def shown_key(self) -> str:
        return shown_key(self.keys[0]) if self.keys else ""

    @property
    def shown_keys(self) -> str:
        return " ".join(shown_key(key) for key in self.keys)

    @property
    def binding_id(self) -> str:
        return f"{self.scope.name}.{self.setting}"


def shown_key(key: str) -> str:
    """How a key of Textual's name is written for a person: `?` for question_mark, `ctrl+p` as it is."""
    modifiers, plus, name = key.rpartition("+")
    return modifiers + plus + (_SHOWN_KEYS.get(name) or format_key(name))
