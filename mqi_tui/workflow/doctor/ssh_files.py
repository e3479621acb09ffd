"""What SSH needs on this machine: keys that only their owner may read, and configs that are there."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from mqi_tui.config import SshSettings
from mqi_tui.workflow.doctor.check import Finding, Step, failed, ok, warning
from mqi_tui.workflow.doctor.patience import patiently

SSH_FILES = "SSH files"


def ssh_steps(ssh: SshSettings) -> list[Step]:
    return [Step(SSH_FILES, partial(patiently, look_at_files, ssh), "correct hpc.ssh")]


def look_at_files(ssh: SshSettings) -> Finding:
    """Blocking: the folders may be on a share."""
    if not ssh.host:
        return failed(
            "hpc.ssh.host is empty", "set it to the cluster's login node, or to a name in your OpenSSH config"
        )
    for name in ssh.identity_files:
        if (finding := _look_at_key(Path(os.path.expanduser(name)))) is not None:  # noqa: PTH111 - Path's raises
            return finding
    missing = [name for name in ssh.config_files if name not in SshSettings().config_files and not _is_file(name)]
    if missing:
        return warning(f"{missing[0]} is not there", "correct hpc.ssh.config_files")
    if not _is_file(ssh.known_hosts):
        return ok(
            f"{ssh.known_hosts} is not there yet: the key of {ssh.host} is shown at the first start, to be accepted"
        )
    return ok(f"keys and {ssh.known_hosts} are in order")


def _look_at_key(key: Path) -> Finding | None:
    """What is wrong with a private key."""
    if not key.is_file():
        return failed(f"the key {key} is not there", "correct hpc.ssh.identity_files, or make a key with ssh-keygen")
    if not os.access(key, os.R_OK):
        return failed(f"the key {key} cannot be read", "give this user the right to read it")
    if os.name == "posix" and key.stat().st_mode & 0o077:
        return warning(f"others may read the key {key}", f"take that right away: chmod go-rwx {key}")
    return None


def _is_file(name: str) -> bool:
    return Path(os.path.expanduser(name)).is_file()  # noqa: PTH111 - Path.expanduser raises
