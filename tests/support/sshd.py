"""The way to a test cluster's own OpenSSH server, and a proxy in front of it that cuts and delays connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from mqi_tui.config import SshSettings
from tests.cluster.cluster import Cluster


def ssh_settings(cluster: Cluster, *, port: int | None = None, known_hosts: Path | None = None) -> SshSettings:
    """As a config would say it; another port is that of a proxy, whose known_hosts is written."""
    if port is not None and known_hosts is not None:
        _, kind, key = cluster.known_hosts.read_text().split()[:3]
        known_hosts.write_text(f"[{cluster.ssh_host}]:{port} {kind} {key}\n")
    return SshSettings(
        host=cluster.ssh_host,
        port=port or cluster.ssh_port,
        user=cluster.ssh_user,
        identity_files=(str(cluster.client_key),),
        known_hosts=str(known_hosts or cluster.known_hosts),
        config_files=(),
    )


class CuttingProxy:
    """Hands bytes on in both directions, and cuts all connections after a number of bytes from the server."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._cut_after: int | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay_seconds = 0.0
        """How late each piece from the server arrives."""
        self.from_server = 0
        """Bytes handed on from the server so far."""

    def cut_after(self, count: int) -> None:
        """Cut when so many bytes more have come from the server."""
        self._cut_after = self.from_server + count

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CuttingProxy]:
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            self._cut()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await listener.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._writers |= {writer, far_writer}
        with suppress(OSError):
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer, counts=True))
        for one in (writer, far_writer):
            self._writers.discard(one)
            one.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool = False) -> None:
        while content := await reader.read(16384):
            if counts:
                self.from_server += len(content)
                await asyncio.sleep(self.delay_seconds)
            writer.write(content)
            await writer.drain()
            if counts and self._cut_after is not None and self.from_server >= self._cut_after:
                self._cut_after = None
                self._cut()
        writer.transport.abort()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
