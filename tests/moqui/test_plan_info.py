"""PlanInfo.txt: which beam of whose plan a folder is, and no guess where the file does not say so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.plan_info import read_plan_info, write_plan_info
from tests.moqui.support import damaged, read_or_none

SOUND = (
    "DICOM_PATIENT_ID,P1\nDICOM_STUDY_INS_UID,2.999.1\nDICOM_BEAM_NUMBER,3\nTCSC_IRRAD_DATETIME,20250424014408\n"
    "START_LAYER_NUMBER,1\nSTOP_LAYER_NUMBER,20\nSHARE_DIR,/a,b\n"
)
printable_text = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "PlanInfo.txt"


def test_number_patient_and_all_values_are_read(path: Path) -> None:
    path.write_text(SOUND)
    info = read_plan_info(path)
    assert (info.beam_number, info.patient_id) == (3, "P1")
    assert list(info.values)[:3] == ["DICOM_PATIENT_ID", "DICOM_STUDY_INS_UID", "DICOM_BEAM_NUMBER"]


def test_a_value_may_hold_commas(path: Path) -> None:
    path.write_text(SOUND)
    assert read_plan_info(path).values["SHARE_DIR"] == "/a,b"


@settings(max_examples=40, deadline=None)
@given(
    values=st.dictionaries(printable_text.filter(lambda key: key and "," not in key), printable_text, max_size=8),
    number=st.integers(0, 10**9),
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, values: dict[str, str], number: int) -> None:
    path = tmp_path_factory.mktemp("info") / "PlanInfo.txt"
    values = values | {"DICOM_BEAM_NUMBER": str(number)}
    write_plan_info(path, values)
    info = read_plan_info(path)
    assert list(info.values.items()) == list(values.items())
    assert info.beam_number == number


@pytest.mark.parametrize("value", ["two\nlines", " blank before", "blank after "])
def test_a_value_that_would_not_come_back_is_not_written(path: Path, value: str) -> None:
    with pytest.raises((ValueError, InputError)):
        write_plan_info(path, {"DICOM_BEAM_NUMBER": "1", "KEY": value})
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        SOUND.replace("\n", "\r\n"),
        "\ufeff" + SOUND,
        SOUND.replace(",", " , ").replace("\n", "  \n"),
        SOUND.replace("\n", "\n\n \t\n"),
        SOUND.rstrip("\n"),
        SOUND + "DICOM_BEAM_NUMBER,3\n",
    ],
    ids=["CRLF", "byte order mark", "blanks", "blank lines", "no end of line", "a key twice with one value"],
)
def test_harmless_differences_are_accepted(path: Path, content: str) -> None:
    path.write_bytes(content.encode())
    info = read_plan_info(path)
    assert (info.beam_number, info.patient_id) == (3, "P1")


def test_a_file_without_a_patient_leaves_it_empty(path: Path) -> None:
    path.write_text("DICOM_BEAM_NUMBER,3\n")
    assert read_plan_info(path).patient_id == ""


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "DICOM_BEAM_NUMBER is missing"),
        (b"DICOM_PATIENT_ID,P1\n", "DICOM_BEAM_NUMBER is missing"),
        (b"A,1\nDICOM_BEAM_NUMBER,two\n", "line 2: DICOM_BEAM_NUMBER is 'two', expected a whole number"),
        (b"DICOM_BEAM_NUMBER,\n", "line 1: DICOM_BEAM_NUMBER is ''"),
        (b"DICOM_BEAM_NUMBER,-1\n", "line 1: DICOM_BEAM_NUMBER is '-1'"),
        (b"DICOM_BEAM_NUMBER,2.0\n", "line 1: DICOM_BEAM_NUMBER is '2.0'"),
        ("DICOM_BEAM_NUMBER,٢\n".encode(), "line 1: DICOM_BEAM_NUMBER is '٢'"),
        (b"DICOM_BEAM_NUMBER,2\n\nDICOM_BEAM_NUMBER,3\n", "line 3: 'DICOM_BEAM_NUMBER' is '3', but '2' in line 1"),
        (b"DICOM_BEAM_NUMBER,2\nnonsense\n", "line 2: found 'nonsense', expected KEY,value"),
        (b"DICOM_BEAM_NUMBER,2\n,3\n", "line 2: found ',3', expected KEY,value"),
        (b"A,1\nB,\xff\nDICOM_BEAM_NUMBER,2\n", "line 2: found the byte 0xff, expected UTF-8 text"),
        (b"DICOM_BEAM_NUMBER,2\0\n", "line 1: found the control character U+0000"),
        (b"A,1\nB,\x1b[2J\nDICOM_BEAM_NUMBER,2\n", "line 2: found the control character U+001B"),
        (b"DICOM_BEAM_NUMBER,2\rDICOM_BEAM_NUMBER,3\n", "line 1: found the control character U+000D"),
        (SOUND.encode("utf-16"), "line 1: found the byte 0xff"),
        (b"A" * (1024 * 1024 + 1), "is larger than 1 MiB"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong_and_where(path: Path, content: bytes, complaint: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        read_plan_info(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match=r"PlanInfo\.txt is missing"):
        read_plan_info(path)


@settings(max_examples=80, deadline=None)
@given(content=st.binary(max_size=100) | damaged(SOUND.encode()))
def test_noise_and_damage_are_refused_or_say_the_number_that_stands_there(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("info") / "PlanInfo.txt"
    path.write_bytes(content)
    info = read_or_none(read_plan_info, path)
    if info is not None:
        pattern = rb"^(?:\xef\xbb\xbf)?[ \t\r]*DICOM_BEAM_NUMBER[ \t]*,[ \t]*\+?0*%d[ \t\r]*$" % info.beam_number
        assert re.search(pattern, content, re.MULTILINE)
