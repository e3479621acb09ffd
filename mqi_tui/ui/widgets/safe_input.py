"""A field for one line of text: what is pasted into it is shown without its control characters."""

from __future__ import annotations

from textual.widgets import Input

from mqi_tui.domain.text import printable


class SafeInput(Input):
    def validate_value(self, value: str) -> str:
        """A terminal would obey escape sequences that come in by pasting."""
        return printable(value)
