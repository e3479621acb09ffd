"""The line at the top: is the engine running, what is at work, GPUs, room on the HPC, time (UTC)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.cells import cell_len

from mqi_tui.domain.readings import StorageReading
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.measured import storage_text
from mqi_tui.ui.text import cut_middle, one_line
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.one_line import OneLine
from mqi_tui.ui.widgets.tips import under

_MIN_TITLE_WIDTH = 12
_LONG_WORDS = (
    N_("{count} running"),
    N_("{count} waiting"),
    N_("{count} failed"),
    N_("{count} completed"),
    N_("{count} cancelled"),
)
_SHORT_WORDS = N_("{count} run"), N_("{count} wait"), N_("{count} fail"), N_("{count} done"), N_("{count} stop")
_ONLY_IF_ANY = {_LONG_WORDS[-1], _SHORT_WORDS[-1]}
OLD_AFTER_SECONDS = 10.0
"""The engine confirms its picture twice a second; after this time without, something is wrong with it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many beams are where, and how many slots are held."""

    running: int
    waiting: int
    failed: int
    completed: int
    cancelled: int
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
            cancelled=statuses.count(BeamStatus.CANCELLED),
            busy_gpus=sum(gpu.beam_id is not None for gpu in snapshot.gpus),
            gpus=len(snapshot.gpus),
        )


_Told = tuple[str, Tone, str]
"""A piece of the line, and what it means."""

_COUNTED = (
    N_("Beams at work: they are checked, prepared, uploaded, computed, downloaded or checked again."),
    N_("Beams that wait: for a GPU slot, or in the queue of the HPC's scheduler."),
    N_("Beams that failed and wait for a person."),
    N_("Beams whose dose file is at home and verified."),
    N_("Beams that a person stopped; a retry goes on from there."),
)
_SLOTS = N_(
    "GPU slots that are held by a beam, of all: one for each GPU, and with a batch system some for jobs that wait "
    "in its queue, so that no GPU waits for them."
)


class HeaderLine(OneLine):
    def __init__(self, title: str, hpc: str, confirmed_at: Callable[[], datetime], *, id: str) -> None:  # noqa: A002
        """`hpc` says which cluster it is, `confirmed_at` when the picture was last found to be the present one."""
        super().__init__(id=id)
        self._title = title
        self._hpc = one_line(hpc)
        self._confirmed_at = confirmed_at
        self._tally = Tally(0, 0, 0, 0, 0, 0, 0)
        self._paused = False
        self._unreachable_since: datetime | None = None
        self._storage: StorageReading | None = None
        self._now = datetime.now(UTC)

    def on_mount(self) -> None:
        self._tick()
        self.set_interval(1.0, self._tick)

    def show(self, snapshot: EngineSnapshot) -> None:
        shown = (Tally.of(snapshot), snapshot.paused, snapshot.unreachable_since, snapshot.storage)
        if shown != (self._tally, self._paused, self._unreachable_since, self._storage):
            self._tally, self._paused, self._unreachable_since, self._storage = shown
            self.refresh()
            self.renew_tip()

    def line(self, width: int) -> Line:
        return [(text, tone) for text, tone, _ in self._told(width)]

    def tip_at(self, x: int, y: int) -> str:  # noqa: ARG002
        return under(x, ((text, tip) for text, _, tip in self._told(self.size.width))) or ""

    def _told(self, width: int) -> list[_Told]:
        clock = f"{self._now:%H:%M:%S}"
        for left, title, short_clock, reserve in self._variants():
            time = f"{clock[:5] if short_clock else clock} UTC"
            used = sum(cell_len(text) for text, _, _ in left)
            room = width - used - len(time) - 3
            filler = cut_middle(title[0], room) + " " if room >= _MIN_TITLE_WIDTH else ""
            if used + len(time) + 1 + reserve < width:
                break
        gap = width - used - cell_len(filler) - len(time) - 1
        return [
            *left,
            (" " * max(gap, 1), Tone.NORMAL, ""),
            (filler, *title[1:]),
            (time, Tone.MUTED, _("The time, in UTC as all times here.")),
        ]

    def _variants(self) -> Iterator[tuple[list[_Told], _Told, bool, int]]:
        """(left part, what fills the room behind it, whether the clock is short, cells to be left between them).

        From the roomiest to the tightest; the cluster is told before the config.
        """
        storage_tone = Tone.WARNING if self._storage and self._storage.warning else Tone.MUTED
        config: _Told = (self._title, Tone.MUTED, _("The config: {path}").format(path=self._title))
        hpc: _Told = (self._hpc, Tone.MUTED, _("Where the simulations run: {place}").format(place=self._hpc))
        parts: list[_Told] = [*self._left(short=False), ("  " + self._hpc, *hpc[1:])]
        room = _("What the program's folders on the HPC hold, and what can still be written there.")
        storages = [text for short in (False, True) if (text := storage_text(self._storage, short=short))]
        for storage in storages:
            yield [*parts, ("  " + storage, storage_tone, room)], config, False, _MIN_TITLE_WIDTH + 2
        for storage in storages[-1:]:
            yield [*parts, ("  " + storage, storage_tone, room)], config, False, 0
        yield parts, config, False, 0
        for short, short_state in ((False, False), (True, False), (True, True)):
            for short_clock in (False, True):
                yield self._left(short=short, short_state=short_state), hpc, short_clock, 0

    def _left(self, *, short: bool, short_state: bool = False) -> list[_Told]:
        tally = self._tally
        gap: _Told = ("  " if not short else " ", Tone.NORMAL, "")
        words = _LONG_WORDS if not short else _SHORT_WORDS
        numbers = (tally.running, tally.waiting, tally.failed, tally.completed, tally.cancelled)
        tones = (Tone.ACTIVE, Tone.WAITING, Tone.BAD, Tone.GOOD, Tone.NORMAL)
        parts: list[_Told] = [(" ", Tone.NORMAL, ""), self._state(short=short_state)]
        for word, count, tone, tip in zip(words, numbers, tones, _COUNTED, strict=True):
            # Cancelled beams are rare, and the line is short of room.
            if count or word not in _ONLY_IF_ANY:
                parts += [gap, (_(word).format(count=count), tone if count else Tone.MUTED, _(tip))]
        slots = _("slots {busy}/{count}").format(busy=tally.busy_gpus, count=tally.gpus)
        return [*parts, gap, (slots, Tone.NORMAL if tally.busy_gpus else Tone.MUTED, _(_SLOTS))]

    def _state(self, *, short: bool) -> _Told:
        """The worst first: a picture that may be old tells nothing for sure about the rest."""
        silent = (self._now - self._confirmed_at()).total_seconds()
        if silent > OLD_AFTER_SECONDS:
            old = _("! OLD {seconds} s") if short else _("! DATA ARE {seconds} s OLD")
            tip = _("The engine has not confirmed this picture for so long; it may be wrong by now.")
            return old.format(seconds=f"{silent:.0f}"), Tone.BAD, tip
        since = self._unreachable_since
        if since is not None:
            tip = _("The HPC does not answer. Running jobs go on, and nothing fails for it.")
            if short:
                return _("! NO HPC {time}").format(time=f"{since:%H:%M}"), Tone.WARNING, tip
            return _("! UNREACHABLE since {time}").format(time=f"{since:%H:%M:%S}"), Tone.WARNING, tip
        if self._paused:
            return _("‖ PAUSED"), Tone.WARNING, _("Nothing new is started; what is running goes on.")
        return _("► RUNNING"), Tone.GOOD, _("The engine works on every beam that was dispatched.")

    def _tick(self) -> None:
        self._now = datetime.now(UTC)
        self.refresh()
