"""InitialState: folder, plan and logs are there and agree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.moqui.beam_folder import BeamLogs, read_beam_logs
from mqi_tui.moqui.plan_match import plan_beam_of
from mqi_tui.moqui.rtplan import PlanBeam, RtPlan, find_plan, read_plan
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.states.base import Outcome


@dataclass(frozen=True, slots=True)
class BeamInput:
    """A beam's logs and the plan's beam that they are proven to belong to."""

    logs: BeamLogs
    plan: RtPlan
    plan_beam: PlanBeam


def read_beam_input(beam_path: Path, plan_pattern: str) -> BeamInput:
    """Logs and plan of a beam; raises InputError when one is missing, damaged, or they do not belong together."""
    if not beam_path.is_dir():
        raise InputError(f"{beam_path}: the beam folder is not there any more; bring it back, then retry.")
    logs = read_beam_logs(beam_path)
    plan = read_plan(find_plan(beam_path.parent, plan_pattern))
    return BeamInput(logs, plan, plan_beam_of(logs, plan))


class InitialState:
    needs_local_work = True

    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        found = await asyncio.to_thread(read_beam_input, beam.beam_path, context.settings.scan.plan_pattern)
        layers = len(found.logs.layers)
        return Outcome(
            BeamStatus.PREPROCESSING,
            f"logs of plan beam {found.plan_beam.number} ({found.plan_beam.name}), {layers} layers, "
            f"machine {found.plan_beam.machine}",
        )
