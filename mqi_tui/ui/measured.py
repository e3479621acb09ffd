"""Measurements in few words; what was not measured is not said, or said to be no reading."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import READINGS_KEPT, GpuHistory, GpuReading, StorageReading
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.sparkline import VALUES_PER_CELL, sparkline
from mqi_tui.ui.text import cut, fit_right
from mqi_tui.ui.tones import Line, Part, Tone

NO_READING = N_("no reading")
_MIB_PER_GIB = 1024
_SEPARATOR = " · "
_LONGEST_DEVICE_NAME = 12
_SHORTEST_CURVE = 3
_LONGEST_CURVE = READINGS_KEPT // VALUES_PER_CELL
_CURVE_BESIDE_POWER = 10
"""A curve that would be shorter takes the room of the power."""


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


def curves_line(head: str, reading: GpuReading, history: GpuHistory, width: int) -> Line | None:
    """`⣀⣤⣶⣿ 63 %  ⣤⣤⣤⣤ 11/24 GiB  61 °C` behind `head`: load and memory as words and curves, in `width` cells.

    None where there is no history, or no room for it beside all the words.
    """
    parts = [part for part in (_load(reading, history), _memory(reading, history)) if part is not None]
    if not parts or not any(history):
        return None
    temperature, power = _temperature(reading), _power(reading)
    with_power = [text for text in (temperature, power) if text]
    for others, shortest in ((with_power, _CURVE_BESIDE_POWER), (with_power[: bool(temperature)], _SHORTEST_CURVE)):
        words = [word for word, _ in parts] + others
        used = cell_len(head) + sum(map(cell_len, words)) + 2 * (len(words) - 1) + len(parts)
        curve = min((width - used) // len(parts), _LONGEST_CURVE)
        if curve >= shortest:
            break
    else:
        return None
    line: list[Part] = [(head, Tone.MUTED)]
    for number, (word, values) in enumerate(parts):
        gap = "  " if number else ""
        line += [(gap, Tone.NORMAL), (sparkline(values, curve), Tone.ACTIVE), (f" {word}", Tone.MUTED)]
    return [*line, *[(f"  {text}", Tone.MUTED) for text in others]]


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
    load = "" if reading.utilisation_percent is None else f"{reading.utilisation_percent:.0f} %"
    return [text for text in (load, _memory_text(reading), _temperature(reading), _power(reading)) if text]


def _memory_text(reading: GpuReading) -> str:
    if reading.memory_used_mib is None or reading.memory_total_mib is None:
        return ""
    return f"{reading.memory_used_mib / _MIB_PER_GIB:.0f}/{reading.memory_total_mib / _MIB_PER_GIB:.0f} GiB"


def _temperature(reading: GpuReading) -> str:
    return "" if reading.temperature_c is None else f"{reading.temperature_c:.0f} °C"


def _power(reading: GpuReading) -> str:
    return "" if reading.power_w is None else f"{reading.power_w:.0f} W"


_Curve = tuple[str, Sequence[float | None]]
"""The word of the latest value, as wide as the largest, so that the curves of devices stand under each other."""


def _load(reading: GpuReading, history: GpuHistory) -> _Curve | None:
    if reading.utilisation_percent is None:
        return None
    loads = [None if one is None else one.utilisation_percent for one in history]
    word = fit_right(f"{reading.utilisation_percent:.0f} %", len("100 %"))
    return word, [None if load is None else load / 100 for load in loads]


def _memory(reading: GpuReading, history: GpuHistory) -> _Curve | None:
    text = _memory_text(reading)
    if not text:
        return None
    return fit_right(text, cell_len(text.partition("/")[2]) * 2 - len(" GiB") + 1), [_fraction(one) for one in history]


def _fraction(reading: GpuReading | None) -> float | None:
    """How full its memory is, 0..1."""
    if reading is None or reading.memory_used_mib is None or not reading.memory_total_mib:
        return None
    return reading.memory_used_mib / reading.memory_total_mib
