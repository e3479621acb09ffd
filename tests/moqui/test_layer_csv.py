"""The CSVs of a beam: every layout holds the same values, none is read wrong, and all are proven to be the beam's."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.engine_formats import CsvLayout
from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.layer_csv import (
    MAX_COUNT,
    MAX_CSV_BYTES,
    LayerCsv,
    bring_layer_csv,
    check_beam_csvs,
    read_beam_csvs,
    read_layer_csv,
    write_layer_csv,
)
from mqi_tui.moqui.plan_range import LayerRange
from mqi_tui.moqui.rtplan import PlanBeam
from tests.moqui.support import damaged, read_or_none

finite = st.floats(allow_nan=False, allow_infinity=False)
spot = st.tuples(finite, finite, finite, st.integers(0, MAX_COUNT))
Spot = tuple[float, float, float, int]


def csv_of(spots: Sequence[Spot], layer: int = 3, energy_mev: float = 150.25) -> LayerCsv:
    times, xs, ys, counts = zip(*spots, strict=True)
    return LayerCsv(layer, energy_mev, np.array(times), np.array(xs), np.array(ys), np.array(counts, dtype=np.int64))


def spots_of(csv: LayerCsv) -> list[Spot]:
    return list(zip(csv.time_ms.tolist(), csv.x_mm.tolist(), csv.y_mm.tolist(), csv.count.tolist(), strict=True))


TWO = [(0.0, -1.5, 2.25, 10), (0.0600745, 1e-7, -3.0, 0)]


# Writing and reading


@settings(max_examples=60, deadline=None)
@given(spots=st.lists(spot, min_size=1, max_size=8), layout=st.sampled_from(list(CsvLayout)))
def test_what_is_written_is_read_in_each_layout(
    tmp_path_factory: pytest.TempPathFactory, spots: list[Spot], layout: CsvLayout
) -> None:
    path = write_layer_csv(tmp_path_factory.mktemp("csv"), csv_of(spots), layout)
    csv = read_layer_csv(path)
    assert spots_of(csv) == spots
    assert (csv.layer, csv.energy_mev) == (3, 150.25)


@settings(max_examples=60, deadline=None)
@given(
    spots=st.lists(spot, min_size=1, max_size=8),
    written=st.sampled_from(list(CsvLayout)),
    asked=st.sampled_from(list(CsvLayout)),
)
def test_a_csv_is_brought_into_the_layout_that_is_asked_for(
    tmp_path_factory: pytest.TempPathFactory, spots: list[Spot], written: CsvLayout, asked: CsvLayout
) -> None:
    source = write_layer_csv(tmp_path_factory.mktemp("from"), csv_of(spots), written)
    path, csv = bring_layer_csv(source, tmp_path_factory.mktemp("to"), asked)
    assert spots_of(csv) == spots_of(read_layer_csv(path)) == spots
    assert path.read_bytes() == write_layer_csv(tmp_path_factory.mktemp("as"), csv_of(spots), asked).read_bytes()


@pytest.mark.parametrize(
    ("layout", "content"),
    [
        (CsvLayout.ROWS, b"0,1.50,-2,10\n0.1,1,+2,7\n"),
        (CsvLayout.TRAILING_COMMA, b"0,1.50,-2,10,\n0.1,1e0,2,7,\n"),
        (CsvLayout.SINGLE_LINE, b"0,1.50,-2,10,0.1,1,2,7"),
    ],
)
def test_rows_that_are_laid_out_already_stay_byte_by_byte(tmp_path: Path, layout: CsvLayout, content: bytes) -> None:
    source = tmp_path / "3_field_150.250MeV.csv"
    source.write_bytes(content)
    path, _ = bring_layer_csv(source, tmp_path, layout)
    assert path.name == "03_150.25MeV.csv"
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b"0,1,2,10,\r\n1,1,2,7,\r\n",
        b"0,1,2,10,\n\n1,1,2,7,\n",
        b"0, 1,2,10,\n1,1,2,7,\n",
        b"0,1,2,10.0,\n1,1,2,7,\n",
        b"0,1,2,1e1,\n1,1,2,7,\n",
        b"0,1,2,10,\n1,1,2,7,",
        b"0,1,2,10\n1,1,2,7\n",
        b"0,1,2,10,1,1,2,7,",
        b"\xef\xbb\xbf0,1,2,10\n1,1,2,7\n",
    ],
)
def test_anything_else_is_laid_out_anew(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "3_field_150.25MeV.csv"
    source.write_bytes(content)
    path, _ = bring_layer_csv(source, tmp_path, CsvLayout.TRAILING_COMMA)
    assert path.read_bytes() == b"0.0,1.0,2.0,10,\n1.0,1.0,2.0,7,\n"


def test_a_second_csv_of_a_layer_is_not_brought_over_the_first(tmp_path: Path) -> None:
    for name in ("3_a_150.25MeV.csv", "3_b_150.25MeV.csv"):
        (tmp_path / name).write_bytes(b"0,1,2,10,\n1,1,2,7,\n")
    bring_layer_csv(tmp_path / "3_a_150.25MeV.csv", tmp_path, CsvLayout.TRAILING_COMMA)
    with pytest.raises(InputError, match=r"03_150\.25MeV\.csv is there already: layer 3 has two CSVs"):
        bring_layer_csv(tmp_path / "3_b_150.25MeV.csv", tmp_path, CsvLayout.TRAILING_COMMA)


@pytest.mark.parametrize(
    ("layout", "content"),
    [
        (CsvLayout.ROWS, "0.0,-1.5,2.25,10\n0.0600745,1e-07,-3.0,0\n"),
        (CsvLayout.TRAILING_COMMA, "0.0,-1.5,2.25,10,\n0.0600745,1e-07,-3.0,0,\n"),
        (CsvLayout.SINGLE_LINE, "0.0,-1.5,2.25,10,0.0600745,1e-07,-3.0,0"),
    ],
)
def test_the_layouts_differ_in_what_is_between_the_rows(tmp_path: Path, layout: CsvLayout, content: str) -> None:
    path = write_layer_csv(tmp_path, csv_of(TWO), layout)
    assert path.read_bytes().decode() == content
    assert path == tmp_path / "03_150.25MeV.csv"


def test_an_energy_is_rounded_in_the_name(tmp_path: Path) -> None:
    path = write_layer_csv(tmp_path, csv_of(TWO, layer=12, energy_mev=99.999), CsvLayout.ROWS)
    assert path.name == "12_100.00MeV.csv"


@pytest.mark.parametrize("layout", list(CsvLayout))
def test_a_hundred_thousand_rows_take_no_time(tmp_path: Path, layout: CsvLayout) -> None:
    random = np.random.default_rng(1)
    times, xs, ys = random.normal(size=(3, 100_000))
    csv = LayerCsv(1, 150.0, times, xs, ys, random.integers(0, 999, 100_000))
    path = write_layer_csv(tmp_path, csv, layout)
    start = time.process_time()
    read = read_layer_csv(path)
    assert time.process_time() - start < 2  # it takes 0.2 s; on a busy machine, more
    assert np.array_equal(read.x_mm, csv.x_mm)
    assert np.array_equal(read.count, csv.count)


def test_two_csvs_of_one_layer_never_become_one(tmp_path: Path) -> None:
    path = write_layer_csv(tmp_path, csv_of(TWO, energy_mev=150.251), CsvLayout.ROWS)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"03_150\.25MeV\.csv is there already: layer 3 has two CSVs"):
        write_layer_csv(tmp_path, csv_of(TWO[:1], energy_mev=150.249), CsvLayout.ROWS)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("spot", "complaint"),
    [
        ((math.nan, 0.0, 0.0, 1), "line 2: time is nan"),
        ((0.0, math.inf, 0.0, 1), "line 2: x is inf"),
        ((0.0, 0.0, 0.0, -1), "line 2: count is -1.0"),
        ((0.0, 0.0, 0.0, 2**31), "line 2: count is 2147483648.0"),
    ],
)
def test_spots_that_would_be_refused_are_not_written(tmp_path: Path, spot: Spot, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        write_layer_csv(tmp_path, csv_of([TWO[0], spot]), CsvLayout.ROWS)
    assert list(tmp_path.iterdir()) == []


# What a site's own interpreter may write


@pytest.mark.parametrize(
    "content",
    [
        "0,1,2,3\n4,5,6,7",
        "0,1,2,3\r\n4,5,6,7\r\n",
        "\ufeff0,1,2,3\n4,5,6,7\n",
        "\n 0 , 1,2 ,3 \n\n+4.0,5e0,6.,7.0\n\n",
        "0,1,2,3,\n4,5,6,7,",
        "0,1,2,3,4,5,6,7,\n",
        "0,1,2,3,4,5,6,7\n",
    ],
)
def test_every_spelling_of_the_same_spots_is_read_alike(tmp_path: Path, content: str) -> None:
    path = tmp_path / "03_150.25MeV.csv"
    path.write_bytes(content.encode())
    assert spots_of(read_layer_csv(path)) == [(0.0, 1.0, 2.0, 3), (4.0, 5.0, 6.0, 7)]


@pytest.mark.parametrize(
    ("name", "layer", "energy"),
    [
        ("03_150.25MeV.csv", 3, 150.25),
        ("3_150MeV.csv", 3, 150.0),
        ("003_field1_G1_150.2MeV.csv", 3, 150.2),
        ("12_07_150.25MeV.csv", 12, 150.25),
    ],
)
def test_a_name_says_layer_and_energy_with_anything_between(
    tmp_path: Path, name: str, layer: int, energy: float
) -> None:
    (tmp_path / name).write_text("0,1,2,3\n")
    csv = read_layer_csv(tmp_path / name)
    assert (csv.layer, csv.energy_mev) == (layer, energy)


@pytest.mark.parametrize(
    "name",
    [
        "layer.csv",
        "150.25MeV.csv",
        "layer3_150.25MeV.csv",
        "03_MeV.csv",
        "03_0MeV.csv",
        "03_-150MeV.csv",
        "03_nanMeV.csv",
        "03_150.25.csv",
        "03_150.25MeV.csv.csv",
        "2025042401440800_150.25MeV.csv",
        "٣_150.25MeV.csv",
    ],
)
def test_a_name_without_layer_or_energy_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("0,1,2,3\n")
    with pytest.raises(InputError, match=f"{re.escape(name)}: the file's name says no layer and energy"):
        read_layer_csv(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "holds no spots"),
        ("\n \r\n", "holds no spots"),
        ("0,1,2\n", "line 1: found 3 values, expected 4"),
        ("\n0,1,2,3,4\n", "line 2: found 5 values, expected 4 for each spot"),
        ("0,1,2,3\n4,5,6\n", "line 2: found 3 values and no comma at the end, expected 4"),
        ("0,1,2,3\n\n4,5,6,7,8\n", "line 3: found 5 values and no comma at the end, expected 4"),
        ("0,1,2,3,4,5,6,7\n0,1,2,3,4,5,6,7\n", "line 1: found 8 values"),
        ("0,1,2,3\n4,5,6,7,\n", "line 2: found 4 values and a comma at the end, unlike the first row"),
        ("0,1,2,3,\n4,5,6,7\n", "line 2: found 4 values and no comma at the end, unlike the first row"),
        ("0,1,2,3\n4,5,6,\n" * 4, "line 2: found 3 values and a comma at the end, unlike the first row"),
        ("0,1,2,3,\n4,5,6,7,8\n", "line 2: found 5 values and no comma at the end, unlike the first row"),
        ("time,x,y,count\n0,1,2,3\n", "line 1: found 't', expected numbers and commas alone (no header)"),
        ("0,1,2,3\n4,5,6,nan\n", "line 2: found 'n'"),
        ("0,1,2,3\n4,5;6,7\n", "line 2: found ';'"),
        ("0,1,2,3\n4,5,6,1_0\n", "line 2: found '_'"),
        ("0,1,2,3\n4,5,6,7\0\n", "line 2: found '�'"),
        ("0,1,2,3\n4,,6,7\n", "line 2: x is '', expected a number"),
        ("0,1,2,3\n4,5,6 7,8\n", "line 2: y is '6 7', expected a number"),
        ("0,1,2,3\n\n4,5,6,--7\n", "line 3: count is '--7', expected a number"),
        ("0,1,2,3,4,5,e,7\n", "line 1: y is 'e', expected a number"),
        ("0,1,2,3\n4,1e999,6,7\n", "line 2: x is inf, expected a finite number"),
        ("0,1,2,3\n4,5,6,7.5\n", "line 2: count is 7.5, expected a whole number"),
        ("0,1,2,3\n4,5,6,-7\n", "line 2: count is -7.0, expected a whole number"),
        ("0,1,2,3\n4,5,6,3e9\n", "line 2: count is 3000000000.0, expected a whole number from 0 to 2147483647"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong_and_where(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "03_150.25MeV.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        read_layer_csv(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"03_150\.25MeV\.csv is missing"):
        read_layer_csv(tmp_path / "03_150.25MeV.csv")


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "03_150.25MeV.csv"
    path.touch()
    os.truncate(path, MAX_CSV_BYTES + 1)
    with pytest.raises(InputError, match="larger than 64 MiB"):
        read_layer_csv(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), layout=st.sampled_from(list(CsvLayout)))
def test_noise_and_damage_are_refused_or_read_to_the_last_number(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, layout: CsvLayout
) -> None:
    path = write_layer_csv(tmp_path_factory.mktemp("csv"), csv_of([*TWO, (1.0, 2.0, 3.0, 4)]), layout)
    pieces = st.sampled_from([b",", b"\n", b",\n", b" ", b"1", b"-", b".", b"e", b"5,6,7,8", b""])
    content = path.read_bytes()
    path.write_bytes(data.draw(st.binary(max_size=60) | damaged(content) | damaged(content, pieces)))
    csv = read_or_none(read_layer_csv, path)
    if csv is not None:
        text = path.read_bytes().decode("utf-8-sig")
        numbers = [float(word) for word in re.split(r"[,\s]+", text) if word]
        assert [value for row in spots_of(csv) for value in row] == numbers


# The CSVs of a beam

ENERGIES = (150.0, 140.0, 130.0)


def layer_range(number: int, energy_mev: float) -> LayerRange:
    return LayerRange("1", number, energy_mev, "P1", "1", 2, 2, 2, 2, f"a_{number:03d}.ptn", "p.mgn")


LAYERS = tuple(layer_range(number, energy) for number, energy in enumerate(ENERGIES, start=1))
BEAM = PlanBeam(2, "beam", "G1", ENERGIES, is_setup=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the CSVs of LAYERS, ten histories each."""
    for layer in LAYERS:
        write_layer_csv(tmp_path, csv_of(TWO, layer.layer_no, layer.energy_mev), CsvLayout.TRAILING_COMMA)
    return tmp_path


