"""A real Slurm cluster of one node, and a real OpenSSH server, for tests and for trying the program out.

Everything of it is in one folder and on the loopback address; several clusters can run side by side. Its daemons are no
children of the process that brings it up: another one can go on with it (`Cluster.open`) and take it down.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.config_files import ADDRESS, MARK, NODE, write_files
from tests.cluster.daemons import Daemon, Daemons
from tests.cluster.guard import guarded
from tests.cluster.layout import ClusterError, ClusterOptions, Layout, Settings
from tests.cluster.processes import connections_to, marked_with, send, started_at, wait_for
from tests.cluster.requirements import why_no_cluster

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_DEFAULTS = ClusterOptions()


@dataclass(frozen=True, slots=True)
class SeenCommand:
    """A command of Slurm that a user of the cluster ran, over SSH or in `Cluster.environment`."""

    at: float
    """Seconds since 1970."""
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that was brought up in a folder."""

    layout: Layout
    settings: Settings

    @classmethod
    def up(cls, folder: Path, *, accounting: bool = False, options: ClusterOptions = _DEFAULTS) -> Self:
        """Bring a cluster up; when this returns, every daemon of it answers.

        A folder in which one was brought up before is taken up again with Slurm's state, and keys, but new ports.
        """
        if reason := why_no_cluster():
            raise ClusterError(reason)
        layout = Layout(folder.absolute())
        layout.check()
        if layout.settings.exists() and cls.open(folder).alive:
            raise ClusterError(f"a cluster is up in {folder}: take it down first")
        settings = Settings.new(getpass.getuser(), accounting=accounting, options=options)
        if layout.settings.exists():
            # Slurm's saved state is that of a cluster by this name.
            settings = settings.named(Settings.load(layout.settings).name)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's empty folder; its place is not to be chosen
        write_files(layout, settings)
        settings.save(layout.settings)
        cluster = cls(layout, settings)
        try:
            cluster._start_all()
        except BaseException:
            cluster.down()
            raise
        return cluster

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The cluster that was brought up in `folder`, by whomever."""
        layout = Layout(folder.absolute())
        return cls(layout, Settings.load(layout.settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    # What its users need to know.

    @property
    def folder(self) -> Path:
        return self.layout.folder

    @property
    def ssh_host(self) -> str:
        return ADDRESS

    @property
    def ssh_port(self) -> int:
        return self.settings.ssh_port

    @property
    def ssh_user(self) -> str:
        return self.settings.user

    @property
    def client_key(self) -> Path:
        return self.layout.client_key

    @property
    def known_hosts(self) -> Path:
        return self.layout.known_hosts

    @property
    def slurm_conf(self) -> Path:
        return self.layout.slurm_conf

    @property
    def environment(self) -> dict[str, str]:
        """What a program on the login node has: Slurm's commands, which are counted, and where the cluster is."""
        path = os.environ.get("PATH", os.defpath)
        return {"SLURM_CONF": str(self.slurm_conf), "PATH": f"{self.layout.bin}:{path}"}

    # What it is asked.

    def run(self, *command: str, timeout: float = 60.0, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of Slurm on behalf of the test; it is not counted."""
        return subprocess.run(
            command,
            env=self._daemons.environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
        )

    def commands_seen(self, name: str = "", *, since: float = 0.0) -> list[SeenCommand]:
        """The commands of Slurm that were run (all, or those of one name), since a time in seconds since 1970."""
        text = self.layout.seen.read_text(errors="replace") if self.layout.seen.exists() else ""
        words = [line.split(" ", 2) for line in text.split("\n") if line]
        commands = [SeenCommand(float(at), word, rest) for at, word, rest in words]
        return [command for command in commands if command.name == (name or command.name) and command.at >= since]

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        return self._daemons.all

    @property
    def alive(self) -> tuple[Daemon, ...]:
        """The daemons whose process is there, frozen or not."""
        return tuple(daemon for daemon in self.daemons if self._daemons.is_alive(daemon))

    def answers(self, daemon: Daemon, seconds: float = 5.0) -> bool:
        """Whether a daemon does its work."""
        return self._daemons.answers(daemon, seconds)

    def processes(self) -> set[int]:
        """Everything of the cluster that runs: daemons, connections, jobs, and what commands over SSH left running."""
        records = (self._daemons.record(daemon) for daemon in Daemon)
        alive = {record.pid for record in records if record is not None and record.is_alive}
        marks = (f"{MARK}={self.folder}", f"SLURM_CLUSTER_NAME={self.settings.name}")
        return alive | connections_to(self.ssh_port) | marked_with(marks, self.folder)

    # Faults, and the way back.

    def stop(self, daemon: Daemon) -> None:
        """End a daemon in good order. sshd's connections are cut as well; jobs outlive slurmd."""
        self._end(daemon, signal.SIGTERM)

    def kill(self, daemon: Daemon) -> None:
        """End a daemon with SIGKILL. sshd's connections are cut as well; jobs outlive slurmd."""
        self._end(daemon, signal.SIGKILL)

    def start(self, daemon: Daemon) -> None:
        """Start a daemon that was ended; when this returns, it answers."""
        self._daemons.start(daemon)
        self._wait_until_it_answers(daemon)
        if daemon is Daemon.CTLD:
            # slurmd registers itself; else slurmctld would ask after its node some seconds later only.
            send(self._of(Daemon.SLURMD), signal.SIGHUP)

    def freeze(self, daemon: Daemon) -> None:
        """From now on a daemon (of sshd: its connections as well) takes requests and answers none."""
        send(self._of(daemon), signal.SIGSTOP)

    def thaw(self, daemon: Daemon) -> None:
        """A frozen daemon goes on, with the requests that have waited; when this returns, it answers."""
        send(self._of(daemon), signal.SIGCONT)
        self._wait_until_it_answers(daemon)

    def drop_connections(self) -> int:
        """Cut every SSH connection; new ones are taken. Returns how many processes held one."""
        listener = self._daemons.record(Daemon.SSHD)
        dropped: set[int] = set()
        while held := connections_to(self.ssh_port) - {listener.pid if listener else 0}:
            send(held, signal.SIGKILL)
            dropped |= held
        return len(dropped)

    def heal(self) -> None:
        """Make good every fault: what is frozen goes on, what has ended is started, the node is in use. Jobs stay."""
        for daemon in self.daemons:
            send(self._of(daemon), signal.SIGCONT)
        for daemon in self.daemons:
            if daemon not in self.alive:
                self.start(daemon)
        for daemon in self.daemons:
            self._wait_until_it_answers(daemon)

    def cancel_jobs(self) -> None:
        """Cancel all jobs, and wait until the last has ended."""
        user = f"--user={self.ssh_user}"
        self.run("scancel", "--state=PENDING", user, check=False)
        self.run("scancel", "--full", "--signal=KILL", "--state=RUNNING", user, check=False)
        self.run("scancel", user, check=False)

        def is_empty() -> bool:
            listed = self.run("squeue", "-h", check=False)
            return listed.returncode == 0 and listed.stdout == ""

        wait_for(is_empty, _STOP_SECONDS * 12, "jobs do not end")

    def down(self) -> None:
        """End every process of the cluster, jobs and what they started included. The folder stays."""
        for daemon in Daemon:
            send(self._of(daemon), signal.SIGCONT)
        self._end(Daemon.SSHD, signal.SIGTERM)
        if self.answers(Daemon.CTLD):
            # In good order, so that Slurm's own record says so; what does not heed it is swept.
            self.run("scancel", f"--user={self.ssh_user}", check=False)
        for daemon in reversed(Daemon):
            self._end(daemon, signal.SIGTERM)
        for number in (signal.SIGTERM, *[signal.SIGKILL] * 5):
            left = self.processes()
            if not left:
                break
            send(left, number)
            send(left, signal.SIGCONT)
            _wait_for_end(left, 0.5)
        if left := self.processes():
            raise ClusterError(f"processes of {self.folder} that do not end: {sorted(left)}")
        shutil.rmtree(self.layout.run, ignore_errors=True)
        if self.settings.options.cgroups:
            _remove_control_groups()

    # The inside of it.

    @property
    def _daemons(self) -> Daemons:
        return Daemons(self.layout, self.settings)

    def _start_all(self) -> None:
        """All at once where one does not need the other."""
        daemons = self._daemons
        for daemon in (Daemon.MUNGED, Daemon.SSHD, *([Daemon.DATABASE] if self.settings.accounting else [])):
            daemons.start(daemon)
        self._wait_until_it_answers(Daemon.MUNGED)
        if self.settings.accounting:
            self._wait_until_it_answers(Daemon.DATABASE)
            self.start(Daemon.DBD)
        daemons.start(Daemon.CTLD)
        daemons.start(Daemon.SLURMD)
        for daemon in (Daemon.SSHD, Daemon.CTLD, Daemon.SLURMD):
            self._wait_until_it_answers(daemon)

    def _wait_until_it_answers(self, daemon: Daemon) -> None:
        daemons = self._daemons

        def answers() -> bool:
            if not daemons.is_alive(daemon):
                raise ClusterError(f"{daemon} has ended; {daemons.last_words(daemon)}")
            if daemons.answers(daemon):
                return True
            if daemon is Daemon.SLURMD:
                daemons.resume_node()
            return False

        wait_for(answers, _START_SECONDS, f"{daemon} does not answer; {daemons.last_words(daemon)}")

    def _of(self, daemon: Daemon) -> set[int]:
        """The processes that a fault of a daemon concerns."""
        record = self._daemons.record(daemon)
        own = {record.pid} if record is not None and record.is_alive else set()
        return own | connections_to(self.ssh_port) if daemon is Daemon.SSHD else own

    def _end(self, daemon: Daemon, number: signal.Signals) -> None:
        record = self._daemons.record(daemon)
        if record is not None and record.is_alive:
            # One that is frozen heeds KILL alone.
            record.send(number)
            record.send(signal.SIGCONT)
            if not _wait_for_end({record.pid}, _STOP_SECONDS):
                record.send(signal.SIGKILL)
                _wait_for_end({record.pid}, _STOP_SECONDS)
        if daemon is Daemon.SSHD:
            self.drop_connections()


@contextmanager
def temporary_cluster(*, accounting: bool = False, options: ClusterOptions = _DEFAULTS) -> Iterator[Cluster]:
    """A cluster in a folder of its own; at the end, even by `kill -9`, it is taken down and the folder removed."""
    # Not among the tests' own folders, whose paths are long.
    folder = Path(tempfile.mkdtemp(prefix="mqi-cluster-", dir="/tmp"))
    try:
        with guarded(folder, remove=True), Cluster.up(folder, accounting=accounting, options=options) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder)


def _remove_control_groups() -> None:
    """slurmd leaves its own, without processes in them."""
    for group in Path("/sys/fs/cgroup").rglob(f"slurm_{NODE}"):
        for folder in (*sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True), group):
            folder.rmdir()


def _wait_for_end(pids: set[int], seconds: float) -> bool:
    try:
        wait_for(lambda: all(started_at(pid) is None for pid in pids), seconds, "")
    except ClusterError:
        return False
    return True
