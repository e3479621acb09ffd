"""The processes of a cluster: started apart from ours, known by number and start time, found by their marks."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from tests.cluster.layout import ClusterError

_START = 'echo "$$" >"$0.new" && mv "$0.new" "$0" && exec "$@"'
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process, told from a later one of the same number by its start time."""

    pid: int
    started: int

    @classmethod
    def read(cls, path: Path) -> Self | None:
        try:
            pid, started = path.read_text().split()
        except FileNotFoundError:
            return None
        return cls(int(pid), int(started))

    @property
    def is_alive(self) -> bool:
        return started_at(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        if self.is_alive:
            send([self.pid], number)


def started_at(pid: int) -> int | None:
    """Start time of a process in the kernel's ticks; None if it has ended (though it may wait to be collected)."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if words[0] == "Z" else int(words[19])


def start_apart(command: Sequence[str], *, record: Path, log: Path, environment: Mapping[str, str]) -> None:
    """Start a daemon in a session of its own, whose parent is not this process and which holds no file of it."""
    pid_file = record.with_suffix(".started")
    pid_file.unlink(missing_ok=True)
    with log.open("ab") as output:
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", _START, str(pid_file), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd="/",
            check=True,
        )
    wait_for(pid_file.exists, 10, f"{command[0]} was not started")
    pid = int(pid_file.read_text())
    record.write_text(f"{pid} {started_at(pid) or 0}\n")
    pid_file.unlink()


def wait_for(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    """Wait until `condition` holds; raises ClusterError with `failure` if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"{failure} (waited {seconds:g} s)")
        time.sleep(_PAUSE_SECONDS)


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def connections_to(port: int) -> set[int]:
    """The sshd processes that hold a connection to this port of ours."""
    found = set()
    for connection in psutil.net_connections("tcp4"):
        if (
            connection.pid is not None
            and connection.status != psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
            and _name_of(connection.pid).startswith("sshd")
        ):
            found.add(connection.pid)
    return found


def marked_with(marks: Iterable[str], folder: Path) -> set[int]:
    """Processes with one of these NAME=VALUE in their environment, and Slurm's job keepers with files in the folder.

    A job keeper (slurmstepd) writes its title over its environment. This process and its parents are left out.
    """
    wanted = {mark.encode() for mark in marks}
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = set()
    for pid in set(psutil.pids()) - ours:
        if started_at(pid) is None:
            continue
        if wanted & _environment_of(pid) or (_name_of(pid) == "slurmstepd" and _has_open(pid, folder)):
            found.add(pid)
    return found


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _environment_of(pid: int) -> set[bytes]:
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def _has_open(pid: int, folder: Path) -> bool:
    try:
        return any(str(link.readlink()).startswith(f"{folder}/") for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
