"""The one registry of what keys do: it feeds the bindings, the line of keys at the bottom and the help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


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


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    """The widget or screen of the scope has a method `action_{name}`; with the prefix `app.`, the app has it."""
    scope: Scope
    keys: tuple[str, ...]
    """Names of Textual; the first is the one that is shown."""
    help: str
    """One sentence for the help."""
    label: str = ""
    """The word in the line of keys; empty for actions that are in the help alone."""

    @property
    def shown_key(self) -> str:
        return _SHOWN_KEYS.get(self.keys[0], self.keys[0])

    @property
    def shown_keys(self) -> str:
        return " ".join(_SHOWN_KEYS.get(key, key) for key in self.keys)


_SHOWN_KEYS = {
    "question_mark": "?",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
}

ACTIONS = (
    Action(
        "dispatch_target",
        Scope.MAIN,
        ("d",),
        "Dispatch: start every new beam of the selected case; with beams marked or the cursor on a beam, only those.",
        "Dispatch",
    ),
    Action(
        "retry_target",
        Scope.MAIN,
        ("r",),
        "Retry failed or cancelled beams: each goes on from the step that stopped. On a case: all that stopped.",
        "Retry",
    ),
    Action(
        "cancel_target",
        Scope.MAIN,
        ("c",),
        "Cancel the beam, the marked beams or the whole case. Says what will happen; y confirms.",
        "Cancel",
    ),
    Action("toggle_mark", Scope.MAIN, ("space",), "Mark or unmark the beam (on a case: all of its beams).", "Mark"),
    Action(
        "toggle_pause",
        Scope.MAIN,
        ("p",),
        "Pause: start nothing new while running jobs go on. Again: resume.",
        "Pause",
    ),
    Action("filter", Scope.MAIN, ("slash",), "Filter cases and beams by words of name or state; esc clears.", "Filter"),
    Action("help", Scope.MAIN, ("question_mark", "f1"), "Show this help.", "Help"),
    Action("app.quit", Scope.MAIN, ("q",), "Quit. Says what goes on running; y confirms.", "Quit"),
    Action(
        "rerun_target",
        Scope.MAIN,
        ("R",),
        "Full rerun: take beams that have ended through every step again. Says what will happen; y confirms.",
        "Rerun",
    ),
    Action("toggle_all", Scope.MAIN, ("a",), "Show the beams of all cases, or of the selected case only.", "All beams"),
    Action("events", Scope.MAIN, ("e",), "Show the list of the latest events.", "Events"),
    Action("clear_marks", Scope.MAIN, ("u",), "Unmark all beams."),
    Action("app.focus_next", Scope.MAIN, ("tab",), "Go to the next pane (shift+tab: to the one before)."),
    Action("app.focus_previous", Scope.MAIN, ("shift+tab",), "Go to the pane before."),
    Action("clear_filter", Scope.MAIN, ("escape",), "Clear the filter."),
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
    Action("open_beam", Scope.BEAMS, ("enter",), "Open the beam: its way, files, input, log and dose."),
    Action("open_log", Scope.BEAMS, ("l",), "Go to the log of the beam."),
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
    Action("show_overview", Scope.BEAM, ("1",), "Its way with times, its attempts, why it failed."),
    Action("show_files", Scope.BEAM, ("2",), "Its files with sizes and checksums."),
    Action("show_input", Scope.BEAM, ("3",), "The engine's parameters and the energy layers."),
    Action("show_log", Scope.BEAM, ("4",), "The log of its latest attempt."),
    Action("show_dose", Scope.BEAM, ("5",), "Its dose: depth-dose curves and planes."),
    Action("previous_tab", Scope.BEAM, ("left",), "The tab before, where the pane does not use the key itself."),
    Action("next_tab", Scope.BEAM, ("right",), "The next tab, where the pane does not use the key itself."),
    Action("help", Scope.BEAM, ("question_mark", "f1"), "Show this help.", "Help"),
    Action("leave", Scope.BEAM, ("escape",), "Back to the main screen.", "Back"),
    Action("retry_beam", Scope.BEAM, ("r",), "Retry the beam from the step that stopped.", "Retry"),
    Action("cancel_beam", Scope.BEAM, ("c",), "Cancel the beam. Says what will happen; y confirms.", "Cancel"),
    Action("rerun_beam", Scope.BEAM, ("R",), "Full rerun of the beam. Says what will happen; y confirms.", "Rerun"),
    Action("app.quit", Scope.BEAM, ("q",), "Quit. Says what goes on running; y confirms."),
    Action("show_transverse", Scope.DOSE, ("z",), "The transverse plane (one z), across the beam.", "Transverse"),
    Action("show_coronal", Scope.DOSE, ("y",), "The coronal plane (one y), along the beam.", "Coronal"),
    Action("show_sagittal", Scope.DOSE, ("x",), "The sagittal plane (one x), along the beam.", "Sagittal"),
    Action(
        "show_curves", Scope.DOSE, ("g",), "The depth-dose curves; on a small screen the other one each time.", "Curves"
    ),
    Action("to_maximum", Scope.DOSE, ("m",), "Cursor and planes to the maximum of the dose.", "Maximum"),
    Action("cursor_up", Scope.PLANE, ("up", "k"), "Cursor one voxel up."),
    Action("cursor_down", Scope.PLANE, ("down", "j"), "Cursor one voxel down."),
    Action("cursor_left", Scope.PLANE, ("left", "h"), "Cursor one voxel to the left."),
    Action("cursor_right", Scope.PLANE, ("right", "l"), "Cursor one voxel to the right."),
    Action("slice_back", Scope.PLANE, ("pageup", "comma"), "The plane before.", "Slice"),
    Action("slice_on", Scope.PLANE, ("pagedown", "full_stop"), "The next plane.", "Slice"),
)


def bindings_of(scope: Scope) -> list[BindingType]:
    """The bindings of the widget or screen that carries out the actions of `scope`."""
    return [
        Binding(",".join(action.keys), action.name, action.help, show=False)
        for action in ACTIONS
        if action.scope is scope
    ]
