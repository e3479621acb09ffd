"""The screen runs without long pauses: the collector leaves out what is there at the first picture, and only then."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mqi_tui.ui.actions import Actions
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.running import run_screen
from tests.support.screens import a_config
from tests.support.scripted_engine import ScriptedEngine, a_snapshot


@pytest.fixture(autouse=True)
def _frozen_by_nobody_else() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.enable()


async def test_the_first_picture_is_told_once() -> None:
    told: list[str] = []
    app = MqiApp(ScriptedEngine(a_snapshot()), a_config(), Actions(), when_shown=lambda: told.append("shown"))
    async with app.run_test() as pilot:
        await pilot.press("question_mark", "escape")
        assert told == ["shown"]


async def test_the_collector_rests_until_the_first_picture_and_leaves_out_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[bool, bool]] = []

    async def run_async(app: MqiApp, **_: Any) -> None:
        look: Callable[[], None] = lambda: seen.append((gc.isenabled(), gc.get_freeze_count() > 0))  # noqa: E731
        look()
        app.on_ready()
        look()

    monkeypatch.setattr(MqiApp, "run_async", run_async)
    await run_screen(ScriptedEngine(a_snapshot()), a_config(), Actions())
    assert seen == [(False, False), (True, True)]
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


async def test_a_screen_that_fails_at_its_start_leaves_the_collector_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_async(app: MqiApp, **_: Any) -> None:
        raise RuntimeError("no terminal")

    monkeypatch.setattr(MqiApp, "run_async", run_async)
    with pytest.raises(RuntimeError, match="no terminal"):
        await run_screen(ScriptedEngine(a_snapshot()), a_config(), Actions())
    assert gc.isenabled()
