"""Brings the findings of each scan into the database, and dispatches new cases where that is wanted."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.records import FolderRecord
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.workflow.case_scanner import CaseScanner, FoundCase, KnownCase, ScanResult
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.workflow_manager import WorkflowManager

log = logging.getLogger(__name__)


class CaseRegistrar:
    """One scan after another; `trouble` says so while the scan directory itself cannot be read."""

    def __init__(self, context: WorkflowContext, manager: WorkflowManager, *, auto_dispatch: bool) -> None:
        self._context = context
        self._manager = manager
        self._auto_dispatch = auto_dispatch
        self._scanner = CaseScanner(context.settings)
        self._unreadable_since: datetime | None = None
        self.trouble = ""
        self.scanned = asyncio.Event()
        """Set after the first scan."""

    async def scan_once(self) -> None:
        result = await self._scan()
        if result is None:
            return
        refused = [record for found in result.cases if (record := await self._register(found)) is not None]
        if self._auto_dispatch:
            await self._dispatch_new()
        # Only now, so that a folder is never seen neither as settling nor as a case.
        await self._context.cases.put_folders(sorted([*result.folders, *refused], key=lambda folder: str(folder.path)))
        self.scanned.set()

    async def _scan(self) -> ScanResult | None:
        beams: dict[str, set[str]] = {}
        for beam in await self._context.cases.list_beams():
            beams.setdefault(beam.parent_case_id, set()).add(beam.beam_name)
        known = {
            case.case_id: KnownCase(case.case_path, frozenset(beams.get(case.case_id, ())))
            for case in await self._context.cases.list_cases()
        }
        directory = self._context.settings.scan_directory
        try:
            result = await asyncio.to_thread(self._scanner.scan, known)
        except OSError as error:
            self._unreadable_since = self._unreadable_since or datetime.now(UTC)
            self.trouble = (
                f"scan_directory {directory} cannot be read since {self._unreadable_since:%H:%M:%S} UTC "
                f"({error.strerror}); make it, mount it or correct it in config.yaml"
            )
            self.scanned.set()
            return None
        self._unreadable_since = None
        self.trouble = ""
        return result

    async def _register(self, found: FoundCase) -> FolderRecord | None:
        """Register the case; what the database refuses is a folder that needs a person."""
        known = await self._context.cases.get_case(found.case_id)
        try:
            await self._context.cases.register_case(found.case_id, found.path, found.beams, found.warnings)
        except RequestRefusedError as error:
            return FolderRecord(found.path, FolderState.REFUSED, str(error), datetime.now(UTC))
        if known is None:
            await self._context.cases.add_event(f"found with {len(found.beams)} beams", case_id=found.case_id)
        for warning in found.warnings:
            await self._context.cases.add_event(warning, level="warning", case_id=found.case_id)
        return None

    async def _dispatch_new(self) -> None:
        new: dict[str, list[str]] = {}
        for beam in await self._context.cases.list_beams():
            if beam.status is BeamStatus.NEW:
                new.setdefault(beam.parent_case_id, []).append(beam.beam_id)
        for case in await self._context.cases.list_cases():
            if case.case_id in new:
                try:
                    await self._manager.dispatch_beams_as_workers(case.case_id, case.case_path, new[case.case_id])
                except RequestRefusedError as error:  # a person was quicker
                    log.info("%s", error)
