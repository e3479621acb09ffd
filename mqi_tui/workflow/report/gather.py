"""Gathers a CaseReport from the database, the case folder and the results; it writes nothing."""

from __future__ import annotations

import asyncio
import difflib
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from mqi_tui import __version__
from mqi_tui.config import Config, Settings
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.records import AttemptRecord, BeamRecord, CaseRecord
from mqi_tui.domain.status import BeamStatus, case_status, retry_at
from mqi_tui.moqui.plan_facts import PlanFacts
from mqi_tui.repositories.attempts import AttemptRepository
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.workflow.case_plan import plan_in, planned_beam
from mqi_tui.workflow.report.model import BUILTIN_ENGINE_WORD, STOPPED, BeamReport, CaseReport
from mqi_tui.workflow.report.verified_dose import BUILTIN_ENGINE, verified_dose

_BUILTIN_INTERPRETER = "mqi_tui.builtin.interpreter"
_NAMES_SHOWN = 5

_Records = list[tuple[BeamRecord, tuple[AttemptRecord, ...]]]


async def gather_report(case_id: str, config: Config, cases: CaseRepository, attempts: AttemptRepository) -> CaseReport:
    """What is known of the case now; a file that cannot be read is told of, and stops nothing.

    Raises RequestRefusedError for an unknown case, with the names that are close.
    """
    case = await cases.get_case(case_id)
    if case is None:
        raise RequestRefusedError(await _unknown(case_id, cases))
    records = await _records(case_id, cases, attempts)
    return await asyncio.to_thread(_report, case, records, config)


async def _records(case_id: str, cases: CaseRepository, attempts: AttemptRepository) -> _Records:
    """The beams and their attempts as they were at one moment, also while another process changes them."""
    beams = await cases.list_beams(case_id)
    while True:
        found = [(beam, tuple(await attempts.list_attempts(beam.beam_id))) for beam in beams]
        again = await cases.list_beams(case_id)
        if list(map(_moment, again)) == list(map(_moment, beams)):
            return found
        beams = again


def _moment(beam: BeamRecord) -> tuple[object, ...]:
    """What of a beam's row changes when one of its attempts begins, gets its job, or ends."""
    return beam.beam_id, beam.status, beam.attempt, beam.hpc_job_id, beam.updated_at


async def _unknown(case_id: str, cases: CaseRepository) -> str:
    names = [case.case_id for case in await cases.list_cases()]
    beam = await cases.get_beam_by_id(case_id)
    if beam is not None:
        return f"{case_id} is a beam; its case is {beam.parent_case_id}."
    folder = next((folder for folder in await cases.list_folders() if folder.path.name == case_id), None)
    if folder is not None:
        return f"{case_id} is no case yet: {folder.path}: {folder.state.value}: {folder.reason}"
    contained = [name for name in names if case_id and case_id.casefold() in name.casefold()]
    close = list(dict.fromkeys([*difflib.get_close_matches(case_id, names, n=_NAMES_SHOWN), *contained]))[:_NAMES_SHOWN]
    hint = f"close to it: {', '.join(close)}" if close else "no case has a name like it; mqi-tui status lists all"
    return f"there is no case {case_id}; {hint}."


def _report(case: CaseRecord, records: _Records, config: Config) -> CaseReport:
    settings = config.settings
    plan, plan_problem = plan_in(case.case_path, settings.scan.plan_pattern)
    return CaseReport(
        made_at=datetime.now(UTC),
        version=__version__,
        config_path=config.path,
        engine_profile=settings.engine.profile,
        engine_command=settings.engine.command,
        builtin_programs=_builtin_programs(settings),
        case=case,
        status=case_status(beam.status for beam, _ in records),
        plan=plan,
        plan_problem=plan_problem,
        beams=tuple(_beam(beam, attempts, plan, settings) for beam, attempts in records),
    )


def _builtin_programs(settings: Settings) -> tuple[str, ...]:
    programs = {
        "interpreter": (_BUILTIN_INTERPRETER, settings.interpreter.command),
        BUILTIN_ENGINE_WORD: (BUILTIN_ENGINE, settings.engine.command),
    }
    return tuple(name for name, (module, words) in programs.items() if any(module in word for word in words))


def _beam(
    beam: BeamRecord, attempts: Sequence[AttemptRecord], plan: PlanFacts | None, settings: Settings
) -> BeamReport:
    planned = planned_beam(beam.beam_path, plan)
    dose, no_dose = verified_dose(beam, attempts, settings)
    warnings = []
    if dose is not None:
        asked, done = dose.summary.histories_asked, dose.summary.histories_done
        if asked is not None and done is not None and asked != done:
            warnings.append(f"the engine was asked for {asked} histories and says that it ran {done}")
        if dose.raw_problem:
            warnings.append(dose.raw_problem)
    return BeamReport(
        record=beam,
        attempts=tuple(attempts),
        plan_beam=planned.facts,
        plan_beam_problem=planned.problem,
        dose=dose,
        no_dose=no_dose,
        remedy=_remedy(beam),
        warnings=tuple(warnings),
    )


def _remedy(beam: BeamRecord) -> str:
    if beam.status not in STOPPED:
        return ""
    command = f"mqi-tui retry {shlex.quote(beam.beam_id)}"
    begin = retry_at(beam.stage)
    if begin is BeamStatus.INITIAL:
        return f"{command} runs the beam again from its beginning"
    return f"{command} goes on from {begin.word}; with --from-start it runs the beam again from its beginning"
