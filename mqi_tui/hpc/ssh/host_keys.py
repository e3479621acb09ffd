"""Which host keys are trusted: OpenSSH's known_hosts files, and the one to which a person's yes is added."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from mqi_tui.hpc.local_files import file_errors, make_private_folder

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class HostKey:
    """The key that a host showed, under the name and port by which known_hosts knows it."""

    host: str
    port: int
    key: asyncssh.SSHKey

    @property
    def name(self) -> str:
        """As known_hosts writes it."""
        return self.host if self.port == SSH_PORT else f"[{self.host}]:{self.port}"

    @property
    def fingerprint(self) -> str:
        """The kind of the key and its SHA256 fingerprint, as `ssh-keygen -l` prints them."""
        kind = self.key.get_algorithm().removeprefix("ssh-").removeprefix("ecdsa-sha2-")
        return f"{kind.upper()} {self.key.get_fingerprint()}"


class KnownHosts:
    """The known hosts as they are in the files now. Blocking: load it, and add to it, in a thread.

    Hosts are known by their name; an address that is given to another host tomorrow proves nothing.
    """

    def __init__(self, own: Path, others: Sequence[Path]) -> None:
        """`own` is the file to which accepted keys are added; it and `others` may be missing.

        Raises PermanentError if a file cannot be read.
        """
        self._own = own
        self._all = asyncssh.SSHKnownHosts()
        self._entries: list[tuple[str, asyncssh.SSHKnownHosts]] = []
        for path in dict.fromkeys((own, *others)):
            for number, line in enumerate(_lines(path), start=1):
                # A line that cannot be read trusts nobody; OpenSSH passes it over as well.
                with suppress(ValueError):
                    self._entries.append((f"{path} line {number}", asyncssh.import_known_hosts(line)))
                    self._all.load(line)

    def match(
        self, host: str, _address: str, port: int | None
    ) -> tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]:
        """As asyncssh asks: trusted keys, trusted authorities, revoked keys; `port` is None for the usual one."""
        trusted, authorities, revoked, *_ = self._all.match(host, "", port)
        return trusted, authorities, revoked

    def where(self, host: str, port: int) -> str:
        """`FILE line N` of the key that is known for this host; empty if none is."""
        at = None if port == SSH_PORT else port
        return next((place for place, entry in self._entries if entry.match(host, "", at)[0]), "")

    def add(self, shown: HostKey) -> None:
        """Append a key to the own file, made 0600 in a folder 0700 if it is missing; raises MqiError."""
        line = f"{shown.name} ".encode() + shown.key.export_public_key("openssh").strip() + b"\n"
        with file_errors(self._own, "write"):
            make_private_folder(self._own.parent)
            descriptor = os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with open(descriptor, "rb+", buffering=0) as file:  # noqa: PTH123  (a descriptor, not a path)
                size = file.seek(0, os.SEEK_END)
                if size:
                    file.seek(size - 1)
                    if file.read(1) != b"\n":
                        line = b"\n" + line
                file.write(line)
                os.fsync(file.fileno())


def _lines(path: Path) -> list[str]:
    with file_errors(path, "read"):
        try:
            return path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
