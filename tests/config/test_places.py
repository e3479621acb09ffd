"""The folders that a config names: relative to it, safe from one another, one for each beam."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.config import Settings, load_config
from mqi_tui.domain.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


def load(folder: Path, text: str) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path).settings


def refusals(folder: Path, text: str) -> list[str]:
    """The messages without the config's own path."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [line.removeprefix(f"{folder / 'config.yaml'}") for line in str(caught.value).splitlines()]


def test_relative_paths_are_relative_to_the_config_file_wherever_the_program_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "config.yaml").write_text("scan_directory: ../cases\nresult_path: dose/\nhpc:\n  remote_root: ./run\n")
    settings = load_config(Path("site/config.yaml")).settings
    assert settings.scan_directory == tmp_path / "cases"
    assert settings.result_path == folder / "dose"
    assert settings.state_directory == folder / "state"
    assert settings.hpc.remote_root == str(folder / "run")


def test_absolute_paths_and_the_users_home_are_taken_as_they_are(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = load(folder, f"scan_directory: {tmp_path}/in\nresult_path: ~/dose\nwork_folder: ~/work/{{beam_id}}\n")
    assert settings.scan_directory == tmp_path / "in"
    assert settings.result_path == tmp_path / "home" / "dose"
    assert settings.work_folder_of("C", "C_B", Path("/cases/C/B")) == tmp_path / "home" / "work" / "C_B"


def test_a_link_in_a_path_stays_as_the_user_wrote_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (folder / "results").symlink_to(tmp_path / "disk")
    assert load(folder, "").result_path == folder / "results"


def test_each_beam_has_its_folders_below_the_roots(folder: Path) -> None:
    settings = load(folder, "")
    assert settings.work_folder_of("C 1", "C 1_B", Path("/cases/C 1/B")) == folder / "state" / "work" / "C 1" / "C 1_B"
    assert settings.result_folder_of("C 1", "C 1_B") == folder / "results" / "C 1" / "C 1_B"
    assert settings.remote_folder_of("C 1", "C 1_B") == PurePosixPath(folder / "hpc" / "C 1" / "C 1_B")
    assert settings.run_folder_of("C 1", "C 1_B", 12) == PurePosixPath(folder / "hpc" / "C 1" / "C 1_B" / "run-012")


def test_folder_templates_may_use_any_words_for_a_beam(folder: Path) -> None:
    settings = load(folder, "work_folder: '{beam_path}/moqui'\nresult_folder: 'dose/{case_id}/beam {beam_name}'\n")
    assert settings.work_folder_of("C", "C_B", Path("/cases/C/B")) == Path("/cases/C/B/moqui")
    assert settings.result_folder_of("C", "C_B") == folder / "dose" / "C" / "beam B"


def test_a_template_that_begins_with_a_name_is_relative_to_the_config_file_too(folder: Path) -> None:
    settings = load(folder, "result_folder: '{case_id}/{beam_id}'\n")
    assert settings.result_folder_of("C", "C_B") == folder / "C" / "C_B"


@pytest.mark.parametrize("name", ["{curly}", "{case_id}", "100 % [done] 한글", "}{"])
def test_braces_in_names_are_no_placeholders(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    settings = load(folder, "result_folder: 'dose/{beam_id}'\n")
    assert settings.result_folder_of(name, f"{name}_{{beam_name}}") == folder / "dose" / f"{name}_{{beam_name}}"


def test_results_state_and_remote_folders_among_the_cases_are_refused(folder: Path) -> None:
    text = "result_path: cases\nstate_directory: cases/state\nhpc:\n  remote_root: cases/a/../hpc\n"
    expected = f"expected a folder outside scan_directory ({folder / 'cases'}), whose folders are read as cases."
    assert refusals(folder, text) == [
        f":1: result_path: found '{folder / 'cases'}', {expected}",
        f":2: state_directory: found '{folder / 'cases' / 'state'}', {expected}",
        f":4: hpc.remote_root: found '{folder / 'cases' / 'hpc'}', {expected}",
    ]


def test_a_template_that_puts_folders_among_the_cases_is_refused(folder: Path) -> None:
    text = "result_folder: 'cases/{beam_id}'\nwork_folder: 'cases/work/{beam_id}'\n"
    first, second = refusals(folder, text)
    assert first.startswith(f":1: result_folder: found '{folder / 'cases' / 'CASE_BEAM'}', expected a folder outside")
    assert second.startswith(
        f":2: work_folder: found '{folder / 'cases' / 'work' / 'CASE_BEAM'}', expected a folder outs"
    )


def test_a_link_into_the_cases_is_refused_like_a_folder_there(folder: Path) -> None:
    (folder / "cases" / "dose").mkdir(parents=True)
    (folder / "results").symlink_to(folder / "cases" / "dose")
    assert refusals(folder, "result_path: results\n")[0].startswith(":1: result_path: found")


def test_a_link_among_the_cases_that_leads_out_is_refused_too(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (folder / "cases").mkdir()
    (folder / "cases" / "dose").symlink_to(tmp_path / "disk")
    assert refusals(folder, "result_path: cases/dose\n")[0].startswith(":1: result_path: found")


def test_a_folder_whose_name_only_begins_like_the_scan_directory_is_no_part_of_it(folder: Path) -> None:
    assert load(folder, "result_path: cases-done\n").result_path == folder / "cases-done"


def test_two_kinds_of_files_of_a_beam_in_one_folder_are_refused(folder: Path) -> None:
    text = "result_path: data\nhpc:\n  remote_root: data\n"
    assert refusals(folder, text) == [
        f":2: hpc.beam_folder: found '{folder / 'data' / 'CASE' / 'CASE_BEAM'}', expected another folder than that of "
        "result_folder."
    ]


@pytest.mark.parametrize("key", ["scan_directory", "result_path", "state_directory"])
def test_a_file_in_place_of_a_folder_is_refused(key: str, folder: Path) -> None:
    (folder / "file").touch()
    assert refusals(folder, f"{key}: file\n") == [
        f":1: {key}: found '{folder / 'file'}', expected a folder, or a path where one can be made; "
        f"{folder / 'file'} is no folder."
    ]


def test_a_path_below_a_file_is_refused(folder: Path) -> None:
    (folder / "file").touch()
    assert refusals(folder, "hpc:\n  remote_root: file/hpc\n") == [
        f":2: hpc.remote_root: found '{folder / 'file' / 'hpc'}', expected a folder, or a path where one can be made; "
        f"{folder / 'file'} is no folder."
    ]


@pytest.mark.parametrize("target", ["nowhere", "cases"], ids=["dead link", "link to itself"])
def test_a_link_that_leads_nowhere_is_refused(target: str, folder: Path) -> None:
    (folder / "cases").symlink_to(folder / target)
    assert refusals(folder, "scan_directory: cases\n")[0].endswith(f"{folder / 'cases'} is no folder.")


def test_a_config_that_is_a_link_to_itself_is_refused(folder: Path) -> None:
    (folder / "config.yaml").symlink_to(folder / "config.yaml")
    with pytest.raises(ConfigError, match=r"found a file that cannot be read \(.*\), expected one that you may read"):
        load_config(folder / "config.yaml")


def test_loading_a_config_makes_no_folder(folder: Path) -> None:
    load(folder, json.dumps({"scan_directory": "a/b", "hpc": {"remote_root": "c"}}))
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
