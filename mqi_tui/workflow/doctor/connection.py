"""The way to the HPC, and what it finds there: home, folder, checksums, clock, room, GPUs."""

from __future__ import annotations

import hashlib
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import PurePosixPath

from mqi_tui.config import Config
from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.gpu_readings import read_gpus
from mqi_tui.hpc.protocols import Transport
from mqi_tui.hpc.storage import free_bytes
from mqi_tui.workflow.doctor.check import Finding, Step, failed, ok, warning
from mqi_tui.workflow.doctor.folders import PROBE, PROBE_NAME
from mqi_tui.workflow.gauges import GB

CONNECTION = "HPC connection"
ROOT = "remote_root"
GPUS = "GPU readings"
GPUS_OF_JOBS = "GPU readings of jobs"
MOST_CLOCK_SECONDS = 5.0
"""A clock further off than that is warned about."""

ANSWER_SECONDS = 600.0
"""How long a person may think about a password or a host key."""

_HOME = 'printf "%s\\n" "$HOME"; [ -d "$HOME" ] && [ -w "$HOME" ]'
_ANSWER = "mqi-tui doctor: 1 2 3"


class ConnectionChecks:
    """Enters the way to the HPC; it stays open for later steps and is left with the stack."""

    def __init__(
        self, config: Config, stack: AsyncExitStack, way: AbstractAsyncContextManager[Transport], *, asks: bool
    ) -> None:
        """`asks`: whether a person may be asked for a password or a host key on that way."""
        self._settings = config.settings
        self._stack = stack
        self._way = way
        self._asks = asks
        self._transport: Transport | None = None

    @property
    def transport(self) -> Transport:
        if self._transport is None:
            raise AssertionError(f"a step that uses the transport needs {CONNECTION}")
        return self._transport

    @property
    def root(self) -> PurePosixPath:
        return PurePosixPath(self._settings.hpc.remote_root)

    def steps(self) -> list[Step]:
        there = (CONNECTION,)
        wait = self._settings.hpc.ssh.connect_timeout_seconds + 30.0
        if self._asks:
            wait += ANSWER_SECONDS
        return [
            Step(CONNECTION, self._connect, "correct hpc.transport and hpc.ssh, or try ssh by hand", (), wait),
            Step("login noise", self._noise, "let the login files print for interactive shells alone", there),
            Step("remote home", self._home, "ask the administrator for a home folder that can be written", there),
            Step(ROOT, self._remote_root, "correct hpc.remote_root, or give this user the right to write there", there),
            Step("checksum tool", self._checksum, "install sha256sum (coreutils) or shasum there", (ROOT,)),
            Step("clock", self._clock, "let both machines follow a time server (NTP)", there),
            Step("remote disk", self._disk, "make room there, or choose another disk for hpc.remote_root", there),
            Step(GPUS, self._gpus, "correct hpc.gpu_readings.command, or set it to []", there),
        ]

    async def _connect(self) -> Finding:
        started = time.monotonic()
        transport = await self._stack.enter_async_context(self._way)
        result = await transport.run(["true"], timeout=20.0)
        if result.exit_status != 0:
            return failed(f"`true` ended with exit code {result.exit_status} there", "look at the login shell there")
        self._transport = transport
        if self._settings.hpc.transport == "local":
            return ok("this machine itself")
        return ok(f"{self._settings.hpc.ssh.host} answers in {(time.monotonic() - started) * 1000:.0f} ms")

    async def _noise(self) -> Finding:
        result = await self.transport.run(["printf", "%s", _ANSWER])
        if result.stdout != _ANSWER:
            remedy = "let the login files (.bashrc, .profile, .cshrc) print for interactive shells alone"
            return failed(f"what a program prints there comes back as {result.stdout[:100]!a}", remedy)
        return ok("what a program prints there comes back as it is")

    async def _home(self) -> Finding:
        result = await self.transport.run(["sh", "-c", _HOME])
        home = result.stdout.strip()
        if not home.startswith("/"):
            return warning("HOME is not set there", "look at the login shell there; use an absolute hpc.remote_root")
        if result.exit_status != 0:
            remedy = "programs such as CUDA keep files there; ask the administrator for it"
            return warning(f"the home folder {home} is not there or cannot be written", remedy)
        return ok(f"{home} can be written")

    async def _remote_root(self) -> Finding:
        transport, probe = self.transport, self.root / PROBE_NAME
        aside = self.root / f"{PROBE_NAME}.renamed"
        await transport.make_folder(self.root)
        if await transport.stat(aside) is not None and await transport.stat(probe) is None:
            # An earlier look was cut off between the two renames.
            await transport.rename(aside, probe)
        await transport.write(probe, PROBE)
        if await transport.read(probe, 0, 2 * len(PROBE)) != PROBE:
            return failed(f"what is written to {probe} comes back otherwise", "look at that disk")
        await transport.rename(probe, aside)
        await transport.rename(aside, probe)
        return ok(f"{self.root} can be written, read and renamed in")

    async def _checksum(self) -> Finding:
        probe = self.root / PROBE_NAME
        digest = (await self.transport.sha256([probe])).get(probe)
        if digest != hashlib.sha256(PROBE).hexdigest():
            return failed(f"the sha256 of {probe} is {digest or 'not said'} there", "look at sha256sum there")
        return ok("sha256 agrees on both sides")

    async def _clock(self) -> Finding:
        before = time.time()
        result = await self.transport.run(["date", "-u", "+%s"])
        after = time.time()
        if not result.stdout.strip().isdecimal():
            return warning("`date` says no time there", "look at `date -u +%s` there")
        there = int(result.stdout)
        # It says whole seconds, and was asked somewhere between the two looks at our own clock.
        difference = max(before - there - 1, there - after, 0.0)
        if difference > MOST_CLOCK_SECONDS:
            ahead = "ahead of" if there > after else "behind"
            remedy = "let both machines follow a time server (NTP): times in logs and results would not agree"
            return warning(f"the clock there is {difference:.0f} s {ahead} the one here", remedy)
        return ok(f"the clocks agree within {MOST_CLOCK_SECONDS:g} s")

    async def _disk(self) -> Finding:
        free = await free_bytes(self.transport, self.root)
        level = self._settings.hpc.storage.warn_below_gb
        if free is None:
            return warning(f"the free space of {self.root} is not known", "look at `df` there by hand now and then")
        if free < level * GB:
            remedy = "make room there: the program itself deletes nothing; or change hpc.storage.warn_below_gb"
            return warning(f"only {free / GB:.1f} GB free in {self.root}", remedy)
        return ok(f"{free / GB:.0f} GB free in {self.root}")

    async def _gpus(self) -> Finding:
        hpc = self._settings.hpc
        command = hpc.gpu_readings.command
        if not command:
            return ok("switched off (hpc.gpu_readings.command is empty)")
        if hpc.gpu_readings.where == "job":
            return ok(f"taken by each job where it computes (hpc.gpu_readings.where is job): see {GPUS_OF_JOBS}")
        remedy = "harmless: the screen shows no reading; or correct hpc.gpu_readings.command, or set it to []"
        try:
            readings = await read_gpus(self.transport, command)
        except (PermanentError, TransientError) as error:
            return warning(str(error).rstrip("."), remedy)
        if not readings:
            return warning(f"{command[0]} tells of no GPU", remedy)
        if hpc.scheduler == "direct" and len(readings) < hpc.gpu_count:
            return warning(
                f"{command[0]} tells of {len(readings)} GPUs, and hpc.gpu_count is {hpc.gpu_count}",
                f"set hpc.gpu_count to {len(readings)}: two jobs on one GPU slow each other down",
            )
        return ok(f"{command[0]} tells of {len(readings)} GPUs")
