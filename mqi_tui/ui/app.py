"""The Textual app: brings the engine's snapshots to the screen, and commands to the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

from textual.app import App
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.worker import WorkerError

from mqi_tui.config import Config
from mqi_tui.domain.text import printable
from mqi_tui.hpc.local_files import in_thread
from mqi_tui.ui import language, questions
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.commands import Outcome, sentences
from mqi_tui.ui.language import _
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.main import MainScreen
from mqi_tui.ui.screens.theme import ThemeScreen
from mqi_tui.ui.text import shortened
from mqi_tui.ui.theme import DEFAULT, remember_theme, use_themes
from mqi_tui.workflow.control import EngineControl

_CLOSING_SECONDS = 5.0
_COMMANDS = "commands"
_LONGEST_TOAST = 500


class MqiApp(App[None]):
    """The engine is opened and closed by the caller, around `run_async()`."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (160, "-very-wide")]  # noqa: RUF012  (as Textual types it)
    ENABLE_COMMAND_PALETTE = False
    TITLE = "mqi-tui"

    def __init__(
        self,
        engine: EngineControl,
        config: Config,
        actions: Actions,
        theme: str = DEFAULT,
        *,
        when_shown: Callable[[], None] = lambda: None,
    ) -> None:
        """`when_shown` is called once, when the first picture is on the terminal."""
        super().__init__(css_path=["app.tcss", "screens/main.tcss"])
        language.choose(config.settings.language)
        # Programs like this are used over SSH, where every frame of an animation costs bytes.
        self.animation_level = "none"
        self._engine = engine
        self._when_shown = when_shown
        self._state_directory = config.settings.state_directory
        self._main = MainScreen(engine, self, config, actions)
        self.set_keymap(actions.keymap)
        use_themes(self, theme)

    def get_default_screen(self) -> Screen[None]:
        return self._main

    def on_ready(self) -> None:
        self._when_shown()

    def carry_out(self, command: Coroutine[object, object, Outcome]) -> None:
        """Carry a command out beside the screen; its outcome becomes a toast."""
        self.run_worker(self._tell_outcome(command), group=_COMMANDS, exit_on_error=False)

    async def action_quit(self) -> None:
        self._ask_to_leave()

    def action_help_quit(self) -> None:
        """Ctrl+C asks as `q` does."""
        self._ask_to_leave()

    def action_theme(self) -> None:
        if not isinstance(self.screen, ThemeScreen):
            self.push_screen(ThemeScreen(), self._keep_theme)

    def _keep_theme(self, name: str | None) -> None:
        if name is not None:
            self.run_worker(self._remember_theme(name), group=_COMMANDS, exit_on_error=False)

    async def _remember_theme(self, name: str) -> None:
        try:
            await in_thread(remember_theme, self._state_directory, name)
        except OSError as error:
            text = _("It holds until you quit: {folder} cannot be written ({reason}).").format(
                folder=self._state_directory, reason=error.strerror or str(error)
            )
            self._toast(text, _("The theme is not remembered"), "warning")

    def _ask_to_leave(self) -> None:
        if not isinstance(self.screen, ConfirmScreen):
            question = questions.about_quit(self._engine.snapshot)
            self.push_screen(ConfirmScreen(question), lambda answer: self._leave() if answer else None)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Every toast goes through here: it is safe, and not longer than a small screen is high."""
        del markup  # no toast of this program has any
        safe = "\n".join(printable(line) for line in shortened(message, _LONGEST_TOAST).split("\n"))
        super().notify(safe, title=printable(title), severity=severity, timeout=timeout, markup=False)

    def complain(self, message: str) -> None:
        """Tell of a defect of this program."""
        self._toast(message, _("Defect in the program; its log file says more"), "error")

    async def _tell_outcome(self, command: Coroutine[object, object, Outcome]) -> None:
        outcome = await command
        if outcome.done:
            self._toast(sentences(outcome.done), "", "information")
        if outcome.refused:
            self._toast(sentences(outcome.refused), _("Refused"), "warning")
        if outcome.broken:
            self.complain(sentences(outcome.broken))

    def _toast(self, message: str, title: str, severity: SeverityLevel) -> None:
        self.notify(message, title=title, severity=severity, timeout=4 if severity == "information" else 8)

    def _leave(self) -> None:
        self.run_worker(self._leave_after_commands(), group="leaving", exit_on_error=False)

    async def _leave_after_commands(self) -> None:
        """A command that is under way is let through: a worker is cut off when the app ends."""
        pending = [worker for worker in self.workers if worker.group == _COMMANDS]
        with suppress(TimeoutError, WorkerError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self.workers.wait_for_complete(pending)
        self.exit()
