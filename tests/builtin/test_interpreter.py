"""The built-in mqi_interpreter, run as a site runs its own: logs in, CSVs and moqui_tps.in out."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.builtin.interpreter import DEFAULT_DIVISOR, history_counts, interpret
from mqi_tui.builtin.sample import make_cases
from mqi_tui.config import Settings
from mqi_tui.domain.engine_formats import CsvLayout, EngineProfile
from mqi_tui.moqui.beam_folder import read_beam_logs
from mqi_tui.moqui.calibration import Calibration, monitor_range_factor, write_calibration
from mqi_tui.moqui.layer_csv import LayerCsv, check_beam_csvs, read_beam_csvs
from mqi_tui.moqui.plan_range import LayerRange
from mqi_tui.moqui.rtplan import find_plan, read_plan, write_reduced_plan
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput, check_keys

Row = tuple[int, ...]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two cases of three beams with four layers: one of machine G1, one of G2."""
    return make_cases(tmp_path_factory.mktemp("samples"), cases=2, beams=3, layers=4, faulty=False, seed=7)


@pytest.fixture
def case(samples: list[Path], tmp_path: Path) -> Path:
    """A case of G1 that a test may damage."""
    return Path(shutil.copytree(samples[0], tmp_path / samples[0].name))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where the CSVs shall be; not there yet."""
    return tmp_path / "output"


def beams_of(case: Path) -> list[Path]:
    return sorted(path for path in case.iterdir() if path.is_dir())


def plan_of(case: Path) -> Path:
    return find_plan(case, "RP*.dcm")


def machine_of(case: Path) -> str:
    machine = read_plan(plan_of(case)).beams[0].machine
    return next(name for name in Settings().machines if name in machine)


def calibration_file(folder: Path, machine: str) -> Path:
    """The machine's calibration of the default config, as a file."""
    values = Settings().machines[machine]
    path = folder / f"scv_init_{machine}.txt"
    calibration = Calibration(
        time_gain_ms=values.time_gain_ms,
        x_offset=values.x_offset,
        y_offset=values.y_offset,
        x_gain_mm=values.x_gain_mm,
        y_gain_mm=values.y_gain_mm,
    )
    write_calibration(path, calibration)
    return path


