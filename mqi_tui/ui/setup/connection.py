"""The connection test of the set-up: what the doctor finds with the values that were typed, line by line."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import Worker, WorkerError

from mqi_tui.config import Config
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.ui.asking import Asking
from mqi_tui.ui.cluster import cluster_words
from mqi_tui.ui.language import _
from mqi_tui.ui.text import counted, fit, one_line
from mqi_tui.workflow.doctor import Check, Outcome, check_connection

_OUTCOME_WIDTH = 7


class ConnectionScreen(ModalScreen[None]):
    """The test lives as long as this screen; when it is left, the connection is closed."""

    CSS_PATH = "connection.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", show=False)]

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._board = QuestionBoard(has_audience=True, on_change=self._questions_changed)
        self._asking = Asking(lambda: self.app, self._board.answer)
        self._test: Worker[None] | None = None

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
            yield VerticalScroll(id="checks")
            yield Static(Content(_("testing … esc leaves the test")), id="end")

    def on_mount(self) -> None:
        self.query_one("#checks").focus()
        self._test = self.run_worker(self._run(), group="connection test")

    async def on_unmount(self) -> None:
        """Textual ends its workers and waits for none; a connection that is closed halfway would outlive its screen."""
        self._board.on_change = None
        if self._test is not None:
            self._test.cancel()
            try:
                await self._test.wait()
            except WorkerError:
                return

    async def _run(self) -> None:
        counts: Counter[Outcome] = Counter()
        checks = self.query_one("#checks", VerticalScroll)
        async for check in check_connection(self._config, self._board):
            counts[check.outcome] += 1
            await checks.mount(_shown(check))
            checks.scroll_end(animate=False)
        told = ", ".join(
            _("{count} {state}").format(count=counts[outcome], state=_(outcome.value))
            for outcome in Outcome
            if counts[outcome]
        )
        more = "" if counts[Outcome.FAILED] else " · " + _("`mqi-tui doctor` looks at all else, also from a job")
        end = _("{checks}: {outcomes}").format(checks=counted(counts.total(), "check"), outcomes=told) + more
        self.query_one("#end", Static).update(Content(f"{end} · {_('esc goes back')}"))

    def _questions_changed(self) -> None:
        # Called by the tasks of the connection; the screen's own is the one that shows screens.
        self.call_later(self._show_questions)

    def _show_questions(self) -> None:
        self._asking.show(self._board.pending)


def _shown(check: Check) -> Static:
    lines = [f"{check.outcome.mark} {fit(_(check.outcome.value), _OUTCOME_WIDTH)} {check.name}: {check.sentence}"]
    if check.remedy:
        lines.append(f"  → {check.remedy}")
    return Static(Content("\n".join(map(one_line, lines))), classes=f"check {check.outcome.value}")
