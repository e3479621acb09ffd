"""The plan: its beams by number, its layers by dose, and one sentence for every file that is no sound plan."""

from __future__ import annotations

import io
import os
import re
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, FileDataset
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.plan_file import MAX_PLAN_BYTES
from mqi_tui.moqui.rtplan import PlanBeam, PlanReader, find_plan, read_plan, write_reduced_plan
from tests.moqui.support import (
    damaged,
    fraction_group,
    ion_beam,
    layer_points,
    plan,
    plan_bytes,
    point,
    read_or_none,
    sample_plan,
)

SAMPLE = plan_bytes(sample_plan())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "RP.1.dcm"
    path.write_bytes(SAMPLE)
    return path


def beam_of(path: Path, points: list[Dataset]) -> PlanBeam:
    """The beam of a plan with these control points alone."""
    path.write_bytes(plan_bytes(plan([ion_beam(2, points)])))
    (beam,) = read_plan(path).beams
    return beam


# What is read


def test_patient_and_beams_are_read(path: Path) -> None:
    plan = read_plan(path)
    assert (plan.path, plan.patient_id) == (path, "P1")
    assert plan.beams == (
        PlanBeam(1, "beam 1", "SAMPLE_G1", (), is_setup=True),
        PlanBeam(2, "beam 2", "SAMPLE_G1", (150.0, 140.5, 130.25), is_setup=False),
        PlanBeam(3, "beam 3", "SAMPLE_G1", (120.0, 110.0), is_setup=False),
    )


def test_a_plan_without_value_representations_is_read_alike(path: Path) -> None:
    before = read_plan(path)
    dataset = sample_plan()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path.write_bytes(plan_bytes(dataset))
    assert read_plan(path) == before


def test_sequences_of_undefined_length_are_read_alike(path: Path) -> None:
    before = read_plan(path)
    dataset = sample_plan()
    dataset["IonBeamSequence"].is_undefined_length = True
    for beam in dataset.IonBeamSequence:
        beam.is_undefined_length_sequence_item = True
        beam["IonControlPointSequence"].is_undefined_length = True
    path.write_bytes(plan_bytes(dataset))
    assert len(path.read_bytes()) != len(SAMPLE)
    assert read_plan(path) == before


def test_two_control_points_of_a_layer_count_once(path: Path) -> None:
    assert beam_of(path, layer_points([150.0, 140.0])).energies_mev == (150.0, 140.0)


def test_one_control_point_a_layer_counts_once(path: Path) -> None:
    points = [point(150.0, 0.0), point(140.0, 1.0), point(130.0, 2.0), point(130.0, 3.0)]
    assert beam_of(path, points).energies_mev == (150.0, 140.0, 130.0)


def test_two_layers_of_the_same_energy_are_two(path: Path) -> None:
    assert beam_of(path, layer_points([150.0, 150.0, 140.0])).energies_mev == (150.0, 150.0, 140.0)


def test_an_energy_that_is_left_out_is_that_of_the_point_before(path: Path) -> None:
    points = [point(150.0, 0.0), point(None, 1.0), point(140.0, 1.0), point(None, 2.0)]
    assert beam_of(path, points).energies_mev == (150.0, 140.0)


def test_a_layer_without_dose_is_none(path: Path) -> None:
    points = [point(150.0, 0.0), point(150.0, 1.0), point(140.0, 1.0), point(140.0, 1.0), *layer_points([])]
    assert beam_of(path, points).energies_mev == (150.0,)


@pytest.mark.parametrize("meterset", [None, 0.0])
def test_without_metersets_a_layer_is_a_run_of_one_energy(path: Path, meterset: float | None) -> None:
    points = [point(energy, meterset) for energy in (150.0, 150.0, 140.0, 140.0)]
    assert beam_of(path, points).energies_mev == (150.0, 140.0)


def test_missing_names_are_empty(path: Path) -> None:
    dataset = sample_plan()
    del dataset.PatientID
    for beam in dataset.IonBeamSequence:
        del beam.BeamName, beam.TreatmentMachineName
    path.write_bytes(plan_bytes(dataset))
    plan = read_plan(path)
    assert (plan.patient_id, plan.beams[1].name, plan.beams[1].machine) == ("", "", "")


