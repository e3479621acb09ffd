"""Sample cases: complete, synthetic, the same for the same seed, and never in the way of what is there."""

from __future__ import annotations

import errno
import fnmatch
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mqi_tui.builtin.interpreter import DEFAULT_DIVISOR
from mqi_tui.builtin.sample import SampleSet, make_cases, make_sample_set
from mqi_tui.builtin.sample_beams import (
    HIGHEST_ENERGY_MEV,
    LOWEST_ENERGY_MEV,
    Machine,
    layer_energies_mev,
    layer_weights,
    range_mm,
)
from mqi_tui.builtin.sample_fields import Field, Outline, scan_layer
from mqi_tui.builtin.sample_logs import to_log
from mqi_tui.builtin.sample_plan import UID_ROOT
from mqi_tui.config import Settings
from mqi_tui.domain.errors import InputError, RequestRefusedError
from mqi_tui.moqui.beam_folder import missing_files, read_beam_logs
from mqi_tui.moqui.calibration import monitor_range_factor
from mqi_tui.moqui.ptn import read_ptn
from mqi_tui.moqui.rtplan import RtPlan, find_plan, read_plan


def small_set(folder: Path, cases: int = 2, *, faulty: bool = False, seed: int = 3) -> SampleSet:
    return make_sample_set(folder, cases=cases, beams=2, layers=3, faulty=faulty, seed=seed)


@pytest.fixture(scope="module")
def default_set(tmp_path_factory: pytest.TempPathFactory) -> SampleSet:
    """Four cases of whatever size the maker chooses."""
    return make_sample_set(tmp_path_factory.mktemp("cases"), cases=4, beams=None, layers=None, faulty=False, seed=1)


def beams_of(case: Path) -> list[Path]:
    return sorted(path for path in case.iterdir() if path.is_dir())


