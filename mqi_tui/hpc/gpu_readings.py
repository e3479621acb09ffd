"""What `nvidia-smi` says of the GPUs; whatever is no number there is no reading here."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from mqi_tui.domain.errors import PermanentError
from mqi_tui.domain.readings import GpuReading
from mqi_tui.hpc.protocols import Transport

TIMEOUT_SECONDS = 20.0
"""A driver in trouble lets nvidia-smi hang."""

_FIELDS = 7
_INDEX = re.compile(r"[0-9]{1,4}")
_UUID = re.compile(r"[A-Za-z0-9][A-Za-z0-9/-]{0,99}")
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")


async def read_gpus(transport: Transport, command: Sequence[str]) -> tuple[GpuReading, ...]:
    """The GPUs of the machine where `command` runs, by index; empty where there are none.

    Raises PermanentError for a program that is not there or refuses, TransientError for no connection or no answer.
    """
    result = await transport.run(command, timeout=TIMEOUT_SECONDS)
    if result.exit_status != 0:
        said = " ".join((result.stderr or result.stdout).split())[:300] or "no word"
        raise PermanentError(f"{command[0]} ended with exit code {result.exit_status}: {said}.")
    return parse_readings(result.stdout)


def parse_readings(text: str) -> tuple[GpuReading, ...]:
    """Readings out of lines `index, uuid, utilisation %, memory MiB used, total, temperature °C, power W`.

    A line of another form is passed over; a value that is no number in its range (`[N/A]`, `ERR!`) is None; an index
    that comes twice tells of no device for sure.
    """
    found = [reading for line in text.splitlines() if (reading := _reading(line)) is not None]
    times = Counter(reading.index for reading in found)
    return tuple(sorted((one for one in found if times[one.index] == 1), key=lambda one: one.index))


def _reading(line: str) -> GpuReading | None:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != _FIELDS or not (fields[0].isascii() and _INDEX.fullmatch(fields[0])):
        return None
    used, total = _number(fields[3], 0, math.inf), _number(fields[4], 0, math.inf)
    if used is not None and total is not None and used > total:
        used = total = None
    return GpuReading(
        index=int(fields[0]),
        uuid=fields[1] if _UUID.fullmatch(fields[1]) and fields[1].upper() != "N/A" else None,
        utilisation_percent=_number(fields[2], 0, 100),
        memory_used_mib=used,
        memory_total_mib=total,
        temperature_c=_number(fields[5], -100, 200),
        power_w=_number(fields[6], 0, 100_000),
    )


def _number(field: str, at_least: float, at_most: float) -> float | None:
    if not _NUMBER.fullmatch(field):
        return None
    value = float(field)
    return value if at_least <= value <= at_most else None
