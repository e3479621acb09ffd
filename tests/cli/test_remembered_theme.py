"""The theme that was chosen is taken at the next start, by the program and by its set-up."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from mqi_tui.cli import run
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.setup.app import SetupApp
from mqi_tui.ui.theme import DEFAULT, LIGHT, SAFE_DARK, remember_theme
from tests.support.site import Site


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The theme of each app that was started; it ends at once."""
    themes: list[str] = []

    async def run_async(app: MqiApp | SetupApp, **_: Any) -> None:
        themes.append(app.theme)

    # The program's log stays open to its end, which is that of all tests here.
    monkeypatch.setattr(run, "_log_to_file", lambda _: None)
    monkeypatch.setattr(MqiApp, "run_async", run_async)
    monkeypatch.setattr(SetupApp, "run_async", run_async)
    return themes


def _use_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """From within the test, for what captures its output comes after the fixtures."""
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, Terminal())


async def _start(site: Site) -> None:
    assert await run.run_engine(site.config, headless=False, dispatch_all=False, until_idle=False) == 0


async def test_the_program_begins_with_the_theme_that_was_chosen(
    site: Site, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _use_terminal(monkeypatch)
    await _start(site)
    state = site.config.settings.state_directory
    remember_theme(state, SAFE_DARK.name)
    await _start(site)
    (state / "theme").write_bytes(b"\xff")
    await _start(site)
    assert started == [DEFAULT, SAFE_DARK.name, DEFAULT]


async def test_the_set_up_has_the_theme_that_was_chosen_beside_it(
    tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _use_terminal(monkeypatch)
    await run._offer_set_up(tmp_path / "config.yaml")
    (tmp_path / "state").mkdir()
    remember_theme(tmp_path / "state", LIGHT.name)
    await run._offer_set_up(tmp_path / "config.yaml")
    assert started == [DEFAULT, LIGHT.name]
