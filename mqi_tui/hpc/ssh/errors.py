"""What an error over SSH means to the user: what passes, what a person must mend, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

import asyncssh

from mqi_tui.domain.errors import AccessError, MqiError, PermanentError, TransientError

_PASSING = re.compile(
    "no space left|quota exceeded|wrote only|read-only file system|input/output error|stale|timed out|"
    "temporarily unavailable|cannot allocate memory|out of memory|resource busy|not connected|host is down|broken pipe",
    re.IGNORECASE,
)
"""A full or read-only disk, a lost share: a person mends it and the work goes on."""
_FORBIDDEN = ("permission denied", "operation not permitted")
"""Also the words for a ticket that has run out (Kerberos, AFS)."""
_REMEDIES = (
    ("no such", "it is not there (any more); put it back or check hpc.remote_root"),
    ("exists", "something else is there by that name; move it away"),
    ("not a directory", "something else is there by that name; move it away"),
    ("is a directory", "something else is there by that name; move it away"),
    ("too long", "shorten the case's name or hpc.remote_root"),
)

CONNECTION_ERRORS = (
    asyncssh.DisconnectError,
    asyncssh.ChannelOpenError,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    OSError,
)
"""How asyncssh says that a connection or a channel is gone, or was not given."""


@contextmanager
def lost_connection(who: str) -> Iterator[None]:
    """Turn what asyncssh says of a connection that is gone into TransientError."""
    try:
        yield
    except CONNECTION_ERRORS as error:
        reason = str(error) or type(error).__name__
        raise TransientError(f"HPC unreachable: the connection to {who} was lost ({reason}).") from error


def file_error(doing: str, path: PurePosixPath, reason: str, free: str = "") -> MqiError:
    """The error for a file operation that was refused there, from the words of the program that was refused.

    `free` says how much room there is, and stands behind a reason that may pass.
    """
    if may_pass(reason):
        return TransientError(f"Cannot {doing} {path}: {reason}{free}.")
    if any(words in reason.lower() for words in _FORBIDDEN):
        return AccessError(f"Cannot {doing} {path}: {reason}; give this user the right to it there.")
    remedy = next((remedy for word, remedy in _REMEDIES if word in reason.lower()), "look at that path on the HPC")
    return PermanentError(f"Cannot {doing} {path}: {reason}; {remedy}.")


def may_pass(reason: str) -> bool:
    """Whether a person mends it outside, and the work goes on."""
    return bool(_PASSING.search(reason))


def reason_in(stderr: str) -> str:
    """The system's words in what a program printed: those that say what passes, else the first."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    line = next((line for line in lines if _PASSING.search(line)), lines[0] if lines else "it says no reason")
    return line.rpartition(": ")[2].rstrip(".")
