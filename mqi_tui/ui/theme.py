"""The colours of every app of this program: four themes, and the file that remembers which one was chosen.

Each tone is readable (WCAG 2: a contrast of 4.5 or more) on every background on which it is painted. The tests compute
that, and how far the states of the safe pair are apart for colour-blind eyes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from textual.app import App
from textual.theme import Theme

from mqi_tui.hpc.local_files import write_whole
from mqi_tui.ui.language import N_

R = TypeVar("R")

FILE_NAME = "theme"
_MOST_BYTES = 64


def _theme(
    name: str,
    *,
    dark: bool,
    primary: str,
    secondary: str,
    success: str,
    warning: str,
    error: str,
    foreground: str,
    background: str,
    panel: str,
    muted: str,
    rule: str,
    row: str,
) -> Theme:
    marked = {"foreground": background, "background": primary}
    return Theme(
        name=name,
        dark=dark,
        primary=primary,
        accent=primary,
        secondary=secondary,
        success=success,
        warning=warning,
        error=error,
        foreground=foreground,
        background=background,
        surface=background,
        panel=panel,
        variables={
            "muted": muted,
            "rule": rule,
            "row": row,
            "input-cursor-foreground": background,
            "input-cursor-background": foreground,
            **{f"{what}-selection-{part}": colour for what in ("input", "screen") for part, colour in marked.items()},
        },
    )


DARK = _theme(
    "dark",
    dark=True,
    primary="#6cb6ff",
    secondary="#8fa9c9",
    success="#56c8a6",
    warning="#e6b450",
    error="#ff8f66",
    foreground="#d3dae6",
    background="#10151d",
    panel="#1b2330",
    muted="#96a3b7",
    rule="#2c3849",
    row="#1e2a3a",
)
LIGHT = _theme(
    "light",
    dark=False,
    primary="#0a5ea8",
    secondary="#4a5b73",
    success="#0b6b4f",
    warning="#7a5200",
    error="#ab3117",
    foreground="#1c2430",
    background="#fbfcfe",
    panel="#eef2f7",
    muted="#525e6f",
    rule="#d3dce8",
    row="#dde7f3",
)
# The hues of Okabe and Ito, each state at a lightness of its own: apart in grey and for every kind of colour blindness.
SAFE_DARK = _theme(
    "safe-dark",
    dark=True,
    primary="#57b4ea",
    secondary="#ffa8d7",
    success="#6be8b8",
    warning="#f0e442",
    error="#ee721e",
    foreground="#e6e6e6",
    background="#101010",
    panel="#1c1c1c",
    muted="#a6a6a6",
    rule="#3a3a3a",
    row="#262a2e",
)
SAFE_LIGHT = _theme(
    "safe-light",
    dark=False,
    primary="#065e93",
    secondary="#7a2e5c",
    success="#01422e",
    warning="#3c2700",
    error="#aa4a02",
    foreground="#141414",
    background="#ffffff",
    panel="#f2f2f2",
    muted="#555555",
    rule="#d6d6d6",
    row="#e4e8ec",
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT, SAFE_DARK, SAFE_LIGHT)}
WORDS = {
    DARK.name: N_("Dark"),
    LIGHT.name: N_("Light"),
    SAFE_DARK.name: N_("Dark, safe for colour-blind eyes"),
    SAFE_LIGHT.name: N_("Light, safe for colour-blind eyes"),
}
"""By which a person chooses."""
DEFAULT = DARK.name


def use_themes(app: App[R], name: str) -> None:
    """Let the app know all themes and begin with this one."""
    for theme in THEMES.values():
        app.register_theme(theme)
    app.theme = name


def remembered_theme(state_directory: Path) -> str:
    """The name of the theme that was chosen last; the default where nothing (or nothing that is one) is remembered.

    Blocking.
    """
    path = state_directory / FILE_NAME
    try:
        if not path.is_file():
            return DEFAULT
        with path.open("rb") as file:
            name = file.read(_MOST_BYTES).decode("ascii", errors="replace").strip()
    except OSError:
        return DEFAULT
    return name if name in THEMES else DEFAULT


def remember_theme(state_directory: Path, name: str) -> None:
    """Keep the choice for the next start, readable by this user alone. Blocking; raises OSError."""
    write_whole(state_directory / FILE_NAME, f"{name}\n".encode("ascii"), 0o600)
