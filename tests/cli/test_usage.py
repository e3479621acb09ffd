"""Help, version, wrong usage and wrong configuration: what a user reads, and the exit code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mqi_tui import __version__
from tests.cli.support import at, mqi_tui, refused
from tests.workflow.support import QuickSite

COMMANDS = {
    "run": ("--headless", "--dispatch-all", "--until-idle", "--config FILE"),
    "init": ("DIR",),
    "demo": ("--dir DIR", "--cases N", "--headless"),
    "status": ("--json", "--config FILE"),
    "report": ("CASE_ID", "--output FILE", "--json", "--config FILE"),
    "dispatch": ("CASE_ID", "--beam BEAM_ID", "--config FILE"),
    "retry": ("BEAM_ID|CASE_ID", "--from-start", "--config FILE"),
    "cancel": ("BEAM_ID|CASE_ID", "--config FILE"),
    "config": ("--config FILE",),
    "sample": ("DIR", "--cases N", "--beams N", "--layers N", "--faulty", "--seed N"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_and_each_of_its_options(command: str) -> None:
    answer = mqi_tui(command, "--help")
    assert answer.returncode == 0
    assert f"usage: mqi-tui {command}" in answer.stdout
    for option in COMMANDS[command]:
        assert option in answer.stdout
    # A sentence about the command, not its options alone.
    assert len(answer.stdout.split("\n\n")[1]) > 40


def test_the_help_of_all_names_every_command_and_the_version_is_the_packages() -> None:
    text = mqi_tui("--help").stdout
    assert all(f"\n    {command} " in text for command in COMMANDS)
    assert mqi_tui("--version").stdout == f"mqi-tui {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["dispatch"], "required: CASE_ID"),
        (["retry", "A", "--no-such"], "unrecognized arguments: --no-such"),
        (["sample", "x", "--cases", "0"], "'0' is no whole number of at least 1"),
        (["sample", "x", "--beams", "two"], "'two' is no whole number of at least 1"),
        (["demo", "--cases", "-1"], "--cases"),
        (["run", "--until-idle"], "mqi-tui: --until-idle goes with --headless."),
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(arguments: list[str], said: str, tmp_path: Path) -> None:
    message = refused(mqi_tui(*arguments, folder=tmp_path))
    assert said in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--headless"],
        ["status"],
        ["report", "A"],
        ["dispatch", "A"],
        ["retry", "A"],
        ["cancel", "A"],
        ["config"],
        [],
    ],
    ids=lambda arguments: " ".join(arguments) or "(none)",
)
def test_a_bad_config_is_one_message_for_each_problem_whatever_the_command(
    quick: QuickSite, arguments: list[str]
) -> None:
    quick.site.config_path.write_text("max_workers: none\nscan:\n  intervall_seconds: 3\nresult_path: cases/r\n")
    answer = mqi_tui(*arguments, folder=quick.site.folder)
    lines = refused(answer).splitlines()
    assert len(lines) == 2, lines
    assert all(line.startswith(f"mqi-tui: {quick.site.config_path}") for line in lines)
    assert "max_workers" in lines[0]
    assert "'none'" in lines[0] or '"none"' in lines[0]
    assert "intervall_seconds" in lines[1]
    assert "interval_seconds" in lines[1]
    assert not (quick.site.folder / "state").exists()


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    message = refused(mqi_tui("status", "--config", tmp_path / "none.yaml"))
    assert message.startswith(f"mqi-tui: {tmp_path / 'none.yaml'}")
    assert message.count("\n") == 1


def test_the_config_is_taken_before_or_after_the_command_and_from_the_present_folder(quick: QuickSite) -> None:
    path = quick.site.config_path
    expected = mqi_tui("config", "--config", path)
    assert expected.returncode == 0
    assert f'{quick.site.folder}/results"  # default' in expected.stdout
    assert mqi_tui("--config", path, "config").stdout == expected.stdout
    assert mqi_tui("config", folder=quick.site.folder).stdout == expected.stdout


def test_config_says_where_each_value_came_from(quick: QuickSite) -> None:
    quick.site.config_path.write_text("max_workers: 7\nscan:\n  max_depth: 2\n")
    lines = mqi_tui("config", "--config", quick.site.config_path).stdout.splitlines()
    assert f"max_workers = 7  # {quick.site.config_path}:1" in lines
    assert f"scan.max_depth = 2  # {quick.site.config_path}:3" in lines
    assert "hpc.gpu_count = 8  # default" in lines


@pytest.mark.parametrize("section", ["parameters", "run_parameters"])
def test_an_engine_key_that_the_profile_does_not_know_is_refused_at_once(quick: QuickSite, section: str) -> None:
    quick.site.config_path.write_text(f"engine:\n  {section}:\n    RandomSed: 1\n")
    for command in (["config"], ["run", "--headless"]):
        message = refused(mqi_tui(*command, folder=quick.site.folder))
        assert f"engine.{section}.RandomSed" in message
        assert "RandomSeed" in message


@pytest.mark.parametrize("command", ["dispatch", "retry", "cancel"])
@pytest.mark.parametrize("name", ["\x1b[31mred\nline", os.fsdecode(b"no utf8 \xff"), "\u202egnp.exe"])
def test_names_with_control_characters_are_refused_and_printed_safely(
    quick: QuickSite, command: str, name: str
) -> None:
    message = refused(at(quick, command, name))
    assert "there is no" in message
    assert not set(message) & {"\x1b", "\u202e"}
    assert "Traceback" not in message


def test_a_terminal_that_knows_fewer_characters_is_no_reason_to_fail(quick: QuickSite) -> None:
    case = quick.site.cases / quick.add_case()
    case.rename(case.with_name("DOE^JOHN [QA] 한글"))
    quick.fail("preprocessing")
    environment = os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    for arguments in (["run", "--headless", "--dispatch-all", "--until-idle"], ["status"], ["status", "--json"]):
        answer = subprocess.run(
            quick.site.command(*arguments), capture_output=True, env=environment, check=False, timeout=60
        )
        assert b"Traceback" not in answer.stderr, answer.stderr
        assert b"DOE^JOHN [QA]" in answer.stdout
        assert answer.returncode in {0, 1}


@pytest.mark.parametrize("command", ["run", "config"])
def test_keys_that_are_wrong_are_refused_before_anything_is_started(command: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("keys:\n  retry_target: [f99]\n")
    message = refused(mqi_tui(command, "--config", tmp_path / "config.yaml"))
    assert f"{tmp_path / 'config.yaml'}:2: keys.retry_target[1]: found 'f99', expected the name of a key" in message
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_the_screen_is_not_drawn_where_there_is_no_terminal(quick: QuickSite) -> None:
    answer = at(quick, "run")
    assert answer.returncode == 2
    assert "needs a terminal, but this is none: stdin, stdout, stderr; start it without redirections" in answer.stderr
    assert not quick.site.config.settings.database_path.exists(), "no engine was started for it"
