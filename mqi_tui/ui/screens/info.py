"""What all screens that only show something have in common: they are left by escape, or by a click beside them."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.events import Click
from textual.screen import ModalScreen

T = TypeVar("T")


class InfoScreen(ModalScreen[T | None]):
    """Over the main screen; left without a result by escape, `q` or a click beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", show=False)]

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_click(self, event: Click) -> None:
        if event.widget is self:
            event.stop()
            self.action_leave()
