"""PlanRange.txt: the layers of a beam by the names of the columns; no log's name leads out of the folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.plan_range import LayerRange, read_plan_range, write_plan_range
from tests.moqui.support import damaged, read_or_none

HEADER = (
    "RESULT_ID,LAYER_NO,LAYER_ENERGY,PATIENT_ID,FLD_NO,DOSE1_RANGE,DOSE2_RANGE,"
    "PLAN_DOSE1_RANGE,PLAN_DOSE2_RANGE,SCAN_OUT_FL_NM,PLAN_SCAN_OUT_FL_NM"
)
SOUND = f"{HEADER}\n7,1,150.25,P1,2,2,3,4,5,a_001.ptn,p.mgn\n7,2,140,P1,2,3,3,4,5,a_002.ptn,p.mgn\n"
FIRST = LayerRange("7", 1, 150.25, "P1", "2", 2, 3, 4, 5, "a_001.ptn", "p.mgn")

text = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8)
small = st.integers(0, 10**6)
names = st.from_regex(r"[A-Za-z0-9_ \[\]'한]{1,8}\.ptn", fullmatch=True).filter(lambda name: name == name.strip())
layers = st.builds(
    LayerRange,
    text,
    small,
    st.floats(0, 1000, exclude_min=True),
    text,
    text,
    small,
    st.none() | small,
    st.none() | small,
    st.none() | small,
    names,
    text,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "PlanRange.txt"


def test_the_layers_are_read_in_the_order_of_the_file(path: Path) -> None:
    path.write_text(SOUND)
    first, second = read_plan_range(path)
    assert first == FIRST
    assert (second.layer_no, second.energy_mev, second.dose1_range, second.ptn_name) == (2, 140.0, 3, "a_002.ptn")


@settings(max_examples=60, deadline=None)
@given(
    layers=st.lists(
        layers, min_size=1, max_size=6, unique_by=(lambda row: row.layer_no, lambda row: row.ptn_name.casefold())
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, layers: list[LayerRange]) -> None:
    path = tmp_path_factory.mktemp("range") / "PlanRange.txt"
    write_plan_range(path, layers)
    assert read_plan_range(path) == tuple(layers)


@pytest.mark.parametrize(
    "layer",
    [
        replace(FIRST, patient_id="a\nb"),
        replace(FIRST, patient_id=" a"),
        replace(FIRST, ptn_name="../a.ptn"),
        replace(FIRST, energy_mev=float("nan")),
    ],
)
def test_a_layer_that_would_not_come_back_is_not_written(path: Path, layer: LayerRange) -> None:
    with pytest.raises((ValueError, InputError)):
        write_plan_range(path, [layer])
    assert not path.exists()


def test_columns_are_found_by_name_whatever_their_order(path: Path) -> None:
    path.write_text("SCAN_OUT_FL_NM,NEW,LAYER_ENERGY,DOSE1_RANGE,LAYER_NO\na.ptn,x,150,2,4\n")
    (layer,) = read_plan_range(path)
    assert (layer.ptn_name, layer.energy_mev, layer.dose1_range, layer.layer_no) == ("a.ptn", 150.0, 2, 4)


def test_what_a_row_leaves_empty_is_none_where_nothing_depends_on_it(path: Path) -> None:
    path.write_text(f"{HEADER}\n,1,150,,,2,,,,a.ptn,\n")
    (layer,) = read_plan_range(path)
    assert (layer.dose2_range, layer.plan_dose1_range, layer.plan_ptn_name) == (None, None, "")


def test_a_layer_number_is_kept_when_the_layer_before_is_missing(path: Path) -> None:
    path.write_text(f"{HEADER}\n7,1,150,P1,2,2,2,2,2,a.ptn,\n7,3,130,P1,2,2,2,2,2,c.ptn,\n")
    assert [layer.layer_no for layer in read_plan_range(path)] == [1, 3]


@pytest.mark.parametrize(
    "content",
    [
        SOUND.replace("\n", "\r\n"),
        "\ufeff" + SOUND,
        SOUND.replace(",", " , ").replace("\n", "  \n"),
        "\n\n" + SOUND.replace("\n", "\n\n"),
        SOUND.rstrip("\n"),
        SOUND.replace("P1", '"P1"'),
    ],
    ids=["CRLF", "byte order mark", "blanks", "blank lines", "no end of line", "quotes"],
)
def test_harmless_differences_are_accepted(path: Path, content: str) -> None:
    path.write_bytes(content.encode())
    assert read_plan_range(path)[0] == FIRST
    assert len(read_plan_range(path)) == 2


ROW = "7,1,150.25,P1,2,2,3,4,5,a_001.ptn,p.mgn"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (SOUND, "", "lists no layer"),
        (SOUND, HEADER + "\n", "lists no layer"),
        ("LAYER_ENERGY", "ENERGY", "line 1: the header lacks LAYER_ENERGY"),
        (HEADER + "\n", "", "line 1: the header lacks LAYER_NO, LAYER_ENERGY, DOSE1_RANGE, SCAN_OUT_FL_NM"),
        ("FLD_NO", "LAYER_NO", "line 1: the header has LAYER_NO more than once"),
        (ROW, ROW + ",8", "line 2: found 12 values, expected 11"),
        (ROW, ROW.removesuffix(",p.mgn"), "line 2: found 10 values, expected 11"),
        (ROW, '7,1,150.25,"P1,2,2,3,4,5,a_001.ptn,p.mgn', "line 2: found no values with commas"),
        ("7,2,140", "7,1,140", "line 3: LAYER_NO 1 is in line 2 already"),
        ("7,2,140", "7,two,140", "line 3: LAYER_NO is 'two', expected a whole number"),
        ("7,2,140", "7,-2,140", "line 3: LAYER_NO is '-2'"),
        ("7,2,140", "7,,140", "line 3: LAYER_NO is ''"),
        ("7,2,140", "7,2,", "line 3: LAYER_ENERGY is ''"),
        ("7,2,140", "7,2,nan", "line 3: LAYER_ENERGY is 'nan', expected an energy in MeV"),
        ("7,2,140", "7,2,inf", "line 3: LAYER_ENERGY is 'inf'"),
        ("7,2,140", "7,2,1e999", "line 3: LAYER_ENERGY is '1e999'"),
        ("7,2,140", "7,2,0", "line 3: LAYER_ENERGY is '0'"),
        ("7,2,140", "7,2,-140", "line 3: LAYER_ENERGY is '-140'"),
        (
            "7,2,140",
            "7,2,140000",
            "line 3: LAYER_ENERGY is '140000', expected an energy in MeV, above 0 and up to 1000",
        ),
        ("7,2,140", "7,2,1_40", "line 3: LAYER_ENERGY is '1_40'"),
        ("P1,2,2,", "P1,2,,", "line 2: DOSE1_RANGE is ''"),
        ("P1,2,2,3", "P1,2,2,x", "line 2: DOSE2_RANGE is 'x'"),
        ("a_002", "a_001", "line 3: SCAN_OUT_FL_NM 'a_001.ptn' is the log of the layer in line 2 already"),
        ("a_002", "A_001", "line 3: SCAN_OUT_FL_NM 'A_001.ptn' is the log of the layer in line 2 already"),
        ("a_002.ptn", "", "line 3: SCAN_OUT_FL_NM is ''"),
        ("a_002.ptn", "a.mgn", "line 3: SCAN_OUT_FL_NM is 'a.mgn', expected the name of a .ptn file"),
        ("a_002.ptn", "../a.ptn", "line 3: SCAN_OUT_FL_NM is '../a.ptn'"),
        ("a_002.ptn", "..", "line 3: SCAN_OUT_FL_NM is '..'"),
        ("a_002.ptn", "/etc/a.ptn", "line 3: SCAN_OUT_FL_NM is '/etc/a.ptn'"),
        ("a_002.ptn", "b/a.ptn", "line 3: SCAN_OUT_FL_NM is 'b/a.ptn'"),
        ("a_002.ptn", r"b\a.ptn", r"line 3: SCAN_OUT_FL_NM is 'b\a.ptn'"),
        ("a_002.ptn", r"C:a.ptn", "line 3: SCAN_OUT_FL_NM is 'C:a.ptn'"),
        ("a_002.ptn", "x" * 252 + ".ptn", "line 3: SCAN_OUT_FL_NM is 'xxx"),
        ("a_002.ptn", "a\0.ptn", "line 3: found the control character U+0000"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong_and_where(path: Path, old: str, new: str, complaint: str) -> None:
    assert old in SOUND
    path.write_text(SOUND.replace(old, new))
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        read_plan_range(path)
    assert str(path) in str(caught.value)


def test_bytes_that_are_no_text_are_refused_with_their_line(path: Path) -> None:
    path.write_bytes(SOUND.replace("P1", "P\xff", 1).encode("latin-1"))
    with pytest.raises(InputError, match="line 2: found the byte 0xff"):
        read_plan_range(path)


def test_a_huge_file_is_refused(path: Path) -> None:
    path.write_bytes(SOUND.encode() * 10_000)
    with pytest.raises(InputError, match="larger than 1 MiB"):
        read_plan_range(path)


def test_a_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match=r"PlanRange\.txt is missing"):
        read_plan_range(path)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=100) | damaged(SOUND.encode()) | damaged(SOUND.encode(), st.just(b",")))
def test_noise_and_damage_are_refused_or_every_layer_is_usable(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("range") / "PlanRange.txt"
    path.write_bytes(content)
    layers = read_or_none(read_plan_range, path)
    if layers is not None:
        assert len(layers) == len([line for line in content.split(b"\n") if line.strip()]) - 1
        assert len({layer.layer_no for layer in layers}) == len({layer.ptn_name for layer in layers}) == len(layers)
        for layer in layers:
            assert 0 < layer.energy_mev <= 1000
            assert (path.parent / layer.ptn_name).parent == path.parent
            assert layer.ptn_name.encode() in content
