"""The `mqi-tui` command, and the program that runs in a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mqi_tui.cli import main
from tests.workflow.support import QuickSite

Answer = subprocess.CompletedProcess[str]


def mqi_tui(*arguments: str | Path, folder: Path | None = None) -> Answer:
    """Run `mqi-tui ARGUMENTS` to its end, in `folder`; in this process, which spares half a second each time."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with (
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
            contextlib.chdir(folder or Path.cwd()),
        ):
            code = main(list(map(str, arguments)))
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        signal.signal(signal.SIGTERM, handler)
    out, err = (_text(stream) for stream in streams)
    return Answer(arguments, code, out, err)


def at(quick: QuickSite, *arguments: str) -> Answer:
    """Run `mqi-tui ARGUMENTS --config ...` to its end, as `mqi_tui` does."""
    return mqi_tui(*arguments[:1], "--config", quick.site.config_path, *arguments[1:])


def status_of(quick: QuickSite) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(at(quick, "status", "--json").stdout)
    return parsed


def beams_of(quick: QuickSite) -> dict[str, dict[str, Any]]:
    """By beam id."""
    return {beam["beam_id"]: beam for case in status_of(quick)["cases"] for beam in case["beams"]}


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode()


def refused(answer: Answer) -> str:
    """The one message of a command that ended with exit code 2 and did nothing else."""
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""
    return answer.stderr


class RunningProgram:
    """`mqi-tui run --headless`, with what it prints in a file."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_for(self, text: str, seconds: float = 30.0) -> None:
        """Until it has printed `text`."""

        def has_printed() -> bool:
            assert text in self.output or self.process.poll() is None, f"it has ended: {self.output}"
            return text in self.output

        until(has_printed, text, seconds)

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(timeout=20)


@contextmanager
def running_program(quick: QuickSite, *options: str, ignoring: str = "") -> Iterator[RunningProgram]:
    """The program at work, from the moment on at which it holds its lock; killed at the end if it still runs.

    `ignoring` names signals that it is born to ignore, as a shell's background job does INT.
    """
    output = quick.site.folder / "output.txt"
    with output.open("w") as file:
        born = f"trap '' {ignoring}; " if ignoring else ""
        command = ["sh", "-c", f'{born}exec "$@"', "sh", *quick.site.command("run", "--headless", *options)]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, text=True)
    holder = quick.site.folder / "state" / "mqi-tui.lock.holder"
    try:
        database = quick.site.config.settings.database_path

        def is_at_work() -> bool:
            assert process.poll() is None, output.read_text()
            if not (holder.exists() and holder.read_text() and database.exists()):
                return False
            with contextlib.closing(sqlite3.connect(database)) as connection:
                return bool(connection.execute("PRAGMA user_version").fetchone() != (0,))

        until(is_at_work, "it holds its lock")
        yield RunningProgram(process, output)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
