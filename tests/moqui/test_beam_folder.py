"""A beam folder: recognised by what it holds, complete when all is there, refused when a log is missing or too much."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.beam_folder import is_beam_folder, missing_files, read_beam_logs
from tests.support.folders import log_name, make_beam


@pytest.fixture
def beam(tmp_path: Path) -> Path:
    """A folder with three layers."""
    return make_beam(tmp_path / "2025042401440800", layers=3)


# What is one


@pytest.mark.parametrize("name", ["PlanInfo.txt", "PlanRange.txt", "a.ptn", "A.PTN"])
def test_a_folder_with_any_file_of_a_beam_is_a_beam_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert is_beam_folder(tmp_path)


def test_other_files_and_folders_make_no_beam_folder(tmp_path: Path) -> None:
    for name in ("CT.1.dcm", "PlanInfo.txt.bak", "a.ptn.part", "ptn", "._a.ptn"):
        (tmp_path / name).touch()
    for name in ("PlanInfo.txt", "PlanRange.txt", "b.ptn"):
        (tmp_path / name).mkdir()
    assert not is_beam_folder(tmp_path)


def test_an_empty_folder_is_none(tmp_path: Path) -> None:
    assert not is_beam_folder(tmp_path)


# What is missing


def test_a_complete_folder_lacks_nothing(beam: Path) -> None:
    assert missing_files(beam) == []


def test_missing_tables_and_logs_are_named(beam: Path) -> None:
    (beam / "PlanInfo.txt").unlink()
    (beam / log_name(1)).unlink()
    (beam / log_name(3)).unlink()
    assert missing_files(beam) == ["PlanInfo.txt", log_name(1), log_name(3)]


def test_without_plan_range_no_log_is_known_to_be_missing(beam: Path) -> None:
    (beam / "PlanRange.txt").unlink()
    (beam / log_name(1)).unlink()
    assert missing_files(beam) == ["PlanRange.txt"]


def test_what_a_damaged_plan_range_lists_is_not_guessed(beam: Path) -> None:
    (beam / "PlanRange.txt").write_bytes(b"\xff\xfe\x00garbage")
    with pytest.raises(InputError, match=r"PlanRange\.txt, line 1"):
        missing_files(beam)


# What is read


def test_the_tables_of_a_complete_folder_are_read(beam: Path) -> None:
    logs = read_beam_logs(beam)
    assert (logs.path, logs.info.beam_number, logs.info.patient_id) == (beam, 2, "SAMPLE")
    assert [layer.ptn_name for layer in logs.layers] == [log_name(1), log_name(2), log_name(3)]


def test_a_layer_that_was_not_delivered_leaves_the_numbers_of_the_others(beam: Path) -> None:
    table = beam / "PlanRange.txt"
    table.write_text("".join(line for line in table.read_text().splitlines(keepends=True) if log_name(2) not in line))
    (beam / log_name(2)).unlink()
    assert [layer.layer_no for layer in read_beam_logs(beam).layers] == [1, 3]


def test_start_and_stop_of_a_part_do_not_stand_in_the_way_of_logs_that_are_all_there(beam: Path) -> None:
    with (beam / "PlanInfo.txt").open("a") as info:
        info.write("START_LAYER_NUMBER,3\nSTOP_LAYER_NUMBER,3\n")
    assert len(read_beam_logs(beam).layers) == 3


@pytest.mark.parametrize("name", ["PlanInfo.txt", "PlanRange.txt", log_name(2)])
def test_a_missing_file_is_refused_by_name(beam: Path, name: str) -> None:
    (beam / name).unlink()
    with pytest.raises(InputError, match=re.escape(f"{beam / name} is missing")):
        read_beam_logs(beam)


def test_a_missing_log_names_its_layer(beam: Path) -> None:
    (beam / log_name(2)).unlink()
    with pytest.raises(InputError, match="the log of layer 2"):
        read_beam_logs(beam)


def test_a_folder_in_place_of_a_log_is_a_missing_log(beam: Path) -> None:
    (beam / log_name(2)).unlink()
    (beam / log_name(2)).mkdir()
    with pytest.raises(InputError, match="is missing, the log of layer 2"):
        read_beam_logs(beam)


@pytest.mark.parametrize(("content", "complaint"), [(b"", "empty"), (b"\0" * 17, "17 bytes")])
def test_a_log_without_whole_rows_is_refused_by_name(beam: Path, content: bytes, complaint: str) -> None:
    (beam / log_name(2)).write_bytes(content)
    with pytest.raises(InputError, match=rf"{log_name(2)} .*{complaint}"):
        read_beam_logs(beam)


def test_a_log_that_is_not_listed_is_refused_by_name(beam: Path) -> None:
    (beam / "other.ptn").write_bytes(b"\0" * 16)
    with pytest.raises(InputError, match=r"PlanRange\.txt lists 3 layers, but the folder has 4 logs.*other\.ptn"):
        read_beam_logs(beam)


def test_many_logs_that_are_not_listed_make_no_long_sentence(beam: Path) -> None:
    for number in range(20):
        (beam / f"x{number:02d}.ptn").write_bytes(b"\0" * 16)
    with pytest.raises(InputError, match=r"x00\.ptn, x01\.ptn, x02\.ptn and 17 more"):
        read_beam_logs(beam)


def test_hidden_files_and_planned_scans_are_no_logs(beam: Path) -> None:
    for name in ("._01_SAMPLE_001_001_001.ptn", "p.mgn", "notes.txt"):
        (beam / name).write_bytes(b"odd")
    assert len(read_beam_logs(beam).layers) == 3


def test_a_folder_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2025042401440800 is missing"):
        read_beam_logs(tmp_path / "2025042401440800")


def test_a_file_in_place_of_the_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "beam").touch()
    with pytest.raises(InputError, match="beam is missing"):
        read_beam_logs(tmp_path / "beam")
