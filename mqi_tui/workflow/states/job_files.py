"""What an attempt's job needs in its run folder: its own `moqui_tps.in` and the job script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from shlex import quote

from mqi_tui.config import EngineSettings
from mqi_tui.config.templates import fill
from mqi_tui.domain.errors import PermanentError
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord, BeamRecord, EndedAttempt
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.job_script import render_job_script
from mqi_tui.hpc.protocols import ExitRecord, JobRef
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput
from mqi_tui.workflow.context import WorkflowContext


@dataclass(frozen=True, slots=True)
class JobFiles:
    run_folder: PurePosixPath
    script: bytes
    inputs: Mapping[str, bytes]


def dose_grid(tps: TpsInput, engine: EngineSettings) -> DoseGrid:
    """The voxels of the raw dose file; raises InputError when neither the config nor `moqui_tps.in` says them."""
    given = engine.dose_grid
    if given is None:
        return tps.grid()
    return DoseGrid(*given.voxels, given.voxel_mm, given.lower_edges_mm)


def job_reference(attempt: AttemptRecord, job_id: str) -> JobRef:
    return JobRef(job_id, attempt.token, PurePosixPath(attempt.run_folder))


def ended_attempt(outcome: AttemptOutcome, record: ExitRecord | None) -> EndedAttempt:
    """The end of an attempt whose job left this exit record (None: it left none), without its raw file."""
    if record is None:
        return EndedAttempt(outcome)
    return EndedAttempt(outcome, record.exit_code, host=record.host, gpu=record.gpu)


def prepare_job(beam: BeamRecord, attempt: AttemptRecord, context: WorkflowContext) -> JobFiles:
    """The attempt's files, with every key that depends on place and attempt set by us."""
    engine, readings = context.settings.engine, context.settings.hpc.gpu_readings
    run_folder = PurePosixPath(attempt.run_folder)
    source = context.input_folder(beam) / TPS_NAME
    if not source.is_file():
        raise PermanentError(
            f"{source} is gone; retry makes it again from the logs.", resume_from=BeamStatus.PREPROCESSING
        )
    values = {
        "python": context.settings.hpc.python,
        "case_id": beam.parent_case_id,
        "beam_id": beam.beam_id,
        "beam_name": beam.beam_name,
        "beam_dir": run_folder.parent,
        "run_dir": run_folder,
        "tps_file": run_folder / TPS_NAME,
        "gpu_id": context.remote.device_index(attempt.gpu_id),
        "attempt": attempt.attempt,
    }
    tps = TpsInput.read(source).with_values({key: fill(word, values) for key, word in engine.run_parameters.items()})
    words = {name: quote(str(value)) for name, value in values.items()}
    script = render_job_script(
        token=attempt.token,
        run_folder=run_folder,
        command=[fill(word, values) for word in engine.command],
        setup_lines=[fill(line, words) for line in engine.setup_lines],
        raw_pattern=engine.raw_pattern,
        readings_command=readings.command if readings.where == "job" else (),
        readings_interval=readings.interval_seconds,
    )
    return JobFiles(run_folder, script, {TPS_NAME: tps.render().encode()})
