"""The real app over a scripted engine, and what stands on its screen."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets._toast import Toast

from mqi_tui.config import Config, Settings
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.keymap import actions_of
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.main import MainScreen
from mqi_tui.ui.theme import DEFAULT
from mqi_tui.ui.widgets.beam_list import BeamList
from mqi_tui.ui.widgets.case_tree import CaseTree
from mqi_tui.ui.widgets.detail_pane import DetailPane
from mqi_tui.ui.widgets.log_view import LogView
from tests.support.scripted_engine import ScriptedEngine

SMALL = (80, 24)
MIDDLE = (120, 40)
LARGE = (200, 60)

SCAN_DIRECTORY = Path("/data/cases")
STATE_DIRECTORY = Path("/data/state")
_STEP_SECONDS = 0.02
_DEADLINE_STEPS = 500
_ROUNDS = 4
"""A key's action, the mount of what it opens, its layout, and what that calls."""

_TEXT_ELEMENT = re.compile(
    r'<text class="[^"]*" x="([\d.]+)" y="[\d.]+"[^>]*clip-path="url\(#[^)]*line-(\d+)\)">(.*?)</text>'
)
_CELL_WIDTH = 12.2


@dataclass(frozen=True)
class View:
    """An app at work, with its pilot, and what stands on its screen."""

    app: App[Any]
    pilot: Pilot[Any]

    @property
    def toasts(self) -> list[str]:
        """The texts of the toasts that are shown."""
        return [str(toast.render()) for toast in self.app.screen.query(Toast)]

    async def press(self, *keys: str) -> None:
        """Each key when the screen is done with the one before."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()
        await self.pilot.pause()

    async def pause(self) -> None:
        """Let all that is under way come to its end."""
        await self.settle()
        await self.pilot.pause()

    async def settle(self) -> None:
        """Wait until the widgets have done what they were asked, and what that has asked in turn.

        The pilot's own pause takes a process that others keep waiting for one that has nothing left to do.
        """
        for _ in range(_ROUNDS):
            if self.app.is_running:
                await self.pilot.pause(0)

    async def click(self, selector: str) -> None:
        """The middle of the widget, as soon as it has its place on the screen."""
        await self.until(lambda: any(widget.region for widget in self.app.screen.query(selector)))
        await self.pilot.click(selector)
        await self.settle()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the condition; fails when it has not come true within ten seconds."""
        for _ in range(_DEADLINE_STEPS):
            if condition():
                # It may have come true in the middle of something, as before a new screen has its place.
                await self.settle()
                return
            await self.pilot.pause(_STEP_SECONDS)
        raise AssertionError(f"the condition has not come true; on the screen:\n{self.text}")

    @property
    def lines(self) -> list[str]:
        """What a person sees, line by line."""
        width, height = self.app.size
        elements = _TEXT_ELEMENT.findall(self.app.export_screenshot())
        # While it is being resized, what is painted may be higher than the screen.
        height = max([height, *(int(line) + 1 for _, line, _ in elements)])
        rows: list[dict[int, str]] = [{} for _ in range(height)]
        for x, line, text in elements:
            rows[int(line)][round(float(x) / _CELL_WIDTH)] = html.unescape(text).replace("\xa0", " ")
        return [_joined(row, width) for row in rows]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True)
class Stage(View):
    """The program's app over a scripted engine."""

    app: MqiApp
    engine: ScriptedEngine

    @property
    def main(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def cases(self) -> CaseTree:
        return self.main.query_one(CaseTree)

    @property
    def beams(self) -> BeamList:
        return self.main.query_one(BeamList)

    @property
    def details(self) -> DetailPane:
        return self.main.query_one(DetailPane)

    @property
    def log(self) -> LogView:
        return self.main.query_one(LogView)


def a_config(**settings: object) -> Config:
    """Settings as if they came from /data/config.yaml."""
    values = {"scan_directory": SCAN_DIRECTORY, "state_directory": STATE_DIRECTORY, **settings}
    return Config(Settings.model_validate(values), Path("/data/config.yaml"), {})


@asynccontextmanager
async def on_stage(
    engine: ScriptedEngine, size: tuple[int, int] = MIDDLE, *, config: Config | None = None, theme: str = DEFAULT
) -> AsyncIterator[Stage]:
    """Run the app over the engine until its first picture is there."""
    config = config or a_config()
    app = MqiApp(engine, config, actions_of(config), theme)
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        stage = Stage(app, pilot, engine)
        await stage.until(lambda: engine.published > 0)
        await stage.pause()
        yield stage


async def open_dose(stage: Stage) -> None:
    """The dose of the beam that the list of beams, the next pane, stands on."""
    await stage.press("tab", "enter")
    await stage.until(lambda: isinstance(stage.app.screen, BeamScreen))
    await stage.press("5")


def lines_of(widget: Widget) -> list[str]:
    """The lines of a widget that draws its own, as painted."""
    return [widget.render_line(y).text for y in range(widget.size.height)]


async def turn_wheel(view: View, widget: Widget, *, down: bool) -> None:
    """One notch of the mouse's wheel over the widget."""
    x, y = widget.content_region.x + 1, widget.content_region.y
    kind = MouseScrollDown if down else MouseScrollUp
    event = kind(None, x, y, 0, 1 if down else -1, 0, False, False, False, x, y)
    view.app.screen._forward_event(event)
    await view.pause()


def _joined(row: dict[int, str], width: int) -> str:
    line = ""
    for column in sorted(row):
        line += " " * (column - cell_len(line)) + row[column]
    return line + " " * (width - cell_len(line))