def test_the_histories_of_all_csvs_are_summed_up(folder: Path) -> None:
    assert check_beam_csvs(folder, read_beam_csvs(folder), LAYERS, BEAM) == 30


def test_the_order_in_which_the_layers_are_listed_does_not_matter(folder: Path) -> None:
    assert check_beam_csvs(folder, read_beam_csvs(folder), LAYERS[::-1], BEAM) == 30


def test_other_files_are_passed_over(folder: Path) -> None:
    (folder / "moqui_tps.in").touch()
    assert check_beam_csvs(folder, read_beam_csvs(folder), LAYERS, BEAM) == 30


def test_energies_may_differ_by_their_rounding(folder: Path) -> None:
    assert (
        check_beam_csvs(folder, read_beam_csvs(folder), [replace(LAYERS[0], energy_mev=150.01), *LAYERS[1:]], BEAM)
        == 30
    )


def refused(folder: Path, layers: Sequence[LayerRange], beam: PlanBeam, complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        check_beam_csvs(folder, read_beam_csvs(folder), layers, beam)
    assert str(folder) in str(caught.value)


def test_a_layer_without_a_csv_is_refused(folder: Path) -> None:
    (folder / "02_140.00MeV.csv").unlink()
    refused(folder, LAYERS, BEAM, "holds 2 CSVs, but PlanRange.txt lists 3 layers: no CSV of layer 2")


def test_a_folder_without_csvs_is_refused(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    refused(folder, LAYERS, BEAM, "holds 0 CSVs, but PlanRange.txt lists 3 layers: no CSV of layers 1, 2, 3")


def test_a_csv_of_a_layer_that_is_not_listed_is_refused(folder: Path) -> None:
    write_layer_csv(folder, csv_of(TWO, 4, 120.0), CsvLayout.ROWS)
    refused(folder, LAYERS, BEAM, "04_120.00MeV.csv: PlanRange.txt lists no layer 4")


def test_a_second_csv_of_a_layer_is_refused(folder: Path) -> None:
    (folder / "02_x_140.00MeV.csv").write_text("0,1,2,3\n")
    refused(folder, LAYERS, BEAM, "02_x_140.00MeV.csv: 02_140.00MeV.csv is a CSV of layer 2 already")


def test_a_csv_with_another_energy_than_its_layer_is_refused(folder: Path) -> None:
    (folder / "02_140.00MeV.csv").rename(folder / "02_140.02MeV.csv")
    refused(folder, LAYERS, BEAM, "02_140.02MeV.csv: its name says 140.02 MeV, but layer 2 has 140 MeV")


def test_a_layer_with_another_energy_than_the_plan_is_refused(folder: Path) -> None:
    beam = replace(BEAM, energies_mev=(150.0, 140.1, 130.0))
    refused(folder, LAYERS, beam, "layer 2 has 140 MeV in PlanRange.txt, but 140.1 MeV in plan beam 2")


@pytest.mark.parametrize("energies", [(150.0, 140.0), (150.0, 140.0, 130.0, 120.0), ()])
def test_another_number_of_layers_than_the_plan_is_refused(folder: Path, energies: tuple[float, ...]) -> None:
    beam = replace(BEAM, energies_mev=energies)
    refused(folder, LAYERS, beam, f"PlanRange.txt lists 3 layers, but plan beam 2 has {len(energies)}")


def test_a_layer_without_histories_is_refused(folder: Path) -> None:
    (folder / "02_140.00MeV.csv").write_text("0,1,2,0,\n0,1,2,0,\n")
    refused(folder, LAYERS, BEAM, "02_140.00MeV.csv: the counts of layer 2 sum up to 0")


def test_a_damaged_csv_is_refused(folder: Path) -> None:
    (folder / "02_140.00MeV.csv").write_text("0,1,2,3,\n0,1,\n")
    refused(folder, LAYERS, BEAM, "02_140.00MeV.csv, line 2")


def test_csvs_that_engines_would_read_in_another_order_are_refused(tmp_path: Path) -> None:
    layers = [layer_range(number, energy) for number, energy in zip((11, 99, 100), ENERGIES, strict=True)]
    for layer in layers:
        write_layer_csv(tmp_path, csv_of(TWO, layer.layer_no, layer.energy_mev), CsvLayout.ROWS)
    refused(tmp_path, layers, BEAM, "100_130.00MeV.csv: engines read CSVs in the order of their names")
