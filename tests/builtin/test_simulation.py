"""The built-in mqi_simulation, run as a site runs its own: CSVs and moqui_tps.in in, log lines and one raw file out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from mqi_tui.builtin.simulation import main
from mqi_tui.config import Settings
from mqi_tui.domain.engine_formats import CsvLayout, EngineProfile
from mqi_tui.moqui.dose import check_dose, summarise
from mqi_tui.moqui.layer_csv import LayerCsv, write_layer_csv
from mqi_tui.moqui.raw_dose import open_raw
from mqi_tui.moqui.run_log import RunLogParser, RunLogState
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput

ENERGIES_MEV = (150.0, 130.25, 110.5)
SPOTS = 25
COUNT = 40
HISTORIES = len(ENERGIES_MEV) * SPOTS * COUNT
SMALL = {"PhantomDimX": "20", "PhantomDimY": "20", "PhantomUnitX": "6", "PhantomUnitY": "6"}


@pytest.fixture
def beam(tmp_path: Path) -> Path:
    """A beam's folder on the HPC with three layers of 40 mm by 40 mm, the deepest with most of the histories."""
    folder = tmp_path / "case one_2025"
    field_of(folder).mkdir(parents=True)
    for number, energy in enumerate(ENERGIES_MEV, start=1):
        write_csv(field_of(folder), number, energy, COUNT * 2 if number == 1 else COUNT // 2)
    return folder


def field_of(beam: Path) -> Path:
    """Where the CSVs of an attempt are."""
    return beam / "run-001" / "logs" / "beam 2025"


def write_csv(folder: Path, number: int, energy_mev: float, count: int) -> None:
    places = np.arange(-20, 21, 10.0)
    x, y = (axis.ravel() for axis in np.meshgrid(places, places))
    csv = LayerCsv(number, energy_mev, np.arange(SPOTS, dtype=np.float64), x, y, np.full(SPOTS, count))
    write_layer_csv(folder, csv, CsvLayout.TRAILING_COMMA)


def tps_file(beam: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """The moqui_tps.in of attempt 1, as the default config makes it, with a small phantom; None leaves a key out."""
    run = beam / "run-001"
    engine = Settings().engine
    values: dict[str, str | None] = {**engine.parameters, **engine.run_parameters, **SMALL}
    values |= {"GantryNum": "1", "GPUID": "3", "ParentDir": str(run), "OutputDir": str(run)}
    values |= {"MaxHistoriesPerBatch": "700"} | dict(changes or {})
    kept = {key: value for key, value in values.items() if value is not None}
    path = run / TPS_NAME
    path.write_text(TpsInput.parse("", TPS_NAME).with_values(kept).render())
    return path


def command(path: Path) -> list[str]:
    return [sys.executable, "-m", "mqi_tui.builtin.simulation", str(path)]


def run(beam: Path, changes: Mapping[str, str | None] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(tps_file(beam, changes)), capture_output=True, text=True, timeout=60, check=False)


def fails(beam: Path, changes: Mapping[str, str | None] | None, capfd: pytest.CaptureFixture[str]) -> str:
    """Run it in this process, which is quicker: it fails with one line on stderr, and nothing is left behind."""
    path = tps_file(beam, changes)
    before = sorted(beam.rglob("*"))
    handler, mask = signal.getsignal(signal.SIGTERM), os.umask(0o077)
    try:
        assert main([str(path)]) == 1
    finally:
        signal.signal(signal.SIGTERM, handler)
        os.umask(mask)
    (line,) = capfd.readouterr().err.splitlines()
    assert sorted(beam.rglob("*")) == before
    return line


# A good run


def test_a_run_leaves_one_raw_file_with_a_dose_that_passes_the_check(beam: Path) -> None:
    done = run(beam)
    assert (done.returncode, done.stderr) == (0, "")
    (raw,) = (beam / "run-001").glob("*.raw")
    grid = TpsInput.read(beam / "run-001" / TPS_NAME).grid()
    dose = open_raw(raw, grid)
    check_dose(dose, raw)
    summary = summarise(dose, grid, "high-z")
    assert summary.r80_mm == pytest.approx(157.2, abs=1)
    assert summary.peak_depth_mm == pytest.approx(155, abs=1)
    assert all(abs(place) < 23 for place in summary.maximum_at_mm[:2])


def test_the_file_is_named_after_beam_child_and_scorer_and_nothing_else_is_left(beam: Path) -> None:
    run(beam)
    assert sorted(path.name for path in (beam / "run-001").iterdir()) == ["beam_2025_1_Dose.raw", "logs", TPS_NAME]


def test_its_first_line_says_that_it_is_no_clinical_engine(beam: Path) -> None:
    assert "no clinical engine" in run(beam).stdout.splitlines()[0]


def test_its_log_is_that_of_a_fork_with_batches(beam: Path) -> None:
    done = run(beam)
    lines = done.stdout.splitlines()
    for line in (
        f"Total beamlets (Spots) : {len(ENERGIES_MEV) * SPOTS}",
        f"Total histories (Particles) : {HISTORIES}",
        "Uploading particles with batch.. : Particle count --> 700 with 5 batches",
        "Generating particles for (5 of 5 batches) in CPU ..",
        "Simlulation finalizing..",
    ):
        assert lines.count(line) == 1
    assert lines.count("Particle transportation complete!") == 5
    parser = RunLogParser(EngineProfile.LOGFORK)
    parser.feed(done.stdout.encode())
    assert parser.state == RunLogState(1.0, HISTORIES, HISTORIES, ())


@pytest.mark.parametrize("batch", ["0", None, "1000000"])
def test_the_size_of_a_batch_changes_nothing_in_the_dose(beam: Path, batch: str | None) -> None:
    run(beam)
    (raw,) = (beam / "run-001").glob("*.raw")
    in_batches = raw.read_bytes()
    done = run(beam, {"MaxHistoriesPerBatch": batch})
    assert raw.read_bytes() == in_batches
    parser = RunLogParser(EngineProfile.LOGFORK)
    parser.feed(done.stdout.encode())
    assert parser.state == RunLogState(1.0, HISTORIES, HISTORIES, ())


def test_csvs_elsewhere_are_not_read(beam: Path) -> None:
    below = field_of(beam) / "below"
    below.mkdir()
    for folder in (beam, beam / "run-001", beam / "run-001" / "logs", below):
        write_csv(folder, 9, 190.0, 1000)
    assert f"Total histories (Particles) : {HISTORIES}\n" in run(beam).stdout


def test_a_second_field_folder_is_refused(beam: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (field_of(beam).parent / "another").mkdir()
    assert "holds 2 field folders" in fails(beam, None, capfd)


def test_only_the_user_can_read_the_dose(beam: Path) -> None:
    run(beam)
    (raw,) = (beam / "run-001").glob("*.raw")
    assert raw.stat().st_mode & 0o077 == 0


def test_an_output_folder_that_is_not_there_is_made(beam: Path) -> None:
    assert run(beam, {"OutputDir": str(beam / "new")}).returncode == 0
    assert len(list((beam / "new").glob("*.raw"))) == 1


# A failed run: exit code 1, one line on stderr, no raw file


def test_a_failure_is_told_in_one_line_that_the_log_reader_takes_for_an_error(beam: Path) -> None:
    for path in field_of(beam).glob("*.csv"):
        path.unlink()
    done = run(beam)
    assert done.returncode == 1
    assert "holds no CSVs" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    parser = RunLogParser(EngineProfile.LOGFORK)
    parser.feed((done.stdout + done.stderr).encode())
    assert len(parser.state.errors) == 1
    assert list(beam.rglob("*.raw")) == []


@pytest.mark.parametrize("place", ["/proc/moqui_out", "/dev/null", "/no/such/place"])
def test_an_output_folder_that_cannot_be_made_or_written_to(
    beam: Path, place: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert f"Cannot write :{place}" in fails(beam, {"OutputDir": place}, capfd)


@pytest.mark.parametrize(
    "key", ["ParentDir", "logFilePath", "OutputDir", "Scorer", "UsingPhantomGeo", "PhantomDimZ", "PhantomPositionX"]
)
def test_a_missing_key_is_named(beam: Path, key: str, capfd: pytest.CaptureFixture[str]) -> None:
    line = fails(beam, {key: None}, capfd)
    assert TPS_NAME in line
    assert key in line


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("UsingPhantomGeo", "false"),
        ("TwoCentimeterMode", "true"),
        ("Scorer", "LETd"),
        ("SimulationType", "perSpot"),
        ("OutputFormat", "dcm"),
        ("BeamNumbers", "2"),
        ("MaxHistoriesPerBatch", "-1"),
        ("PhantomDimX", "many"),
    ],
)
def test_what_it_does_not_compute_is_refused_by_key_and_value(
    beam: Path, key: str, value: str, capfd: pytest.CaptureFixture[str]
) -> None:
    line = fails(beam, {key: value}, capfd)
    assert f"{key} is '{value}'" in line


def test_an_output_folder_that_is_there_is_refused_unless_it_may_be_overwritten(
    beam: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "Output directory exists." in fails(beam, {"OverwriteResults": "false"}, capfd)


def test_a_log_folder_that_is_not_there(beam: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "holds 0 field folders" in fails(beam, {"logFilePath": "no/such/folder"}, capfd)


def test_a_csv_that_is_cut_short(beam: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = next(field_of(beam).glob("*.csv"))
    path.write_bytes(path.read_bytes()[:-9])
    assert path.name in fails(beam, None, capfd)


def test_csvs_without_a_history(beam: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path in field_of(beam).glob("*.csv"):
        path.write_text("1,0,0,0,\n")
    assert "no history" in fails(beam, None, capfd)


def test_an_energy_that_its_physics_do_not_hold_for(beam: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_csv(field_of(beam), 4, 1200.0, 1)
    assert "1200 MeV" in fails(beam, None, capfd)


def test_a_beam_that_misses_the_phantom(beam: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "the dose is 0 in every voxel" in fails(beam, {"PhantomPositionX": "900"}, capfd)


def test_a_disk_that_is_full_leaves_nothing(
    beam: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_space, raising=False)
    assert "No space left on device" in fails(beam, None, capfd)


def test_an_input_file_that_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path / TPS_NAME), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{TPS_NAME} is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_input_file_at_all_is_a_usage_error() -> None:
    done = subprocess.run(command(Path())[:-1], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2


def test_a_run_that_is_ended_by_sigterm_leaves_no_raw_file(beam: Path) -> None:
    for number in range(4, 100):
        write_csv(field_of(beam), number, 190.0 - number / 10, 100)
    path = tps_file(beam, {"PhantomUnitX": "1", "PhantomUnitY": "1", "PhantomDimX": "120", "PhantomDimY": "120"})
    with subprocess.Popen(command(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        for line in engine.stdout:
            if line.startswith("Transporting"):
                break
        assert list(path.parent.glob(".*.part")) != []
        engine.send_signal(signal.SIGTERM)
        start = time.monotonic()
        assert engine.wait(timeout=30) == 143
        assert time.monotonic() - start < 10
        assert engine.stderr is not None
        assert engine.stderr.read() == ""
    assert sorted(found.name for found in path.parent.iterdir()) == ["logs", TPS_NAME]


def test_a_raw_file_of_an_earlier_run_stays_whole_until_the_new_one_is(
    beam: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(beam)
    (raw,) = (beam / "run-001").glob("*.raw")
    before = raw.read_bytes()
    fails(beam, {"PhantomPositionX": "900"}, capfd)
    assert raw.read_bytes() == before
