"""Whether a beam has a verified dose, and which; a dose that is not proven to be the beam's own is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqi_tui.config import Settings
from mqi_tui.domain.errors import MqiError
from mqi_tui.domain.records import AttemptRecord, BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.local_files import sha256_of
from mqi_tui.workflow.report.model import STOPPED, DoseReport
from mqi_tui.workflow.states.download import LOCAL_LOG
from mqi_tui.workflow.stored_summary import SUMMARY, StoredSummary, read_summary

BUILTIN_ENGINE = "mqi_tui.builtin.simulation"
"""The built-in dose engine: a word of its command, and the begin of the first line that it prints."""

_BEGIN_OF_LOG = 64 * 1024


def verified_dose(
    beam: BeamRecord, attempts: Sequence[AttemptRecord], settings: Settings
) -> tuple[DoseReport | None, str]:
    """The verified dose of the beam's latest attempt, or why there is none."""
    in_the_way = _reason(beam)
    if in_the_way:
        return None, in_the_way
    # Only the last attempt is the beam's: results of earlier ones lie in the same folder until they are replaced.
    attempt = attempts[-1] if attempts else None
    if attempt is None or attempt.raw_size is None or attempt.raw_sha256 is None:
        return None, "no attempt of this beam has left a dose file"
    raw_file = beam.result_path or (
        settings.result_folder_of(beam.parent_case_id, beam.beam_id) / settings.engine.raw_name
    )
    try:
        summary = read_summary(raw_file.with_name(SUMMARY))
    except MqiError as error:
        return None, f"the summary of the dose cannot be read: {error}"
    if (summary.case_id, summary.beam_id, summary.attempt) != (beam.parent_case_id, beam.beam_id, attempt.attempt):
        return None, (
            f"{raw_file.with_name(SUMMARY)} tells of attempt {summary.attempt} of beam {summary.beam_id}, "
            f"not of attempt {attempt.attempt} of this beam"
        )
    return _checked(summary, raw_file, attempt.raw_size, attempt.raw_sha256)


def _reason(beam: BeamRecord) -> str:
    if beam.status is BeamStatus.COMPLETED:
        return ""
    if beam.status is BeamStatus.NEW:
        return "it has not been dispatched yet"
    if beam.status not in STOPPED:
        return f"it is still at work ({beam.word})"
    if beam.stage is BeamStatus.POSTPROCESSING:
        # The dose may have been verified before the site's own command stopped the beam; its summary will say.
        return ""
    return f"the beam {'failed' if beam.status is BeamStatus.FAILED else 'was cancelled'} while {beam.stage.word}"


def _checked(summary: StoredSummary, raw_file: Path, size: int, sha256: str) -> tuple[DoseReport | None, str]:
    problem = ""
    try:
        found = sha256_of(raw_file)
    except OSError as error:
        problem = (
            f"{raw_file} cannot be read now ({error.strerror}); the numbers are those that {SUMMARY} has kept since "
            "the dose was verified"
        )
    else:
        if found != sha256:
            return None, (
                f"{raw_file} is not the file any more that was verified: its SHA-256 is {found}, that of the dose "
                f"was {sha256}"
            )
    log = raw_file.with_name(LOCAL_LOG)
    return DoseReport(summary, raw_file, size, sha256, problem, _is_of_builtin_engine(log)), ""


def _is_of_builtin_engine(log: Path) -> bool:
    try:
        with log.open("rb") as file:
            begin = file.read(_BEGIN_OF_LOG)
    except OSError:
        return False
    return any(line.startswith(f"{BUILTIN_ENGINE}:".encode()) for line in begin.splitlines())
