"""The engine's BeamInspector: repositories, the HPC, and files that are read in threads of their own.

The work's threads are not used: a person who leafs through a large dose must not keep a transfer waiting.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import ParamSpec, TypeVar

import numpy as np

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.records import AttemptRecord, BeamRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.moqui.dose import axis_dose
from mqi_tui.moqui.dose_planes import DosePlane, PlaneKind, cut_plane
from mqi_tui.moqui.plan_facts import PlanFacts, read_plan_facts
from mqi_tui.moqui.raw_dose import open_raw
from mqi_tui.moqui.text_files import MAX_TABLE_BYTES, unreadable
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput
from mqi_tui.workflow.case_plan import plan_in, planned_beam
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.file_cache import FileCache, Stamp, stamp_of
from mqi_tui.workflow.inspected_files import files_of, parameters_of, prepared_input
from mqi_tui.workflow.inspection import (
    BeamDose,
    BeamFiles,
    BeamHistory,
    CasePlan,
    DoseAbsence,
    NoDose,
    Parameters,
    PreparedInput,
    SavedLog,
)
from mqi_tui.workflow.log_at_home import LogPiece, read_log_at_home
from mqi_tui.workflow.log_saving import save_log, suggested_log_file
from mqi_tui.workflow.states.postprocessing import refused_name
from mqi_tui.workflow.stored_summary import StoredSummary, summary_of

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 2
"""One may be held up by a large dose on a slow share while the other still reads small files."""
_ASKING_SECONDS = 20.0
"""How long an answer of the HPC is waited for."""
_KEPT_BYTES = 96 * 1024 * 1024


class Inspector:
    """Implements BeamInspector."""

    def __init__(self, context: WorkflowContext) -> None:
        self._context = context
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="inspector")
        self._cache = FileCache(_KEPT_BYTES)
        self._used: dict[str, Parameters] = {}

    def close(self) -> None:
        """Let go of what waits to be read; a read that is under way comes to its end in its thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def history(self, beam: BeamRecord) -> BeamHistory:
        events = await self._context.cases.list_events_of_beam(beam.beam_id)
        return BeamHistory(tuple(events), await self._attempts(beam))

    async def files(self, beam: BeamRecord) -> BeamFiles:
        attempts = await self._attempts(beam)
        return await self._in_thread(files_of, beam, attempts, self._context, self._cache)

    async def prepared_input(self, beam: BeamRecord) -> PreparedInput:
        folder = self._context.input_folder(beam)
        return await self._in_thread(prepared_input, folder, self._context.settings.engine, self._cache)

    async def used_parameters(self, beam: BeamRecord) -> Parameters | None:
        attempt = await self._context.attempts.current_attempt(beam.beam_id)
        if attempt is None:
            return None
        known = self._used.get(attempt.token)
        if known is not None:
            return known
        folder = PurePosixPath(attempt.run_folder)
        try:
            async with asyncio.timeout(_ASKING_SECONDS):
                data = await self._context.remote.read_run_file(folder, TPS_NAME, MAX_TABLE_BYTES)
        except TimeoutError:
            raise InputError(f"the HPC did not send {folder / TPS_NAME} within {_ASKING_SECONDS:.0f} s.") from None
        if not data:
            raise InputError(f"{folder / TPS_NAME} is not there (any more).")
        tps = TpsInput.from_bytes(data, Path(folder / TPS_NAME))
        self._used[attempt.token] = used = parameters_of(tps, self._context.settings.engine, attempt.attempt)
        return used

    async def dose(self, beam: BeamRecord) -> BeamDose | NoDose:
        raw_file = self._context.result_folder(beam) / self._context.settings.engine.raw_name
        return await self._in_thread(_read_dose, beam.beam_id, raw_file, self._cache)

    async def plane(self, dose: BeamDose, kind: PlaneKind, index: int) -> DosePlane:
        return await self._in_thread(_read_plane, dose, kind, index, self._cache)

    async def case_plan(self, case: CaseView) -> CasePlan:
        return await self._in_thread(_read_plan, case, self._context.settings.scan.plan_pattern, self._cache)

    def suggested_log_file(self, beam: BeamRecord, attempt: int) -> Path:
        return suggested_log_file(beam, attempt, self._context)

    async def save_log(
        self, beam: BeamRecord, attempt: int, target: Path, *, replace: bool, on_progress: Callable[[float], None]
    ) -> SavedLog:
        return await save_log(beam, attempt, target, self._context, replace=replace, on_progress=on_progress)

    async def read_log_at_home(self, beam: BeamRecord, attempt: int, offset: int, limit: int) -> LogPiece | None:
        """As `log_at_home.read_log_at_home`."""
        return await self._in_thread(read_log_at_home, beam, attempt, self._context, offset, limit)

    async def _attempts(self, beam: BeamRecord) -> tuple[AttemptRecord, ...]:
        return tuple(await self._context.attempts.list_attempts(beam.beam_id))

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        work = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _read_dose(beam_id: str, raw_file: Path, cache: FileCache) -> BeamDose | NoDose:
    try:
        stamp = stamp_of(raw_file)
        if stamp is None:
            refused = refused_name(raw_file)
            if stamp_of(refused) is not None:
                return NoDose(DoseAbsence.REFUSED, refused)
            return NoDose(DoseAbsence.NONE, raw_file)
        summary = summary_of(raw_file)
    except OSError as error:
        raise unreadable(raw_file, error) from None
    if summary is None or summary.beam_id != beam_id:
        return NoDose(DoseAbsence.UNCHECKED, raw_file)
    return cache.get(raw_file, f"dose of attempt {summary.attempt}", stamp, lambda: _dose(raw_file, stamp, summary))


def _dose(raw_file: Path, stamp: Stamp, summary: StoredSummary) -> BeamDose:
    x, y, _ = summary.dose.maximum_index
    plane = cut_plane(open_raw(raw_file, summary.grid), PlaneKind.CORONAL, y)
    return BeamDose(
        path=raw_file,
        stamp=stamp,
        attempt=summary.attempt,
        grid=summary.grid,
        beam_enters=summary.beam_enters,
        summary=summary.dose,
        axis=axis_dose(np.ascontiguousarray(plane.dose_gy[:, x]), summary.grid, summary.beam_enters),
        histories_asked=summary.histories_asked,
        histories_done=summary.histories_done,
    )


def _read_plane(dose: BeamDose, kind: PlaneKind, index: int, cache: FileCache) -> DosePlane:
    try:
        if stamp_of(dose.path) != dose.stamp:
            raise InputError(f"{dose.path} has changed since it was read.")
    except OSError as error:
        raise unreadable(dose.path, error) from None

    # Opened for each plane: a file that stays open could not be replaced by a new dose on every system.
    def cut() -> DosePlane:
        return cut_plane(open_raw(dose.path, dose.grid), kind, index)

    return cache.get(dose.path, f"{kind} {index}", dose.stamp, cut, weigh=lambda plane: plane.dose_gy.nbytes)


def _read_plan(case: CaseView, pattern: str, cache: FileCache) -> CasePlan:
    def read(path: Path) -> PlanFacts:
        stamp = stamp_of(path)
        return read_plan_facts(path) if stamp is None else cache.get(path, "plan", stamp, lambda: read_plan_facts(path))

    plan, problem = plan_in(case.record.case_path, pattern, read)
    return CasePlan(plan, problem, {beam.beam_id: planned_beam(beam.beam_path, plan) for beam in case.beams})
