"""Measurements in few words; what was not measured is not said, or said to be no reading."""

from __future__ import annotations

from rich.cells import cell_len

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading, StorageReading
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.text import cut

NO_READING = N_("no reading")
_MIB_PER_GIB = 1024
_SEPARATOR = " · "
_LONGEST_DEVICE_NAME = 12


def reading_text(reading: GpuReading | None, width: int) -> str:
    """`63 % 11/24 GiB 61 °C 231 W`, as much of it as fits into `width` cells."""
    parts = [] if reading is None else _parts(reading)
    text = " ".join(parts)
    while parts and cell_len(text) > width:
        parts.pop()
        text = " ".join(parts)
    return text or _(NO_READING)


def place_text(place: JobPlace) -> str:
    """`node3 · GPU 2`: host without its domain, and device as the host counts it, where the job knows it."""
    host, _dot, domain = place.host.partition(".")
    if host.isdigit():
        host = f"{host}.{domain}"
    if place.gpu_index is not None:
        return f"{host}{_SEPARATOR}GPU {place.gpu_index}"
    return _SEPARATOR.join(filter(None, (host, cut(place.gpu_name, _LONGEST_DEVICE_NAME))))


def placed_reading_text(place: JobPlace | None, reading: GpuReading | None, width: int) -> str:
    """`node3 · GPU 2 · 63 % · 11/24 GiB · 61 °C`, as much of it as fits into `width` cells.

    Where place and load do not fit both, the reading alone; the place alone where there is none.
    """
    if place is None:
        return reading_text(reading, width)
    parts = _parts(reading) if reading is not None else []
    if not parts:
        both = f"{place_text(place)}{_SEPARATOR}{_(NO_READING)}"
        return both if cell_len(both) <= width else cut(place_text(place), width)
    for count in range(len(parts), min(len(parts), 2) - 1, -1):
        text = _SEPARATOR.join([place_text(place), *parts[:count]])
        if cell_len(text) <= width:
            return text
    return reading_text(reading, width)


def storage_text(storage: StorageReading | None, *, short: bool) -> str:
    """`HPC 34 GB used, 1.2 TB free`, or the free space alone; empty where nothing is known."""
    if storage is None:
        return ""
    known = [] if short or storage.used_bytes is None else [_("{size} used").format(size=size(storage.used_bytes))]
    if storage.free_bytes is not None:
        known.append(_("{size} free").format(size=size(storage.free_bytes)))
    return f"HPC {', '.join(known)}" if known else ""


def size(count: int) -> str:
    """Bytes as `340 MB`, `3.4 GB`, `1.2 TB` (powers of ten)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 and unit != "B" else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _parts(reading: GpuReading) -> list[str]:
    parts = []
    if reading.utilisation_percent is not None:
        parts.append(f"{reading.utilisation_percent:.0f} %")
    if reading.memory_used_mib is not None and reading.memory_total_mib is not None:
        used, total = reading.memory_used_mib / _MIB_PER_GIB, reading.memory_total_mib / _MIB_PER_GIB
        parts.append(f"{used:.0f}/{total:.0f} GiB")
    if reading.temperature_c is not None:
        parts.append(f"{reading.temperature_c:.0f} °C")
    if reading.power_w is not None:
        parts.append(f"{reading.power_w:.0f} W")
    return parts
