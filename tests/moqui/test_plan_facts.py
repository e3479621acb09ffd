"""The plan's facts for showing: what is there is told, what is missing or odd costs one fact and never an exception."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import FileDataset
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag

from mqi_tui.builtin.sample import make_cases
from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts, read_plan_facts
from mqi_tui.moqui.plan_file import MAX_PLAN_BYTES
from mqi_tui.moqui.rtplan import find_plan, read_plan
from tests.moqui.support import damaged, fraction_group, plan_bytes, read_or_none, sample_plan

SAMPLE = plan_bytes(sample_plan())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "RP.1.dcm"


def facts_of(path: Path, dataset: FileDataset) -> PlanFacts:
    path.write_bytes(plan_bytes(dataset))
    return read_plan_facts(path)


def test_a_sample_plans_facts_are_those_that_the_plan_was_made_with(tmp_path: Path) -> None:
    (case,) = make_cases(tmp_path, cases=1, beams=2, layers=4, faulty=False, seed=3)
    path = find_plan(case, "RP*.dcm")
    facts, strict = read_plan_facts(path), read_plan(path)
    assert facts.oddities == ()
    assert (facts.path, facts.patient_id, facts.fractions_planned) == (path, strict.patient_id, (1,))
    assert facts.label
    assert facts.uid
    assert facts.uid in path.name
    assert facts.machines == (strict.beams[1].machine,)
    for told, beam in zip(facts.beams, strict.beams, strict=True):
        assert (told.number, told.name, told.machine, told.is_setup) == (
            beam.number,
            beam.name,
            beam.machine,
            beam.is_setup,
        )
        if beam.is_setup:
            assert (told.layers, told.lowest_energy_mev, told.highest_energy_mev) == (None, None, None)
        else:
            assert told.layers == 4
            assert (told.lowest_energy_mev, told.highest_energy_mev) == (min(beam.energies_mev), max(beam.energies_mev))
            assert (told.meterset, told.meterset_unit) == (100.0, "MU")
            assert len(told.gantry_angles_deg) == 1


def test_what_a_plan_does_not_say_is_not_said(path: Path) -> None:
    dataset = sample_plan()
    for keyword in ("PatientID", "RTPlanLabel", "FractionGroupSequence"):
        delattr(dataset, keyword)
    beam = dataset.IonBeamSequence[1]
    for keyword in ("BeamName", "TreatmentMachineName", "IonControlPointSequence", "NumberOfControlPoints"):
        delattr(beam, keyword)
    facts = facts_of(path, dataset)
    assert (facts.patient_id, facts.label, facts.fractions_planned, facts.oddities) == (None, None, (), ())
    assert facts.beams[1] == PlanBeamFacts(2, None, None, False, (), None, None, None, None, None)
    assert facts.beams[2].layers == 2


def test_an_empty_element_is_as_good_as_none(path: Path) -> None:
    dataset = sample_plan()
    dataset.PatientID = ""
    dataset.RTPlanLabel = "  "
    dataset.FractionGroupSequence[0].NumberOfFractionsPlanned = None
    facts = facts_of(path, dataset)
    assert (facts.patient_id, facts.label, facts.fractions_planned) == (None, None, (None,))


def test_an_arc_of_several_angles_and_fraction_groups_are_told_in_their_order(path: Path) -> None:
    dataset = sample_plan()
    for point, angle in zip(
        dataset.IonBeamSequence[1].IonControlPointSequence, (350, 350, 0, 0, 10.5, 10.5), strict=True
    ):
        point.GantryAngle = angle
    dataset.FractionGroupSequence.append(fraction_group(2, [2]))
    dataset.FractionGroupSequence[1].NumberOfFractionsPlanned = 5
    facts = facts_of(path, dataset)
    assert facts.beams[1].gantry_angles_deg == (350.0, 0.0, 10.5)
    assert facts.fractions_planned == (1, 5)
    assert facts.beams[1].meterset == 10.0


def test_metersets_that_differ_between_fraction_groups_are_none(path: Path) -> None:
    dataset = sample_plan()
    dataset.FractionGroupSequence.append(fraction_group(2, [2]))
    dataset.FractionGroupSequence[1].ReferencedBeamSequence[0].BeamMeterset = "11"
    facts = facts_of(path, dataset)
    assert facts.beams[1].meterset is None
    assert facts.beams[2].meterset == 10.0
    assert "beam 2: its BeamMeterset differs" in facts.oddities[0]


def test_two_beams_with_one_number_are_neither_ones(path: Path) -> None:
    dataset = sample_plan()
    dataset.IonBeamSequence[2].BeamNumber = 2
    facts = facts_of(path, dataset)
    assert facts.beam(2) is None
    assert facts.beam(1) == facts.beams[0]


def test_texts_are_safe_to_print_and_kept_in_their_language(path: Path) -> None:
    dataset = sample_plan()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.RTPlanLabel = "폐 \x07<b>"
    dataset.IonBeamSequence[1].BeamName = "\u202eA & B"
    facts = facts_of(path, dataset)
    assert facts.label == "폐 \N{REPLACEMENT CHARACTER}<b>"
    assert facts.beams[1].name == "\N{REPLACEMENT CHARACTER}A & B"


def _raw(dataset: Any, tag: int, vr: str, value: bytes) -> None:
    dataset[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


def _negative_fractions(dataset: FileDataset) -> None:
    dataset.FractionGroupSequence[0].NumberOfFractionsPlanned = -3


def _odd_angle(dataset: FileDataset) -> None:
    _raw(dataset.IonBeamSequence[1].IonControlPointSequence[0], 0x300A011E, "DS", b"north ")


def _endless_meterset(dataset: FileDataset) -> None:
    _raw(dataset.FractionGroupSequence[0].ReferencedBeamSequence[1], 0x300A0086, "DS", b"inf ")


def _odd_energy(dataset: FileDataset) -> None:
    dataset.IonBeamSequence[1].IonControlPointSequence[0].NominalBeamEnergy = "9000"


def _lost_control_point(dataset: FileDataset) -> None:
    del dataset.IonBeamSequence[1].IonControlPointSequence[0]


def _two_names(dataset: FileDataset) -> None:
    dataset.IonBeamSequence[1].BeamName = ["A", "B"]


def _endless_name(dataset: FileDataset) -> None:
    _raw(dataset.IonBeamSequence[1], 0x300A00C2, "LO", b"x" * 5000)


@pytest.mark.filterwarnings("ignore")  # pydicom's, about what is spoilt here
@pytest.mark.parametrize(
    ("spoil", "fact", "said"),
    [
        (_negative_fractions, lambda facts: facts.fractions_planned[0], "NumberOfFractionsPlanned is '-3'"),
        (_odd_angle, lambda facts: facts.beams[1].gantry_angles_deg or None, "beam 2"),
        (_endless_meterset, lambda facts: facts.beams[1].meterset, "BeamMeterset is"),
        (_odd_energy, lambda facts: facts.beams[1].highest_energy_mev, "NominalBeamEnergy is 9000"),
        (_lost_control_point, lambda facts: facts.beams[1].layers, "beam 2: 5 control points"),
        (_two_names, lambda facts: facts.beams[1].name, "BeamName is"),
        (_endless_name, lambda facts: facts.beams[1].name, "BeamName is"),
    ],
)
def test_an_odd_element_costs_its_own_fact_alone(
    path: Path, spoil: Callable[[FileDataset], None], fact: Callable[[PlanFacts], object], said: str
) -> None:
    dataset = sample_plan()
    spoil(dataset)
    facts = facts_of(path, dataset)
    assert fact(facts) is None
    assert said in facts.oddities[0]
    assert len(facts.oddities[0]) < 300
    assert (facts.patient_id, facts.label, facts.beams[2].layers) == ("P1", "QA", 2)


def test_a_number_that_is_none_is_not_said(path: Path) -> None:
    fractions = b"\x0a\x30\x78\x00IS\x02\x00"
    assert fractions + b"1 " in SAMPLE
    path.write_bytes(SAMPLE.replace(fractions + b"1 ", fractions + b"x "))
    facts = read_plan_facts(path)
    assert facts.fractions_planned == (None,)
    assert facts.oddities[0].startswith("fraction group 1: ")
    assert facts.beams[1].meterset == 10.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no DICOM file"),
        (b"hello" * 100, "no DICOM file"),
        (SAMPLE[:-40], "cut short or damaged"),
        (plan_bytes(sample_plan()).replace(b"RTPLAN", b"CT    "), "Modality is"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_by_name(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_plan_facts(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_huge_one_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        read_plan_facts(path)
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_PLAN_BYTES + 1)
    with pytest.raises(InputError, match="larger than 64 MiB"):
        read_plan_facts(path)


def test_a_plan_without_beams_has_none(path: Path) -> None:
    dataset = sample_plan()
    dataset.IonBeamSequence = DicomSequence()
    facts = facts_of(path, dataset)
    assert (facts.beams, facts.machines) == ((), ())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_damaged_it_is_read_or_refused_with_a_sentence(path: Path, data: st.DataObject) -> None:
    path.write_bytes(data.draw(damaged(SAMPLE)))
    facts = read_or_none(read_plan_facts, path)
    if facts is not None:
        texts = [facts.patient_id, facts.label, *facts.oddities, *(beam.name for beam in facts.beams)]
        assert all(text.isprintable() or "\N{NO-BREAK SPACE}" in text for text in texts if text)
