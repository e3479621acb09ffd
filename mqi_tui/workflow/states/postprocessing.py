"""PostprocessingState: checks the dose, writes a summary of it, runs the site's own command if there is one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mqi_tui.config.templates import fill
from mqi_tui.domain.errors import InputError, PermanentError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.local_files import in_thread
from mqi_tui.moqui.dose import DoseSummary, check_dose, summarise
from mqi_tui.moqui.raw_dose import open_raw
from mqi_tui.moqui.run_log import RunLogParser
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.local_program import run_program
from mqi_tui.workflow.states.base import Outcome
from mqi_tui.workflow.states.download import LOCAL_LOG
from mqi_tui.workflow.states.job_files import dose_grid
from mqi_tui.workflow.stored_summary import StoredSummary, write_summary

SITE_LOG = "postprocessing.log"
_LOG_PIECE = 1024 * 1024


class PostprocessingState:
    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        raw_file = context.result_folder(beam) / context.settings.engine.raw_name
        summary = await in_thread(_check_and_summarise, beam, context, raw_file)
        await self._run_site_command(beam, context, raw_file)
        return Outcome(
            BeamStatus.COMPLETED,
            f"dose verified: maximum {summary.maximum_gy:.4g} Gy, peak at {summary.peak_depth_mm:.1f} mm",
            result_path=raw_file,
        )

    async def _run_site_command(self, beam: BeamRecord, context: WorkflowContext, raw_file: Path) -> None:
        site = context.settings.postprocessing
        if not site.command:
            return
        values = context.placeholders(beam) | {
            "raw_file": raw_file,
            "result_dir": raw_file.parent,
        }
        log = raw_file.parent / SITE_LOG
        result = await run_program(
            [fill(word, values) for word in site.command],
            folder=raw_file.parent,
            log=log,
            timeout=site.timeout_seconds,
            what="the postprocessing command",
        )
        if result.exit_code != 0:
            raise PermanentError(
                f"the postprocessing command ended with exit code {result.exit_code}: {result.last_lines()} "
                f"(whole output: {log}). The dose itself is verified: {raw_file}."
            )


def refused_name(raw_file: Path) -> Path:
    """Where a dose file is kept that the check has refused."""
    return raw_file.with_name(f"{raw_file.name}.refused")


def _check_and_summarise(beam: BeamRecord, context: WorkflowContext, raw_file: Path) -> DoseSummary:
    settings = context.settings
    grid = dose_grid(TpsInput.read(context.input_folder(beam) / TPS_NAME), settings.engine)
    log = raw_file.parent / LOCAL_LOG
    for path in (raw_file, log):
        if not path.is_file():
            raise PermanentError(f"{path} is gone; retry brings it home again.", resume_from=BeamStatus.DOWNLOADING)
    try:
        dose = open_raw(raw_file, grid)
        check_dose(dose, raw_file)
    except InputError as error:
        # Under the name of a verified dose there is none but a verified dose.
        refused = refused_name(raw_file)
        raw_file.replace(refused)
        # The file is bit for bit what the job left, so only another run can mend it.
        raise PermanentError(
            f"{error} It is kept as {refused.name}; retry computes the dose again.", resume_from=BeamStatus.HPC_QUEUED
        ) from None
    summary = summarise(dose, grid, settings.engine.beam_enters)
    parser = RunLogParser(settings.engine.profile)
    with log.open("rb") as file:
        while piece := file.read(_LOG_PIECE):
            parser.feed(piece)
    stored = StoredSummary(
        case_id=beam.parent_case_id,
        beam_id=beam.beam_id,
        attempt=beam.attempt,
        written_at=datetime.now(UTC),
        histories_asked=parser.state.histories_asked,
        histories_done=parser.state.histories_done,
        beam_enters=settings.engine.beam_enters,
        grid=grid,
        dose=summary,
    )
    write_summary(raw_file, stored)
    return summary
