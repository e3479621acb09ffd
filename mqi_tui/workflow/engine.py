"""The engine: database, HPC, workers and the tasks around them, opened and closed as one; implements EngineControl."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import PurePosixPath

from mqi_tui.config import Config
from mqi_tui.domain.compute_times import BEAMS_KEPT
from mqi_tui.domain.errors import MqiError, RequestRefusedError, TransientError
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.hpc.factory import open_hpc
from mqi_tui.hpc.local_files import in_thread, make_private_folder
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.remote_handler import RemoteHandler
from mqi_tui.repositories.attempts import AttemptRepository
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.gpus import GpuRepository
from mqi_tui.repositories.instance_lock import InstanceLock
from mqi_tui.repositories.requests import RequestRepository
from mqi_tui.workflow.case_registrar import CaseRegistrar
from mqi_tui.workflow.config_check import check_engine_parameters
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.control import LogChunk
from mqi_tui.workflow.doctor import Check, check_up_running
from mqi_tui.workflow.gauges import STORAGE_RETRY_SECONDS, Gauges
from mqi_tui.workflow.gpu_allocator import GpuAllocator
from mqi_tui.workflow.inspection import BeamInspector
from mqi_tui.workflow.inspector import Inspector
from mqi_tui.workflow.log_at_home import LogPiece
from mqi_tui.workflow.outages import OutageHistory
from mqi_tui.workflow.publisher import MINIMUM_INTERVAL_SECONDS, SnapshotPublisher
from mqi_tui.workflow.report import gather_report, write_report
from mqi_tui.workflow.request_server import RequestServer
from mqi_tui.workflow.turns import turns_by_stage
from mqi_tui.workflow.workflow_manager import WorkflowManager

log = logging.getLogger(__name__)

_PROGRESS_INTERVAL_SECONDS = 1.0
_REQUEST_INTERVAL_SECONDS = 0.5
_OUTAGE_INTERVAL_SECONDS = 0.5
_FEWEST_THREADS = 32


class Engine:
    """Runs the same with and without a screen. Open it with `Engine.open`."""

    def __init__(
        self,
        config: Config,
        database: Database,
        remote: RemoteHandler,
        questions: QuestionBoard,
        *,
        auto_dispatch: bool,
    ) -> None:
        cases, gpus = CaseRepository(database), GpuRepository(database)
        running = asyncio.Event()
        allocator = GpuAllocator(gpus)
        self._context = context = WorkflowContext(
            config=config,
            cases=cases,
            gpus=gpus,
            attempts=AttemptRepository(database),
            remote=remote,
            allocator=allocator,
            turns=turns_by_stage(config.settings, allocator),
            running=running,
        )
        self._manager = WorkflowManager(context)
        self._registrar = CaseRegistrar(context, self._manager, auto_dispatch=auto_dispatch)
        self._requests = RequestServer(RequestRepository(database), self)
        self._gauges = Gauges(context)
        self._questions = questions
        self._publisher = SnapshotPublisher(
            cases,
            gpus,
            revision=lambda: database.revision,
            is_paused=lambda: not running.is_set(),
            scan_trouble=lambda: self._registrar.trouble,
            unreachable_since=lambda: remote.unreachable_since,
            measurements=lambda: self._gauges.measurements,
            places=lambda: context.jobs.places,
            times_left=lambda: context.jobs.times_left,
            usual_time=lambda: context.compute_times.usual,
            questions=lambda: questions.pending,
            hold_ups=lambda: context.hold_ups.lasting,
        )
        self._inspector = Inspector(context)
        self._reports = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls, config: Config, *, auto_dispatch: bool = False, paused: bool = False, has_audience: bool = False
    ) -> AsyncIterator[Engine]:
        """The engine at work; every unfinished beam goes on at its recorded state.

        `auto_dispatch`: every new beam is dispatched without a person. `has_audience`: somebody shows the questions of
        the snapshot to a person; otherwise what needs an answer is an error. Raises ConfigError, DatabaseError, and
        InstanceLockedError when another program runs on the same database.
        """
        check_engine_parameters(config)
        settings = config.settings
        _make_own_folders(config)
        _give_threads(settings.max_workers)
        with InstanceLock(settings.lock_path):
            questions = QuestionBoard(has_audience=has_audience)
            async with (
                Database.open(settings.database_path) as database,
                open_hpc(settings, questions=questions) as remote,
            ):
                engine = cls(
                    config, database, remote, questions, auto_dispatch=auto_dispatch or settings.scan.auto_dispatch
                )
                try:
                    await engine._start(paused=paused)
                    yield engine
                finally:
                    await engine._stop()

    @property
    def snapshot(self) -> EngineSnapshot:
        return self._publisher.latest

    @property
    def confirmed_at(self) -> datetime:
        return self._publisher.confirmed_at

    @property
    def cases(self) -> CaseRepository:
        """For what a snapshot does not hold, such as older events."""
        return self._context.cases

    @property
    def inspector(self) -> BeamInspector:
        return self._inspector

    def check_up(self) -> AsyncIterator[Check]:
        return check_up_running(self._context.config, self._context.remote.transport)

    def changes(self) -> AsyncIterator[EngineSnapshot]:
        return self._publisher.changes()

    async def first_scan(self) -> None:
        """Wait until the case folders were looked at once and the snapshot shows what was found."""
        await self._registrar.scanned.wait()
        await self.refresh()

    async def refresh(self) -> None:
        """Wait until the snapshot shows all that has been done so far."""
        await self._publisher.publish_if_changed()

    async def dispatch(self, case_id: str, beam_ids: Collection[str] | None = None) -> str:
        case = await self._context.cases.get_case(case_id)
        if case is None:
            raise RequestRefusedError(await self._why_unknown(case_id))
        return await self._manager.dispatch_beams_as_workers(case_id, case.case_path, beam_ids)

    async def retry(self, beam_id: str) -> str:
        return await self._manager.retry(beam_id)

    async def rerun(self, beam_id: str) -> str:
        return await self._manager.rerun(beam_id)

    async def cancel_beam(self, beam_id: str) -> str:
        return await self._manager.cancel_beam(beam_id)

    async def cancel_case(self, case_id: str) -> str:
        return await self._manager.cancel_case(case_id)

    async def save_report(self, case_id: str) -> str:
        # One after the other: two writers of one file would share its temporary name.
        async with self._reports:
            report = await gather_report(case_id, self._context.config, self._context.cases, self._context.attempts)
            written = await in_thread(write_report, report, self._context.settings)
        return written.sentence

    async def change_priority(self, beam_id: str, step: int) -> str:
        return await self._manager.change_priority(beam_id, step)

    async def pause(self) -> str:
        return await self._manager.pause()

    async def resume(self) -> str:
        return await self._manager.resume()

    def answer(self, question_id: int, value: str | None) -> None:
        self._questions.answer(question_id, value)

    async def read_log(self, beam_id: str, offset: int, limit: int = 65536) -> LogChunk:
        attempt = await self._context.attempts.current_attempt(beam_id)
        if attempt is None:
            return LogChunk("", 0, 0, 0)
        piece = await self._read_log_at_home(beam_id, attempt.attempt, offset, limit)
        if piece is None:
            piece = await self._read_log_on_hpc(PurePosixPath(attempt.run_folder), offset, limit)
        text = piece.data.decode(errors="replace")
        return LogChunk(text, piece.start, piece.start + len(piece.data), attempt.attempt)

    async def _read_log_at_home(self, beam_id: str, attempt: int, offset: int, limit: int) -> LogPiece | None:
        beam = await self._context.cases.get_beam_by_id(beam_id)
        if beam is None:
            return None
        try:
            return await self._inspector.read_log_at_home(beam, attempt, offset, limit)
        except MqiError as error:
            # The same log is on the HPC; what keeps the copy from being read must not keep a person from it.
            log.debug("the log of %s at home: %s", beam_id, error)
            return None

    async def _read_log_on_hpc(self, run_folder: PurePosixPath, offset: int, limit: int) -> LogPiece:
        start = offset
        if offset < 0:
            start = max(await self._context.remote.log_size(run_folder) - limit, 0)
        return LogPiece(start, await self._context.remote.read_log(run_folder, start, limit))

    async def _start(self, *, paused: bool) -> None:
        slots = self._context.remote.slots(self._context.settings.hpc.gpu_count)
        await self._context.gpus.set_gpu_count(slots)
        context = self._context
        for time in await context.attempts.list_compute_times(context.engine_name, BEAMS_KEPT):
            context.compute_times.note(time)
        if not paused:
            self._context.running.set()
        await self._publisher.publish_if_changed()
        self._own("publisher", MINIMUM_INTERVAL_SECONDS, self._publisher.publish_if_changed)
        self._own("progress", _PROGRESS_INTERVAL_SECONDS, context.write_progress)
        self._own("case scan", self._context.settings.scan.interval_seconds, self._registrar.scan_once)
        hpc = self._context.settings.hpc
        self._own("GPU readings", hpc.gpu_readings.interval_seconds, self._gauges.read_gpus)
        storage_pause = min(hpc.storage.interval_seconds, STORAGE_RETRY_SECONDS)
        self._own("storage", storage_pause, self._gauges.measure_storage)
        outages = OutageHistory(context.cases, lambda: context.remote.unreachable_since)
        self._own("outages", _OUTAGE_INTERVAL_SECONDS, outages.note)
        self._own("requests", _REQUEST_INTERVAL_SECONDS, self._requests.serve_pending)
        await self._manager.resume_unfinished()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            self._inspector.close()
            await self._manager.aclose()
        with contextlib.suppress(TransientError):
            await self._context.write_progress()

    def _own(self, name: str, interval: float, step: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(_again_and_again(name, interval, step), name=name))

    async def _why_unknown(self, case_id: str) -> str:
        for folder in await self._context.cases.list_folders():
            if folder.path.name == case_id:
                return f"{case_id} cannot be dispatched ({folder.state.value}): {folder.reason}"
        known = [case.case_id for case in await self._context.cases.list_cases()]
        shown = ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
        return f"there is no case {case_id}; known cases: {shown or 'none'}."


def _give_threads(workers: int) -> None:
    """Have threads left for transfers and connection while a share that hangs holds all that look at it."""
    # Each beam with a turn holds one at most; asyncio's own default is four more than the machine has processors.
    # Whoever runs the loop closes them with it.
    threads = _FEWEST_THREADS + 2 * workers
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="engine"))


def _make_own_folders(config: Config) -> None:
    settings = config.settings
    make_private_folder(settings.state_directory)
    # A scan directory elsewhere may be a share that is not mounted: made here, it would hide that for ever.
    if settings.scan_directory.is_relative_to(config.folder):
        make_private_folder(settings.scan_directory)


async def _again_and_again(name: str, interval: float, step: Callable[[], Awaitable[None]]) -> None:
    """Run `step` every `interval` seconds for ever; what goes wrong in one round is logged, the next one follows."""
    while True:
        try:
            await step()
        except TransientError as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("defect in %s", name)
        await asyncio.sleep(interval)
