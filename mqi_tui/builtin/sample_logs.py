"""Writes a made-up beam's folder as a treatment machine leaves it: PlanInfo.txt, PlanRange.txt and PTN logs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mqi_tui.builtin.sample_beams import Machine, SampleBeam, SampleLayer
from mqi_tui.builtin.sample_fields import LayerScan
from mqi_tui.builtin.sample_plan import SamplePlan
from mqi_tui.moqui.beam_folder import PLAN_INFO, PLAN_RANGE
from mqi_tui.moqui.plan_info import write_plan_info
from mqi_tui.moqui.plan_range import LayerRange, write_plan_range
from mqi_tui.moqui.ptn import PtnLog, write_ptn

_PLAN_NUMBER = "001"
_SPOT_SIZE_MM = 5.0
_DOSE2_PART = 0.98


def beam_folder_name(delivered_at: datetime) -> str:
    """The second of delivery and two more digits, as the machines name the folders."""
    return f"{delivered_at:%Y%m%d%H%M%S}{delivered_at.microsecond // 10_000:02d}"


def write_beam_logs(plan: SamplePlan, beam: SampleBeam, delivered_at: datetime, case: Path) -> Path:
    """Write the beam's folder into the case's; returns it."""
    folder = case / beam_folder_name(delivered_at)
    folder.mkdir(mode=0o700)
    planned = f"{_log_stem(plan, beam)}.mgn"
    # Nothing reads the planned scan; only its name is part of a delivery.
    (folder / planned).write_text("Synthetic: this file stands for the planned scan.\n", encoding="utf-8")
    write_plan_info(folder / PLAN_INFO, _plan_info(plan, beam, delivered_at))
    write_plan_range(folder / PLAN_RANGE, [_layer_range(plan, beam, layer, planned) for layer in beam.layers])
    for layer in beam.layers:
        write_ptn(folder / log_name(plan, beam, layer), to_log(layer.scan, layer.number, beam.machine))
    return folder


def log_name(plan: SamplePlan, beam: SampleBeam, layer: SampleLayer) -> str:
    """`<room2>_<patient>_<plan3>_<field3>_<layer3>.ptn`."""
    return f"{_log_stem(plan, beam)}_{layer.number:03d}.ptn"


def _log_stem(plan: SamplePlan, beam: SampleBeam) -> str:
    return f"{beam.machine.settings.gantry:02d}_{plan.patient_id}_{_PLAN_NUMBER}_{beam.field_number:03d}"


def to_log(scan: LayerScan, layer: int, machine: Machine) -> PtnLog:
    """The scan in the raw units of a machine; spot sizes and dose2 are made up to fit."""
    settings = machine.settings
    rows: NDArray[np.uint16] = np.zeros((len(scan.dose1), 8), dtype=np.uint16)
    rows[:, 0] = np.rint(scan.x_mm / settings.x_gain_mm + settings.x_offset)
    rows[:, 1] = np.rint(scan.y_mm / settings.y_gain_mm + settings.y_offset)
    rows[:, 2] = round(_SPOT_SIZE_MM / settings.x_gain_mm)
    rows[:, 3] = round(_SPOT_SIZE_MM / settings.y_gain_mm)
    rows[:, 4] = scan.dose1
    rows[:, 5] = np.rint(scan.dose1 * _DOSE2_PART)
    rows[:, 6] = layer
    return PtnLog(rows)


def _plan_info(plan: SamplePlan, beam: SampleBeam, delivered_at: datetime) -> dict[str, str]:
    return {
        "DICOM_PATIENT_ID": plan.patient_id,
        "DICOM_STUDY_INS_UID": str(plan.study_uid),
        "DICOM_BEAM_NUMBER": str(beam.number),
        "TCSC_IRRAD_DATETIME": f"{delivered_at:%Y%m%d%H%M%S}",
        "TCSC_PATIENT_ID": plan.patient_id,
        "TCSC_PLAN_NUMBER": _PLAN_NUMBER,
        "TCSC_FIELD_NUMBER": str(beam.field_number),
        "START_LAYER_NUMBER": str(beam.layers[0].number),
        "STOP_LAYER_NUMBER": str(beam.layers[-1].number),
        "SHARE_DIR": "/synthetic/share",
        "ACTUAL_DIR": f"/synthetic/share/{beam_folder_name(delivered_at)}",
    }


def _layer_range(plan: SamplePlan, beam: SampleBeam, layer: SampleLayer, planned: str) -> LayerRange:
    return LayerRange(
        result_id="1",
        layer_no=layer.number,
        energy_mev=layer.energy_mev,
        patient_id=plan.patient_id,
        field_no=str(beam.field_number),
        dose1_range=layer.dose1_range,
        dose2_range=layer.dose1_range,
        plan_dose1_range=layer.dose1_range,
        plan_dose2_range=layer.dose1_range,
        ptn_name=log_name(plan, beam, layer),
        plan_ptn_name=planned,
    )
