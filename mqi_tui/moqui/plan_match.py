"""Proves that the logs of a beam folder and a beam of the plan belong together."""

from __future__ import annotations

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.beam_folder import PLAN_INFO, PLAN_RANGE, BeamLogs
from mqi_tui.moqui.rtplan import PlanBeam, RtPlan

_ENERGY_TOLERANCE_MEV = 0.01
_ROUNDING_MEV = 1e-6


def plan_beam_of(logs: BeamLogs, plan: RtPlan) -> PlanBeam:
    """The plan's beam that was delivered in these logs.

    PlanInfo's DICOM_BEAM_NUMBER alone says which it is, never a position: setup beams and the order of delivery shift
    positions. Patient, number of layers and energies must then agree; raises InputError if they do not.
    """
    info_file, range_file = logs.path / PLAN_INFO, logs.path / PLAN_RANGE
    if logs.info.patient_id and plan.patient_id and logs.info.patient_id != plan.patient_id:
        raise InputError(
            f"{info_file}: DICOM_PATIENT_ID is {logs.info.patient_id}, but {plan.path.name} is the plan of another "
            f"patient, {plan.patient_id}; put the plan that was delivered into the case folder."
        )
    beam = plan.beam(logs.info.beam_number)
    if len(logs.layers) != len(beam.energies_mev):
        raise InputError(
            f"{range_file}: it lists {len(logs.layers)} layers, but beam {beam.number} of {plan.path.name} has "
            f"{len(beam.energies_mev)}; copy the logs of all layers, or the plan that was delivered."
        )
    layers = sorted(logs.layers, key=lambda layer: layer.layer_no)
    for layer, planned in zip(layers, beam.energies_mev, strict=True):
        if abs(layer.energy_mev - planned) > _ENERGY_TOLERANCE_MEV + _ROUNDING_MEV:
            raise InputError(
                f"{range_file}: layer {layer.layer_no} has {layer.energy_mev:g} MeV, but {planned:g} MeV in beam "
                f"{beam.number} of {plan.path.name}; check DICOM_BEAM_NUMBER in {PLAN_INFO}, and copy the plan that "
                "was delivered."
            )
    return beam
