"""A start without a config: on a terminal the set-up, everywhere else the error."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqi_tui.config import load_config
from tests.cli.support import mqi_tui, refused
from tests.support.terminal import on_terminal
from tests.workflow.support import QuickSite

F3 = b"\x1bOR"


def test_on_a_terminal_the_set_up_writes_it_and_the_program_goes_on_with_it(tmp_path: Path) -> None:
    path = tmp_path / "site" / "config.yaml"
    with on_terminal(path) as terminal:
        terminal.wait_for(b"set-up 1 of 2")
        terminal.press(b"1")
        terminal.wait_for(b"set-up 2 of 2")
        terminal.press(F3)
        terminal.wait_for(b"Yes, write it")
        assert not path.exists()
        terminal.press(b"y")
        terminal.wait_for(b"GPU slots")
        assert load_config(path).settings.scan_directory == path.parent / "cases"
        assert (path.parent / "state" / "mqi-tui.db").exists()
        terminal.press(b"q")
        terminal.wait_for(b"Quit mqi-tui?")
        terminal.press(b"y")
        assert terminal.end() == 0


def test_whoever_leaves_it_is_told_that_there_is_no_config(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with on_terminal(path) as terminal:
        terminal.wait_for(b"set-up 1 of 2")
        terminal.press(b"q")
        assert terminal.end() == 2
        assert b"found no such file, expected a config file; make one with" in terminal.output
    assert list(tmp_path.iterdir()) == []


def test_headless_it_is_an_error_on_a_terminal_too(tmp_path: Path) -> None:
    with on_terminal(tmp_path / "config.yaml", "--headless") as terminal:
        assert terminal.end() == 2
        assert b"found no such file" in terminal.output
        assert b"set-up" not in terminal.output


@pytest.mark.parametrize("arguments", [[], ["run"], ["run", "--headless"], ["status"], ["doctor"]])
def test_without_a_terminal_it_is_the_error_as_ever(arguments: list[str], tmp_path: Path) -> None:
    answer = mqi_tui(*arguments, "--config", tmp_path / "none.yaml")
    assert answer.returncode == 2
    assert (
        "none.yaml: found no such file, expected a config file; make one with `mqi-tui init DIR`, or name one with "
        "--config FILE" in answer.stdout + answer.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_a_config_that_is_wrong_is_no_first_start(quick: QuickSite) -> None:
    quick.site.config_path.write_text("max_workers: none\n")
    with on_terminal(quick.site.config_path) as terminal:
        assert terminal.end() == 2
        assert b"max_workers" in terminal.output
    assert "max_workers" in refused(mqi_tui("config", "--config", quick.site.config_path))
