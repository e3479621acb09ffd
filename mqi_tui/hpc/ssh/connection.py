"""The one connection to the HPC: made when it is needed, shared by all, and made again by itself when it is lost."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime

import asyncssh

from mqi_tui.config import SshSettings
from mqi_tui.domain.errors import AccessError, MqiError, PermanentError, TransientError
from mqi_tui.domain.questions import ACCEPTED, QuestionKind
from mqi_tui.hpc.local_files import in_thread
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.ssh.host_keys import HostKey
from mqi_tui.hpc.ssh.login import DeclinedError, Login, Secrets
from mqi_tui.hpc.ssh.targets import Route, Target, route_to

RECONNECT_SECONDS = 5.0
"""Pause between two tries to connect again after the connection was lost."""
FAILURE_STANDS_SECONDS = 1.0
"""Whoever wants the connection within this time of a failed try is told of that failure; nobody hammers a server."""
LONGEST_STAND_SECONDS = 60.0
"""After a declined question nobody is asked again for this time. What a refused login stands doubles up to it: a server
may shut out whoever tries too often."""
KEEPALIVES_MISSED = 3
_CLOSE_SECONDS = 2.0


class HostKeyRefusedError(AccessError):
    """A host showed another key than the known one, or one that cannot be trusted: never passed over."""


class Link:
    """One connection that stands, or stood; a later one has a higher generation."""

    def __init__(self, generation: int, connection: asyncssh.SSHClientConnection, who: str) -> None:
        self.generation = generation
        self.connection = connection
        self.who = who
        self.lost_because = ""
        """Why it stands no more; empty while it does."""

    def check(self) -> None:
        """Raises TransientError if the connection is lost."""
        if self.lost_because:
            raise TransientError(f"HPC unreachable: the connection to {self.who} was lost ({self.lost_because}).")


class SshConnection:
    """Connects at the first `link()`, and after a loss by itself every few seconds until `aclose()`."""

    def __init__(
        self,
        settings: SshSettings,
        questions: QuestionBoard,
        *,
        on_change: Callable[[], None] | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        """`on_change` is called in the event loop when the connection was lost or stands again."""
        self._settings = settings
        self._questions = questions
        self._secrets = Secrets(questions)
        self._on_change = on_change
        self._reconnect_seconds = reconnect_seconds
        self._link: Link | None = None
        self._logins: list[Login] = []
        self._ways: AsyncExitStack = AsyncExitStack()
        self._generation = 0
        self._connecting: asyncio.Task[Link] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._last_failure: MqiError | None = None
        self._failure_stands_until = 0.0
        self._refusal_stands = FAILURE_STANDS_SECONDS
        self._unreachable_since: datetime | None = None
        self._is_closed = False

    @property
    def unreachable_since(self) -> datetime | None:
        """When the connection was lost, or the first try to connect failed (UTC); None while it stands."""
        return self._unreachable_since

    @property
    def generation(self) -> int:
        """How many connections there have been."""
        return self._generation

    async def link(self) -> Link:
        """The connection; whoever comes while it is being made waits for that one try.

        Raises TransientError while the HPC cannot be reached, and AccessError for what a person must mend.
        """
        if self._link is not None:
            return self._link
        if self._is_closed:
            raise TransientError("HPC unreachable: the connection was closed.")
        if self._connecting is None:
            if self._last_failure is not None and time.monotonic() < self._failure_stands_until:
                raise self._last_failure
            self._connecting = asyncio.create_task(self._connect(), name="SSH connect")
            self._connecting.add_done_callback(self._connect_ended)
        return await asyncio.shield(self._connecting)

    async def aclose(self) -> None:
        self._is_closed = True
        tasks = [task for task in (self._supervisor, self._connecting) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._secrets.aclose()
        finally:
            if self._link is not None:
                self._link.lost_because = "it was closed"
                self._link = None
            await self._ways.aclose()

    async def _connect(self) -> Link:
        # What is left of the last connection and of the hosts on the way to it.
        ways, self._ways = self._ways, AsyncExitStack()
        await ways.aclose()
        self._logins = []
        target = Target(self._settings.host, self._settings.port, self._settings.user)
        connection, who = await self._open(target, None, ())
        link = Link(self._generation + 1, connection, who)
        link.lost_because = next((login.reason for login in self._logins if login.reason), "")
        link.check()
        self._generation = link.generation
        self._link = link
        self._unreachable_since = None
        self._last_failure = None
        self._refusal_stands = FAILURE_STANDS_SECONDS
        self._changed()
        return self._link

    def _connect_ended(self, task: asyncio.Task[Link]) -> None:
        self._connecting = None
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._unreachable_since = self._unreachable_since or datetime.now(UTC)
        if isinstance(error, MqiError):
            self._last_failure = error
            self._failure_stands_until = time.monotonic() + self._stand_of(error)
        if isinstance(error, TransientError):
            self._supervise()
        self._changed()

    def _stand_of(self, error: MqiError) -> float:
        """For how many seconds the failed try answers whoever comes."""
        if isinstance(error, DeclinedError):
            return LONGEST_STAND_SECONDS
        if not isinstance(error, AccessError):
            return FAILURE_STANDS_SECONDS
        stand = self._refusal_stands
        self._refusal_stands = min(2 * stand, LONGEST_STAND_SECONDS)
        return stand

    def _lost(self, login: Login) -> None:
        """Called for every host on the way; losing one of them is losing all."""
        if self._link is None or login not in self._logins:
            return
        self._link.lost_because = login.reason
        self._link = None
        self._unreachable_since = datetime.now(UTC)
        if not self._is_closed:
            self._supervise()
            self._changed()

    def _supervise(self) -> None:
        if self._supervisor is None and not self._is_closed:
            self._supervisor = asyncio.create_task(self._reconnect(), name="SSH supervisor")

    async def _reconnect(self) -> None:
        try:
            while self._link is None:
                await asyncio.sleep(self._reconnect_seconds)
                with suppress(TransientError):
                    await self.link()
        except PermanentError:
            # Nothing to wait for: the next one who needs the connection tries again and tells a person.
            return
        finally:
            self._supervisor = None

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()

    # One host on the way.

    async def _open(
        self, target: Target, tunnel: asyncssh.SSHClientConnection | None, passed: tuple[str, ...]
    ) -> tuple[asyncssh.SSHClientConnection, str]:
        """Connect to a host, through the hosts that its ProxyJump names."""
        try:
            route = await in_thread(route_to, target, self._settings)
            if tunnel is None:
                passed = (*passed, target.host)
                for hop in route.hops:
                    if hop.host in passed:
                        raise PermanentError(  # noqa: TRY301  (it may be transient, as those of the calls)
                            f"ProxyJump leads from {hop.host} back to it; correct the OpenSSH config."
                        )
                    tunnel, _ = await self._open(hop, tunnel, passed)
            connection = await self._log_in(route, tunnel)
        except HostKeyRefusedError:
            raise
        except PermanentError as error:
            # Who was let in before will be again: a login node without its home folders refuses everybody.
            if self._generation:
                raise TransientError(f"HPC unreachable: {error}") from error
            raise AccessError(str(error)) from error
        self._ways.push_async_callback(_close, connection)
        return connection, route.who

    async def _log_in(self, route: Route, tunnel: asyncssh.SSHClientConnection | None) -> asyncssh.SSHClientConnection:
        while True:
            login: Login | None = None
            try:
                async with asyncio.timeout(self._settings.connect_timeout_seconds) as limit:
                    login = Login(
                        route.who, self._secrets, locked_keys=route.locked_keys, limit=limit, on_lost=self._lost
                    )
                    connection = await self._try(route, login, tunnel)
            except (asyncssh.Error, OSError, ValueError) as error:
                shown = login.shown if login else None
                if not isinstance(error, asyncssh.HostKeyNotVerifiable) or shown is None:
                    raise self._explained(error, route, login) from error
                await self._ask_about(shown, route)
                route = await in_thread(route_to, route.target, self._settings)
            else:
                self._logins.append(login)
                return connection

    async def _try(
        self, route: Route, login: Login, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            route.target.host,
            route.target.port or (),
            username=route.target.user or (),
            config=[str(path) for path in route.config_files],
            tunnel=tunnel,
            client_factory=lambda: login,
            known_hosts=route.known_hosts.match,
            # Without a trusted authority a signed host key is a host key like any other.
            server_host_key_algs=() if route.has_authority else "-*-cert-*",
            # Half as much again in speed as the first choice of the library, and as safe.
            encryption_algs=() if route.has_ciphers else "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
            client_keys=[str(path) for path in route.keys] or (),
            ignore_encrypted=True,
            connect_timeout=None,
            login_timeout=0,
            keepalive_interval=self._settings.keepalive_seconds,
            keepalive_count_max=KEEPALIVES_MISSED,
            encoding=None,
        )

    async def _ask_about(self, shown: HostKey, route: Route) -> None:
        """Whether a key that is not known is the host's; returns when it is accepted and written down."""
        if place := route.known_hosts.where(shown.host, shown.port):
            raise HostKeyRefusedError(
                f"{route.who} shows another host key ({shown.fingerprint}) than the one in {place}. Either the host "
                "was set up anew, or somebody stands between. Ask its administrator; if it is right, remove that line."
            )
        answer = await self._questions.ask(
            QuestionKind.HOST_KEY,
            f"Is this {shown.name}?",
            f"The host key of {route.who} is not known. Compare its fingerprint with what the administrator says; "
            f"accepted, it is added to {self._settings.known_hosts}.",
            fingerprint=shown.fingerprint,
            without_audience=f"The host key of {shown.name} is not known ({shown.fingerprint}). Start the program "
            f"with its screen to accept it, or add it to {self._settings.known_hosts}.",
        )
        if answer != ACCEPTED:
            raise DeclinedError(
                f"HPC unreachable: the host key of {shown.name} ({shown.fingerprint}) was not accepted."
            )
        await in_thread(route.known_hosts.add, shown)

    def _explained(self, error: Exception, route: Route, login: Login | None) -> MqiError:
        """What a failed try to connect means."""
        if login is not None and login.failure is not None:
            return login.failure
        reason = str(error) or type(error).__name__
        seconds = self._settings.connect_timeout_seconds
        match error:
            case asyncssh.PermissionDenied():
                if login is not None:
                    login.password_was_refused()
                return PermanentError(
                    f"{route.who} is not let in: {reason}. Correct hpc.ssh.user or hpc.ssh.identity_files, or have the "
                    "public key added to authorized_keys there."
                )
            case asyncssh.HostKeyNotVerifiable():
                return HostKeyRefusedError(f"The host key of {route.who} is not trusted: {reason}.")
            case asyncssh.KeyExchangeFailed() | ValueError():
                return PermanentError(f"No connection to {route.who} is possible: {reason}.")
            case TimeoutError():
                reason = f"no answer within {seconds:g} s"
            case socket.gaierror():
                reason = f"its name is not known ({reason})"
            case OSError(errno=int(number)) if number:
                reason = os.strerror(number)
        return TransientError(f"HPC unreachable: {route.who}: {reason}.")


async def _close(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    try:
        with suppress(TimeoutError, asyncssh.Error, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.wait_closed()
    finally:
        connection.abort()
