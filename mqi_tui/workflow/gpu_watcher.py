"""Watches the GPUs from reading to reading: their history, which of them went away, and which others use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from mqi_tui.domain.readings import READINGS_KEPT, DeviceName, GpuReading, GpuWatch, OfflineGpu


@dataclass(frozen=True, slots=True)
class GpuRound:
    """One round of readings, and what it proves."""

    readings: tuple[GpuReading, ...] = ()
    not_ours: frozenset[DeviceName] = frozenset()
    """The devices on which certainly no beam of ours computes."""
    why_offline: Callable[[GpuReading], str] = lambda _: ""
    """How it is known that a device is not there any more, given its last reading; empty where it is not known."""
    slot_of: Callable[[GpuReading], int | None] = lambda reading: reading.slot
    """The slot of a device that is not there any more, given its last reading."""


@dataclass(slots=True)
class _Device:
    last: GpuReading
    history: deque[GpuReading | None] = field(default_factory=lambda: deque(maxlen=READINGS_KEPT))
    missed_at: datetime | None = None


class GpuWatcher:
    """Keeps the latest READINGS_KEPT rounds of each device that was read in one of them, or is offline."""

    def __init__(self) -> None:
        self._devices: dict[DeviceName, _Device] = {}
        self._suspects: frozenset[DeviceName] = frozenset()

    def note(self, look: GpuRound, at: datetime) -> GpuWatch:
        """What is to be told after this round, which was made `at` (UTC)."""
        now = {reading.device: reading for reading in look.readings}
        for name, reading in now.items():
            device = self._devices.setdefault(name, _Device(reading))
            device.last, device.missed_at = reading, None
        offline: list[OfflineGpu] = []
        for name, device in list(self._devices.items()):
            device.history.append(now.get(name))
            if name in now:
                continue
            device.missed_at = device.missed_at or at
            reason = look.why_offline(device.last)
            if reason:
                last = replace(device.last, slot=look.slot_of(device.last))
                offline.append(OfflineGpu(last, device.missed_at, reason))
            elif not any(device.history):
                del self._devices[name]
        return GpuWatch(
            MappingProxyType({name: tuple(device.history) for name, device in self._devices.items()}),
            tuple(sorted(offline, key=lambda one: (one.reading.host, one.reading.index))),
            self._foreign(look),
        )

    def _foreign(self, look: GpuRound) -> frozenset[DeviceName]:
        """Twice in a row: the load of a second ago may still be that of a beam that has just left."""
        used = frozenset(one.device for one in look.readings if one.is_used and one.device in look.not_ours)
        foreign = used & self._suspects
        self._suspects = used
        return foreign
