"""InitialState: folder, plan and logs are there and agree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mqi_tui.domain.errors import InputError, TransientError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.moqui.beam_folder import BeamLogs, read_beam_logs
from mqi_tui.moqui.plan_match import plan_beam_of
from mqi_tui.moqui.rtplan import PlanBeam, RtPlan, find_plan
from mqi_tui.moqui.text_files import unreadable
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.states.base import Outcome


@dataclass(frozen=True, slots=True)
class BeamInput:
    """A beam's logs and the plan's beam that they are proven to belong to."""

    logs: BeamLogs
    plan: RtPlan
    plan_beam: PlanBeam


def read_input_of(beam: BeamRecord, context: WorkflowContext) -> BeamInput:
    """Logs and plan of a beam; raises InputError when one is missing, damaged, or they do not belong together.

    Raises TransientError while the share with the case folders is lost.
    """
    settings = context.settings
    beam_path, scan_directory = beam.beam_path, settings.scan_directory
    try:
        is_there = beam_path.is_dir()
        if not is_there and not scan_directory.is_dir():
            raise TransientError(f"{scan_directory} cannot be reached; mount it, or bring it back")
    except OSError as error:
        raise unreadable(beam_path, error) from None
    if not is_there:
        raise InputError(f"{beam_path}: the beam folder is not there any more; bring it back, then retry.")
    logs = read_beam_logs(beam_path)
    plan = context.plans.read(find_plan(beam_path.parent, settings.scan.plan_pattern))
    return BeamInput(logs, plan, plan_beam_of(logs, plan))


class InitialState:
    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        found = await asyncio.to_thread(read_input_of, beam, context)
        layers = len(found.logs.layers)
        return Outcome(
            BeamStatus.PREPROCESSING,
            f"logs of plan beam {found.plan_beam.number} ({found.plan_beam.name}), {layers} layers, "
            f"machine {found.plan_beam.machine}",
        )
