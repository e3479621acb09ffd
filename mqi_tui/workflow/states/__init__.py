"""One class a state of a beam's way; each can be entered again at any time and says which status follows."""

from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.states.base import Outcome, WorkflowState
from mqi_tui.workflow.states.cancelling import CancellingState
from mqi_tui.workflow.states.download import DownloadState
from mqi_tui.workflow.states.file_upload import FileUploadState
from mqi_tui.workflow.states.hpc_execution import HpcExecutionState
from mqi_tui.workflow.states.initial import InitialState
from mqi_tui.workflow.states.postprocessing import PostprocessingState
from mqi_tui.workflow.states.preprocessing import PreprocessingState

_HPC_EXECUTION = HpcExecutionState()

STATES: dict[BeamStatus, WorkflowState] = {
    BeamStatus.INITIAL: InitialState(),
    BeamStatus.PREPROCESSING: PreprocessingState(),
    BeamStatus.UPLOADING: FileUploadState(),
    BeamStatus.HPC_QUEUED: _HPC_EXECUTION,
    BeamStatus.HPC_RUNNING: _HPC_EXECUTION,
    BeamStatus.DOWNLOADING: DownloadState(),
    BeamStatus.POSTPROCESSING: PostprocessingState(),
    BeamStatus.CANCELLING: CancellingState(),
}
"""Completed, failed, cancelled and new beams have no state to run: no worker owns them."""

__all__ = ["STATES", "Outcome", "WorkflowState"]
