"""Where everything of a cluster lies: one folder, and nothing outside it."""

from __future__ import annotations

import json
import re
import secrets
import socket
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

LONGEST_FOLDER = 85
"""A Unix socket's path ends at 107 characters; those that Slurm makes below the folder need the rest."""

_PORTS = range(10_000, 32_000)
"""Below the ports that the kernel gives to outgoing connections."""


class ClusterError(Exception):
    """What the cluster cannot do, in a sentence."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What may differ from one cluster to another; the defaults suit most tests."""

    gpus: int = 8
    cpus: int = 16
    min_job_age_seconds: int = 300
    """How long slurmctld remembers a job that has ended."""
    kill_wait_seconds: int = 2
    """Between the TERM and the KILL of a job that is cancelled."""
    message_timeout_seconds: int = 10
    """After this time a Slurm command gives up on a daemon that does not answer."""
    max_sessions: int = 10
    """sshd's limit of channels in a connection."""
    login_shell: str = ""
    """Runs the commands that come over SSH instead of the account's own shell, e.g. /bin/csh."""
    login_lines: str = ""
    """Lines of sh that run before each command over SSH, as a chatty start-up file would; not before SFTP."""
    cgroups: bool = False
    """Whether a job that takes more memory than it asked for is ended.

    Needs a control group file system that can be written to, and no other cluster of this kind beside it.
    """
    read_bashrc: bool = False
    """Whether bash reads the account's own ~/.bashrc for commands over SSH; it may take 100 ms a command."""
    slurm_lines: tuple[str, ...] = ()
    """Further lines of slurm.conf."""
    sshd_lines: tuple[str, ...] = ()
    """Further lines of sshd_config."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a cluster was brought up with; kept in its folder, so that another process can go on with it."""

    name: str
    """Slurm's name of the cluster; no other cluster has it, so that its jobs are known by it."""
    user: str
    accounting: bool
    ssh_port: int
    ctld_port: int
    slurmd_port: int
    dbd_port: int
    options: ClusterOptions

    @classmethod
    def new(cls, user: str, *, accounting: bool, options: ClusterOptions) -> Self:
        ssh_port, ctld_port, slurmd_port, dbd_port = free_ports(4)
        return cls(
            name=f"mqi{secrets.token_hex(4)}",
            user=user,
            accounting=accounting,
            ssh_port=ssh_port,
            ctld_port=ctld_port,
            slurmd_port=slurmd_port,
            dbd_port=dbd_port,
            options=options,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        try:
            values: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            raise ClusterError(f"no cluster was brought up in {path.parent}") from None
        options: dict[str, Any] = values.pop("options")
        for name in ("slurm_lines", "sshd_lines"):
            options[name] = tuple(options[name])
        return cls(**values, options=ClusterOptions(**options))

    def named(self, name: str) -> Self:
        return replace(self, name=name)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a cluster."""

    folder: Path

    def check(self) -> None:
        """Refuse a folder whose path the daemons cannot work with."""
        if not re.fullmatch(r"/[\w./+-]*", str(self.folder), flags=re.ASCII):
            raise ClusterError(f"the path of a cluster is absolute, of letters, digits and ._+-: not {self.folder}")
        if len(str(self.folder)) > LONGEST_FOLDER:
            raise ClusterError(f"the path of a cluster has at most {LONGEST_FOLDER} characters: not {self.folder}")

    def make(self) -> None:
        """Make the folders. munged and sshd want them closed to writing by others, and open to passing through."""
        for path in (self.folder, self.etc, self.run, self.log, self.ssh, self.bin, self.devices):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir(exist_ok=True)

    @property
    def settings(self) -> Path:
        return self.folder / "cluster.json"

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def ssh(self) -> Path:
        return self.folder / "ssh"

    @property
    def bin(self) -> Path:
        """Slurm's commands as the users of the cluster find them: each leaves a line in `seen` first."""
        return self.folder / "bin"

    @property
    def devices(self) -> Path:
        return self.folder / "dev"

    @property
    def slurm_conf(self) -> Path:
        return self.etc / "slurm.conf"

    @property
    def munge_key(self) -> Path:
        return self.folder / "munge" / "munge.key"

    @property
    def munge_socket(self) -> Path:
        return self.run / "munge.sock"

    @property
    def database(self) -> Path:
        return self.folder / "mysql"

    @property
    def database_socket(self) -> Path:
        return self.run / "mysql.sock"

    @property
    def client_key(self) -> Path:
        return self.ssh / "id"

    @property
    def known_hosts(self) -> Path:
        return self.ssh / "known_hosts"

    @property
    def seen(self) -> Path:
        return self.log / "commands"


def free_ports(count: int) -> list[int]:
    """Ports on the loopback address that nobody listens on."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
