"""The field in which the filter is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from mqi_tui.ui.filtering import EXAMPLE
from mqi_tui.ui.language import _
from mqi_tui.ui.widgets.safe_input import SafeInput


class FilterInput(SafeInput):
    """Hidden until it is asked for. Enter keeps the filter, escape clears it; both give the focus back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", show=False)]

    class Left(Message):
        """The reader is done with typing."""

    def __init__(self, *, id: str, placeholder: str = EXAMPLE) -> None:  # noqa: A002
        super().__init__(placeholder=_(placeholder), id=id)
        self.cursor_blink = False
        self.display = False

    def empty(self) -> None:
        """Filter no more, and take no room; the focus stays where it is, if it is elsewhere."""
        self.value = ""
        self.display = False

    def action_clear(self) -> None:
        self.empty()
        self.post_message(self.Left())
