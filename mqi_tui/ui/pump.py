"""Brings the engine's snapshots to the screen, at most two a second, for as long as the screen lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.language import _
from mqi_tui.workflow.control import EngineControl

log = logging.getLogger(__name__)

UPDATE_INTERVAL_SECONDS = 0.5
_RETRY_INTERVAL_SECONDS = 2.0


async def bring_snapshots(
    engine: EngineControl, show: Callable[[EngineSnapshot], None], complain: Callable[[str], None]
) -> None:
    """Call `show` with each new snapshot, for ever; a defect is told through `complain` and does not end it."""
    told = ""
    while True:
        try:
            async for snapshot in engine.changes():
                show(snapshot)
                # The engine keeps only its latest picture, so what comes meanwhile is coalesced.
                await asyncio.sleep(UPDATE_INTERVAL_SECONDS)
        except Exception as error:
            log.exception("defect in showing a snapshot")
            defect = _("What is shown may be old: {error}").format(error=f"{type(error).__name__}: {error}")
            if defect != told:
                complain(defect)
            told = defect
        await asyncio.sleep(_RETRY_INTERVAL_SECONDS)
