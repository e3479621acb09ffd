"""DownloadState: the attempt's single raw file comes home, verified against what its job recorded."""

from __future__ import annotations

import os
import time
from pathlib import Path, PurePosixPath

from mqi_tui.domain.errors import PermanentError
from mqi_tui.domain.records import AttemptRecord, BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.local_files import in_thread, make_private_file, make_private_folder, sync_folder
from mqi_tui.workflow.context import ProgressBoard, WorkflowContext
from mqi_tui.workflow.states.base import Outcome

LOCAL_LOG = "simulation.log"
_LOG_PIECE = 1024 * 1024
_SHORTEST_SECONDS = 0.2
"""Before it a rate would be a guess."""


class _Rate:
    """Tells how far a transfer is and how fast it has been since it began (or went on)."""

    def __init__(self, beam_id: str, size: int, board: ProgressBoard) -> None:
        self._beam_id = beam_id
        self._size = size
        self._board = board
        self._first: tuple[float, int] | None = None

    def tell(self, there: int) -> None:
        """`there` bytes have arrived, with what an earlier try had brought."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, there
        seconds, sent = now - self._first[0], there - self._first[1]
        rate = f", {sent / seconds / 1e6:.1f} MB/s" if seconds > _SHORTEST_SECONDS else ""
        detail = f"{there / 1e6:.1f} of {self._size / 1e6:.1f} MB{rate}"
        self._board.report(self._beam_id, BeamStatus.DOWNLOADING, there / max(self._size, 1), detail)


class DownloadState:
    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        attempt = await context.attempts.current_attempt(beam.beam_id)
        if attempt is None or attempt.raw_file is None or attempt.raw_size is None or attempt.raw_sha256 is None:
            raise PermanentError(
                "no attempt of this beam has a raw dose file to bring home; retry computes it.",
                resume_from=BeamStatus.HPC_QUEUED,
            )
        folder = context.result_folder(beam)
        await in_thread(make_private_folder, folder)
        size = attempt.raw_size
        target = folder / context.settings.engine.raw_name
        await context.remote.download_file(
            PurePosixPath(attempt.raw_file),
            target,
            size=size,
            sha256=attempt.raw_sha256,
            on_progress=_Rate(beam.beam_id, size, context.progress).tell,
        )
        await _fetch_log(attempt, folder / LOCAL_LOG, context)
        return Outcome(BeamStatus.POSTPROCESSING, f"{target} is here, {size} bytes, sha256 {attempt.raw_sha256}")


def _begin(part: Path) -> None:
    part.unlink(missing_ok=True)
    make_private_file(part)


async def _fetch_log(attempt: AttemptRecord, target: Path, context: WorkflowContext) -> None:
    """The whole run log, beside the result."""
    part = target.with_name(f"{target.name}.part")
    await in_thread(_begin, part)
    offset = 0
    while data := await context.remote.read_log(PurePosixPath(attempt.run_folder), offset, _LOG_PIECE):
        await in_thread(_append, part, data)
        offset += len(data)
    await in_thread(_publish, part, target)


def _publish(part: Path, target: Path) -> None:
    # Its name says from now on that it is the whole log.
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    sync_folder(target.parent)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
