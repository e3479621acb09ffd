"""A network share that hangs holds up the threads that look at it, and nothing else."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from mqi_tui.domain.status import BeamStatus
from tests.workflow.support import QuickSite, until_status


async def test_a_beam_comes_to_its_end_while_a_share_holds_up_six_threads(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cpu_count", "process_cpu_count"):
        monkeypatch.setattr(os, name, lambda: 2, raising=False)
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    share_is_back = threading.Event()
    async with quick.site.engine() as engine:
        await engine.first_scan()
        reads = [asyncio.create_task(asyncio.to_thread(share_is_back.wait)) for _ in range(6)]
        try:
            await engine.dispatch(case_id)
            await until_status(engine, beam_id, BeamStatus.COMPLETED)
        finally:
            share_is_back.set()
            await asyncio.gather(*reads)
