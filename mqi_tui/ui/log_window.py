"""The lines of a log that are kept in memory: bounded, cut where too long, cleaned of control codes."""

from __future__ import annotations

import re

from mqi_tui.domain.text import printable

MAX_LINES = 5_000
MAX_LINE_LENGTH = 2_000

# CSI and OSC sequences, and other two-character escapes (ECMA-48, 5.3 and 5.4).
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


class LogWindow:
    """The latest lines; the last one may still be growing."""

    def __init__(self, max_lines: int = MAX_LINES) -> None:
        self._max_lines = max_lines
        self._lines: list[str] = []
        self._open_line = ""
        self._open_length = 0

    def __len__(self) -> int:
        return len(self._lines) + bool(self._open_length)

    def __getitem__(self, number: int) -> str:
        """The cleaned line `number`."""
        return self._lines[number] if number < len(self._lines) else _cleaned(self._open_line, self._open_length)

    @property
    def is_full(self) -> bool:
        return len(self._lines) >= self._max_lines

    def clear(self) -> None:
        self._lines.clear()
        self._open_line, self._open_length = "", 0

    def feed(self, text: str) -> int:
        """Add a piece of the log, broken anywhere; returns how many of the oldest lines were dropped for it."""
        *ended, still_open = text.split("\n")
        for piece in ended:
            self._extend_open_line(piece)
            self._lines.append(_cleaned(self._open_line, self._open_length))
            self._open_line, self._open_length = "", 0
        self._extend_open_line(still_open)
        dropped = max(len(self._lines) - self._max_lines, 0)
        del self._lines[:dropped]
        return dropped

    def _extend_open_line(self, piece: str) -> None:
        self._open_length += len(piece)
        self._open_line += piece[: MAX_LINE_LENGTH - len(self._open_line)]


def _cleaned(line: str, length: int) -> str:
    """`line` as a terminal would leave it: without what a carriage return overwrote, without escape sequences."""
    shown = line.rstrip("\r")
    if length <= MAX_LINE_LENGTH:
        shown = shown.rsplit("\r", 1)[-1]
    shown = printable(_ESCAPE_SEQUENCE.sub("", shown).expandtabs())
    return f"{shown} … (cut: the line has {length:,} characters)" if length > MAX_LINE_LENGTH else shown
