"""A CaseReport for programs; docs/report.md says what each key is. A value that is not known is null."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mqi_tui.domain.records import AttemptRecord
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts
from mqi_tui.workflow.report.model import BeamReport, CaseReport, DoseReport
from mqi_tui.workflow.report.notices import notices

FORMAT = "mqi-tui case report 1"
"""Grows when a key changes its meaning or goes; new keys may come without."""


def render_json(report: CaseReport) -> str:
    """The report as JSON text for UTF-8; its first key is `format`."""
    return json.dumps(_case(report), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _case(report: CaseReport) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_at": _time(report.made_at),
        "mqi_tui_version": report.version,
        "config_file": str(report.config_path),
        "engine_profile": report.engine_profile.value,
        "engine_command": list(report.engine_command),
        "is_by_builtin_engine": report.is_by_builtin_engine,
        "notices": notices(report),
        "case_id": report.case.case_id,
        "case_folder": str(report.case.case_path),
        "status": report.status.value,
        "warnings": list(report.case.warnings),
        "plan": None if report.plan is None else _plan(report.plan),
        "plan_problem": report.plan_problem or None,
        "beams": [_beam(beam) for beam in report.beams],
    }


def _plan(plan: PlanFacts) -> dict[str, Any]:
    return {
        "file": str(plan.path),
        "uid": plan.uid,
        "patient_id": plan.patient_id,
        "label": plan.label,
        "machines": list(plan.machines),
        "fractions_planned": list(plan.fractions_planned),
        "beams": [_plan_beam(beam) for beam in plan.beams],
        "oddities": list(plan.oddities),
    }


def _plan_beam(beam: PlanBeamFacts) -> dict[str, Any]:
    return {
        "number": beam.number,
        "name": beam.name,
        "machine": beam.machine,
        "is_setup": beam.is_setup,
        "gantry_angles_deg": list(beam.gantry_angles_deg),
        "layers": beam.layers,
        "lowest_energy_mev": beam.lowest_energy_mev,
        "highest_energy_mev": beam.highest_energy_mev,
        "meterset": beam.meterset,
        "meterset_unit": beam.meterset_unit,
    }


def _beam(beam: BeamReport) -> dict[str, Any]:
    record = beam.record
    return {
        "beam_id": record.beam_id,
        "beam_name": record.beam_name,
        "beam_folder": str(record.beam_path),
        "status": record.status.value,
        "stage": record.stage.value,
        "state": beam.state,
        "detail": record.detail or None,
        "error": record.error,
        "remedy": beam.remedy or None,
        "warnings": list(beam.warnings),
        "plan_beam_number": None if beam.plan_beam is None else beam.plan_beam.number,
        "plan_beam_problem": beam.plan_beam_problem or None,
        "attempts": [_attempt(attempt) for attempt in beam.attempts],
        "dose": None if beam.dose is None else _dose(beam.dose),
        "no_dose_reason": beam.no_dose or None,
    }


def _attempt(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "outcome": None if attempt.outcome is None else attempt.outcome.value,
        "exit_code": attempt.exit_code,
        "hpc_job_id": attempt.hpc_job_id,
        "gpu_slot": attempt.gpu_id,
        "host": attempt.host,
        "gpu": attempt.gpu,
        "run_folder": attempt.run_folder,
        "begun_at": _time(attempt.created_at),
        "submitted_at": None if attempt.submitted_at is None else _time(attempt.submitted_at),
        "end_recorded_at": None if attempt.ended_at is None else _time(attempt.ended_at),
    }


def _dose(dose: DoseReport) -> dict[str, Any]:
    summary, found = dose.summary, dose.summary.dose
    return {
        "attempt": summary.attempt,
        "verified_at": _time(summary.written_at),
        "is_by_builtin_engine": dose.by_builtin_engine,
        "histories_asked": summary.histories_asked,
        "histories_run": summary.histories_done,
        "maximum_gy": found.maximum_gy,
        "maximum_at_xyz_mm": list(found.maximum_at_mm),
        "peak_depth_mm": found.peak_depth_mm,
        "r80_mm": found.r80_mm,
        "r50_mm": found.r50_mm,
        "depth_mm": list(found.depth_dose.depth_mm),
        "depth_dose_gy_mm2": list(found.depth_dose.integral_gy_mm2),
        "beam_enters": summary.beam_enters,
        "raw_file": str(dose.raw_file),
        "raw_size_bytes": dose.raw_size,
        "raw_sha256": dose.raw_sha256,
        "raw_problem": dose.raw_problem or None,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
