"""Damage to files, and small plans, for the tests of the formats."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from hypothesis import strategies as st
from pydicom import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, RTIonPlanStorage

from mqi_tui.domain.errors import InputError

T = TypeVar("T")


_any_bytes = st.binary(max_size=12)


def damaged(content: bytes, piece: st.SearchStrategy[bytes] = _any_bytes) -> st.SearchStrategy[bytes]:
    """`content` with one to three stretches replaced or taken out, or a `piece` (by default: any bytes) put in."""
    place = st.integers(0, len(content))
    edit = st.tuples(place, st.integers(0, 12), piece)

    def change(edits: list[tuple[int, int, bytes]]) -> bytes:
        data = content
        for start, length, filling in edits:
            data = data[:start] + filling + data[start + length :]
        return data

    return st.lists(edit, min_size=1, max_size=3).map(change)


def read_or_none(read: Callable[[Path], T], path: Path) -> T | None:
    """What `read` makes of the file, None if it refuses it with a sentence that names the file."""
    try:
        return read(path)
    except InputError as error:
        sentence = str(error)
    assert path.name in sentence
    assert "\n" not in sentence
    return None


# Plans


def point(energy_mev: float | None, meterset: float | None, spots: int = 2) -> Dataset:
    """A control point; None leaves the element out."""
    item = Dataset()
    if energy_mev is not None:
        item.NominalBeamEnergy = f"{energy_mev:.6g}"
    if meterset is not None:
        item.CumulativeMetersetWeight = f"{meterset:.6g}"
    item.NumberOfScanSpotPositions = spots
    item.ScanSpotPositionMap = [1.0] * (2 * spots)
    item.ScanSpotMetersetWeights = [0.5] * spots
    return item


def layer_points(energies_mev: Sequence[float]) -> list[Dataset]:
    """Two points a layer, as the standard describes them."""
    return [point(energy, float(layer + end), spots=2) for layer, energy in enumerate(energies_mev) for end in (0, 1)]


def ion_beam(number: int, points: Sequence[Dataset], *, delivery: str = "TREATMENT") -> Dataset:
    beam = Dataset()
    beam.BeamNumber = number
    beam.BeamName = f"beam {number}"
    beam.TreatmentMachineName = "SAMPLE_G1"
    beam.TreatmentDeliveryType = delivery
    beam.NumberOfControlPoints = len(points)
    beam.IonControlPointSequence = DicomSequence(points)
    return beam


def plan(beams: Sequence[Dataset]) -> FileDataset:
    """A plan of patient P1 that refers to all its beams in one fraction group."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTIonPlanStorage
    meta.MediaStorageSOPInstanceUID = UID("2.999.1.1")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = RTIonPlanStorage
    dataset.SOPInstanceUID = UID("2.999.1.1")
    dataset.Modality = "RTPLAN"
    dataset.PatientName = "SYNTHETIC^P1"
    dataset.PatientID = "P1"
    dataset.RTPlanLabel = "QA"
    dataset.FractionGroupSequence = DicomSequence([fraction_group(1, [int(beam.BeamNumber) for beam in beams])])
    dataset.IonBeamSequence = DicomSequence(beams)
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def fraction_group(number: int, beams: Sequence[int]) -> Dataset:
    group = Dataset()
    group.FractionGroupNumber = number
    group.NumberOfFractionsPlanned = 1
    group.NumberOfBeams = len(beams)
    group.NumberOfBrachyApplicationSetups = 0
    group.ReferencedBeamSequence = DicomSequence()
    for beam in beams:
        item = Dataset()
        item.BeamMeterset = "10"
        item.ReferencedBeamNumber = beam
        group.ReferencedBeamSequence.append(item)
    return group


def sample_plan() -> FileDataset:
    """A setup beam 1, and the treatment beams 2 (three layers) and 3 (two layers)."""
    return plan(
        [
            ion_beam(1, [point(None, 0.0), point(None, 0.0)], delivery="SETUP"),
            ion_beam(2, layer_points([150.0, 140.5, 130.25])),
            ion_beam(3, layer_points([120.0, 110.0])),
        ]
    )


def plan_bytes(dataset: FileDataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