def test_odd_values_neither_warn_nor_stand_in_the_way(path: Path) -> None:
    content = SAMPLE.replace(b"UNAPPROVED", b"unapproved").replace(b"SYNTHETIC^P1", b"\x9d\xff\xfe\\=^^^^^^^")
    path.write_bytes(content.replace(b"150\x20", b"+1.5"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read_plan(path).beams[1].energies_mev[1:] == (140.5, 130.25)
    assert caught == []


def test_plans_are_read_in_threads_at_once_and_leave_the_filters_for_warnings_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(warnings.filters)
    read = pydicom.dcmread

    def slowly(file: io.BytesIO) -> FileDataset:
        time.sleep(0.002)  # time for the others to come in between
        return read(file)

    monkeypatch.setattr(pydicom, "dcmread", slowly)
    with ThreadPoolExecutor(4) as pool:
        plans = list(pool.map(read_plan, [path] * 24))
    assert all(plan == plans[0] for plan in plans)
    assert warnings.filters == before


# Which beam a number is


def test_a_beam_is_found_by_its_number(path: Path) -> None:
    assert read_plan(path).beam(3).energies_mev == (120.0, 110.0)


def test_a_number_that_the_plan_does_not_have_lists_those_it_has(path: Path) -> None:
    with pytest.raises(InputError, match=r"RP\.1\.dcm: it has no beam 9 \(its treatment beams: 2, 3\)"):
        read_plan(path).beam(9)


def test_the_number_of_a_setup_beam_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match=r"RP\.1\.dcm: beam 1 is a setup beam.*\(its treatment beams: 2, 3\)"):
        read_plan(path).beam(1)


def test_a_treatment_beam_without_energies_is_refused_and_leaves_the_others(path: Path) -> None:
    path.write_bytes(plan_bytes(plan([ion_beam(2, []), ion_beam(3, layer_points([150.0]))])))
    assert read_plan(path).beam(3).energies_mev == (150.0,)
    with pytest.raises(InputError, match="beam 2 has no energy layers"):
        read_plan(path).beam(2)


# What is refused


def without_numbers(dataset: FileDataset) -> None:
    del dataset.IonBeamSequence[1].BeamNumber


def with_a_number_twice(dataset: FileDataset) -> None:
    dataset.IonBeamSequence[2].BeamNumber = 2


def with_a_point_less(dataset: FileDataset) -> None:
    dataset.IonBeamSequence[1].IonControlPointSequence.pop()


def with_falling_meterset(dataset: FileDataset) -> None:
    dataset.IonBeamSequence[1].IonControlPointSequence[3].CumulativeMetersetWeight = "0.5"


def without_energy(dataset: FileDataset) -> None:
    dataset.IonBeamSequence[1].IonControlPointSequence[2].NominalBeamEnergy = "0"


def with_another_modality(dataset: FileDataset) -> None:
    dataset.Modality = "CT"


def of_photons(dataset: FileDataset) -> None:
    dataset.BeamSequence = DicomSequence(dataset.IonBeamSequence)
    del dataset.IonBeamSequence


def without_beams(dataset: FileDataset) -> None:
    del dataset.IonBeamSequence


def deflated(dataset: FileDataset) -> None:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without_numbers, "a beam has no BeamNumber"),
        (with_a_number_twice, "beam number 2 is there more than once"),
        (with_a_point_less, "beam 2 has 5 control points, but its NumberOfControlPoints is 6"),
        (with_falling_meterset, "beam 2: CumulativeMetersetWeight falls"),
        (without_energy, "beam 2, control point 2: NominalBeamEnergy is 0, expected MeV above 0"),
        (with_another_modality, "its Modality is 'CT', expected RTPLAN"),
        (of_photons, "a photon or electron plan (BeamSequence), expected an RT Ion Plan"),
        (without_beams, "a plan without ion beams"),
        (deflated, "a deflated DICOM file"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused_with_the_reason(
    path: Path, change: Callable[[FileDataset], None], complaint: str
) -> None:
    dataset = sample_plan()
    change(dataset)
    path.write_bytes(plan_bytes(dataset))
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        read_plan(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"140.5 ", b"nan   ", "NominalBeamEnergy is 'nan', expected a number"),
        (b"140.5 ", b"1e999 ", "NominalBeamEnergy is '1e999', expected a number"),
        (b"140.5 ", b"14\\0.5", "NominalBeamEnergy is '[14, 0.5]', expected a number"),
        (b"140.5 ", b"14x.5 ", "NominalBeamEnergy is '14x.5', expected a number"),
        (
            b"\x0a\x30\xc0\x00IS\x02\x002 ",
            b"\x0a\x30\xc0\x00IS\x02\x00-2",
            "BeamNumber is '-2', expected a whole number",
        ),
        (
            b"\x0a\x30\xc0\x00IS\x02\x002 ",
            b"\x0a\x30\xc0\x00IS\x02\x00x ",
            "BeamNumber is 'x', expected a whole number",
        ),
        (b"\x0a\x30\xa2\x03SQ", b"\x0a\x30\xa2\x03OB", "IonBeamSequence is no sequence"),
    ],
)
def test_damaged_values_are_refused(path: Path, old: bytes, new: bytes, complaint: str) -> None:
    assert old in SAMPLE
    path.write_bytes(SAMPLE.replace(old, new))
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        read_plan(path)
    assert str(path) in str(caught.value)


