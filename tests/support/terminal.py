"""`mqi-tui run` on a terminal of its own, as a person has it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Terminal:
    """`mqi-tui run --config PATH` on a terminal of its own, 80 x 24."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self.output = b""

    def wait_for(self, text: bytes, seconds: float = 60.0) -> None:
        """Until it has printed `text` since the last key."""
        end = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < end, self.output
            self._read()

    def press(self, keys: bytes) -> None:
        self.output = b""
        os.write(self._terminal, keys)

    def vanish(self) -> None:
        """As when its window is closed or its connection lost; the program is sent no signal."""
        os.close(self._terminal)

    def end(self) -> int:
        """Read on until it has ended; its exit code."""
        end = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < end, self.output
            self._read()
        self._read()
        return self.process.returncode

    def _read(self) -> None:
        if select.select([self._terminal], [], [], 0.1)[0]:
            try:
                self.output += os.read(self._terminal, 65536)
            except OSError:
                # How Linux says that nobody has the other end open any more.
                return


@contextmanager
def on_terminal(path: Path, *options: str) -> Iterator[Terminal]:
    here, there = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "mqi_tui", "run", "--config", str(path), *options]
    process = subprocess.Popen(
        command, stdin=there, stdout=there, stderr=there, env=environment, start_new_session=True
    )
    os.close(there)
    try:
        yield Terminal(process, here)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        with suppress(OSError):  # it may have vanished
            os.close(here)
