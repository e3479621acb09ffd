"""An EngineControl that plays synthetic snapshots and records what it is asked to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.hold_up import HoldUp
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading, GpuWatch, StorageReading
from mqi_tui.domain.records import BeamRecord, CaseRecord, EventRecord, FolderRecord, GpuRecord
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.workflow.control import LogChunk
from mqi_tui.workflow.doctor import Check
from tests.support.scripted_inspector import ScriptedInspector

NOW = datetime(2026, 3, 4, 10, 41, 7, tzinfo=UTC)

_PROGRESS = {BeamStatus.HPC_QUEUED: 0.15, BeamStatus.HPC_RUNNING: 0.57, BeamStatus.COMPLETED: 1.0}


def a_beam(
    case_id: str,
    name: str = "2025042401440800",
    status: BeamStatus = BeamStatus.NEW,
    *,
    stage: BeamStatus | None = None,
    progress: float | None = None,
    detail: str = "",
    gpu_id: int | None = None,
    hpc_job_id: str | None = None,
    attempt: int = 0,
    error: str | None = None,
    job_waits: bool = False,
    priority: int = 0,
) -> BeamRecord:
    done = status is BeamStatus.COMPLETED
    return BeamRecord(
        beam_id=f"{case_id}_{name}",
        parent_case_id=case_id,
        beam_name=name,
        beam_path=Path("/data/cases") / case_id / name,
        status=status,
        stage=stage or status,
        progress=_PROGRESS.get(status, 0.0) if progress is None else progress,
        detail=detail,
        gpu_id=gpu_id,
        hpc_job_id=hpc_job_id,
        attempt=attempt,
        error=error,
        result_path=Path("/data/results") / case_id / f"{case_id}_{name}" / "output.raw" if done else None,
        queued_at=None,
        created_at=NOW,
        updated_at=NOW,
        job_waits=job_waits,
        priority=priority,
    )


def a_case(case_id: str, *beams: BeamRecord, warnings: tuple[str, ...] = ()) -> CaseView:
    return CaseView.of(CaseRecord(case_id, Path("/data/cases") / case_id, warnings, NOW, NOW), beams)


def a_folder(name: str, state: FolderState, reason: str) -> FolderRecord:
    return FolderRecord(Path("/data/cases") / name, state, reason, NOW)


def an_event(number: int, message: str, *, beam_id: str | None = None, level: str = "info") -> EventRecord:
    return EventRecord(number, NOW, None, beam_id, level, message)


def a_snapshot(
    *cases: CaseView,
    gpu_count: int = 8,
    folders: Sequence[FolderRecord] = (),
    events: Sequence[EventRecord] = (),
    paused: bool = False,
    scan_trouble: str = "",
    readings: Sequence[GpuReading] = (),
    gpu_watch: GpuWatch | None = None,
    places: Mapping[str, JobPlace] | None = None,
    storage: StorageReading | None = None,
    unreachable_since: datetime | None = None,
    times_left: Mapping[str, TimeLeft] | None = None,
    usual_time: TimeLeft | None = None,
    hold_ups: Mapping[str, HoldUp] | None = None,
) -> EngineSnapshot:
    """The slots and the queue follow from the beams."""
    beams = [beam for case in cases for beam in case.beams]
    holders = {beam.gpu_id: beam.beam_id for beam in beams if beam.gpu_id is not None}
    return EngineSnapshot(
        revision=1,
        at=NOW,
        paused=paused,
        cases=cases,
        gpus=tuple(GpuRecord(number, holders.get(number)) for number in range(gpu_count)),
        folders=tuple(folders),
        events=tuple(events),
        queue=tuple(beam.beam_id for beam in beams if beam.status is BeamStatus.HPC_QUEUED),
        scan_trouble=scan_trouble,
        readings=tuple(readings),
        gpu_watch=gpu_watch or GpuWatch(),
        places=places or {},
        storage=storage,
        unreachable_since=unreachable_since,
        times_left=times_left or {},
        usual_time=usual_time,
        hold_ups=hold_ups or {},
    )


@dataclass
class ScriptedLog:
    attempt: int = 1
    data: bytes = b""
    reads: list[int] = field(default_factory=list)
    """The offsets that were asked for."""


class ScriptedEngine:
    """Implements EngineControl. Records `commands`; `answers` sets what a command answers, by its name."""

    def __init__(self, snapshot: EngineSnapshot) -> None:
        self._snapshot = snapshot
        self._changed = asyncio.Event()
        self.commands: list[tuple[object, ...]] = []
        self.answers: dict[str, str | Exception] = {}
        self.logs: dict[str, ScriptedLog] = {}
        self.log_trouble: Exception | None = None
        """Raised by `read_log` while it is set."""
        self.gate: asyncio.Event | None = None
        """What `dispatch` waits for, if it is set."""
        self.silence = timedelta(0)
        """How long ago the picture was last confirmed."""
        self.inspector = ScriptedInspector()
        self.checks: Sequence[Check] = ()
        """What the doctor finds."""
        self.checks_gate: asyncio.Event | None = None
        """What the doctor waits for after them, if it is set."""
        self.doctors = [0, 0]
        """How many times the doctor was called, and has ended."""
        self.published = 0
        """How many snapshots were taken from `changes`."""

    @property
    def snapshot(self) -> EngineSnapshot:
        return self._snapshot

    @property
    def confirmed_at(self) -> datetime:
        return datetime.now(UTC) - self.silence

    def publish(self, snapshot: EngineSnapshot) -> None:
        self._snapshot = replace(snapshot, revision=self._snapshot.revision + 1)
        self._changed.set()

    async def changes(self) -> AsyncIterator[EngineSnapshot]:
        while True:
            self._changed.clear()
            self.published += 1
            yield self._snapshot
            await self._changed.wait()

    async def check_up(self) -> AsyncIterator[Check]:
        self.doctors[0] += 1
        try:
            for check in self.checks:
                yield check
            if self.checks_gate is not None:
                await self.checks_gate.wait()
        finally:
            self.doctors[1] += 1

    async def dispatch(self, case_id: str, beam_ids: Collection[str] | None = None) -> str:
        if self.gate is not None:
            await self.gate.wait()
        return self._answer("dispatch", case_id, None if beam_ids is None else tuple(beam_ids))

    async def retry(self, beam_id: str) -> str:
        beam = self._snapshot.beam(beam_id)
        if beam is not None and beam.status not in {BeamStatus.FAILED, BeamStatus.CANCELLED}:
            raise RequestRefusedError(f"{beam_id} is {beam.status.word}: only a failed or cancelled beam is retried.")
        return self._answer("retry", beam_id)

    async def rerun(self, beam_id: str) -> str:
        return self._answer("rerun", beam_id)

    async def cancel_beam(self, beam_id: str) -> str:
        return self._answer("cancel_beam", beam_id)

    async def cancel_case(self, case_id: str) -> str:
        return self._answer("cancel_case", case_id)

    async def save_report(self, case_id: str) -> str:
        return self._answer("save_report", case_id)

    async def change_priority(self, beam_id: str, step: int) -> str:
        return self._answer("change_priority", beam_id, step)

    async def pause(self) -> str:
        self.publish(replace(self._snapshot, paused=True))
        return self._answer("pause")

    async def resume(self) -> str:
        self.publish(replace(self._snapshot, paused=False))
        return self._answer("resume")

    def answer(self, question_id: int, value: str | None) -> None:
        self.commands.append(("answer", question_id, value))

    async def read_log(self, beam_id: str, offset: int, limit: int = 65536) -> LogChunk:
        if self.log_trouble is not None:
            raise self.log_trouble
        log = self.logs.get(beam_id)
        if log is None:
            return LogChunk("", 0, 0, 0)
        log.reads.append(offset)
        start = max(len(log.data) - limit, 0) if offset < 0 else offset
        data = log.data[start : start + limit]
        return LogChunk(data.decode(errors="replace"), start, start + len(data), log.attempt)

    def _answer(self, name: str, *arguments: object) -> str:
        self.commands.append((name, *arguments))
        answer = self.answers.get(name, f"done: {name} {arguments}")
        if isinstance(answer, Exception):
            raise answer
        return answer
