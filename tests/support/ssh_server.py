"""An SSH server inside the test's own process: it lets in, refuses, prints and forwards as it is told."""

# ruff: noqa: ARG002  (asyncssh calls these methods with everything it knows)

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from mqi_tui.config import SshSettings

USER = "physicist"
_END_SECONDS = 30.0


@dataclass
class Behaviour:
    """What the server does; it may be changed while it runs."""

    password: str = ""
    """Empty: keys alone."""
    codes: Sequence[tuple[str, str]] = ()
    """Prompts and right answers of a keyboard-interactive login."""
    refuses: bool = False
    """Nobody is let in."""
    noise: bytes = b""
    """Printed on both outputs before each command."""
    refusal: bytes = b""
    """Printed instead of running anything, as a login shell that cannot does."""
    has_sftp: bool = True
    is_full: bool = False
    """Nothing can be written over SFTP."""
    cut_in_commands: bool = False
    """The connection is cut in the middle of the answer to the next command."""
    running: int = 0
    """Commands that run now."""
    most_running: int = 0
    logins: int = 0
    """How often somebody began to log in."""
    open_files: int = 0
    """Files that are open over SFTP now."""


@dataclass
class SshServer:
    folder: Path
    behaviour: Behaviour
    host_key: asyncssh.SSHKey
    client_key: asyncssh.SSHKey
    port: int = 0
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    commands: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def key_file(self) -> Path:
        return self.folder / "id_test"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known" / "known_hosts"

    def settings(self, **changes: object) -> SshSettings:
        """The way in with the key; the host key is known only after `trust`."""
        values: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "identity_files": (str(self.key_file),),
            "known_hosts": str(self.known_hosts),
            "config_files": (),
            "connect_timeout_seconds": 10,
        }
        return SshSettings.model_validate(values | changes)

    def trust(self, port: int | None = None, key: asyncssh.SSHKey | None = None) -> None:
        """Write a host key (the server's own) to known_hosts."""
        self.known_hosts.parent.mkdir(mode=0o700, exist_ok=True)
        public = (key or self.host_key).export_public_key("openssh").decode()
        with self.known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{port or self.port} {public}")

    def cut(self) -> None:
        """Cut all connections, without a word."""
        for connection in self.connections:
            connection.abort()
        self.connections.clear()


@asynccontextmanager
async def ssh_server(
    folder: Path, behaviour: Behaviour | None = None, *, port: int = 0, host_key: asyncssh.SSHKey | None = None
) -> AsyncIterator[SshServer]:
    """A server on the loopback address; `folder` holds what its clients need."""
    folder.mkdir(parents=True, exist_ok=True)
    server = SshServer(
        folder,
        behaviour or Behaviour(),
        host_key or asyncssh.generate_private_key("ssh-ed25519"),
        asyncssh.generate_private_key("ssh-ed25519"),
    )
    server.client_key.write_private_key(server.key_file)
    server.key_file.chmod(0o600)
    listener = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[server.host_key],
        server_factory=lambda: _Guard(server),
        process_factory=lambda process: _run(server, process),
        sftp_factory=(lambda channel: _Files(server, channel)) if server.behaviour.has_sftp else None,
        encoding=None,
        login_timeout=30,
    )
    server.port = listener.get_port()
    try:
        yield server
    finally:
        listener.close()
        server.cut()
        await listener.wait_closed()
        # They end with the connection; a process that outlived the test's event loop would be an error in the next one.
        async with asyncio.timeout(_END_SECONDS):
            await asyncio.gather(*server.commands, return_exceptions=True)


class _Guard(asyncssh.SSHServer):
    def __init__(self, server: SshServer) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self._server.behaviour.logins += 1
        return True

    def public_key_auth_supported(self) -> bool:
        return not self._server.behaviour.password and not self._server.behaviour.codes

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return not self._server.behaviour.refuses and key == self._server.client_key.convert_to_public()

    def password_auth_supported(self) -> bool:
        return bool(self._server.behaviour.password)

    def validate_password(self, username: str, password: str) -> bool:
        return password == self._server.behaviour.password

    def kbdint_auth_supported(self) -> bool:
        return bool(self._server.behaviour.codes)

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> tuple[str, str, str, list[tuple[str, bool]]]:
        return "", "", "", [(prompt, False) for prompt, _ in self._server.behaviour.codes]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return list(responses) == [answer for _, answer in self._server.behaviour.codes]

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


class _Files(asyncssh.SFTPServer):
    """As OpenSSH's in what asyncssh's own does otherwise."""

    def __init__(self, server: SshServer, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel)
        self._server = server

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        opened = super().open(path, pflags, attrs)
        self._server.behaviour.open_files += 1
        return opened

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        self._server.behaviour.open_files -= 1

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self._server.behaviour.is_full:
            raise asyncssh.SFTPFailure("Failure")
        return super().write(file_obj, offset, data)  # type: ignore[return-value]

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if os.path.lexists(newpath):
            raise asyncssh.SFTPFailure("Failure")
        super().rename(oldpath, newpath)


async def _run(server: SshServer, process: asyncssh.SSHServerProcess[bytes]) -> None:
    behaviour = server.behaviour
    task = asyncio.current_task()
    assert task is not None
    server.commands.add(task)
    behaviour.running += 1
    behaviour.most_running = max(behaviour.most_running, behaviour.running)
    try:
        await _answer(server, process)
    finally:
        behaviour.running -= 1
        server.commands.discard(task)


async def _answer(server: SshServer, process: asyncssh.SSHServerProcess[bytes]) -> None:
    behaviour = server.behaviour
    process.stdout.write(behaviour.noise)
    process.stderr.write(behaviour.noise)
    if behaviour.refusal:
        process.stdout.write(behaviour.refusal)
        process.exit(1)
        return
    if behaviour.cut_in_commands:
        behaviour.cut_in_commands = False
        server.cut()
        return
    child = await asyncio.create_subprocess_exec(
        *("sh", "-c", process.command or ""),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    feeding = asyncio.create_task(_feed(process, child.stdin))
    try:
        await asyncio.gather(_carry(child.stdout, process.stdout), _carry(child.stderr, process.stderr))
        code = await child.wait()
        with suppress(OSError, asyncssh.Error):  # nobody may be there any more to hear of it
            process.exit(code)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        child.stdin.close()
        await child.wait()


async def _carry(source: asyncio.StreamReader, target: asyncssh.SSHWriter[bytes]) -> None:
    while content := await source.read(65536):
        with suppress(OSError, asyncssh.Error):
            target.write(content)
            await target.drain()


async def _feed(process: asyncssh.SSHServerProcess[bytes], target: asyncio.StreamWriter) -> None:
    # The end of the connection is the end of standard input, as with OpenSSH.
    with suppress(OSError, asyncssh.Error):
        while content := await process.stdin.read(65536):
            target.write(content)
            await target.drain()
    target.close()
