"""The daemons of a cluster: how each is started, and how it shows that it is at work."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.cluster.config_files import ADDRESS, MARK, NODE
from tests.cluster.layout import ClusterError, Layout, Settings
from tests.cluster.processes import ProcessRecord, start_apart
from tests.cluster.requirements import PROGRAMS_PATH

_ANSWER_SECONDS = 5.0
_AT_WORK = ("idle", "mixed", "allocated", "completing")


class Daemon(StrEnum):
    """In the order in which they are started."""

    MUNGED = "munged"
    SSHD = "sshd"
    DATABASE = "database"
    DBD = "dbd"
    CTLD = "ctld"
    SLURMD = "slurmd"


@dataclass(frozen=True, slots=True)
class Daemons:
    """Starts the daemons of one cluster and asks whether they answer."""

    layout: Layout
    settings: Settings

    @property
    def all(self) -> tuple[Daemon, ...]:
        needless = () if self.settings.accounting else (Daemon.DATABASE, Daemon.DBD)
        return tuple(daemon for daemon in Daemon if daemon not in needless)

    @property
    def environment(self) -> dict[str, str]:
        """For the daemons, and for Slurm's commands that are not to be counted."""
        return {
            "PATH": PROGRAMS_PATH,
            "LC_ALL": "C.UTF-8",
            "HOME": os.environ.get("HOME", "/root"),
            "SLURM_CONF": str(self.layout.slurm_conf),
            "MYSQL_UNIX_PORT": str(self.layout.database_socket),
            MARK: str(self.layout.folder),
        }

    def record(self, daemon: Daemon) -> ProcessRecord | None:
        return ProcessRecord.read(self.layout.run / f"{daemon}.process")

    def is_alive(self, daemon: Daemon) -> bool:
        record = self.record(daemon)
        return record is not None and record.is_alive

    def start(self, daemon: Daemon) -> None:
        """Start it, if it is not alive; it may take a moment until it answers."""
        if self.is_alive(daemon):
            return
        if daemon is Daemon.DATABASE:
            self._make_database()
        start_apart(
            self._command(daemon),
            record=self.layout.run / f"{daemon}.process",
            log=self.layout.log / f"{daemon}.log",
            environment=self.environment,
        )

    def answers(self, daemon: Daemon, seconds: float = _ANSWER_SECONDS) -> bool:
        """Whether it does its work, as one sees who asks it from outside."""
        checks: dict[Daemon, Callable[[float], bool]] = {
            Daemon.MUNGED: lambda limit: (
                self._ask(limit, "munge", "-S", str(self.layout.munge_socket), "-n") is not None
            ),
            Daemon.SSHD: self._sends_ssh_banner,
            Daemon.DATABASE: self._runs_sql,
            Daemon.DBD: lambda limit: self._ask(limit, "sacctmgr", "-n", "list", "cluster") is not None,
            Daemon.CTLD: lambda limit: " UP" in (self._ask(limit, "scontrol", "ping") or ""),
            Daemon.SLURMD: self._has_node_at_work,
        }
        # Of one that has ended Slurm's commands would ask for as long as they are let.
        return self.is_alive(daemon) and checks[daemon](seconds)

    def node_state(self, seconds: float = _ANSWER_SECONDS) -> str:
        """As sinfo says it (`*` at its end: does not respond); empty if there is no answer."""
        return (self._ask(seconds, "sinfo", "-h", "-n", NODE, "-p", "main", "-o", "%T") or "").strip()

    def resume_node(self) -> None:
        """A node that Slurm took out of use (it was down, or had a job that slurmctld does not know) comes back."""
        if self.node_state().startswith(("drain", "down")):
            self._ask(_ANSWER_SECONDS, "scontrol", "update", f"nodename={NODE}", "state=resume")

    def last_words(self, daemon: Daemon) -> str:
        log = self.layout.log / f"{daemon}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return f"the end of {log}:\n" + "\n".join(lines[-15:])

    def _command(self, daemon: Daemon) -> list[str]:
        layout = self.layout
        match daemon:
            case Daemon.MUNGED:
                return [
                    *("munged", "--foreground", "--force", "--num-threads=2", f"--origin={ADDRESS}"),
                    *(f"--socket={layout.munge_socket}", f"--key-file={layout.munge_key}"),
                    *(f"--pid-file={layout.run}/munged.pid", f"--seed-file={layout.folder}/munge/seed"),
                    f"--log-file={layout.log}/munged.own.log",
                ]
            case Daemon.SSHD:
                # It wants to be started by its whole path.
                return ["/usr/sbin/sshd", "-D", "-e", "-f", str(layout.ssh / "sshd_config")]
            case Daemon.DATABASE:
                return [
                    *("mariadbd", "--no-defaults", f"--datadir={layout.database}", "--user=root"),
                    *(f"--socket={layout.database_socket}", f"--pid-file={layout.run}/mariadb.pid"),
                    *("--skip-networking", "--skip-log-bin", "--performance-schema=OFF"),
                    *("--innodb-buffer-pool-size=128M", "--innodb-log-file-size=16M"),
                    *("--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=0"),
                ]
            case Daemon.DBD:
                return ["slurmdbd", "-D"]
            case Daemon.CTLD:
                return ["slurmctld", "-D", "-f", str(layout.slurm_conf)]
            case Daemon.SLURMD:
                return ["slurmd", "-D", "-N", NODE, "-f", str(layout.slurm_conf)]

    def _make_database(self) -> None:
        if (self.layout.database / "mysql").is_dir():
            return
        made = subprocess.run(
            [
                *("mariadb-install-db", "--no-defaults", f"--datadir={self.layout.database}", "--user=root", "--force"),
                *("--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M"),
            ],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise ClusterError(f"mariadb-install-db failed: {made.stdout}{made.stderr}")

    def _ask(self, seconds: float, *command: str) -> str | None:
        """What a command says; None if it fails or does not end in time."""
        try:
            answer = subprocess.run(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return answer.stdout if answer.returncode == 0 else None

    def _runs_sql(self, seconds: float) -> bool:
        socket_option = f"--socket={self.layout.database_socket}"
        return self._ask(seconds, "mariadb", "--no-defaults", "-uroot", socket_option, "-e", "select 1") is not None

    def _has_node_at_work(self, seconds: float) -> bool:
        return (
            self._listens(self.settings.slurmd_port)
            and self._ask(seconds, "scontrol", "show", "slurmd", NODE) is not None
            and self.node_state(seconds) in _AT_WORK
        )

    def _sends_ssh_banner(self, seconds: float) -> bool:
        try:
            with socket.create_connection((ADDRESS, self.settings.ssh_port), seconds) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    @staticmethod
    def _listens(port: int) -> bool:
        try:
            socket.create_connection((ADDRESS, port), 1).close()
        except OSError:
            return False
        return True
