"""The line at the top: is the engine running, what is at work, GPUs, room on the HPC, time (UTC)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.cells import cell_len

from mqi_tui.domain.readings import StorageReading
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.measured import storage_text
from mqi_tui.ui.text import cut_middle
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.ui.widgets.one_line import OneLine

_MIN_TITLE_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Tally:
    """How many beams are where, and how many slots are held."""

    running: int
    waiting: int
    failed: int
    completed: int
    busy_gpus: int
    gpus: int

    @classmethod
    def of(cls, snapshot: EngineSnapshot) -> Tally:
        beams = [beam for case in snapshot.cases for beam in case.beams]
        statuses = [beam.status for beam in beams]
        waiting = sum(beam.status is BeamStatus.HPC_QUEUED or beam.job_waits for beam in beams)
        return cls(
            running=sum(status.is_active for status in statuses) - waiting,
            waiting=waiting,
            failed=statuses.count(BeamStatus.FAILED),
            completed=statuses.count(BeamStatus.COMPLETED),
            busy_gpus=sum(gpu.beam_id is not None for gpu in snapshot.gpus),
            gpus=len(snapshot.gpus),
        )


class HeaderLine(OneLine):
    def __init__(self, title: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._title = title
        self._tally = Tally(0, 0, 0, 0, 0, 0)
        self._paused = False
        self._storage: StorageReading | None = None
        self._clock = ""

    def on_mount(self) -> None:
        self._tick()
        self.set_interval(1.0, self._tick)

    def show(self, snapshot: EngineSnapshot) -> None:
        tally = Tally.of(snapshot)
        if (tally, snapshot.paused, snapshot.storage) != (self._tally, self._paused, self._storage):
            self._tally, self._paused, self._storage = tally, snapshot.paused, snapshot.storage
            self.refresh()

    def line(self, width: int) -> Line:
        for left, clock, reserve in self._variants():
            used = sum(cell_len(text) for text, _ in left)
            if used + len(clock) + 1 + reserve < width:
                break
        room = width - used - len(clock) - 3
        title = cut_middle(self._title, room) + " " if room >= _MIN_TITLE_WIDTH else ""
        gap = width - used - cell_len(title) - len(clock) - 1
        return [*left, (" " * max(gap, 1), Tone.NORMAL), (title, Tone.MUTED), (clock, Tone.MUTED)]

    def _variants(self) -> Iterator[tuple[list[Part], str, int]]:
        """(left part, clock, cells to be left between them) from the roomiest to the tightest."""
        tone = Tone.WARNING if self._storage and self._storage.warning else Tone.MUTED
        for short in (False, True):
            if storage := storage_text(self._storage, short=short):
                left = [*self._left(short=False), ("  " + storage, tone)]
                yield left, f"{self._clock} UTC", _MIN_TITLE_WIDTH + 2
        for short in (False, True):
            for time in (f"{self._clock} UTC", f"{self._clock[:5]} UTC"):
                yield self._left(short=short), time, 0

    def _left(self, *, short: bool) -> list[Part]:
        tally = self._tally
        state = ("‖ PAUSED", Tone.WARNING) if self._paused else ("► RUNNING", Tone.GOOD)
        gap = ("  " if not short else " ", Tone.NORMAL)
        words = ("running", "waiting", "failed", "completed") if not short else ("run", "wait", "fail", "done")
        counts = (
            (f"{tally.running} {words[0]}", Tone.ACTIVE if tally.running else Tone.MUTED),
            (f"{tally.waiting} {words[1]}", Tone.WAITING if tally.waiting else Tone.MUTED),
            (f"{tally.failed} {words[2]}", Tone.BAD if tally.failed else Tone.MUTED),
            (f"{tally.completed} {words[3]}", Tone.GOOD if tally.completed else Tone.MUTED),
            (f"slots {tally.busy_gpus}/{tally.gpus}", Tone.NORMAL if tally.busy_gpus else Tone.MUTED),
        )
        parts: list[Part] = [(" ", Tone.NORMAL), state]
        for count in counts:
            parts += [gap, count]
        return parts

    def _tick(self) -> None:
        self._clock = f"{datetime.now(UTC):%H:%M:%S}"
        self.refresh()
