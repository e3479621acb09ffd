"""FileUploadState: the CSVs and `moqui_tps.in` to the beam's own folder on the HPC, verified and published whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mqi_tui.domain.errors import PermanentError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.moqui.tps_input import TPS_NAME
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.states.base import Outcome


class FileUploadState:
    async def run(self, beam: BeamRecord, context: WorkflowContext) -> Outcome:
        files = await asyncio.to_thread(_input_files, context.input_folder(beam))
        folder = context.settings.remote_folder_of(beam.parent_case_id, beam.beam_id)
        sent = await context.remote.upload_beam(files, folder)
        return Outcome(BeamStatus.HPC_QUEUED, f"{len(files)} files are in {folder}, {sent} bytes sent")


def _input_files(folder: Path) -> dict[str, Path]:
    files = {path.name: path for path in sorted(folder.glob("*.csv"))}
    if not files or not (folder / TPS_NAME).is_file():
        raise PermanentError(
            f"{folder} lacks its CSVs or {TPS_NAME}; retry makes them again from the logs.",
            resume_from=BeamStatus.PREPROCESSING,
        )
    return files | {TPS_NAME: folder / TPS_NAME}
