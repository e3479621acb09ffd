"""What is measured beside the work: the GPUs, and the room for files. What is not known is None, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
    storage: StorageReading | None = None
    """None until the disks were looked at."""
