"""A beam folder as the treatment machine leaves it: PlanInfo.txt, PlanRange.txt and one .ptn log for each layer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.plan_info import PlanInfo, read_plan_info
from mqi_tui.moqui.plan_range import PTN_SUFFIX, LayerRange, read_plan_range
from mqi_tui.moqui.ptn import check_ptn_size
from mqi_tui.moqui.text_files import unreadable

PLAN_INFO = "PlanInfo.txt"
PLAN_RANGE = "PlanRange.txt"

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class BeamLogs:
    """The logs of one delivered beam; every log that `layers` names was there, with whole rows."""

    path: Path
    info: PlanInfo
    layers: tuple[LayerRange, ...]
    """In the order of PlanRange.txt."""


def is_beam_folder(path: Path) -> bool:
    """Whether the folder holds PlanInfo.txt, PlanRange.txt or a .ptn file; raises OSError if it cannot be read."""
    return any(
        (_is_log(entry) or entry.name in {PLAN_INFO, PLAN_RANGE}) and entry.is_file() for entry in path.iterdir()
    )


def missing_files(path: Path) -> list[str]:
    """Names of the files that a complete beam folder has and this one lacks; which logs they are, PlanRange.txt says.

    Raises InputError for a damaged PlanRange.txt, OSError if the folder cannot be read.
    """
    missing = [name for name in (PLAN_INFO, PLAN_RANGE) if not (path / name).is_file()]
    if PLAN_RANGE in missing:
        return missing
    logs = (layer.ptn_name for layer in read_plan_range(path / PLAN_RANGE))
    return [*missing, *(name for name in logs if not (path / name).is_file())]


def read_beam_logs(path: Path) -> BeamLogs:
    """The beam folder's tables; the logs themselves are looked at, not read.

    Raises InputError if a table or a log is missing or damaged, and if PlanRange.txt does not list a log that is there.
    START_LAYER_NUMBER and STOP_LAYER_NUMBER of PlanInfo.txt decide nothing: of a delivery that was interrupted they
    may name a part, while all its logs are listed and there. Whether the layers are all of the beam's, the plan says.
    """
    try:
        logs = {entry.name for entry in path.iterdir() if _is_log(entry)}
    except OSError as error:
        raise unreadable(path, error) from None
    info = read_plan_info(path / PLAN_INFO)
    layers = read_plan_range(path / PLAN_RANGE)
    for layer in layers:
        _check_log(path, layer)
    listed = {layer.ptn_name.casefold() for layer in layers}
    unlisted = sorted(name for name in logs if name.casefold() not in listed)
    if unlisted:
        more = f" and {len(unlisted) - _SHOWN} more" if len(unlisted) > _SHOWN else ""
        raise InputError(
            f"{path / PLAN_RANGE} lists {len(layers)} layers, but the folder has {len(logs)} logs: nothing says what "
            f"{', '.join(unlisted[:_SHOWN])}{more} is; copy {PLAN_RANGE} again, or take out what is another beam's."
        )
    return BeamLogs(path, info, layers)


def sizes_and_times(path: Path) -> dict[str, tuple[int, int]]:
    """Bytes and time of change (ns) of each log and table by its name; raises OSError if the folder cannot be read."""
    found = {}
    for entry in path.iterdir():
        if _is_log(entry) or entry.name in {PLAN_INFO, PLAN_RANGE}:
            with suppress(FileNotFoundError):
                stat = entry.stat()
                found[entry.name] = (stat.st_size, stat.st_mtime_ns)
    return found


def _check_log(folder: Path, layer: LayerRange) -> None:
    log = folder / layer.ptn_name
    try:
        if log.is_file():
            check_ptn_size(log, log.stat().st_size)
            return
    except OSError as error:
        raise unreadable(log, error) from None
    raise InputError(
        f"{log} is missing, the log of layer {layer.layer_no} in {PLAN_RANGE}; copy it from the treatment machine."
    )


def _is_log(path: Path) -> bool:
    """By its name; hidden files are those of a share or of a copy in progress."""
    return path.name.casefold().endswith(PTN_SUFFIX) and not path.name.startswith(".")
