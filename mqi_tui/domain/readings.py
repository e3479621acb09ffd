"""What is measured beside the work: the GPUs, and the room for files. What is not known is None, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

DeviceName = tuple[str, str | int]
"""A device wherever it is seen from: host, and UUID, or index where the driver says no UUID."""

READINGS_KEPT = 60
"""How many of the latest readings of each device are kept."""

USED_ABOVE_PERCENT = 5.0
USED_ABOVE_MIB = 512.0
"""A device above one of these is used: drivers and a screen need less."""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One device as its driver describes it at one moment."""

    index: int
    """As its host counts, where that is known."""
    uuid: str | None = None
    utilisation_percent: float | None = None
    memory_used_mib: float | None = None
    memory_total_mib: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    slot: int | None = None
    """The slot whose job computes on this device; None where that is not certain."""
    host: str = ""
    """Where the device is; empty for the host to which the transport leads."""

    @property
    def device(self) -> DeviceName:
        return self.host, self.index if self.uuid is None else self.uuid

    @property
    def is_used(self) -> bool:
        """Somebody computes on it, or has data on it, as far as the reading tells."""
        load, memory = self.utilisation_percent or 0.0, self.memory_used_mib or 0.0
        return load > USED_ABOVE_PERCENT or memory > USED_ABOVE_MIB


GpuHistory = tuple[GpuReading | None, ...]
"""The latest readings of one device, the newest last; None for a round in which it gave none."""


@dataclass(frozen=True, slots=True)
class OfflineGpu:
    """A device that was read before and is not there any more."""

    reading: GpuReading
    """The last one that it gave."""
    since: datetime
    """When it was first missed (UTC)."""
    reason: str
    """How that is known."""


@dataclass(frozen=True, slots=True)
class GpuWatch:
    """What the readings of some minutes tell and one of them does not."""

    histories: Mapping[DeviceName, GpuHistory] = field(default_factory=lambda: MappingProxyType({}))
    offline: tuple[OfflineGpu, ...] = ()
    """By host and index."""
    foreign: frozenset[DeviceName] = frozenset()
    """Devices that are used though no beam of ours is on them; in doubt, a device is not among them."""


@dataclass(frozen=True, slots=True)
class StorageReading:
    """How full the disks are on which the program works."""

    at: datetime
    """UTC."""
    used_bytes: int | None
    """What the program's folders on the HPC hold."""
    free_bytes: int | None
    """What can still be written there: the disk's free space, or what is left of the quota if that is less."""
    results_free_bytes: int | None
    """What can still be written to result_path."""
    warning: str = ""
    """A sentence while any of them is below the configured level; empty otherwise."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """The latest of everything that is measured."""

    gpus: tuple[GpuReading, ...] = ()
    """By host and index; empty while nothing is known."""
    watch: GpuWatch = field(default_factory=GpuWatch)
    storage: StorageReading | None = None
    """None until the disks were looked at."""
