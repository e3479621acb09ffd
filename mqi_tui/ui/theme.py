"""The colours of every app of this program."""

from __future__ import annotations

from textual.theme import Theme

# Blue, orange and bluish green stay apart for colour-blind eyes, and differ in lightness too.
THEME = Theme(
    name="mqi",
    dark=True,
    primary="#6cb6ff",
    secondary="#8aa4c4",
    accent="#6cb6ff",
    success="#56c8a6",
    warning="#e6b450",
    error="#ff8f66",
    foreground="#d3dae6",
    background="#10151d",
    surface="#10151d",
    panel="#1b2330",
    variables={"muted": "#7d8b9f", "rule": "#2c3849", "row": "#1e2a3a"},
)
