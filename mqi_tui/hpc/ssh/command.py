"""One command over SSH, whatever the login shell is and prints: how it is written, and how its answer is cut out.

The login shell (which may be csh or fish) sees one line of harmless characters. It hands the real script over to `sh`,
which reads no start-up files. Random marks stand before and after what the command prints, so that banners, messages
of the day and bytes in any encoding are no part of the answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from mqi_tui.domain.errors import PermanentError

LONGEST_COMMAND = 120_000
"""Bytes; Linux takes no more than 128 KiB in one argument."""
KILL_AFTER_SECONDS = 5
"""From the TERM to the KILL of a command that has run for too long."""
TIMED_OUT = frozenset({124, 137})
"""Exit codes by which `timeout` says that it ended the command, with TERM or with KILL."""

_SCRIPT = r"""{set_path}set -- {words}
printf '\n%s\n' {mark}
printf '\n%s\n' {mark} >&2
if ! command -v "$1" >/dev/null 2>&1; then
    printf '\n%s missing\n' {mark}
    exit 127
fi
if command -v timeout >/dev/null 2>&1; then
    set -- timeout -k {kill_after} {seconds} "$@"
fi
{start}
printf '\n%s %d\n' {mark} "$?"
printf '\n%s\n' {mark} >&2
{end}
"""
_FED = '"$@"'
# The end of standard input, which comes with the end of the connection as well, ends the command: over SSH it would
# live on and hold its channel. Signals do not reach it on every server, and `timeout` passes them on to all it started.
_WATCHED = r"""exec 3<&0
"$@" </dev/null 3<&- &
child=$!
(read -r end <&3; kill -TERM "$child") >/dev/null 2>&1 &
watcher=$!
exec 3<&- </dev/null
wait $child"""
_WATCHED_END = 'kill "$watcher" 2>/dev/null'
_HAND_OVER = """exec sh -c 'eval "$(printf %b "$0")"' '{script}'"""
_HARMLESS = re.compile(rb"[^A-Za-z0-9 _.,:;=/+@%&|<>()\[\]{}$\"*?~^#-]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and how it ended."""

    exit_status: int | None
    """None for a program that is not there."""
    stdout: bytes
    stderr: bytes
    noise: bytes
    """What the login shell printed before."""


def command_line(
    arguments: Sequence[str], *, mark: str, timeout: float, more_path: str = "", is_fed: bool = False
) -> str:
    """The line for the login shell; `timeout` in seconds, `more_path` goes behind the PATH there.

    A command that `is_fed` reads its standard input; every other one ends when that does.
    Raises PermanentError if the command is too long.
    """
    script = _SCRIPT.format(
        set_path=f"PATH=$PATH:{quote(more_path)}; export PATH\n" if more_path else "",
        words=" ".join(map(quote, arguments)),
        mark=mark,
        kill_after=KILL_AFTER_SECONDS,
        seconds=math.ceil(timeout),
        start=_FED if is_fed else _WATCHED,
        end="" if is_fed else _WATCHED_END,
    )
    encoded = _HARMLESS.sub(lambda found: b"\\0%03o" % found[0][0], script.encode(errors="surrogateescape"))
    line = _HAND_OVER.format(script=encoded.decode("ascii"))
    if len(line) > LONGEST_COMMAND:
        raise PermanentError(f"The command {arguments[0]} is too long to be run over SSH ({len(line)} bytes).")
    return line


def cut_out(stdout: bytes, stderr: bytes, mark: str) -> Answer | None:
    """The command's answer; None when it is not there, or not to its end."""
    begin, end = f"\n{mark}\n".encode(), f"\n{mark} ".encode()
    noise, began, rest = stdout.partition(begin)
    # The end is looked for with the line break of the beginning, which is also the end's if nothing was printed.
    printed, ended, code = (b"\n" + rest).rpartition(end)
    if not began or not ended:
        return None
    word, line_break, _ = code.partition(b"\n")
    if not line_break:
        return None
    errors = stderr.split(begin)
    return Answer(
        exit_status=None if word.strip() == b"missing" else int(word),
        stdout=printed[1:],
        stderr=errors[1] if len(errors) > 1 else stderr,
        noise=noise,
    )
