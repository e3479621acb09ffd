"""Reading of small files from outside: never more than a limit, never a pipe, and every refusal names the line."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mqi_tui.domain.errors import InputError, MqiError, TransientError, is_passing
from mqi_tui.domain.text import printable

T = TypeVar("T")

MAX_TABLE_BYTES = 1024 * 1024
"""Most bytes of a table of keys or layers; real ones have a few kilobytes."""

_LONGEST_QUOTE = 60
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_WHOLE = re.compile(r"\+?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def read_bytes(path: Path, limit: int) -> bytes:
    """The whole file.

    Raises InputError if it is missing, no regular file, unreadable, or larger than `limit` bytes; of a larger one no
    more than the limit is ever read. Raises TransientError while its disk or share is lost.
    """
    try:
        # Looked at before it is opened: opening a pipe would wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is no file, but a folder, device or pipe; put the file there.")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(data) > limit:
        raise InputError(
            f"{path} is larger than {_size(limit)}, which no file of its kind is; check that it is the right file, and "
            "copy it again."
        )
    return data


def unreadable(path: Path, error: OSError) -> MqiError:
    """The error about a file or folder that the operating system does not let us read: InputError, or TransientError.

    TransientError when the disk or share is at fault, not the file.
    """
    if is_passing(error):
        return TransientError(f"{path} cannot be read ({error.strerror}); check the disk or share")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return InputError(f"{path} is missing; copy it there, or check the path.")
    return InputError(f"{path} cannot be read ({error.strerror}); check its rights and the disk or share.")


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a table that hold anything: (number from 1, text without the blanks around it).

    Raises InputError as `read_bytes` and `text_lines` do.
    """
    return text_lines(path, read_bytes(path, MAX_TABLE_BYTES))


def text_lines(path: Path, data: bytes) -> list[tuple[int, str]]:
    """The lines in `data`, the content of `path`, as `read_lines` gives them; CRLF and a byte order mark are accepted.

    Raises InputError with the line for bytes that are no UTF-8 and for control characters.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise at_line(
            path, line, f"found the byte 0x{data[error.start]:02x}, expected UTF-8 text; copy the file again"
        ) from None
    lines = [(number, content.strip(" \t\r")) for number, content in enumerate(text.split("\n"), start=1)]
    for number, content in lines:
        control = _CONTROL.search(content)
        if control:
            found = f"found the control character U+{ord(control.group()):04X}, expected text"
            raise at_line(path, number, f"{found}; copy the file again")
    return [(number, content) for number, content in lines if content]


def at_line(path: Path, line: int, problem: str) -> InputError:
    """The error about a line of a file; `problem` says what was found and what to do."""
    return InputError(f"{path}, line {line}: {problem}.")


def quoted(text: str) -> str:
    """Text from outside as it stands in a message: safe to print, and never long."""
    safe = printable(text)
    return f"'{safe}'" if len(safe) <= _LONGEST_QUOTE else f"'{safe[:_LONGEST_QUOTE]}…'"


def whole_number(text: str) -> int:
    """The number 0 or above that `text` is in decimal digits; raises ValueError for any other text."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("a whole number, 0 or above")
    return int(text)


def finite_number(text: str) -> float:
    """The decimal number that `text` is; raises ValueError for any other text, and for one too large for a float."""
    if not _DECIMAL.fullmatch(text) or not math.isfinite(value := float(text)):
        raise ValueError("a decimal number")
    return value


def write_table(path: Path, text: str, parse: Callable[[Path, bytes], T], expected: T) -> None:
    """Write `text`, unless reading it with `parse` would not give `expected`: then raise ValueError or InputError.

    So nothing is written that comes back as something else, such as a value with a line break.
    """
    data = text.encode()
    if parse(path, data) != expected:
        raise ValueError(f"{path}: the format cannot hold these values")
    path.write_bytes(data)


def _size(limit: int) -> str:
    return f"{limit // 1024**2} MiB" if limit >= 1024**2 else f"{limit // 1024} KiB"
