"""Runs commands over the SSH connection: a few at once, each with an end, each answer whole or an error."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import asyncssh

from mqi_tui.domain.errors import MqiError, PermanentError, TransientError
from mqi_tui.domain.text import printable
from mqi_tui.hpc.cancellation import END_SECONDS, started
from mqi_tui.hpc.ssh.command import TIMED_OUT, Answer, command_line, cut_out
from mqi_tui.hpc.ssh.connection import Link, SshConnection
from mqi_tui.hpc.ssh.errors import CONNECTION_ERRORS, lost_connection

COMMANDS_AT_ONCE = 5
"""Servers allow 10 channels a connection by default and free them late; one more is kept for files."""
_REFUSED_CHANNEL_PAUSES = (0.1, 0.5, 1.0)
"""Seconds until the next try when the server has no channel free yet."""

# The login files of a login shell know of programs that those of a command over SSH do not (modules, Slurm).
_LOGIN_PATH = r"""bash -l -c 'printf "\n%s%s\n" "$0" "$PATH"' "$1" 2>/dev/null"""
_LOGIN_SECONDS = 20.0

Process = asyncssh.SSHClientProcess[bytes]


class SshShell:
    """Programs on the HPC, without a shell in between that could take their arguments for something else."""

    def __init__(self, connection: SshConnection) -> None:
        self._connection = connection
        self._channels = asyncio.Semaphore(COMMANDS_AT_ONCE)
        self._more_path: str | None = None
        self._has_answered = False
        self.noise = b""
        """What the login shell printed before the latest answer."""

    async def run(self, arguments: Sequence[str], timeout: float) -> Answer:
        """Run a program to its end within `timeout` seconds.

        Raises TransientError if the connection is lost or the time is up, PermanentError if there is no such program.
        """
        answer = await self._once(arguments, timeout, None)
        if answer.exit_status is None and self._more_path is None:
            self._more_path = await self._login_path()
            answer = await self._once(arguments, timeout, None)
        return _found(answer, arguments)

    async def feed(self, arguments: Sequence[str], content: AsyncIterator[bytes], timeout: float) -> Answer:
        """As `run`, with `content` as the program's standard input."""
        return _found(await self._once(arguments, timeout, content), arguments)

    async def open_stream(self, link: Link, arguments: Sequence[str]) -> Process:
        """A program that is talked to until its channel is closed; its standard output begins with its own first byte.

        It is not one of the few commands at once.
        """
        mark = secrets.token_hex(16)
        process = await _start(link, self._line(arguments, mark, 0, is_fed=True))
        try:
            await process.stdout.readuntil(f"\n{mark}\n".encode())
        except BaseException as error:
            process.close()
            if isinstance(error, asyncio.IncompleteReadError):
                raise TransientError(f"{arguments[0]} did not start on {link.who}.") from error
            raise
        return process

    async def _once(self, arguments: Sequence[str], timeout: float, content: AsyncIterator[bytes] | None) -> Answer:
        mark = secrets.token_hex(16)
        line = self._line(arguments, mark, timeout, is_fed=content is not None)
        async with self._channels:
            link = await self._connection.link()
            began = time.monotonic()
            process = await _start(link, line)
            try:
                async with asyncio.timeout(timeout):
                    stdout, stderr = await _talk(process, content, link)
            except TimeoutError as error:
                raise _too_slow(arguments, timeout) from error
            finally:
                await _end(process)
        answer = cut_out(stdout, stderr, mark)
        if answer is None:
            raise self._no_answer(arguments, process, link, stdout + stderr)
        self._has_answered = True
        self.noise = answer.noise.strip()
        if answer.exit_status in TIMED_OUT and time.monotonic() - began >= timeout:
            raise _too_slow(arguments, timeout)
        return answer

    def _line(self, arguments: Sequence[str], mark: str, timeout: float, *, is_fed: bool) -> str:
        return command_line(arguments, mark=mark, timeout=timeout, more_path=self._more_path or "", is_fed=is_fed)

    async def _login_path(self) -> str:
        mark = secrets.token_hex(16)
        try:
            answer = await self._once(["sh", "-c", _LOGIN_PATH, "mqi-path", mark], _LOGIN_SECONDS, None)
        except TransientError:
            return ""
        return answer.stdout.decode(errors="surrogateescape").rpartition(f"\n{mark}")[2].strip()

    def _no_answer(self, arguments: Sequence[str], process: Process, link: Link, said: bytes) -> MqiError:
        if process.exit_signal:
            return TransientError(f"{arguments[0]} was ended there by the signal {process.exit_signal[0]}.")
        if process.exit_status is None:
            # An answer that is cut off never passes for one.
            return TransientError(
                f"HPC unreachable: the connection to {link.who} was lost while {arguments[0]} ran "
                f"({link.lost_because or 'its channel was closed'})."
            )
        words = printable(said.decode(errors="replace").strip())[-300:] or "nothing"
        sentence = (
            f"The login shell of {link.who} did not run {arguments[0]}: exit code {process.exit_status}, "
            f"it says: {words}. Look at the account and its start-up files there."
        )
        return TransientError(sentence) if self._has_answered else PermanentError(sentence)