def plan_of(case: Path) -> RtPlan:
    return read_plan(find_plan(case, "RP*.dcm"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What is in a case


def test_every_beam_is_complete_and_agrees_with_the_plan(default_set: SampleSet) -> None:
    for case in default_set.cases:
        plan = plan_of(case)
        treated = [beam.number for beam in plan.beams if not beam.is_setup]
        delivered = []
        for folder in beams_of(case):
            assert missing_files(folder) == []
            logs = read_beam_logs(folder)
            planned = plan.beam(logs.info.beam_number)
            assert [layer.energy_mev for layer in logs.layers] == pytest.approx(list(planned.energies_mev))
            assert logs.info.patient_id == plan.patient_id == case.name
            delivered.append(planned.number)
        assert sorted(delivered) == treated


def test_a_case_has_two_to_five_beams_of_three_to_thirty_layers(default_set: SampleSet) -> None:
    for case in default_set.cases:
        assert 2 <= len(beams_of(case)) <= 5
        for folder in beams_of(case):
            assert 3 <= len(read_beam_logs(folder).layers) <= 30


def test_beams_and_layers_can_be_fixed(tmp_path: Path) -> None:
    (case,) = make_cases(tmp_path, cases=1, beams=4, layers=6, faulty=False, seed=5)
    assert [len(read_beam_logs(folder).layers) for folder in beams_of(case)] == [6, 6, 6, 6]


@pytest.mark.parametrize("layers", [1, 99])
def test_the_fewest_and_the_most_layers_make_a_complete_beam(tmp_path: Path, layers: int) -> None:
    (case,) = make_cases(tmp_path, cases=1, beams=1, layers=layers, faulty=False, seed=5)
    (folder,) = beams_of(case)
    logs = read_beam_logs(folder)
    assert len(logs.layers) == len(set(plan_of(case).beam(logs.info.beam_number).energies_mev)) == layers


def test_a_setup_beam_comes_first_in_the_plan(default_set: SampleSet) -> None:
    for case in default_set.cases:
        first, *others = plan_of(case).beams
        assert first.is_setup
        assert not any(beam.is_setup for beam in others)


def test_in_some_case_the_order_of_delivery_is_not_that_of_the_plan(default_set: SampleSet) -> None:
    orders = [[read_beam_logs(folder).info.beam_number for folder in beams_of(case)] for case in default_set.cases]
    assert any(order != sorted(order) for order in orders)
    assert any(order == sorted(order) for order in orders)


def test_both_machines_of_the_default_config_occur(default_set: SampleSet) -> None:
    machines = {beam.machine for case in default_set.cases for beam in plan_of(case).beams}
    for name in Settings().machines:
        assert sum(name in machine for machine in machines) == 1


def test_names_are_those_of_a_treatment_machine(default_set: SampleSet) -> None:
    for case in default_set.cases:
        assert [path.suffix for path in case.iterdir() if path.is_file()] == [".dcm"]
        for folder in beams_of(case):
            assert re.fullmatch(r"\d{16}", folder.name)
            names = [path.name for path in folder.iterdir()]
            logs = [name for name in names if name.endswith(".ptn")]
            assert all(re.fullmatch(rf"0[12]_{case.name}_\d{{3}}_\d{{3}}_\d{{3}}\.ptn", name) for name in logs)
            assert sum(name.endswith(".mgn") for name in names) == 1


def test_nothing_in_a_plan_could_be_a_patients(default_set: SampleSet) -> None:
    for case in default_set.cases:
        plan = pydicom.dcmread(find_plan(case, "RP*.dcm"))
        assert plan.PatientID.startswith("SAMPLE-")
        assert str(plan.PatientName).startswith("SYNTHETIC^")
        assert plan.PatientBirthDate == ""
        for uid in (plan.SOPInstanceUID, plan.StudyInstanceUID, plan.SeriesInstanceUID, plan.FrameOfReferenceUID):
            assert uid.startswith(UID_ROOT)
            assert uid.is_valid


def test_a_beam_has_some_hundred_thousand_histories_in_less_than_a_megabyte(default_set: SampleSet) -> None:
    for case in default_set.cases:
        for folder in beams_of(case):
            histories = sum(
                read_ptn(folder / layer.ptn_name).dose1.sum() * monitor_range_factor(layer.dose1_range)
                for layer in read_beam_logs(folder).layers
            )
            assert 200_000 < histories / DEFAULT_DIVISOR < 600_000
            assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000


def test_the_spot_weights_of_a_layer_are_what_its_control_points_deliver(tmp_path: Path) -> None:
    (case,) = small_set(tmp_path, cases=1).cases
    for beam in pydicom.dcmread(find_plan(case, "RP*.dcm")).IonBeamSequence[1:]:
        points = beam.IonControlPointSequence
        for spots, end in zip(points[::2], points[1::2], strict=True):
            delivered = float(end.CumulativeMetersetWeight) - float(spots.CumulativeMetersetWeight)
            assert sum(spots.ScanSpotMetersetWeights) == pytest.approx(delivered, rel=1e-4)
            assert not any(end.ScanSpotMetersetWeights)
            assert len(spots.ScanSpotPositionMap) == 2 * spots.NumberOfScanSpotPositions
        assert float(points[-1].CumulativeMetersetWeight) == float(beam.FinalCumulativeMetersetWeight)


# Fields and energies


@settings(max_examples=40, deadline=None)
@given(
    outline=st.sampled_from(list(Outline)),
    radius=st.floats(10, 40),
    turn=st.floats(0, 6.3),
    machine=st.sampled_from(sorted(Settings().machines)),
    seed=st.integers(0, 1000),
)
def test_a_scan_comes_back_from_its_log_to_within_one_count(
    outline: Outline, radius: float, turn: float, machine: str, seed: int
) -> None:
    calibration = Settings().machines[machine]
    field = Field(outline, radius, 3.0, -5.0, turn)
    scan = scan_layer(field, rows=500, dose=50_000, noise=np.random.default_rng(seed))
    log = to_log(scan, 1, Machine(machine, calibration))
    x = (log.x - calibration.x_offset) * calibration.x_gain_mm
    y = (log.y - calibration.y_offset) * calibration.y_gain_mm
    assert np.all(np.abs(x - scan.x_mm) <= calibration.x_gain_mm)
    assert np.all(np.abs(y - scan.y_mm) <= calibration.y_gain_mm)
    assert np.array_equal(log.dose1, scan.dose1)


@settings(max_examples=40, deadline=None)
@given(outline=st.sampled_from(list(Outline)), radius=st.floats(10, 40), turn=st.floats(0, 6.3))
def test_the_beam_is_on_inside_the_outline_only(outline: Outline, radius: float, turn: float) -> None:
    field = Field(outline, radius, 0.0, 0.0, turn)
    scan = scan_layer(field, rows=600, dose=60_000, noise=np.random.default_rng(1))
    on = scan.dose1 > 0
    distance = np.hypot(scan.x_mm, scan.y_mm)[on]
    assert distance.max() <= radius + 0.5
    if outline is Outline.RING:
        assert distance.min() >= 0.45 * radius - 0.5
    assert np.any(~on), "between two lines the beam is off"
    assert scan.dose1.sum() == pytest.approx(60_000, rel=0.02)


@settings(deadline=None)
@given(layers=st.integers(1, 99), seed=st.integers(0, 2**32))
def test_energies_fall_from_layer_to_layer_and_stay_in_the_default_phantom(layers: int, seed: int) -> None:
    energies = layer_energies_mev(layers, np.random.default_rng(seed))
    assert energies.shape == (layers,)
    assert np.all(np.diff(energies) < -0.02)
    assert LOWEST_ENERGY_MEV <= energies.min() <= energies.max() <= HIGHEST_ENERGY_MEV
    parameters = Settings().engine.parameters
    depth_mm = int(parameters["PhantomDimZ"]) * int(parameters["PhantomUnitZ"])
    assert range_mm(float(energies.max())) < depth_mm - 50


@pytest.mark.parametrize("layers", [1, 2, 3, 10, 30])
def test_the_deepest_layer_has_the_largest_weight_and_all_sum_up_to_one(layers: int) -> None:
    weights = layer_weights(layers)
    assert weights.sum() == pytest.approx(1)
    assert weights.argmax() == 0
    assert np.all(weights > 0)


@settings(max_examples=40, deadline=None)
@given(layers=st.integers(3, 30), seed=st.integers(0, 2**32))
def test_the_dose_of_a_beam_falls_off_where_its_highest_energy_does(layers: int, seed: int) -> None:
    energies = layer_energies_mev(layers, np.random.default_rng(seed)).tolist()
    weighted = zip(layer_weights(layers).tolist(), energies, strict=True)
    beam = np.sum([weight * depth_dose(energy) for weight, energy in weighted], axis=0)
    assert distal_r80_mm(beam) == pytest.approx(distal_r80_mm(depth_dose(energies[0])), abs=1.2)


_DEPTH_MM = np.arange(0, 300, 0.25)


def depth_dose(energy_mev: float) -> NDArray[np.float64]:
    """A rough Bragg curve: (R - z)^(1/p - 1), blurred by straggling (1.2 % of the range) and 1 % of energy spread."""
    end = range_mm(energy_mev)
    sharp = np.where(end > _DEPTH_MM, np.maximum(end - _DEPTH_MM, 0.1) ** (1 / 1.77 - 1), 0)
    blur_mm = np.hypot(0.012 * end, 0.01 * 1.77 * end)
    kernel = np.exp(-(np.arange(-20, 20.25, 0.25) ** 2) / (2 * blur_mm**2))
    return np.convolve(sharp, kernel / kernel.sum(), "same")


def distal_r80_mm(dose: NDArray[np.float64]) -> float:
    peak = int(dose.argmax())
    return float(_DEPTH_MM[peak + int(np.argmax(dose[peak:] < 0.8 * dose[peak]))])


# How cases are made


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    small_set(tmp_path / "one", seed=11)
    small_set(tmp_path / "two", seed=11)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_makes_other_files(tmp_path: Path) -> None:
    small_set(tmp_path / "one", seed=11)
    small_set(tmp_path / "two", seed=12)
    assert contents(tmp_path / "one").values() != contents(tmp_path / "two").values()
    plans = {plan.name for plan in tmp_path.glob("*/*/RP*.dcm")}
    assert len(plans) == 4


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    first = small_set(tmp_path).cases
    before = contents(tmp_path)
    second = small_set(tmp_path).cases
    assert [case.name for case in (*first, *second)] == ["SAMPLE-0001", "SAMPLE-0002", "SAMPLE-0003", "SAMPLE-0004"]
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before


def test_a_number_whose_folder_is_a_file_or_an_empty_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "SAMPLE-0001").write_text("mine")
    (tmp_path / "SAMPLE-0002").mkdir()
    (case,) = small_set(tmp_path, cases=1).cases
    assert case.name == "SAMPLE-0003"
    assert (tmp_path / "SAMPLE-0001").read_text() == "mine"


def test_a_case_that_another_maker_is_at_is_left_to_it(tmp_path: Path) -> None:
    (tmp_path / ".SAMPLE-0001.extracting").mkdir()
    (case,) = small_set(tmp_path, cases=1).cases
    assert case.name == "SAMPLE-0002"
    assert (tmp_path / ".SAMPLE-0001.extracting").is_dir()


def test_makers_at_work_in_one_folder_share_no_case(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = [case for done in pool.map(lambda seed: small_set(tmp_path, seed=seed), range(3)) for case in done.cases]
    assert len(set(made)) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"SAMPLE-{number:04d}" for number in range(1, 7)]


def test_a_case_that_cannot_be_finished_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(path: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "rename", no_space)
    with pytest.raises(RequestRefusedError, match="No space left on device"):
        small_set(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_scan_never_sees_half_a_case(tmp_path: Path) -> None:
    ignored = Settings().scan.ignore
    done = threading.Event()

    def make() -> None:
        try:
            small_set(tmp_path, cases=4)
        finally:
            done.set()

    with ThreadPoolExecutor(1) as pool:
        maker = pool.submit(make)
        looks = 0
        while not done.is_set() or looks == 0:
            for case in tmp_path.iterdir():
                if any(fnmatch.fnmatchcase(case.name, pattern) for pattern in ignored):
                    continue
                assert len(beams_of(case)) == 2
                assert not plan_of(case).beams[1].is_setup
                assert [missing_files(folder) for folder in beams_of(case)] == [[], []]
            looks += 1
        maker.result()


def test_only_the_user_can_read_a_case(tmp_path: Path) -> None:
    (case,) = small_set(tmp_path / "new", cases=1).cases
    assert {path.stat().st_mode & 0o077 for path in [case.parent, case, *case.rglob("*")]} == {0}


# One faulty log


def test_the_faulty_log_is_the_one_that_is_told_and_the_only_one(tmp_path: Path) -> None:
    made = small_set(tmp_path, cases=3, faulty=True)
    cut = [path for path in tmp_path.rglob("*.ptn") if path.stat().st_size % 16]
    assert cut == [made.faulty_log]
    with pytest.raises(InputError, match=re.escape(cut[0].name)):
        read_beam_logs(cut[0].parent)


def test_every_other_file_is_as_without_the_fault(tmp_path: Path) -> None:
    good, faulty = tmp_path / "good", tmp_path / "faulty"
    small_set(good)
    made = small_set(faulty, faulty=True)
    assert made.faulty_log is not None
    name = str(made.faulty_log.relative_to(faulty))
    before, after = contents(good), contents(faulty)
    assert before[name].startswith(after.pop(name))
    del before[name]
    assert before == after


def test_without_the_wish_no_log_is_faulty(default_set: SampleSet) -> None:
    assert default_set.faulty_log is None


# What is refused


@pytest.mark.parametrize(
    ("cases", "beams", "layers", "seed", "named"),
    [
        (0, None, None, 1, "cases: found 0"),
        (10_000, None, None, 1, "cases: found 10000"),
        (1, 0, None, 1, "beams: found 0"),
        (1, 100, None, 1, "beams: found 100"),
        (1, None, 0, 1, "layers: found 0"),
        (1, None, 100, 1, "layers: found 100"),
        (1, None, None, -1, "seed: found -1"),
    ],
)
def test_a_number_out_of_bounds_is_refused_before_anything_is_written(
    tmp_path: Path, cases: int, beams: int | None, layers: int | None, seed: int, named: str
) -> None:
    with pytest.raises(RequestRefusedError, match=named):
        make_cases(tmp_path / "new", cases=cases, beams=beams, layers=layers, faulty=False, seed=seed)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("in the way")
    with pytest.raises(RequestRefusedError, match=re.escape(str(place))):
        small_set(place)
    assert place.read_text() == "in the way"
