"""A site's program is ended with the beam that runs it, however its caller goes away."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from mqi_tui.workflow import local_program
from mqi_tui.workflow.local_program import run_program
from tests.support.jobs import is_alive, until


@pytest.mark.parametrize("pause", [0.0, 0.1])
async def test_a_program_that_ignores_its_end_is_killed_also_when_its_caller_is_cancelled_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    monkeypatch.setattr(local_program, "_GRACE_SECONDS", 0.5)
    line = 'trap "" TERM; sleep 60 & echo $! >child.part; mv child.part child; wait'
    program = asyncio.create_task(
        run_program(["sh", "-c", line], folder=tmp_path, log=tmp_path / "log", timeout=60, what="the program")
    )
    await until((tmp_path / "child").exists, "the program runs")
    child = int((tmp_path / "child").read_text())

    program.cancel()
    # Once while the program is looked for, once while its end is waited for.
    await asyncio.sleep(pause)
    program.cancel()
    with pytest.raises(asyncio.CancelledError):
        await program

    await until(lambda: not is_alive(child), "the program's own process has ended")


async def test_a_caller_who_goes_away_while_the_log_is_opened_holds_no_file_open(tmp_path: Path) -> None:
    log = tmp_path / "log"
    os.mkfifo(log)  # opening it to write waits for a reader
    program = asyncio.create_task(run_program(["true"], folder=tmp_path, log=log, timeout=60, what="the program"))
    await asyncio.sleep(0)
    program.cancel()
    reader = await asyncio.to_thread(os.open, log, os.O_RDONLY)  # returns when the writer is there
    with pytest.raises(asyncio.CancelledError):
        await program

    os.set_blocking(reader, False)
    assert os.read(reader, 1) == b"", "only where no writer is left a pipe is at its end"
    os.close(reader)
