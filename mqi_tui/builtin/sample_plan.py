"""Writes a made-up case's plan: a DICOM RT Ion Plan with a setup beam before the treatment beams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, RTIonPlanStorage, generate_uid

from mqi_tui.builtin.sample_beams import SampleBeam, SampleLayer
from mqi_tui.builtin.sample_fields import planned_spots

UID_ROOT = "2.999.1."
"""Below 2.999, the arc that ITU-T X.660 keeps for examples: no real object has such a UID."""
SETUP_BEAM_NUMBER = 1
"""Treatment beams follow it, so that a beam's number is never its position among the treatment beams."""

_SPOT_DISTANCE_MM = 5.0
_SNOUT_MM = 465.0
_MONITOR_UNITS = 100.0


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """The plan of a made-up case and all that identifies it."""

    patient_id: str
    label: str
    made_at: datetime
    study_uid: UID
    plan_uid: UID
    beams: tuple[SampleBeam, ...]


def make_uid(*source: object) -> UID:
    """A UID below UID_ROOT that depends on `source` alone."""
    return generate_uid(UID_ROOT, entropy_srcs=["mqi-tui", *(f"/{part}" for part in source)])


def write_plan(plan: SamplePlan, case: Path) -> Path:
    """Write `RP.<uid>.dcm` into the case's folder."""
    dataset = _plan_dataset(plan)
    path = case / f"RP.{plan.plan_uid}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def _plan_dataset(plan: SamplePlan) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTIonPlanStorage
    meta.MediaStorageSOPInstanceUID = plan.plan_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    day, time = plan.made_at.strftime("%Y%m%d"), plan.made_at.strftime("%H%M%S")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = day, time
    dataset.SOPClassUID = RTIonPlanStorage
    dataset.SOPInstanceUID = plan.plan_uid
    dataset.StudyDate, dataset.StudyTime = day, time
    dataset.AccessionNumber = ""
    dataset.Modality = "RTPLAN"
    dataset.Manufacturer = "mqi-tui sample cases"
    dataset.ReferringPhysicianName = ""
    dataset.SeriesDescription = "Synthetic, no patient data"
    dataset.OperatorsName = ""
    dataset.PatientName = f"SYNTHETIC^{plan.patient_id}"
    dataset.PatientID = plan.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.StudyInstanceUID = plan.study_uid
    dataset.SeriesInstanceUID = make_uid(plan.plan_uid, "series")
    dataset.StudyID = "1"
    dataset.SeriesNumber = 1
    dataset.FrameOfReferenceUID = make_uid(plan.plan_uid, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.RTPlanLabel = plan.label
    dataset.RTPlanDate, dataset.RTPlanTime = day, time
    dataset.RTPlanGeometry = "TREATMENT_DEVICE"
    dataset.FractionGroupSequence = DicomSequence([_fraction_group(plan.beams)])
    dataset.PatientSetupSequence = DicomSequence([_patient_setup()])
    dataset.IonBeamSequence = DicomSequence([_setup_beam(plan.beams[0]), *map(_ion_beam, plan.beams)])
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _fraction_group(beams: Sequence[SampleBeam]) -> Dataset:
    group = Dataset()
    group.FractionGroupNumber = 1
    group.NumberOfFractionsPlanned = 1
    group.NumberOfBeams = 1 + len(beams)
    group.NumberOfBrachyApplicationSetups = 0
    setup = Dataset()
    setup.ReferencedBeamNumber = SETUP_BEAM_NUMBER
    referenced = [setup]
    for beam in beams:
        item = Dataset()
        item.BeamMeterset = _decimal(_MONITOR_UNITS)
        item.ReferencedBeamNumber = beam.number
        referenced.append(item)
    group.ReferencedBeamSequence = DicomSequence(referenced)
    return group


def _patient_setup() -> Dataset:
    setup = Dataset()
    setup.PatientPosition = "HFS"
    setup.PatientSetupNumber = 1
    return setup


def _beam(number: int, name: str, delivery: str, radiation: str, machine: str) -> Dataset:
    beam = Dataset()
    beam.BeamNumber = number
    beam.BeamName = name
    beam.BeamType = "STATIC" if delivery == "SETUP" else "DYNAMIC"
    beam.RadiationType = radiation
    beam.ScanMode = "NONE" if delivery == "SETUP" else "MODULATED"
    beam.TreatmentMachineName = f"SAMPLE_{machine}"
    beam.PrimaryDosimeterUnit = "MU"
    beam.VirtualSourceAxisDistances = [2000, 2000]
    beam.TreatmentDeliveryType = delivery
    beam.NumberOfWedges = 0
    beam.NumberOfCompensators = 0
    beam.NumberOfBoli = 0
    beam.NumberOfBlocks = 0
    beam.NumberOfRangeShifters = 0
    beam.NumberOfLateralSpreadingDevices = 0
    beam.NumberOfRangeModulators = 0
    beam.PatientSupportType = "TABLE"
    beam.ReferencedPatientSetupNumber = 1
    return beam


def _setup_beam(first: SampleBeam) -> Dataset:
    """An X-ray image of the patient's position: no spots, no dose, not delivered by the proton beam."""
    beam = _beam(SETUP_BEAM_NUMBER, "SETUP", "SETUP", "PHOTON", first.machine.name)
    points = [Dataset(), Dataset()]
    for index, point in enumerate(points):
        point.ControlPointIndex = index
        point.CumulativeMetersetWeight = _decimal(0)
    _place(points[0], 0.0)
    _finish(beam, points, 0.0)
    return beam


def _ion_beam(sample: SampleBeam) -> Dataset:
    beam = _beam(sample.number, sample.name, "TREATMENT", "PROTON", sample.machine.name)
    points: list[Dataset] = []
    delivered = 0.0
    for layer in sample.layers:
        spots = planned_spots(layer.field, _SPOT_DISTANCE_MM)
        weights = np.full(len(spots), layer.weight * _MONITOR_UNITS / len(spots))
        points.append(_control_point(len(points), delivered, layer, spots, weights))
        delivered += layer.weight * _MONITOR_UNITS
        # The standard describes a layer by two points: its spots, and the same place with nothing left to deliver.
        points.append(_control_point(len(points), delivered, layer, spots, np.zeros(len(spots))))
    _place(points[0], sample.gantry_angle_deg)
    _finish(beam, points, delivered)
    return beam


def _finish(beam: Dataset, points: list[Dataset], meterset: float) -> None:
    beam.FinalCumulativeMetersetWeight = _decimal(meterset)
    beam.NumberOfControlPoints = len(points)
    beam.IonControlPointSequence = DicomSequence(points)


def _control_point(
    index: int, delivered: float, layer: SampleLayer, spots: NDArray[np.float64], weights: NDArray[np.float64]
) -> Dataset:
    point = Dataset()
    point.ControlPointIndex = index
    point.CumulativeMetersetWeight = _decimal(delivered)
    point.NominalBeamEnergy = _decimal(layer.energy_mev)
    point.ScanSpotTuneID = "SAMPLE"
    point.NumberOfScanSpotPositions = len(spots)
    point.ScanSpotPositionMap = spots.ravel().tolist()
    point.ScanSpotMetersetWeights = weights.tolist()
    point.ScanningSpotSize = [10.0, 10.0]
    point.NumberOfPaintings = 1
    return point


def _place(point: Dataset, gantry_angle_deg: float) -> None:
    """What the first control point of a beam says for all of them."""
    point.GantryAngle = _decimal(gantry_angle_deg)
    point.GantryRotationDirection = "NONE"
    point.BeamLimitingDeviceAngle = _decimal(0)
    point.BeamLimitingDeviceRotationDirection = "NONE"
    point.PatientSupportAngle = _decimal(0)
    point.PatientSupportRotationDirection = "NONE"
    point.TableTopVerticalPosition = None
    point.TableTopLongitudinalPosition = None
    point.TableTopLateralPosition = None
    point.IsocenterPosition = [0, 0, 0]
    point.TableTopPitchAngle = 0.0
    point.TableTopPitchRotationDirection = "NONE"
    point.TableTopRollAngle = 0.0
    point.TableTopRollRotationDirection = "NONE"
    point.SnoutPosition = _SNOUT_MM


def _decimal(value: float) -> str:
    """A number as DICOM's DS holds it: at most 16 characters."""
    return f"{value:.8g}"
