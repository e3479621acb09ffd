"""The terminal goes away: the program ends by itself, and the next one can start."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.support import mqi_tui
from tests.support.site import Site
from tests.support.terminal import on_terminal


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path / "site")


def test_without_its_terminal_the_program_ends_and_lets_go_of_the_database(site: Site) -> None:
    with on_terminal(site.config_path) as terminal:
        terminal.wait_for(b"GPU slots")
        assert "the program runs" in mqi_tui("status", "--config", str(site.config_path)).stdout
        terminal.vanish()
        terminal.process.wait(timeout=20)
    assert "the program runs" not in mqi_tui("status", "--config", str(site.config_path)).stdout


def test_a_hangup_closes_the_engine_as_a_termination_does(site: Site) -> None:
    site.add_cases(1, beams=1, layers=1)
    with on_terminal(site.config_path, "--headless") as terminal:
        terminal.wait_for(b"found with 1 beam")
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.end() == 1
        assert b"interrupted; running jobs go on" in terminal.output
