"""The app of a first start: it ends with a config that was written, or with nothing changed."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import App
from textual.screen import Screen

from mqi_tui.config.source import KeyPath
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.hpc.local_files import in_thread
from mqi_tui.ui import language
from mqi_tui.ui.setup.form import FormScreen
from mqi_tui.ui.setup.place import PlaceScreen
from mqi_tui.ui.theme import THEME
from mqi_tui.workflow.new_config import write_new_config


class SetupApp(App[bool]):
    """Returns True when it has written the config at `path`, an absolute path where there is none."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "mqi-tui"

    def __init__(self, path: Path) -> None:
        super().__init__(css_path=["../app.tcss", "setup.tcss"])
        # There is no config yet that could say more than the locale.
        language.choose("auto")
        # Programs like this are used over SSH, where every frame of an animation costs bytes.
        self.animation_level = "none"
        self._path = path
        self._typed: dict[KeyPath, str] = {}
        self.register_theme(THEME)
        self.theme = THEME.name

    def get_default_screen(self) -> Screen[None]:
        return PlaceScreen(self._path)

    def action_help_quit(self) -> None:
        """Ctrl+C leaves, as ctrl+Q does: there is nothing to lose but what was typed."""
        self.exit(False)

    @on(PlaceScreen.Chosen)
    def _ask(self, event: PlaceScreen.Chosen) -> None:
        if isinstance(self.screen, PlaceScreen):
            self.push_screen(FormScreen(event.place, self._path, self._typed))

    @on(FormScreen.Accepted)
    async def _write(self, event: FormScreen.Accepted) -> None:
        try:
            await in_thread(write_new_config, self._path, event.text)
        except RequestRefusedError as error:
            if isinstance(self.screen, FormScreen):
                self.screen.complain(str(error))
            return
        self.exit(True)
