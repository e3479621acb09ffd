"""The doctor on the screen: what `mqi-tui doctor` looks at, over the connection that the work uses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Static

from mqi_tui.ui.actions import Actions, Scope, bindings_of
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.screens.guiding import Guiding
from mqi_tui.ui.widgets.check_list import CheckList
from mqi_tui.ui.widgets.key_line import KeyLine
from mqi_tui.workflow.control import EngineControl

_NOTE = N_(
    "It writes a small file .mqi-tui-doctor into each folder, and has a batch system give it one GPU for a moment. "
    "The work goes on beside it."
)


class DoctorScreen(Guiding):
    """Begins as it is opened; leaving it cuts off what is not known yet."""

    CSS_PATH = "doctor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.DOCTOR)
    AUTO_FOCUS = "#checks"

    def __init__(self, engine: EngineControl, actions: Actions) -> None:
        super().__init__()
        self._engine = engine
        self._actions = actions
        self._checks = CheckList(id="checks")
        self._end = Static(id="end")
        self._keys = KeyLine(actions, id="keys")

    def compose(self) -> ComposeResult:
        yield Static(Content(_(_NOTE)), id="note")
        yield self._checks
        yield self._end
        yield self._keys

    async def on_mount(self) -> None:
        self._checks.border_title = Content(_("Doctor"))
        self._keys.show_scopes(self._owners)
        await self.action_check_again()

    @property
    def _owners(self) -> Mapping[Scope, DOMNode]:
        return {Scope.DOCTOR: self}

    @property
    def _acts_on(self) -> str:
        return _("the whole site")

    async def action_check_again(self) -> None:
        self._conclude(_("looking …"))
        await self._checks.follow(self._engine.check_up())

    def action_leave(self) -> None:
        self.dismiss(None)

    @on(CheckList.Grown)
    def _tell(self, event: CheckList.Grown) -> None:
        if event.is_all:
            self._conclude(
                _("{checks} · at {time} UTC").format(checks=event.words, time=f"{datetime.now(UTC):%H:%M:%S}")
            )
        else:
            self._conclude(_("{checks} so far · looking at the next …").format(checks=event.words))

    def _conclude(self, text: str) -> None:
        self._end.update(Content(text))
