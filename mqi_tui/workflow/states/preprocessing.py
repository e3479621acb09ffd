"""PreprocessingState: runs mqi_interpreter on a copy of the beam, and checks and collects what it made."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
from pathlib import Path

from mqi_tui.config import MachineSettings, Settings
from mqi_tui.config.templates import fill
from mqi_tui.domain.errors import InputError, PermanentError, TransientError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.local_files import in_thread, make_private_folder
from mqi_tui.moqui.beam_folder import sizes_and_times
from mqi_tui.moqui.calibration import Calibration, write_calibration
from mqi_tui.moqui.layer_csv import bring_layer_csv, check_beam_csvs
from mqi_tui.moqui.rtplan import PlanBeam, write_reduced_plan
from mqi_tui.moqui.text_files import unreadable
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput, check_keys
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.local_program import ProgramResult, run_program
from mqi_tui.workflow.states.base import Outcome
from mqi_tui.workflow.states.initial import BeamInput, read_input_of
from mqi_tui.workflow.states.job_files import dose_grid

_STAGING_PREFIX = ".staging-"
_WARNING = re.compile(r"\bWarning\b")
_PLACEHOLDER = re.compile(r"\{\w+\}")


class PreprocessingState:
    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        settings = context.settings
        found = await asyncio.to_thread(read_input_of, beam, context)
        machine = select_machine(settings, found.plan_beam)
        work = context.work_folder(beam)
        staging = await in_thread(_make_staging, work, beam, found, machine)
        result = await self._interpret(beam, context, found, staging)
        # The person knows the beam's own folder, not the copy of it that the interpreter read.
        copy = str(staging / beam.parent_case_id)
        _check_output(result.replaced(copy, str(beam.beam_path.parent)), work / "interpreter.log")
        histories = await in_thread(_collect, beam, context, found, staging)
        await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)
        return Outcome(BeamStatus.UPLOADING, f"{len(found.logs.layers)} CSVs, {histories} histories")

    async def _interpret(
        self, beam: BeamRecord, context: WorkflowContext, found: BeamInput, staging: Path
    ) -> ProgramResult:
        interpreter = context.settings.interpreter
        case_copy = staging / beam.parent_case_id
        values = context.placeholders(beam) | {
            "staging_dir": case_copy,
            "log_dir": case_copy / beam.beam_name,
            "plan": case_copy / found.plan.path.name,
            "calibration": staging / "scv_init.txt",
            "output_dir": staging / "output",
            "csv_layout": interpreter.csv_layout.value,
        }
        return await run_program(
            [fill(word, values) for word in interpreter.command],
            folder=staging,
            log=context.work_folder(beam) / "interpreter.log",
            timeout=interpreter.timeout_seconds,
            what="mqi_interpreter",
        )


def select_machine(settings: Settings, plan_beam: PlanBeam) -> MachineSettings:
    """The calibration whose name is part of the plan's TreatmentMachineName; InputError unless exactly one is."""
    matching = [name for name in settings.machines if name in plan_beam.machine]
    if len(matching) != 1:
        found = f"matches {len(matching)} ({', '.join(matching)})" if matching else "matches none"
        raise InputError(
            f"plan beam {plan_beam.number}: the treatment machine {plan_beam.machine!r} {found} of the machines in "
            f"config.yaml ({', '.join(settings.machines)}); name each machine there by a part of its name that is "
            "its alone."
        )
    return settings.machines[matching[0]]


