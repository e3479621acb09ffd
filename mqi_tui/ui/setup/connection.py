"""The connection test of the set-up: what the doctor finds with the values that were typed, line by line."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mqi_tui.config import Config
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.ui.asking import Asking
from mqi_tui.ui.cluster import cluster_words
from mqi_tui.ui.language import _
from mqi_tui.ui.text import one_line
from mqi_tui.ui.widgets.check_list import CheckList
from mqi_tui.workflow.doctor import Outcome, check_connection


class ConnectionScreen(ModalScreen[None]):
    """The test lives as long as this screen; when it is left, the connection is closed."""

    CSS_PATH = "connection.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", show=False)]

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._board = QuestionBoard(has_audience=True, on_change=self._questions_changed)
        self._asking = Asking(lambda: self.app, self._board.answer)

    def compose(self) -> ComposeResult:
        root = one_line(self._config.settings.hpc.remote_root)
        with Vertical(id="connection-test"):
            yield Static(
                Content(_("Connection test: {hpc}").format(hpc=one_line(cluster_words(self._config.settings.hpc)))),
                id="title",
            )
            yield Static(
                Content(_("It makes {folder} there and writes a small file into it.").format(folder=root)), id="note"
            )
            yield CheckList(id="checks")
            yield Static(Content(_("testing … esc leaves the test")), id="end")

    async def on_mount(self) -> None:
        checks = self.query_one(CheckList)
        checks.focus()
        await checks.follow(check_connection(self._config, self._board))

    def on_unmount(self) -> None:
        self._board.on_change = None

    @on(CheckList.Grown)
    def _tell_end(self, event: CheckList.Grown) -> None:
        if event.is_all:
            failed = event.counts[Outcome.FAILED]
            more = "" if failed else " · " + _("`mqi-tui doctor` looks at all else, also from a job")
            self.query_one("#end", Static).update(Content(f"{event.words}{more} · {_('esc goes back')}"))

    def _questions_changed(self) -> None:
        # Called by the tasks of the connection; the screen's own is the one that shows screens.
        self.call_later(self._show_questions)

    def _show_questions(self) -> None:
        self._asking.show(self._board.pending)
