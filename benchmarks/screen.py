"""The screen with 500 cases of 4 beams on a real pty: first paint, key to paint, CPU and bytes to the terminal.

`python -m benchmarks.screen`. The engine is played, so that nothing but the screen is measured: once with nothing
moving, once with 200 beams moving twice a second. Asked for, on 2 cores: first paint within 1 s, key to paint under
50 ms for 99 of 100 keys, under 15 % of a core and 20 kB/s while the beams move, and 0.5 % of a core at rest.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import statistics
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

import psutil

from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.running import run_screen
from tests.support.screens import a_config
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot

CASES, BEAMS, MOVING_CASES = 500, 4, 50
STEPS = 70
COLUMNS, LINES = 120, 40
KEYS = 200
KEY_PAUSE_SECONDS = 0.07
WATCH_SECONDS = 15.0
CURSOR = "▌".encode()


def snapshot(step: int) -> EngineSnapshot:
    """The beams of the last MOVING_CASES cases compute, a percent further with each step."""
    return a_snapshot(*(_case(number, step) for number in range(CASES)))


def _case(number: int, step: int) -> CaseView:
    case_id = f"case{number:03}"
    if number < CASES - MOVING_CASES:
        return _RESTING.setdefault(number, a_case(case_id, *(a_beam(case_id, f"b{beam}") for beam in range(BEAMS))))
    progress = 0.15 + 0.01 * step
    return a_case(
        case_id, *(a_beam(case_id, f"b{beam}", BeamStatus.HPC_RUNNING, progress=progress) for beam in range(BEAMS))
    )


_RESTING: dict[int, CaseView] = {}


async def play(*, moving: bool) -> None:
    """The program on the terminal that it was started in, until it is ended."""
    # Made before, so that no time of the screen's goes into it.
    pictures = [snapshot(step) for step in range(STEPS if moving else 1)]
    engine = ScriptedEngine(pictures[0])

    async def move() -> None:
        step = 0
        while True:
            await asyncio.sleep(0.5)
            step += 1
            engine.publish(pictures[step % STEPS])

    mover = asyncio.create_task(move()) if moving else None
    await run_screen(engine, a_config(), Actions())
    if mover is not None:
        mover.cancel()


class Terminal:
    """The program in a pty, and what it writes there."""

    def __init__(self, mode: str) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (LINES, COLUMNS))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.screen", mode],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.process = psutil.Process(self._process.pid)
        self.written = 0

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    def read(self, seconds: float) -> bytes:
        """What comes within the time, at once when something is there."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        data = os.read(self._master, 65536) if ready else b""
        self.written += len(data)
        return data

    def wait_for(self, text: bytes, seconds: float = 20.0) -> float:
        """Seconds until the text was written."""
        begin, seen = time.perf_counter(), b""
        while text not in seen:
            if time.perf_counter() - begin > seconds:
                raise SystemExit(f"{text!r} was not written within {seconds:g} s; the last was {seen[-300:]!r}")
            seen = seen[-200:] + self.read(0.5)
        return time.perf_counter() - begin

    def drain(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


def key_times(terminal: Terminal) -> Sequence[float]:
    """Milliseconds from each key to the cursor on its new row."""
    times = []
    for number in range(KEYS):
        terminal.drain(KEY_PAUSE_SECONDS)
        terminal.press(b"\x1b[B" if number % 40 < 20 else b"\x1b[A")
        times.append(1000 * terminal.wait_for(CURSOR))
    return times


def share_and_rate(terminal: Terminal) -> tuple[float, float]:
    """CPU as a share of one core, and bytes a second, while nobody presses a key."""
    terminal.drain(1.0)
    cpu, written, begin = sum(terminal.process.cpu_times()[:2]), terminal.written, time.perf_counter()
    terminal.drain(WATCH_SECONDS)
    seconds = time.perf_counter() - begin
    return (sum(terminal.process.cpu_times()[:2]) - cpu) / seconds, (terminal.written - written) / seconds


def measure(mode: str) -> None:
    terminal = Terminal(mode)
    try:
        terminal.wait_for(f"Cases · {CASES}".encode())
        first_paint = time.perf_counter() - terminal.started
        terminal.drain(1.0)
        times = sorted(key_times(terminal))
        if mode == "moving":
            # The list of all beams has the moving ones in sight.
            terminal.press(b"a")
            terminal.press(b"G")
        share, rate = share_and_rate(terminal)
    finally:
        terminal.close()
    last = times[int(0.99 * len(times))]
    # Before the moving ones are shown, their pictures are made.
    print(f"{mode}:" + (f" first paint {first_paint:.2f} s after the start of Python" if mode == "resting" else ""))
    print(f"  key to paint: median {statistics.median(times):.0f} ms, 99th percentile {last:.0f} ms")
    print(f"  untouched: {share:.1%} of one core, {rate / 1000:.1f} kB/s")


def main() -> None:
    if sys.argv[1:]:
        asyncio.run(play(moving=sys.argv[1] == "moving"))
        return
    for mode in ("resting", "moving"):
        measure(mode)


if __name__ == "__main__":
    main()
