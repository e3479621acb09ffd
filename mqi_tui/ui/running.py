"""Runs the full-screen program without the pauses that Python's garbage collector makes in one that holds much."""

from __future__ import annotations

import gc

from mqi_tui.config import Config
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.theme import DEFAULT
from mqi_tui.workflow.control import EngineControl


async def run_screen(engine: EngineControl, config: Config, actions: Actions, theme: str = DEFAULT) -> None:
    """Run the screen until it is left; the engine is opened and closed by the caller.

    What is there at the first picture (modules, styles, the cases so far) mostly lives as long as the program. With 500
    cases a search of it for garbage takes 50 to 100 ms, in which no key is answered; so it is left out of all searches.
    """
    gc.disable()
    try:
        await MqiApp(engine, config, actions, theme, when_shown=_leave_out_what_is_there).run_async()
    finally:
        gc.unfreeze()
        gc.enable()


def _leave_out_what_is_there() -> None:
    gc.freeze()
    gc.enable()
