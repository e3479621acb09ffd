"""The plan in a case folder as it reads now, and which of its beams a beam folder holds the logs of. Blocking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mqi_tui.domain.errors import MqiError
from mqi_tui.moqui.beam_folder import PLAN_INFO
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts, read_plan_facts
from mqi_tui.moqui.plan_info import read_plan_info
from mqi_tui.moqui.rtplan import find_plan
from mqi_tui.moqui.text_files import unreadable
from mqi_tui.workflow.inspection import PlannedBeam


def plan_in(
    folder: Path, pattern: str, read: Callable[[Path], PlanFacts] = read_plan_facts
) -> tuple[PlanFacts | None, str]:
    """The plan of the case folder, or None and why there is none."""
    try:
        if not folder.is_dir():
            return None, f"the case folder {folder} is not there any more (moved, or its share is lost)"
        return read(find_plan(folder, pattern)), ""
    except MqiError as error:
        return None, str(error)
    except OSError as error:
        return None, str(unreadable(folder, error))


def planned_beam(folder: Path, plan: PlanFacts | None) -> PlannedBeam:
    """The plan's beam that was delivered in the logs of the beam folder: PlanInfo.txt says it, no position or name."""
    if plan is None:
        return PlannedBeam(None, "the plan could not be read")
    try:
        info = read_plan_info(folder / PLAN_INFO)
    except MqiError as error:
        return PlannedBeam(None, str(error))
    if info.patient_id and plan.patient_id and info.patient_id != plan.patient_id:
        return PlannedBeam(
            None, f"{PLAN_INFO} names patient {info.patient_id}, the plan names patient {plan.patient_id}"
        )
    found, names = plan.beam(info.beam_number), f"{PLAN_INFO} names beam {info.beam_number}"
    if found is None:
        return PlannedBeam(None, f"{names}, which the plan does not have exactly once")
    if found.is_setup:
        return PlannedBeam(None, f"{names}, which is a setup beam of the plan")
    return PlannedBeam(found, "")


def gantry_words(beam: PlanBeamFacts) -> str:
    """The gantry angles in degrees, in their order; empty if the plan does not say."""
    return ", ".join(f"{angle:g}" for angle in beam.gantry_angles_deg)


def energy_words(beam: PlanBeamFacts) -> str:
    """The lowest and the highest nominal energy in MeV; empty if the plan does not say."""
    if beam.lowest_energy_mev is None or beam.highest_energy_mev is None:
        return ""
    return f"{beam.lowest_energy_mev:g} to {beam.highest_energy_mev:g}"
