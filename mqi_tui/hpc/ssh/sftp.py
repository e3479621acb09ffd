"""The one SFTP session of a connection: started when it is needed, and again when it or the connection was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncssh
from asyncssh.constants import OPEN_REQUEST_SESSION_FAILED
from asyncssh.sftp import MIN_SFTP_VERSION, start_sftp_client

from mqi_tui.domain.errors import AccessError, TransientError
from mqi_tui.hpc.cancellation import started
from mqi_tui.hpc.ssh.connection import Link, SshConnection
from mqi_tui.hpc.ssh.errors import lost_connection
from mqi_tui.hpc.ssh.shell import Process, SshShell, start_subsystem

# Where the distributions put it.
_SERVER = """\
for server in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec /usr/lib; do
    [ -x "$server/sftp-server" ] && exec "$server/sftp-server"
done
echo "no sftp-server" >&2
exit 1
"""


class SftpSession:
    """Hands out the session of the connection that stands; one of an older connection is never used again."""

    def __init__(self, connection: SshConnection, shell: SshShell, start_seconds: float) -> None:
        """`start_seconds`: after this time a session has not started."""
        self._connection = connection
        self._shell = shell
        self._start_seconds = start_seconds
        self._starting = asyncio.Lock()
        self._session: tuple[int, asyncssh.SFTPClient] | None = None
        self._has_started = False

    @asynccontextmanager
    async def client(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """The session for one operation; its loss in the middle raises TransientError.

        Raises AccessError where there never was one; TransientError if one that there was does not start again.
        """
        link = await self._connection.link()
        async with self._starting:
            if self._session is None or self._session[0] != link.generation:
                self._session = (link.generation, await started(self._start(link), _exit))
                self._has_started = True
            session = self._session
        try:
            with lost_connection(link.who):
                yield session[1]
        except TransientError:
            # The session may be at its end with the connection still there: the next one who needs it starts another.
            if self._session is session:
                self._session = None
                session[1].exit()
            raise

    async def _start(self, link: Link) -> asyncssh.SFTPClient:
        """By the server's subsystem; where start-up files print into that, by a command, as the answers of commands."""
        subsystem_says = ""
        if not self._shell.noise:
            try:
                return await self._within(link, _by_subsystem(link))
            except asyncssh.SFTPError as error:
                subsystem_says = str(error)
        try:
            return await self._within(link, _by_command(link, self._shell))
        except asyncssh.SFTPError as error:
            if self._has_started:
                raise TransientError(
                    f"HPC unreachable: {link.who} starts no SFTP ({subsystem_says or error})."
                ) from error
            raise AccessError(
                f"{link.who} offers no SFTP ({subsystem_says or error}); have its administrator switch it on, and let "
                "the login files there print for interactive shells alone."
            ) from error

    async def _within(self, link: Link, start: Awaitable[asyncssh.SFTPClient]) -> asyncssh.SFTPClient:
        with lost_connection(link.who):
            try:
                async with asyncio.timeout(self._start_seconds):
                    return await start
            except TimeoutError as error:
                raise asyncssh.SFTPBadMessage("no answer that makes sense") from error
            except asyncssh.ChannelOpenError as error:
                if error.code != OPEN_REQUEST_SESSION_FAILED:
                    raise
                raise asyncssh.SFTPOpUnsupported("the request is refused") from error


async def _exit(session: asyncssh.SFTPClient) -> None:
    session.exit()


async def _by_subsystem(link: Link) -> asyncssh.SFTPClient:
    return await _session_with(await start_subsystem(link, "sftp"), link)


async def _by_command(link: Link, shell: SshShell) -> asyncssh.SFTPClient:
    return await _session_with(await shell.open_stream(link, ["sh", "-c", _SERVER, "mqi-sftp"]), link)


async def _session_with(server: Process, link: Link) -> asyncssh.SFTPClient:
    try:
        return await start_sftp_client(
            link.connection,
            asyncio.get_running_loop(),
            "strict",
            server.stdout,
            server.stdin,
            "utf-8",
            "surrogateescape",
            MIN_SFTP_VERSION,
        )
    except BaseException:
        # One that does not answer, or not in SFTP, would hold its channel as long as the connection stands.
        server.close()
        raise