async def start_subsystem(link: Link, name: str) -> Process:
    """A program that the server knows by this name; raises what asyncssh does."""
    link.check()
    return await started(link.connection.create_process(subsystem=name, encoding=None), _end)


async def _start(link: Link, line: str) -> Process:
    for pause in (*_REFUSED_CHANNEL_PAUSES, None):
        with lost_connection(link.who):
            try:
                link.check()
                return await started(link.connection.create_process(line, encoding=None), _end)
            except asyncssh.ChannelOpenError:
                if pause is None:
                    raise
        await asyncio.sleep(pause)
    raise AssertionError("the last try returns or raises")


async def _talk(process: Process, content: AsyncIterator[bytes] | None, link: Link) -> tuple[bytes, bytes]:
    """Feed the process and take what it prints, until it has ended or its channel has."""
    feeder = None if content is None else asyncio.create_task(_feed(process, content))
    reading = asyncio.gather(process.stdout.read(), process.stderr.read())
    try:
        with suppress(*CONNECTION_ERRORS):
            stdout, stderr = await reading
            await process.wait_closed()
            # Our own trouble comes first: a file that cannot be read leaves the other side without an end.
            if feeder is not None and feeder.done() and isinstance(error := feeder.exception(), MqiError):
                raise error
            return stdout, stderr
        link.check()
        raise TransientError(f"HPC unreachable: the connection to {link.who} was lost.")
    finally:
        if feeder is not None:
            feeder.cancel()
            await asyncio.gather(feeder, return_exceptions=True)
        await asyncio.gather(reading, return_exceptions=True)


async def _feed(process: Process, content: AsyncIterator[bytes]) -> None:
    try:
        async for piece in content:
            process.stdin.write(piece)
            await process.stdin.drain()
    finally:
        with suppress(*CONNECTION_ERRORS):
            process.stdin.write_eof()


async def _end(process: Process) -> None:
    """End the command if it runs still: the end of its standard input does that."""
    try:
        if process.exit_status is None and not process.exit_signal:
            with suppress(*CONNECTION_ERRORS):
                process.stdin.write_eof()
                async with asyncio.timeout(END_SECONDS):
                    await process.wait_closed()
    finally:
        process.close()


def _found(answer: Answer, arguments: Sequence[str]) -> Answer:
    if answer.exit_status is None:
        raise PermanentError(f"Cannot start {arguments[0]}: no such program on the HPC; install it or mend PATH there.")
    return answer


def _too_slow(arguments: Sequence[str], timeout: float) -> TransientError:
    return TransientError(f"{arguments[0]} gave no answer within {timeout:g} s.")
