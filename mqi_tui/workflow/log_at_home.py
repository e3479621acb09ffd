"""The copy of an attempt's log that came home with its dose: where it is, and pieces of it.

Blocking: call it in a thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.local_files import file_errors
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.states.download import LOCAL_LOG

_WITH_LOG_AT_HOME = frozenset({BeamStatus.POSTPROCESSING, BeamStatus.COMPLETED})


@dataclass(frozen=True, slots=True)
class LogPiece:
    start: int
    """Byte offset of its first byte."""
    data: bytes


def log_at_home(beam: BeamRecord, attempt: int, context: WorkflowContext) -> Path | None:
    """The whole log of the attempt, which is the beam's latest; None where it is not there, or may be another's.

    Raises TransientError or PermanentError where the folder cannot be looked into.
    """
    # Before that stage it may be the log of an earlier attempt.
    if attempt != beam.attempt or beam.stage not in _WITH_LOG_AT_HOME:
        return None
    # The place of results may have been changed since, to one where another program keeps its own.
    folder = context.result_folder(beam) if beam.result_path is None else beam.result_path.parent
    path = folder / LOCAL_LOG
    with file_errors(path, "read"):
        # An empty one may have lost its end in a power cut, and of a log without a word nothing is lost.
        return path if path.is_file() and path.stat().st_size else None


def read_log_at_home(
    beam: BeamRecord, attempt: int, context: WorkflowContext, offset: int, limit: int
) -> LogPiece | None:
    """Up to `limit` bytes from byte `offset`, the last ones where it is negative; None and raises as `log_at_home`."""
    path = log_at_home(beam, attempt, context)
    if path is None:
        return None
    with file_errors(path, "read"), path.open("rb") as file:
        start = offset if offset >= 0 else max(file.seek(0, os.SEEK_END) - limit, 0)
        file.seek(start)
        return LogPiece(start, file.read(limit))
