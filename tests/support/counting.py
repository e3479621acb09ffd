"""A local transport that keeps a list of what it ran."""

from __future__ import annotations

from collections.abc import Sequence

from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import CommandResult

STATUS_COMMANDS = frozenset({"squeue", "scontrol", "sacct", "mqi-show"})


class CountingTransport(LocalTransport):
    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        self.commands.append(tuple(arguments))
        return await super().run(arguments, timeout=timeout)

    @property
    def status_commands(self) -> int:
        """How many of the commands ask for the state of jobs."""
        return sum(not STATUS_COMMANDS.isdisjoint(words) for words in self.commands)
