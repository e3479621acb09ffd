"""Readings of a GPU by the job that computes on it: how a job takes them, and how those of all jobs are looked up.

A login node sees no GPU of a cluster. So each job asks the driver where it computes, and keeps the latest answer in
its run folder: a first line `time interval`, in seconds by the clock there, what the command printed, and a last line
`end`. A job that dies or a driver that hangs leaves a file that grows too old; a driver that fails, one without an end.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from shlex import quote

from mqi_tui.domain.readings import GpuReading
from mqi_tui.hpc.gpu_readings import TIMEOUT_SECONDS, parse_readings
from mqi_tui.hpc.protocols import Transport

READINGS_NAME = "gpu_readings"
INTERVALS_VALID = 3
"""A reading that is older than so many of its intervals is none."""

_FOLDERS_AT_ONCE = 100
"""A command over SSH has a longest length."""
_HEAD = re.compile(r"(\d{1,12}) (\d{1,7})")

# The loop is no child of the job script, which so never waits for it nor tells of its end. It lives as long as the
# script: TERM is meant for the engine, USR1 for the loop. What it has started is ended with it, in one process group
# where there is `timeout`. A driver that hangs holds up nothing but the next reading. It may be impossible to end, so
# it does not carry the token by which the processes of a job are known, and no job waits for it.
_START = r"""
mqi_readings=$(
    PATH=$PATH:$mqi_path
    export PATH
    set -- @COMMAND@
    command -v "$1" >/dev/null 2>&1 || exit 0
    sh -c '
        job=$1 interval=$2 pause= reading=
        shift 2
        stop() {
            if [ -n "$reading" ]; then kill -s KILL -- "-$reading" || kill -s KILL "$reading"; fi
            if [ -n "$pause" ]; then kill -s KILL "$pause"; fi
            exit 0
        }
        trap stop USR1
        trap "" TERM INT HUP
        unset MQI_JOB_TOKEN
        LC_ALL=C
        export LC_ALL
        if command -v timeout >/dev/null 2>&1; then set -- timeout -s KILL 10 "$@"; fi
        while kill -s 0 "$job"; do
            sleep "$interval" &
            pause=$!
            date -u "+%s $interval" >@NAME@.new
            "$@" >>@NAME@.new &
            reading=$!
            wait "$reading" && printf "\nend\n" >>@NAME@.new
            reading=
            mv -f @NAME@.new @NAME@
            wait "$pause"
            pause=
        done
    ' mqi-gpu-readings "$$" @INTERVAL@ "$@" </dev/null >/dev/null 2>&1 &
    echo "$!"
)
"""

# One command for all jobs costs one channel and one round trip; file by file over SFTP it would be several for each.
# Of a file that is longer than the block the end is missing, and so it is no reading.
_LOOK = r"""
LC_ALL=C
export LC_ALL
mark=$1
shift
date -u "+$mark %s"
for folder; do
    printf '\n%s\n' "$mark"
    dd if="$folder/@NAME@" bs=16384 count=1 2>/dev/null
done
exit 0
""".replace("@NAME@", READINGS_NAME)


def start_of_readings(command: Sequence[str], interval_seconds: float) -> str:
    """Shell lines for the job script that begin to take readings with `command`, if it is there.

    They set `mqi_readings` to a process id, to be sent USR1 at the job's end; or to nothing. The interval counts in
    whole seconds of at least 1, as POSIX `sleep` does.
    """
    values = {
        "COMMAND": " ".join(map(quote, command)),
        "INTERVAL": str(max(math.ceil(interval_seconds), 1)),
        "NAME": READINGS_NAME,
    }
    return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], _START).strip("\n")


async def read_job_readings(
    transport: Transport, run_folders: Sequence[PurePosixPath]
) -> dict[PurePosixPath, tuple[GpuReading, ...]]:
    """What the jobs in these folders have read of late, with one command for up to a hundred of them.

    A folder without a whole reading of at most three intervals of age is missing in the answer. The age is that
    between two clocks of the HPC: the job's, and that of the host to which the transport leads.
    Raises TransientError for no connection or no answer.
    """
    found: dict[PurePosixPath, tuple[GpuReading, ...]] = {}
    for first in range(0, len(run_folders), _FOLDERS_AT_ONCE):
        folders = run_folders[first : first + _FOLDERS_AT_ONCE]
        mark = secrets.token_hex(8)
        look = ["sh", "-c", _LOOK, "mqi-gpu-readings", mark, *map(str, folders)]
        result = await transport.run(look, timeout=TIMEOUT_SECONDS)
        found |= _parse_look(result.stdout, mark, folders)
    return found


def parse_job_readings(text: str, now: int) -> tuple[GpuReading, ...] | None:
    """The readings in a job's file at the time `now` (seconds, by the far side's clock).

    None for a file that is not whole or not there, and for one that is too old, or too far ahead of the clock.
    """
    head, _, rest = text.partition("\n")
    match = _HEAD.fullmatch(head)
    if match is None or not f"\n{rest}".endswith("\nend\n"):
        return None
    if abs(now - int(match[1])) > INTERVALS_VALID * int(match[2]):
        return None
    return parse_readings(rest)


def _parse_look(
    text: str, mark: str, folders: Sequence[PurePosixPath]
) -> Mapping[PurePosixPath, tuple[GpuReading, ...]]:
    _, *parts = text.split(mark)
    now = parts[0].strip() if parts else ""
    if len(parts) != len(folders) + 1 or not (now.isascii() and now.isdecimal()):
        return {}
    # Behind each mark a line break; before the next one another one, which is not the file's.
    contents = [part[1:].removesuffix("\n") if part is not parts[-1] else part[1:] for part in parts[1:]]
    parsed = {folder: parse_job_readings(text, int(now)) for folder, text in zip(folders, contents, strict=True)}
    return {folder: readings for folder, readings in parsed.items() if readings is not None}
