"""Reads what a job writes at its end: `key=value` lines, closed by `end=ok`; nothing is guessed from a damaged one."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import PurePosixPath

from mqi_tui.domain.errors import PermanentError
from mqi_tui.hpc.protocols import ExitRecord

EXIT_RECORD_NAME = "exit_record"
MAX_EXIT_RECORD_BYTES = 1024 * 1024

_ONCE = ("token", "exit_code", "started_at", "ended_at", "host", "gpu")
_ONCE_OR_NEVER = ("raw_size", "raw_sha256")
_MANY = "raw_file"
_END = "end=ok"


def parse_exit_record(content: bytes, path: PurePosixPath) -> ExitRecord:
    """The record in `content`; `path` is for the message alone.

    Raises PermanentError if anything in it is missing, twice, unknown or no value of its kind.
    """
    try:
        return _parse(content)
    except ValueError as error:
        raise PermanentError(
            f"The exit record {path} is damaged: {error}. What the job did cannot be trusted; "
            "look at its log and start another attempt."
        ) from error


def _parse(content: bytes) -> ExitRecord:
    # The engine names its files: bytes that are no UTF-8 must reach the file system again unchanged.
    lines = content.decode(errors="surrogateescape").split("\n")
    if lines[-2:] != [_END, ""]:
        raise ValueError(f"it does not end with {_END!r}")
    values: dict[str, str] = {}
    raw_files: list[str] = []
    for number, line in enumerate(lines[:-2], start=1):
        key, separator, value = line.partition("=")
        if not separator or key not in {*_ONCE, *_ONCE_OR_NEVER, _MANY}:
            raise ValueError(f"line {number} reads {line[:80]!a}")
        if key == _MANY:
            raw_files.append(value)
        elif key in values:
            raise ValueError(f"line {number} has {key} a second time")
        else:
            values[key] = value
    missing = [key for key in _ONCE if key not in values]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    if len(raw_files) != len(set(raw_files)) or "" in raw_files:
        raise ValueError("a raw file is listed twice or without a name")
    if any((key in values) != (len(raw_files) == 1) for key in _ONCE_OR_NEVER):
        raise ValueError(f"it lists {len(raw_files)} raw files, and size and sha256 belong to exactly one")
    return ExitRecord(
        token=values["token"],
        exit_code=_number("exit_code", values["exit_code"], largest=255),
        started_at=_time("started_at", values["started_at"]),
        ended_at=_time("ended_at", values["ended_at"]),
        host=values["host"],
        gpu=values["gpu"],
        raw_files=tuple(raw_files),
        raw_size=_number("raw_size", values["raw_size"]) if "raw_size" in values else None,
        raw_sha256=_digest(values["raw_sha256"]) if "raw_sha256" in values else None,
    )


def _number(key: str, text: str, largest: int | None = None) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20) or (largest is not None and int(text) > largest):
        raise ValueError(f"{key} is {text[:80]!a}")
    return int(text)


def _time(key: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.utcoffset() != timedelta(0):
        raise ValueError(f"{key} is {text[:80]!a}, no time in UTC")
    return time


def _digest(text: str) -> str:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"raw_sha256 is {text[:80]!a}")
    return text
