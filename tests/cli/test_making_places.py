"""`init`, `sample` and `demo`: folders that are made, and none that is there is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mqi_tui.config import DEFAULT_CONFIG
from tests.cli.support import mqi_tui, refused


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# init


def test_init_makes_the_commented_default_config_and_its_folders_for_the_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "place"
    answer = mqi_tui("init", folder)
    assert answer.returncode == 0, answer.stderr
    assert f"wrote {folder / 'config.yaml'}" in answer.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["cases", "config.yaml", "hpc", "results"]
    assert (folder / "config.yaml").read_text() == DEFAULT_CONFIG
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir() if path.is_dir()} == {0}
    # It works as it is.
    status = mqi_tui("status", "--json", "--config", folder / "config.yaml")
    assert json.loads(status.stdout)["cases"] == []


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mine")
    message = refused(mqi_tui("init", tmp_path))
    assert (
        message
        == f"mqi-tui: {tmp_path / 'config.yaml'} is there already; nothing was written. Choose another folder.\n"
    )
    assert tree(tmp_path) == {"config.yaml": b"mine"}


@pytest.mark.parametrize("place", ["", "/cases"])
def test_init_names_the_file_that_is_in_the_way(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "place"
    obstacle = Path(f"{folder}{place}")
    obstacle.parent.mkdir(exist_ok=True)
    obstacle.write_text("a file")
    message = refused(mqi_tui("init", folder))
    assert str(obstacle) in message
    assert "config.yaml" not in message
    assert not (folder / "config.yaml").exists()


# sample


def test_sample_makes_what_its_options_say_and_prints_the_folders(tmp_path: Path) -> None:
    answer = mqi_tui("sample", tmp_path / "s", "--cases", "2", "--beams", "3", "--layers", "4", "--seed", "5")
    assert answer.returncode == 0, answer.stderr
    cases = [Path(line) for line in answer.stdout.splitlines()]
    assert cases == sorted((tmp_path / "s").iterdir())
    for case in cases:
        assert len(list(case.glob("RP*.dcm"))) == 1
        beams = [path for path in case.iterdir() if path.is_dir()]
        assert len(beams) == 3
        assert {len(list(beam.glob("*.ptn"))) for beam in beams} == {4}


def test_the_same_seed_makes_the_same_cases_and_another_seed_makes_others(tmp_path: Path) -> None:
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        mqi_tui("sample", tmp_path / name, "--cases", "1", "--beams", "1", "--layers", "2", "--seed", seed)
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != tree(tmp_path / "c")


def test_a_faulty_sample_has_one_log_that_is_cut_short(tmp_path: Path) -> None:
    mqi_tui("sample", tmp_path, "--cases", "2", "--beams", "2", "--layers", "3", "--faulty")
    cut = [path for path in tmp_path.rglob("*.ptn") if path.stat().st_size % 16]
    assert len(cut) == 1


def test_sample_leaves_cases_alone_that_are_there(tmp_path: Path) -> None:
    first = mqi_tui("sample", tmp_path, "--cases", "1", "--beams", "1", "--layers", "2").stdout
    before = tree(tmp_path)
    second = mqi_tui("sample", tmp_path, "--cases", "1", "--beams", "1", "--layers", "2").stdout
    assert first != second
    assert {name: content for name, content in tree(tmp_path).items() if name in before} == before


@pytest.mark.parametrize("option", [["--layers", "100"], ["--seed", "-1"], ["--beams", "100"]])
def test_a_sample_out_of_bounds_is_refused(tmp_path: Path, option: list[str]) -> None:
    message = refused(mqi_tui("sample", tmp_path / "s", *option))
    assert option[0].removeprefix("--") in message
    assert option[1] in message
    assert not (tmp_path / "s").exists()


def test_a_sample_where_nothing_can_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refused(mqi_tui("sample", tmp_path / "file"))
    assert message.startswith(f"mqi-tui: {tmp_path / 'file'} cannot be written")


# demo


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mqi_tui", "demo", "--headless", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_demo_that_is_there_is_used_again_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    mqi_tui("init", folder)
    config = yaml.safe_load(DEFAULT_CONFIG)
    config["scan"] |= {"quiet_period_seconds": 0, "interval_seconds": 0.2}
    config["engine"]["parameters"] |= {"PhantomDimX": 20, "PhantomDimY": 20, "PhantomUnitX": 6, "PhantomUnitY": 6}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    mqi_tui("sample", folder / "cases", "--cases", "1", "--beams", "1", "--layers", "3")
    before = tree(folder / "cases")

    answer = demo("--dir", str(folder), "--cases", "4")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith(f"using the demo that is there: {folder}\n")
    assert answer.stdout.endswith("1 beams: 1 completed\n")
    assert tree(folder / "cases") == before
    # Once more: nothing is left to do, and nothing is done.
    again = demo("--dir", str(folder))
    assert again.returncode == 0
    assert again.stdout.splitlines()[1:] == ["1 beams: 1 completed"]