def test_a_big_endian_plan_is_refused_with_the_encodings_that_are_read(path: Path) -> None:
    dataset = Dataset()
    dataset.update(sample_plan())
    dataset.file_meta = sample_plan().file_meta
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.save_as(path, little_endian=False, implicit_vr=False, enforce_file_format=True)
    with pytest.raises(InputError, match=r"RP\.1\.dcm.*export the plan as Explicit or Implicit VR Little Endian"):
        read_plan(path)


def test_a_plan_whose_copy_has_reached_its_length_but_not_its_end_is_refused(path: Path) -> None:
    whole = read_plan(path)
    end_of_beams = SAMPLE.index(b"UNAPPROVED") - 8
    for size in range(140, end_of_beams, 11):
        path.write_bytes(SAMPLE[:size] + b"\0" * (len(SAMPLE) - size))
        found = read_or_none(read_plan, path)
        assert found is None or found == whole, size


@pytest.mark.parametrize("content", [b"", b"no plan\n" * 99, bytes(range(256)) * 8, b"\0" * 128 + b"DICM"])
def test_what_is_no_dicom_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(str(path))):
        read_plan(path)


@pytest.mark.parametrize("name", ["rtplan.dcm", "rtplan_truncated.dcm", "rtdose.dcm", "CT_small.dcm", "image_dfl.dcm"])
def test_dicom_files_of_other_kinds_are_refused(name: str) -> None:
    file = get_testdata_file(name)
    assert isinstance(file, str)
    with pytest.raises(InputError, match=name):
        read_plan(Path(file))


def test_a_missing_plan_and_a_folder_in_its_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"RP\.1\.dcm is missing"):
        read_plan(tmp_path / "RP.1.dcm")
    (tmp_path / "RP.2.dcm").mkdir()
    with pytest.raises(InputError, match=r"RP\.2\.dcm is no file"):
        read_plan(tmp_path / "RP.2.dcm")


def test_a_huge_file_is_refused(path: Path) -> None:
    os.truncate(path, MAX_PLAN_BYTES + 1)
    with pytest.raises(InputError, match="larger than 64 MiB"):
        read_plan(path)


@pytest.mark.parametrize("undefined", [False, True], ids=["defined lengths", "undefined lengths"])
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_a_plan_cut_short_anywhere_is_refused(path: Path, *, undefined: bool, implicit: bool) -> None:
    dataset = plan([ion_beam(2, layer_points([150.0]))])
    if implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    if undefined:
        dataset["IonBeamSequence"].is_undefined_length = True
        dataset.IonBeamSequence[0]["IonControlPointSequence"].is_undefined_length = True
    content = plan_bytes(dataset)
    path.write_bytes(content)
    assert read_plan(path).beam(2).energies_mev == (150.0,)
    # Between two elements nothing tells that a file is cut; after the beams that does no harm.
    harmless = {len(content) - 18}
    for size in [*range(0, len(content) - 120, 7), *range(len(content) - 120, len(content))]:
        path.write_bytes(content[:size])
        found = read_or_none(read_plan, path)
        assert found is None or size in harmless, size


@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=300) | st.binary(max_size=300).map(lambda noise: SAMPLE[:140] + noise) | damaged(SAMPLE)
)
def test_noise_and_damage_are_refused_or_give_usable_beams(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("plan") / "RP.1.dcm"
    path.write_bytes(content)
    plan = read_or_none(read_plan, path)
    if plan is not None:
        assert len({beam.number for beam in plan.beams}) == len(plan.beams)
        for beam in plan.beams:
            assert beam.number >= 0
            assert all(0 < energy <= 1000 for energy in beam.energies_mev)


# Finding the plan


def test_the_one_plan_that_matches_is_found(path: Path) -> None:
    (path.parent / "CT.1.dcm").touch()
    (path.parent / "RP.folder.dcm").mkdir()
    assert find_plan(path.parent, "RP*.dcm") == path


def test_a_folder_without_a_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}: no plan (RP*.dcm)")):
        find_plan(tmp_path, "RP*.dcm")