def _make_staging(work: Path, beam: BeamRecord, found: BeamInput, machine: MachineSettings) -> Path:
    make_private_folder(work)
    for leftover in work.glob(f"{_STAGING_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # A name of its own for each run: an interpreter that outlived a killed program may still write into the old one.
    staging = work / f"{_STAGING_PREFIX}{secrets.token_hex(4)}"
    case_copy = staging / beam.parent_case_id
    make_private_folder(staging / "output")
    try:
        before = sizes_and_times(beam.beam_path)
        shutil.copytree(beam.beam_path, case_copy / beam.beam_name)
        after = sizes_and_times(beam.beam_path)
    except shutil.Error as error:
        source, _, reason = error.args[0][0]
        raise InputError(f"{source} cannot be copied for the interpreter: {reason}; take it out, or mend it.") from None
    except OSError as error:
        raise unreadable(beam.beam_path, error) from None
    if before != after:
        # A log that is cut between two rows looks whole, and would be computed.
        raise TransientError(f"{beam.beam_path} has changed while it was copied for the interpreter.")
    write_reduced_plan(found.plan.path, case_copy / found.plan.path.name, found.plan_beam.number)
    write_calibration(
        staging / "scv_init.txt",
        Calibration(
            time_gain_ms=machine.time_gain_ms,
            x_offset=machine.x_offset,
            y_offset=machine.y_offset,
            x_gain_mm=machine.x_gain_mm,
            y_gain_mm=machine.y_gain_mm,
        ),
    )
    return staging


def _check_output(result: ProgramResult, log: Path) -> None:
    if result.exit_code != 0:
        raise PermanentError(
            f"mqi_interpreter ended with exit code {result.exit_code}: {result.last_lines()} (whole output: {log})."
        )
    for line in result.output.splitlines():
        if _WARNING.search(line):
            raise PermanentError(
                f"mqi_interpreter printed a warning, so its CSVs are not trusted: {line.strip()} (whole output: {log})."
            )


def _collect(beam: BeamRecord, context: WorkflowContext, found: BeamInput, staging: Path) -> int:
    """Bring the interpreter's files into the beam's input folder, checked, as one swap; returns the histories."""
    settings = context.settings
    output = staging / "output"
    target = context.input_folder(beam)
    fresh = staging / "checked"
    fresh.mkdir(mode=0o700)
    made = sorted(output.glob(settings.interpreter.csv_pattern))
    if not made:
        raise PermanentError(
            f"mqi_interpreter ended well but left no CSV that matches interpreter.csv_pattern "
            f"({settings.interpreter.csv_pattern}) in {output}."
        )
    csvs = dict(bring_layer_csv(path, fresh, settings.interpreter.csv_layout) for path in made)
    histories = check_beam_csvs(fresh, csvs, found.logs.layers, found.plan_beam)
    tps = _tps_input(beam, settings, output, found)
    (fresh / TPS_NAME).write_text(tps.render(), encoding="utf-8")
    if target.exists():
        target.rename(staging / "replaced")
    fresh.rename(target)
    return histories


def _tps_input(beam: BeamRecord, settings: Settings, output: Path, found: BeamInput) -> TpsInput:
    """The interpreter's own `moqui_tps.in`, completed from the config; or one made from the config alone."""
    written = sorted(output.rglob(TPS_NAME))
    if len(written) > 1:
        raise PermanentError(f"mqi_interpreter wrote {len(written)} files {TPS_NAME}; one is expected: {output}.")
    values = {
        "case_id": beam.parent_case_id,
        "beam_id": beam.beam_id,
        "beam_name": beam.beam_name,
        "beam_dir": settings.remote_folder_of(beam.parent_case_id, beam.beam_id),
        "beam_number": found.plan_beam.number,
        "gantry": select_machine(settings, found.plan_beam).gantry,
    }
    tps = TpsInput.read(written[0]) if written else TpsInput.parse("", TPS_NAME)
    leaked = [f"{key} {value}" for key, value in tps.items() if _PLACEHOLDER.search(value)]
    if leaked:
        raise PermanentError(
            f"mqi_interpreter left a placeholder in {TPS_NAME} unresolved: {leaked[0]}; mend its template or its "
            "command."
        )
    unknown = check_keys([key for key, _ in tps.items()], settings.engine.profile)
    if unknown:
        raise PermanentError(
            f"mqi_interpreter wrote keys into {TPS_NAME} that engine.profile {settings.engine.profile.value} does not "
            f"know and would ignore: {'; '.join(unknown)}."
        )
    defaults = {key: fill(value, values) for key, value in settings.engine.parameters.items()}
    complete = tps.with_values({key: value for key, value in defaults.items() if tps.get(key) is None})
    complete.check_scorer(settings.engine.profile)
    dose_grid(complete, settings.engine)  # known before anything is computed, or refused now
    return complete
