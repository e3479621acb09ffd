"""Local transports that fail in a chosen way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mqi_tui.domain.errors import TransientError
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import CommandResult


class InterruptedTransport(LocalTransport):
    """The connection is lost at the n-th step that changes something: before it is done, or right after."""

    def __init__(self, at_step: int, *, after: bool) -> None:
        self._at_step = at_step
        self._after = after
        self.step = 0

    def _lose(self, *, after: bool) -> None:
        if self.step == self._at_step and after is self._after:
            raise TransientError("connection lost")

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        self.step += 1
        self._lose(after=False)
        result = await super().run(arguments, timeout=timeout)
        self._lose(after=True)
        return result

    async def make_folder(self, path: PurePosixPath) -> None:
        self.step += 1
        self._lose(after=False)
        await super().make_folder(path)
        self._lose(after=True)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        self.step += 1
        self._lose(after=False)
        await super().rename(source, target)
        self._lose(after=True)

    async def put_files(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        for name, source in files.items():
            self.step += 1
            if self.step == self._at_step and not self._after:
                # Half of the file has arrived.
                await super().make_folder(folder)
                Path(folder, name).write_bytes(source.read_bytes()[: source.stat().st_size // 2])
                raise TransientError("connection lost")
            await super().put_files({name: source}, folder)
            self._lose(after=True)


class DamagingTransport(LocalTransport):
    """Changes what arrives, the given number of times."""

    def __init__(self, damage: Callable[[Path], object], times: int) -> None:
        self._damage = damage
        self._times = times
        self.gets = 0

    async def put_files(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        await super().put_files(files, folder)
        if self._times > 0:
            self._times -= 1
            for name in files:
                self._damage(Path(folder, name))

    async def get_file(
        self, source: PurePosixPath, target: Path, *, on_progress: Callable[[int], None] | None = None
    ) -> None:
        self.gets += 1
        await super().get_file(source, target, on_progress=on_progress)
        if self._times > 0:
            self._times -= 1
            self._damage(target)