def test_two_plans_are_refused_by_name(path: Path) -> None:
    (path.parent / "RP.2.dcm").touch()
    with pytest.raises(InputError, match=r"2 plans \(RP\.1\.dcm, RP\.2\.dcm\)"):
        find_plan(path.parent, "RP*.dcm")


# Plans that are read again


def test_a_plan_with_the_same_bytes_is_read_once(path: Path) -> None:
    reader = PlanReader()
    first = reader.read(path)
    assert first == read_plan(path)
    path.write_bytes(path.read_bytes())
    assert reader.read(path) is first


def test_a_plan_that_was_replaced_is_read_anew_though_its_time_and_size_are_the_same(path: Path) -> None:
    reader, status = PlanReader(), path.stat()
    before = reader.read(path)
    dataset = sample_plan()
    dataset.PatientID = "".join(reversed(str(dataset.PatientID)))
    path.write_bytes(plan_bytes(dataset))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert reader.read(path) == read_plan(path) != before


def test_a_plan_that_cannot_be_read_is_tried_again(path: Path) -> None:
    reader, content = PlanReader(), path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(InputError, match=re.escape(str(path))):
        reader.read(path)
    path.write_bytes(content)
    assert reader.read(path) == read_plan(path)


def test_many_plans_are_each_read_right(path: Path, tmp_path: Path) -> None:
    reader = PlanReader()
    for number in range(100):
        dataset = sample_plan()
        dataset.PatientID = f"P{number}"
        path.write_bytes(plan_bytes(dataset))
        assert reader.read(path).patient_id == f"P{number}"


# A plan of one beam


def test_a_reduced_plan_holds_the_beam_and_its_references_alone(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "reduced.dcm"
    write_reduced_plan(path, target, 3)
    copy = pydicom.dcmread(target)
    assert [beam.BeamNumber for beam in copy.IonBeamSequence] == [3]
    (group,) = copy.FractionGroupSequence
    assert group.NumberOfBeams == 1
    assert [item.ReferencedBeamNumber for item in group.ReferencedBeamSequence] == [3]
    assert read_plan(target).beams == (read_plan(path).beam(3),)


def test_a_fraction_group_without_the_beam_is_left_out(path: Path, tmp_path: Path) -> None:
    dataset = sample_plan()
    dataset.FractionGroupSequence = DicomSequence([fraction_group(1, [1, 2]), fraction_group(2, [1, 3])])
    path.write_bytes(plan_bytes(dataset))
    write_reduced_plan(path, tmp_path / "reduced.dcm", 3)
    (group,) = pydicom.dcmread(tmp_path / "reduced.dcm").FractionGroupSequence
    assert group.FractionGroupNumber == 2


def test_a_reduced_plan_keeps_all_else(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "reduced.dcm"
    write_reduced_plan(path, target, 2)
    source, copy = pydicom.dcmread(path), pydicom.dcmread(target)
    assert copy.file_meta.MediaStorageSOPInstanceUID == source.file_meta.MediaStorageSOPInstanceUID
    assert copy.IonBeamSequence[0] == source.IonBeamSequence[1]
    for dataset in (source, copy):
        del dataset.IonBeamSequence, dataset.FractionGroupSequence
    assert copy == source


def test_the_plan_itself_is_not_changed(path: Path, tmp_path: Path) -> None:
    write_reduced_plan(path, tmp_path / "reduced.dcm", 2)
    assert path.read_bytes() == SAMPLE


@pytest.mark.parametrize("number", [1, 9])
def test_a_plan_is_not_reduced_to_a_beam_that_is_not_delivered(path: Path, tmp_path: Path, number: int) -> None:
    with pytest.raises(InputError, match=f"beam {number}"):
        write_reduced_plan(path, tmp_path / "reduced.dcm", number)
    assert not (tmp_path / "reduced.dcm").exists()


@settings(max_examples=50, deadline=None)
@given(content=damaged(SAMPLE))
def test_a_damaged_plan_is_reduced_to_the_same_beam_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("plan")
    path, target = folder / "RP.1.dcm", folder / "reduced.dcm"
    path.write_bytes(content)

    def reduce(source: Path) -> bool:
        write_reduced_plan(source, target, 2)
        return True

    if read_or_none(reduce, path):
        assert read_plan(target).beams == (read_plan(path).beam(2),)