def run(beam: Path, output: Path, *more: str, plan: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program on a beam folder, with the plan and the machine of its case."""
    arguments = {
        "--logdir": beam,
        "--plan": plan or plan_of(beam.parent),
        "--calibration": calibration_file(beam.parent.parent, machine_of(beam.parent)),
        "--outputdir": output,
        "--csv-layout": "trailing-comma",
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    return subprocess.run(
        [sys.executable, "-m", "mqi_tui.builtin.interpreter", *words, *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def csvs_in(output: Path) -> dict[int, LayerCsv]:
    """By layer number."""
    return {csv.layer: csv for csv in read_beam_csvs(output).values()}


def raw_rows(path: Path) -> list[Row]:
    """The rows of a PTN log, read without the program's own reader."""
    return list(struct.iter_unpack(">8H", path.read_bytes()))


def write_raw_rows(path: Path, rows: list[Row]) -> None:
    path.write_bytes(b"".join(struct.pack(">8H", *row) for row in rows))


def set_in_first_layer(beam: Path, column: str, value: str) -> None:
    """Change one field of PlanRange.txt."""
    table = beam / "PlanRange.txt"
    header, first, *others = table.read_text().splitlines()
    fields = dict(zip(header.split(","), first.split(","), strict=True)) | {column: value}
    table.write_text("\n".join([header, ",".join(fields.values()), *others]) + "\n")


def layer_logs(beam: Path) -> list[tuple[LayerRange, Path]]:
    return [(layer, beam / layer.ptn_name) for layer in read_beam_logs(beam).layers]


# What it makes of good logs


def test_its_first_line_says_that_it_is_no_clinical_program(case: Path, output: Path) -> None:
    done = run(beams_of(case)[0], output)
    assert "no clinical program" in done.stdout.splitlines()[0]


def test_every_beam_of_both_machines_gets_csvs_that_pass_the_check_before_upload(
    samples: list[Path], tmp_path: Path
) -> None:
    for case in samples:
        plan = read_plan(plan_of(case))
        for beam in beams_of(case):
            output = tmp_path / f"{case.name}-{beam.name}"
            done = run(beam, output)
            assert (done.returncode, done.stderr) == (0, "")
            logs = read_beam_logs(beam)
            histories = check_beam_csvs(output, read_beam_csvs(output), logs.layers, plan.beam(logs.info.beam_number))
            assert f"{len(logs.layers)} layers, {histories} histories" in done.stdout


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_cases_of_any_seed_are_interpreted(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("seed")
    (case,) = make_cases(folder, cases=1, beams=None, layers=None, faulty=False, seed=seed)
    calibration = calibration_file(folder, machine_of(case))
    for beam in beams_of(case):
        output = folder / f"csvs-{beam.name}"
        done = interpret(beam, calibration, output, layout=CsvLayout.ROWS)
        logs = read_beam_logs(beam)
        beam_of_plan = read_plan(plan_of(case)).beam(done.beam_number)
        assert check_beam_csvs(output, read_beam_csvs(output), logs.layers, beam_of_plan) == done.histories
        assert done.beam_number == logs.info.beam_number


def test_the_histories_of_a_layer_are_those_of_its_log_to_within_half_a_history(case: Path, output: Path) -> None:
    for beam in beams_of(case):
        run(beam, output / beam.name)
        csvs = csvs_in(output / beam.name)
        for layer, path in layer_logs(beam):
            dose = sum(row[4] for row in raw_rows(path)) * monitor_range_factor(layer.dose1_range)
            assert abs(csvs[layer.layer_no].count.sum() - dose / DEFAULT_DIVISOR) <= 0.5


def test_time_and_place_of_each_row_are_those_of_its_log(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    run(beam, output)
    machine = Settings().machines["G1"]
    csvs = csvs_in(output)
    for layer, path in layer_logs(beam):
        on = [(number, row) for number, row in enumerate(raw_rows(path)) if row[4] > 0]
        csv = csvs[layer.layer_no]
        np.testing.assert_allclose(csv.time_ms, [number * machine.time_gain_ms for number, _ in on], atol=1e-3)
        np.testing.assert_allclose(
            csv.x_mm, [(row[0] - machine.x_offset) * machine.x_gain_mm for _, row in on], atol=machine.x_gain_mm / 2
        )
        np.testing.assert_allclose(
            csv.y_mm, [(row[1] - machine.y_offset) * machine.y_gain_mm for _, row in on], atol=machine.y_gain_mm / 2
        )


def test_rows_with_the_beam_off_are_left_out(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    layer, path = next(found for found in layer_logs(beam) if found[0].dose1_range == 2)
    row = raw_rows(path)[0]
    write_raw_rows(path, [(*row[:4], dose, *row[5:]) for dose in (0, 50, 0, 0, 70, 0)])
    assert run(beam, output).returncode == 0
    assert csvs_in(output)[layer.layer_no].count.tolist() == [5, 7]


def test_many_rows_of_less_than_half_a_history_keep_their_histories(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    layer, path = layer_logs(beam)[0]
    row = raw_rows(path)[0]
    factor = monitor_range_factor(layer.dose1_range)
    write_raw_rows(path, [(*row[:4], 1, *row[5:])] * 1000)
    assert run(beam, output).returncode == 0
    assert csvs_in(output)[layer.layer_no].count.sum() == round(1000 * factor / DEFAULT_DIVISOR)


@settings(deadline=None)
@given(
    dose1=st.lists(st.integers(0, 65535), min_size=1, max_size=200),
    histories_per_count=st.floats(1e-3, 3.0),
)
def test_rounding_never_adds_up(dose1: list[int], histories_per_count: float) -> None:
    count = history_counts(np.array(dose1, dtype=np.uint16), histories_per_count)
    exact = np.array(dose1) * histories_per_count
    assert np.all(np.abs(np.cumsum(count) - np.cumsum(exact)) <= 0.5 + 1e-6)
    assert np.all(np.abs(count - exact) <= 1 + 1e-6)
    assert np.all(count[exact == 0] == 0)
    assert np.all(count >= 0)


def test_a_coarser_monitor_range_counts_for_more_histories(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    run(beam, output / "before")
    layer = read_beam_logs(beam).layers[0]
    set_in_first_layer(beam, "DOSE1_RANGE", "4")
    run(beam, output / "after")
    growth = monitor_range_factor(4) / monitor_range_factor(layer.dose1_range)
    number = layer.layer_no
    histories = [csvs_in(output / name)[number].count.sum() for name in ("before", "after")]
    assert histories[1] == pytest.approx(histories[0] * growth, rel=1e-3)


def test_twice_the_divisor_makes_half_the_histories(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    run(beam, output / "10")
    run(beam, output / "20", "--divisor", "20")
    once, half = (sum(csv.count.sum() for csv in csvs_in(output / name).values()) for name in ("10", "20"))
    assert half == pytest.approx(once / 2, abs=4)


def test_each_layout_holds_the_same_spots(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    for layout in CsvLayout:
        assert run(beam, output / layout, "--csv-layout", layout.value).returncode == 0
    rows, comma, line = (csvs_in(output / layout) for layout in CsvLayout)
    for number, csv in rows.items():
        for other in (comma[number], line[number]):
            assert np.array_equal(csv.x_mm, other.x_mm)
            assert np.array_equal(csv.count, other.count)


def test_moqui_tps_in_holds_only_known_keys_and_nothing_of_place_or_machine(case: Path, output: Path) -> None:
    run(beams_of(case)[0], output)
    tps = TpsInput.read(output / TPS_NAME)
    assert list(tps.items()) == [("BeamNumbers", "1")]
    assert check_keys([key for key, _ in tps.items()], EngineProfile.LOGFORK) == []


def test_only_the_user_can_read_what_it_writes(case: Path, output: Path) -> None:
    run(beams_of(case)[0], output)
    assert {path.stat().st_mode & 0o077 for path in [output, *output.iterdir()]} == {0}


# Whose logs they are


def test_a_beam_is_found_by_its_number_whatever_the_order_of_delivery(case: Path, output: Path) -> None:
    planned = {
        int(beam.BeamNumber): sorted({float(point.NominalBeamEnergy) for point in beam.IonControlPointSequence})
        for beam in pydicom.dcmread(plan_of(case)).IonBeamSequence[1:]
    }
    delivered = []
    for beam in beams_of(case):
        number = read_beam_logs(beam).info.beam_number
        run(beam, output / beam.name)
        energies = sorted(csv.energy_mev for csv in csvs_in(output / beam.name).values())
        assert energies == pytest.approx(planned[number], abs=0.011)
        delivered.append(number)
    assert delivered != sorted(delivered), "the case is meant to be delivered in another order than planned"


def test_a_plan_that_is_reduced_to_the_beam_gives_the_same(case: Path, output: Path, tmp_path: Path) -> None:
    beam = beams_of(case)[0]
    reduced = tmp_path / "RP.reduced.dcm"
    write_reduced_plan(plan_of(case), reduced, read_beam_logs(beam).info.beam_number)
    run(beam, output / "whole")
    assert run(beam, output / "reduced", plan=reduced).returncode == 0
    for path in (output / "whole").iterdir():
        assert (output / "reduced" / path.name).read_bytes() == path.read_bytes()


def test_without_a_plan_the_logs_alone_give_the_same(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    run(beam, output / "with")
    calibration = calibration_file(case.parent, machine_of(case))
    interpret(beam, calibration, output / "without", layout=CsvLayout.TRAILING_COMMA)
    for path in (output / "with").iterdir():
        assert (output / "without" / path.name).read_bytes() == path.read_bytes()


# What it refuses: exit code 1, one line on stderr, and no CSV


def refused(done: subprocess.CompletedProcess[str], output: Path, *words: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert list(output.glob("**/*")) == []


def edit_text(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def set_beam_number(beam: Path, number: int) -> None:
    actual = read_beam_logs(beam).info.beam_number
    edit_text(
        beam / "PlanInfo.txt",
        lambda text: text.replace(f"DICOM_BEAM_NUMBER,{actual}\n", f"DICOM_BEAM_NUMBER,{number}\n"),
    )


def test_a_log_that_is_cut_short(case: Path, output: Path) -> None:
    beam = beams_of(case)[1]
    _, path = layer_logs(beam)[2]
    path.write_bytes(path.read_bytes()[:-5])
    refused(run(beam, output), output, str(path))


def test_a_log_that_is_empty(case: Path, output: Path) -> None:
    beam = beams_of(case)[1]
    _, path = layer_logs(beam)[3]
    path.write_bytes(b"")
    refused(run(beam, output), output, path.name)


def test_a_log_that_is_missing(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    _, path = layer_logs(beam)[0]
    path.unlink()
    refused(run(beam, output), output, path.name)


def test_a_log_without_dose(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    _, path = layer_logs(beam)[1]
    write_raw_rows(path, [(*row[:4], 0, *row[5:]) for row in raw_rows(path)])
    refused(run(beam, output), output, str(path), "dose1")


def test_a_beam_number_that_the_plan_does_not_have(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    set_beam_number(beam, 9)
    refused(run(beam, output), output, plan_of(case).name, "9")


def test_the_number_of_a_setup_beam(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    set_beam_number(beam, 1)
    refused(run(beam, output), output, plan_of(case).name, "setup")


def test_the_number_of_another_beam(case: Path, output: Path) -> None:
    first, second = beams_of(case)[:2]
    set_beam_number(first, read_beam_logs(second).info.beam_number)
    refused(run(first, output), output, "PlanRange.txt", "MeV")


def test_fewer_layers_than_planned(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    edit_text(beam / "PlanRange.txt", lambda text: "".join(text.splitlines(keepends=True)[:-1]))
    refused(run(beam, output), output, "PlanRange.txt", "3 layers", "has 4")


def test_a_layer_in_the_middle_that_is_not_listed(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]

    def without_second(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(lines[:2] + lines[3:])

    edit_text(beam / "PlanRange.txt", without_second)
    refused(run(beam, output), output, "PlanRange.txt", "3 layers")


def test_an_energy_that_differs_by_more_than_rounding(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    energy = read_beam_logs(beam).layers[0].energy_mev
    set_in_first_layer(beam, "LAYER_ENERGY", f"{energy + 0.05:.2f}")
    refused(run(beam, output), output, "PlanRange.txt", "layer 1", f"{energy:g} MeV")


def test_an_energy_that_is_rounded_otherwise_is_no_mismatch(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    set_in_first_layer(beam, "LAYER_ENERGY", f"{read_beam_logs(beam).layers[0].energy_mev + 0.01:.2f}")
    assert run(beam, output).returncode == 0


def test_a_plan_of_another_patient(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    edit_text(
        beam / "PlanInfo.txt",
        lambda text: text.replace("DICOM_PATIENT_ID,SAMPLE-0001", "DICOM_PATIENT_ID,SAMPLE-0009"),
    )
    refused(run(beam, output), output, "PlanInfo.txt", "SAMPLE-0009", "SAMPLE-0001")


def test_a_beam_folder_without_plan_info(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    (beam / "PlanInfo.txt").unlink()
    refused(run(beam, output), output, "PlanInfo.txt")


def test_a_monitor_range_without_a_factor(case: Path, output: Path) -> None:
    beam = beams_of(case)[0]
    set_in_first_layer(beam, "DOSE1_RANGE", "7")
    refused(run(beam, output), output, "PlanRange.txt", "7")


@pytest.mark.parametrize(
    "content", [b"", b"no plan at all\n" * 40, bytes(range(256)) * 8], ids=["empty", "text", "noise"]
)
def test_a_plan_that_is_none(case: Path, output: Path, content: bytes) -> None:
    garbage = output.parent / "RP.garbage.dcm"
    garbage.write_bytes(content)
    refused(run(beams_of(case)[0], output, plan=garbage), output, str(garbage))


def test_a_plan_that_is_cut_short(case: Path, output: Path) -> None:
    cut = output.parent / "RP.cut.dcm"
    content = plan_of(case).read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    refused(run(beams_of(case)[0], output, plan=cut), output, "RP.cut.dcm")


def test_a_plan_that_is_not_there(case: Path, output: Path) -> None:
    absent = output.parent / "RP.absent.dcm"
    refused(run(beams_of(case)[0], output, plan=absent), output, str(absent))


def test_a_beam_folder_that_is_not_there(case: Path, output: Path) -> None:
    refused(run(case / "2001010100000000", output), output, "2001010100000000")


def test_csvs_of_an_earlier_run_are_neither_mixed_nor_overwritten(case: Path, output: Path) -> None:
    first, second = beams_of(case)[:2]
    run(first, output)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    done = run(second, output)
    assert done.returncode == 1
    assert "--outputdir" in done.stderr
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_an_output_folder_that_is_a_file(case: Path, output: Path) -> None:
    output.write_text("in the way")
    done = run(beams_of(case)[0], output)
    assert done.returncode == 1
    assert done.stderr.startswith(str(output))
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("divisor", ["0", "-1", "nan", "inf", "ten"])
def test_a_divisor_that_is_no_number_above_zero_is_a_usage_error(case: Path, output: Path, divisor: str) -> None:
    done = run(beams_of(case)[0], output, f"--divisor={divisor}")
    assert done.returncode == 2
    assert "no number above 0" in done.stderr
    assert not output.exists()
