"""What every state of every beam works with: settings, repositories, the HPC, live progress and jobs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mqi_tui.config import Config, Settings
from mqi_tui.domain.compute_times import ComputeTimes
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.records import BeamProgress, BeamRecord
from mqi_tui.domain.status import BeamStatus, overall_progress
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.hpc.remote_handler import RemoteHandler
from mqi_tui.moqui.rtplan import PlanReader
from mqi_tui.repositories.attempts import AttemptRepository
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.gpus import GpuRepository
from mqi_tui.workflow.gpu_allocator import GpuAllocator
from mqi_tui.workflow.hold_ups import HoldUps
from mqi_tui.workflow.priorities import Priorities
from mqi_tui.workflow.turns import Turns

INPUT_FOLDER = "input"
"""Holds the checked CSVs and `moqui_tps.in` of a beam, inside its work folder."""


class ProgressBoard:
    """The latest progress of each beam at work, kept until it is next written to the database."""

    def __init__(self) -> None:
        self._values: dict[str, BeamProgress] = {}

    def report(
        self, beam_id: str, stage: BeamStatus, fraction: float, detail: str = "", *, job_waits: bool | None = None
    ) -> None:
        """`fraction` (0..1) of `stage` is done; `detail` is a few words, empty when there is nothing to say.

        `job_waits` is None where there is no news of it.
        """
        earlier = self._values.get(beam_id)
        if job_waits is None and earlier is not None and earlier.stage is stage:
            job_waits = earlier.job_waits
        self._values[beam_id] = BeamProgress(stage, overall_progress(stage, fraction), detail, job_waits)

    def take(self) -> dict[str, BeamProgress]:
        """By beam: what has come since the last call."""
        values, self._values = self._values, {}
        return values

    def drop(self, beam_id: str) -> None:
        """Forget what was reported: the beam has left the stage."""
        self._values.pop(beam_id, None)


@dataclass(frozen=True, slots=True)
class PlacedJob:
    """A job that computes."""

    run_folder: PurePosixPath
    place: JobPlace


class JobBoard:
    """The jobs that compute now, as far as their followers know."""

    def __init__(self) -> None:
        self._jobs: dict[str, PlacedJob] = {}
        self._times_left: dict[str, TimeLeft] = {}

    @property
    def placed(self) -> Mapping[str, PlacedJob]:
        """By beam id, as it is now."""
        return dict(self._jobs)

    @property
    def places(self) -> Mapping[str, JobPlace]:
        """By beam id, as it is now."""
        return {beam_id: job.place for beam_id, job in self._jobs.items()}

    @property
    def times_left(self) -> Mapping[str, TimeLeft]:
        """By beam id, of those of which it is known now."""
        return dict(self._times_left)

    def show(self, beam_id: str, job: PlacedJob) -> None:
        """The beam's job has begun."""
        self._jobs[beam_id] = job

    def tell_time_left(self, beam_id: str, time_left: TimeLeft | None) -> None:
        """How long the beam's job still computes; None while that is not known."""
        if time_left is None:
            self._times_left.pop(beam_id, None)
        else:
            self._times_left[beam_id] = time_left

    def drop(self, beam_id: str) -> None:
        """Nobody follows the beam's job any more: it is over, or the beam has left HPC execution."""
        self._jobs.pop(beam_id, None)
        self._times_left.pop(beam_id, None)


@dataclass(frozen=True, slots=True)
class WorkflowContext:
    config: Config
    cases: CaseRepository
    gpus: GpuRepository
    attempts: AttemptRepository
    remote: RemoteHandler
    allocator: GpuAllocator
    turns: Mapping[BeamStatus, Turns]
    """By stage; a stage that is not here needs none."""
    running: asyncio.Event
    """Clear while the engine is paused."""
    progress: ProgressBoard = field(default_factory=ProgressBoard)
    jobs: JobBoard = field(default_factory=JobBoard)
    hold_ups: HoldUps = field(default_factory=HoldUps)
    priorities: Priorities = field(default_factory=Priorities)
    compute_times: ComputeTimes = field(default_factory=ComputeTimes)
    """Of the beams that the engine of the config has computed."""
    plans: PlanReader = field(default_factory=PlanReader)

    @property
    def settings(self) -> Settings:
        return self.config.settings

    @property
    def engine_name(self) -> str:
        """What tells one engine from another: its command, as the config has it."""
        return " ".join(self.settings.engine.command)

    def work_folder(self, beam: BeamRecord) -> Path:
        return self.settings.work_folder_of(beam.parent_case_id, beam.beam_id, beam.beam_path)

    def input_folder(self, beam: BeamRecord) -> Path:
        return self.work_folder(beam) / INPUT_FOLDER

    def placeholders(self, beam: BeamRecord) -> dict[str, object]:
        """What the commands that run on this machine may name of a beam, by placeholder."""
        return {
            "python": sys.executable,
            "config_dir": self.config.folder,
            "case_id": beam.parent_case_id,
            "beam_id": beam.beam_id,
            "beam_name": beam.beam_name,
            "case_path": beam.beam_path.parent,
            "beam_path": beam.beam_path,
        }

    async def write_progress(self) -> None:
        """Write what has come of the beams' progress to the database; raises TransientError while it is busy."""
        if values := self.progress.take():
            await self.cases.update_progress(values)

    def result_folder(self, beam: BeamRecord) -> Path:
        return self.settings.result_folder_of(beam.parent_case_id, beam.beam_id)
