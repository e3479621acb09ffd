"""The dispatcher: makes workers of a case's beams, and carries out retry, rerun, cancel, priority, pause and resume."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus, retry_at
from mqi_tui.domain.text import Sentence
from mqi_tui.workflow.case_scanner import find_beams, limit_warnings
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.interruption import Interruption
from mqi_tui.workflow.worker import worker_main

log = logging.getLogger(__name__)

_STOPPED = frozenset({BeamStatus.FAILED, BeamStatus.CANCELLED})
_ENDED = _STOPPED | {BeamStatus.COMPLETED}


@dataclass(frozen=True, slots=True)
class _RunningWorker:
    interruption: Interruption
    task: asyncio.Task[None]


class WorkflowManager:
    """Owns the workers' tasks. Each command answers with a sentence, or raises RequestRefusedError."""

    def __init__(self, context: WorkflowContext) -> None:
        self._context = context
        self._workers: dict[str, _RunningWorker] = {}
        self._commands = asyncio.Lock()

    async def dispatch_beams_as_workers(
        self, case_id: str, case_path: Path, beam_ids: Collection[str] | None = None
    ) -> str:
        """Write one record per beam of the case and start a worker for each new one (or for `beam_ids` of them)."""
        async with self._commands:
            if await self._context.cases.get_case(case_id) is None:
                await self._register(case_id, case_path)
            beams = await self._context.cases.list_beams(case_id)
            new = [beam for beam in beams if beam.status is BeamStatus.NEW]
            if beam_ids is not None:
                _refuse_unknown(case_id, beams, beam_ids)
                new = [beam for beam in new if beam.beam_id in beam_ids]
            if not new:
                raise RequestRefusedError(_why_nothing_to_dispatch(case_id, beams, beam_ids))
            await self._context.cases.dispatch_beams([beam.beam_id for beam in new])
            for beam in new:
                self._start(beam)
            return Sentence("dispatched {beams} of {case}", beams=_count(len(new)), case=case_id)

    async def resume_unfinished(self) -> None:
        """Start a worker for every beam whose recorded status is at work."""
        for beam in await self._context.cases.list_beams():
            self._context.priorities.set(beam.beam_id, beam.priority)
            if beam.status.is_active:
                self._start(beam)

    async def retry(self, beam_id: str) -> str:
        """A failed or cancelled beam goes on in the state where it stopped, with its earlier results."""
        async with self._commands:
            beam = await self._known(beam_id)
            if beam.status not in _STOPPED:
                raise RequestRefusedError(
                    f"{beam_id} is {beam.status.word}: only a failed or cancelled beam is retried."
                )
            status = retry_at(beam.stage)
            await self._restart(beam, status, f"retry from {status.word}")
            return Sentence("{beam} goes on from {stage}", beam=beam_id, stage=Sentence(status.word))

    async def rerun(self, beam_id: str) -> str:
        """A beam that has ended goes through its whole way again."""
        async with self._commands:
            beam = await self._known(beam_id)
            if beam.status not in _ENDED:
                raise RequestRefusedError(f"{beam_id} is {beam.status.word}: only a beam that has ended is run again.")
            await self._restart(beam, BeamStatus.INITIAL, "full rerun")
            return Sentence("{beam} runs again from its beginning", beam=beam_id)

    async def cancel_beam(self, beam_id: str) -> str:
        """The beam's work is interrupted and its job ended; it reads "cancelled" when that is proven."""
        async with self._commands:
            beam = await self._known(beam_id)
            if not beam.status.is_active or beam.status is BeamStatus.CANCELLING:
                raise RequestRefusedError(f"{beam_id} is {beam.status.word}: there is nothing to cancel.")
            await self._cancel(beam)
            return Sentence("cancelling {beam}", beam=beam_id)

    async def cancel_case(self, case_id: str) -> str:
        """Cancel every beam of the case that is at work."""
        async with self._commands:
            beams = [
                beam
                for beam in await self._context.cases.list_beams(case_id)
                if beam.status.is_active and beam.status is not BeamStatus.CANCELLING
            ]
            cancelled = 0
            for beam in beams:
                with contextlib.suppress(RequestRefusedError):  # it has come to its end since
                    await self._cancel(beam)
                    cancelled += 1
            if not cancelled:
                raise RequestRefusedError(f"no beam of {case_id} is at work: there is nothing to cancel.")
            return Sentence("cancelling {beams} of {case}", beams=_count(cancelled), case=case_id)

    async def change_priority(self, beam_id: str, step: int) -> str:
        """Let the beam go before (or, with a negative step, after) others that wait for the same thing."""
        async with self._commands:
            await self._known(beam_id)
            before, priority = await self._context.cases.change_priority(beam_id, step)
            self._context.priorities.set(beam_id, priority)
            # A beam that has come before those for whom a slot is free may have it now.
            await self._context.allocator.wake()
            queue = await self._context.gpus.queue()
            if beam_id not in queue:
                return Sentence("{beam}: priority {before} -> {after}", beam=beam_id, before=before, after=priority)
            return Sentence(
                "{beam}: priority {before} -> {after}, now {place} of {count} that wait for a GPU",
                beam=beam_id,
                before=before,
                after=priority,
                place=queue.index(beam_id) + 1,
                count=len(queue),
            )

    async def pause(self) -> str:
        """Start nothing new; jobs that run go on and are followed."""
        if self._context.running.is_set():
            self._context.running.clear()
            await self._context.cases.add_event("paused: nothing new is started, running jobs go on", level="warning")
        return Sentence("paused: nothing new is started, running jobs go on")

    async def resume(self) -> str:
        if not self._context.running.is_set():
            self._context.running.set()
            await self._context.cases.add_event("resumed")
        return Sentence("resumed")

    async def aclose(self) -> None:
        """Stop all workers where they are; their beams go on from there at the next start."""
        tasks = [running.task for running in self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()

    async def _register(self, case_id: str, case_path: Path) -> None:
        ignore = self._context.settings.scan.ignore
        beams = await asyncio.to_thread(find_beams, case_path, ignore)
        if not beams:
            raise RequestRefusedError(
                f"{case_path} holds no beam folder (a sub-folder with PlanInfo.txt, PlanRange.txt or .ptn files)."
            )
        warnings = await asyncio.to_thread(limit_warnings, self._context.settings, beams)
        await self._context.cases.register_case(case_id, case_path, beams, warnings)

    async def _known(self, beam_id: str) -> BeamRecord:
        beam = await self._context.cases.get_beam_by_id(beam_id)
        if beam is None:
            raise RequestRefusedError(f"there is no beam {beam_id}; `mqi-tui status` lists the beams.")
        return beam

    async def _restart(self, beam: BeamRecord, status: BeamStatus, message: str) -> None:
        earlier = self._workers.get(beam.beam_id)
        if earlier is not None:
            # It has recorded the beam's end and is about to return; a new status would keep it at work.
            await asyncio.wait({earlier.task})
        await self._context.cases.update_beam_status_by_id(beam.beam_id, status, message=message)
        self._start(beam)
        await self._context.allocator.wake()

    async def _cancel(self, beam: BeamRecord) -> None:
        await self._context.cases.update_beam_status_by_id(
            beam.beam_id, BeamStatus.CANCELLING, message=f"cancel asked for while {beam.word}"
        )
        running = self._workers.get(beam.beam_id)
        if running is not None:
            running.interruption.interrupt()
        else:
            self._start(beam)
        await self._context.allocator.wake()

    def _start(self, beam: BeamRecord) -> None:
        interruption = Interruption()
        task = asyncio.create_task(
            worker_main(beam.beam_id, self._context, interruption), name=f"worker of {beam.beam_id}"
        )
        self._workers[beam.beam_id] = _RunningWorker(interruption, task)
        task.add_done_callback(lambda done: self._ended(beam.beam_id, done))

    def _ended(self, beam_id: str, task: asyncio.Task[None]) -> None:
        if beam_id in self._workers and self._workers[beam_id].task is task:
            del self._workers[beam_id]
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: its worker ended by a defect", beam_id, exc_info=task.exception())


def _refuse_unknown(case_id: str, beams: list[BeamRecord], beam_ids: Collection[str]) -> None:
    known = [beam.beam_id for beam in beams]
    unknown = [beam_id for beam_id in beam_ids if beam_id not in known]
    if unknown:
        raise RequestRefusedError(
            f"case {case_id} has no such beam: {', '.join(unknown)}; it has {', '.join(known) or 'none'}."
        )


def _why_nothing_to_dispatch(case_id: str, beams: list[BeamRecord], beam_ids: Collection[str] | None) -> str:
    chosen = [beam for beam in beams if beam_ids is None or beam.beam_id in beam_ids]
    states = ", ".join(f"{beam.beam_name} is {beam.status.word}" for beam in chosen[:5])
    return f"nothing of {case_id} is new ({states}); retry or run again what has ended."


def _count(beams: int) -> Sentence:
    return Sentence("1 beam") if beams == 1 else Sentence("{count} beams", count=beams)
