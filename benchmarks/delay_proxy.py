"""A TCP proxy on the loopback address that holds each byte back for half a round trip, in both directions.

It runs as a process of its own, so that it slows down all that are compared alike: `python -m benchmarks.delay_proxy
HOST PORT SECONDS` prints its port and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

_CHUNK = 65_536
_ON_THE_WAY = 512
"""Chunks that may be under way at once: enough that the delay, and not the proxy, bounds a transfer."""


@contextmanager
def delayed(host: str, port: int, round_trip_seconds: float) -> Iterator[int]:
    """The port of a proxy to `host`:`port` with this round trip more; without one the port itself."""
    if not round_trip_seconds:
        yield port
        return
    command = [sys.executable, "-m", "benchmarks.delay_proxy", host, str(port), str(round_trip_seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        yield int(proxy.stdout.readline())
        proxy.communicate()


@asynccontextmanager
async def _served(host: str, port: int, round_trip_seconds: float) -> AsyncIterator[int]:
    """The port of a proxy to `host`:`port` with this round trip more; its connections end with the block."""
    connections: set[asyncio.Task[None]] = set()
    ends: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
            ends.update((writer, far_writer))
            async with asyncio.TaskGroup() as group:
                group.create_task(_carry(reader, far_writer, round_trip_seconds / 2))
                group.create_task(_carry(far_reader, writer, round_trip_seconds / 2))
        finally:
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for end in ends:
            end.transport.abort()
        await asyncio.gather(*connections, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Bytes go on in their order, each `delay` seconds after it came; many may be on their way at once."""
    loop = asyncio.get_running_loop()
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_ON_THE_WAY)

    async def take() -> None:
        while True:
            data = await reader.read(_CHUNK)
            await on_the_way.put((loop.time() + delay, data))
            if not data:
                return

    async def give() -> None:
        while True:
            due, data = await on_the_way.get()
            await asyncio.sleep(max(due - loop.time(), 0))
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(take())
            group.create_task(give())
    except* OSError:
        # An end that is gone already is "not connected" to write_eof, which is no ConnectionError.
        writer.transport.abort()


async def _main(host: str, port: str, round_trip_seconds: str) -> None:
    async with _served(host, int(port), float(round_trip_seconds)) as own_port:
        print(own_port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
