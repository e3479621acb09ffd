"""The one registry of what can be done: it feeds the bindings, the line of keys, the palette and the help.

`ACTIONS` holds what there is, with the keys it has by default; `Actions` is the same with the keys that are in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from textual.binding import Binding, BindingType
from textual.keys import format_key


class Scope(StrEnum):
    """Where an action's keys work; the value is the heading in the help."""

    MAIN = "Everywhere"
    LIST = "In every list"
    TREE = "In the case tree"
    BEAMS = "In the beam list"
    ATTENTION = "In the list of what needs you"
    LOG = "In the log and the details"
    LOG_ALONE = "In the log"
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


_SHOWN_KEYS = {
    "enter": "enter",
    "backspace": "backspace",
}
"""Where the words are better than Textual's signs."""

_NO_KEY = "no-key"
"""Stands where a binding must name a key and there is none: no terminal sends it."""

ACTIONS = (
    Action(
        "dispatch_target",
        Scope.MAIN,
        ("d",),
        "Dispatch: start every new beam of the selected case; with beams marked or the cursor on a beam, only those.",
        "Dispatch",
        "Dispatch what is selected",
    ),
    Action(
        "retry_target",
        Scope.MAIN,
        ("r",),
        "Retry failed or cancelled beams: each goes on from the step that stopped. On a case: all that stopped.",
        "Retry",
        "Retry what is selected",
    ),
    Action(
        "cancel_target",
        Scope.MAIN,
        ("c",),
        "Cancel the beam, the marked beams or the whole case. Says what will happen; y confirms.",
        "Cancel",
        "Cancel what is selected",
        asks=True,
    ),
    Action(
        "toggle_mark",
        Scope.MAIN,
        ("space",),
        "Mark or unmark the beam (on a case: all of its beams that are shown).",
        "Mark",
        "Mark or unmark",
    ),
    Action(
        "toggle_pause",
        Scope.MAIN,
        ("p",),
        "Pause: start nothing new while running jobs go on. Again: resume.",
        "Pause",
        "Pause or resume",
    ),
    Action(
        "filter",
        Scope.MAIN,
        ("slash",),
        "Filter by words of name or state, state:failed, case:DOE, gpu:3; -word excludes, quotes hold words together.",
        "Filter",
        "Filter",
    ),
    Action("help", Scope.MAIN, ("question_mark", "f1"), "Show this help.", "Help", "Help"),
    Action("app.quit", Scope.MAIN, ("q",), "Quit. Says what goes on running; y confirms.", "Quit", "Quit", asks=True),
    Action(
        "palette",
        Scope.MAIN,
        ("ctrl+p", "colon"),
        "Show everything that can be done; type a few letters of it, enter does it.",
        "Commands",
    ),
    Action(
        "toggle_all",
        Scope.MAIN,
        ("a",),
        "Show the beams of all cases, or of the selected case only.",
        "All beams",
        "Beams of all cases or of one",
    ),
    Action("events", Scope.MAIN, ("e",), "Show the list of the latest events.", "Events", "Events"),
    Action(
        "dispatch_ready",
        Scope.MAIN,
        ("D",),
        "Dispatch every new beam of all cases. Says how many of which cases; y confirms.",
        title="Dispatch all that is ready",
        asks=True,
    ),
    Action(
        "retry_case",
        Scope.MAIN,
        ("R",),
        "Retry every failed beam of the case, each from the step that failed, and say how many.",
        title="Retry all failed beams of the case",
    ),
    Action(
        "rerun_target",
        Scope.MAIN,
        (),
        "Full rerun: take beams that have ended through every step again. Says what will happen; y confirms.",
        title="Full rerun of what is selected",
        asks=True,
    ),
    Action(
        "next_failed",
        Scope.MAIN,
        ("n",),
        "Go to the next failed beam of all cases; goes round at the end.",
        title="Next failed beam",
    ),
    Action("previous_failed", Scope.MAIN, ("N",), "Go to the failed beam before.", title="Previous failed beam"),
    Action(
        "toggle_finished",
        Scope.MAIN,
        ("f",),
        "Hide what is finished (completed or cancelled beams, and cases without others), or show it again.",
        title="Hide or show what is finished",
    ),
    Action(
        "sort",
        Scope.MAIN,
        ("s",),
        "Sort by id, state (what needs you first), progress or age (newest first), in turn; a click on a head too.",
        title="Sort by id, state, progress or age",
    ),
    Action("mark_up", Scope.MAIN, ("shift+up",), "Mark the beam and the one above, and go there."),
    Action("mark_down", Scope.MAIN, ("shift+down",), "Mark the beam and the one below, and go there."),
    Action(
        "mark_range",
        Scope.MAIN,
        ("v",),
        "Begin a range at the cursor; again at its other end: mark all beams of it. esc forgets it.",
        title="Begin or end a range of marks",
    ),
    Action(
        "copy_path",
        Scope.MAIN,
        ("y",),
        "Copy the path of the folder of the beam, case or folder; it is shown too.",
        title="Copy the path of the folder",
    ),
    Action(
        "show_paths",
        Scope.MAIN,
        ("o",),
        "Show where its files are, with whole paths: folder, dose file.",
        title="Show where the files are",
    ),
    Action("clear_marks", Scope.MAIN, ("u",), "Unmark all beams.", title="Unmark all beams"),
    Action("app.focus_next", Scope.MAIN, ("tab",), "Go to the next pane (shift+tab: to the one before)."),
    Action("app.focus_previous", Scope.MAIN, ("shift+tab",), "Go to the pane before."),
    Action(
        "clear_filter",
        Scope.MAIN,
        ("escape",),
        "Forget a range that was begun; clear the filter.",
        title="Clear the filter",
    ),
    Action("cursor_up", Scope.LIST, ("up", "k"), "One row up."),
    Action("cursor_down", Scope.LIST, ("down", "j"), "One row down."),
    Action("page_up", Scope.LIST, ("pageup",), "One page up."),
    Action("page_down", Scope.LIST, ("pagedown",), "One page down."),
    Action("first", Scope.LIST, ("home", "g"), "To the first row."),
    Action("last", Scope.LIST, ("end", "G"), "To the last row."),
    Action("toggle_node", Scope.TREE, ("enter",), "Show or hide the beams of the case."),
    Action("expand", Scope.TREE, ("right", "l"), "Show the beams of the case."),
    Action("collapse", Scope.TREE, ("left", "h"), "Hide the beams of the case, or go to the case of the beam."),
    Action("go_there", Scope.ATTENTION, ("enter",), "Go to the beam or the folder that it is about."),
    Action(
        "open_beam",
        Scope.BEAMS,
        ("enter",),
        "Open the beam: its way, files, input, log and dose.",
        title="Open the beam",
    ),
    Action("open_log", Scope.BEAMS, ("l",), "Go to the log of the beam.", title="Log of the beam"),
    Action("scroll_up", Scope.LOG, ("up", "k"), "One line up; the log stops following its end."),
    Action("scroll_down", Scope.LOG, ("down", "j"), "One line down."),
    Action("page_up", Scope.LOG, ("pageup",), "One page up."),
    Action("page_down", Scope.LOG, ("pagedown",), "One page down."),
    Action("next_error", Scope.LOG_ALONE, ("x",), "To the next line in which the engine tells an error."),
    Action("previous_error", Scope.LOG_ALONE, ("X",), "To the error before."),
    Action("search", Scope.LOG_ALONE, ("ctrl+f",), "Look for words in the log."),
    Action("next_match", Scope.LOG_ALONE, ("f3",), "To the next match."),
    Action("previous_match", Scope.LOG_ALONE, ("shift+f3",), "To the match before."),
    Action("scroll_left", Scope.LOG, ("left", "h"), "To the left in long lines."),
    Action("scroll_right", Scope.LOG, ("right", "l"), "To the right in long lines."),
    Action("scroll_home", Scope.LOG, ("home", "g"), "To the first line."),
    Action("scroll_end", Scope.LOG, ("end", "G"), "To the last line; the log follows its end again."),
    Action("show_overview", Scope.BEAM, ("1",), "Its way with times, its attempts, why it failed.", title="Overview"),
    Action("show_files", Scope.BEAM, ("2",), "Its files with sizes and checksums.", title="Files"),
    Action("show_input", Scope.BEAM, ("3",), "The engine's parameters and the energy layers.", title="Input"),
    Action("show_log", Scope.BEAM, ("4",), "The log of its latest attempt.", title="Log"),
    Action("show_dose", Scope.BEAM, ("5",), "Its dose: depth-dose curves and planes.", title="Dose"),
    Action("previous_tab", Scope.BEAM, ("left",), "The tab before, where the pane does not use the key itself."),
    Action("next_tab", Scope.BEAM, ("right",), "The next tab, where the pane does not use the key itself."),
    Action("help", Scope.BEAM, ("question_mark", "f1"), "Show this help.", "Help", "Help"),
    Action("leave", Scope.BEAM, ("escape",), "Back to the main screen.", "Back", "Back to the main screen"),
    Action(
        "retry_beam",
        Scope.BEAM,
        ("r",),
        "Retry the beam from the step that stopped.",
        "Retry",
        "Retry the beam",
    ),
    Action(
        "cancel_beam",
        Scope.BEAM,
        ("c",),
        "Cancel the beam. Says what will happen; y confirms.",
        "Cancel",
        "Cancel the beam",
        asks=True,
    ),
    Action("palette", Scope.BEAM, ("ctrl+p", "colon"), "Show everything that can be done here.", "Commands"),
    Action(
        "rerun_beam",
        Scope.BEAM,
        (),
        "Full rerun of the beam. Says what will happen; y confirms.",
        title="Full rerun of the beam",
        asks=True,
    ),
    Action("app.quit", Scope.BEAM, ("q",), "Quit. Says what goes on running; y confirms.", title="Quit", asks=True),
    Action(
        "show_transverse",
        Scope.DOSE,
        ("z",),
        "The transverse plane (one z), across the beam.",
        "Transverse",
        "Transverse plane",
    ),
    Action(
        "show_coronal", Scope.DOSE, ("y",), "The coronal plane (one y), along the beam.", "Coronal", "Coronal plane"
    ),
    Action(
        "show_sagittal", Scope.DOSE, ("x",), "The sagittal plane (one x), along the beam.", "Sagittal", "Sagittal plane"
    ),
    Action(
        "show_curves",
        Scope.DOSE,
        ("g",),
        "The depth-dose curves; on a small screen the other one each time.",
        "Curves",
        "Depth-dose curves",
    ),
    Action(
        "to_maximum",
        Scope.DOSE,
        ("m",),
        "Cursor and planes to the maximum of the dose.",
        "Maximum",
        "Maximum of the dose",
    ),
    Action("cursor_up", Scope.PLANE, ("up", "k"), "Cursor one voxel up."),
    Action("cursor_down", Scope.PLANE, ("down", "j"), "Cursor one voxel down."),
    Action("cursor_left", Scope.PLANE, ("left", "h"), "Cursor one voxel to the left."),
    Action("cursor_right", Scope.PLANE, ("right", "l"), "Cursor one voxel to the right."),
    Action("slice_back", Scope.PLANE, ("pageup", "comma"), "The plane before.", "Slice"),
    Action("slice_on", Scope.PLANE, ("pagedown", "full_stop"), "The next plane.", "Slice"),
)


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
        """How a sentence names the way to do it: `r`, or the palette and its title there if it has no key."""
        action = next(action for action in self._actions if action.setting == name)
        if action.keys:
            return action.shown_key
        palette = next(action for action in self._actions if action.name == "palette")
        return f"{palette.shown_key} “{action.title}”"


def bindings_of(scope: Scope) -> list[BindingType]:
    """The bindings of the widget or screen that carries out the actions of `scope`."""
    return [
        Binding(",".join(action.keys) or _NO_KEY, action.name, action.help, show=False, id=action.binding_id)
        for action in ACTIONS
        if action.scope is scope
    ]


def shown_key(key: str) -> str:
    """How a key of Textual's name is written for a person: `?` for question_mark, `ctrl+p` as it is."""
    modifiers, plus, name = key.rpartition("+")
    return modifiers + plus + (_SHOWN_KEYS.get(name) or format_key(name))
