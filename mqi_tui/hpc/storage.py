"""How much room the program's folders take on the HPC, and how much is left: `du`, `df`, and `quota` where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from mqi_tui.domain.errors import MqiError, PermanentError
from mqi_tui.hpc.protocols import Transport

KIB = 1024
_FREE_SECONDS = 20.0
_USED_SECONDS = 120.0
"""A tree of many files on a busy parallel file system is not walked to its end at any price."""

# The folder may still have to be made: the nearest one above it that is there lies on the same disk.
_NEAREST = r"""
LC_ALL=C
export LC_ALL
folder=$1
while [ ! -d "$folder" ] && [ "$folder" != / ]; do folder=$(dirname -- "$folder"); done
"""
_FREE = _NEAREST + 'df -P -k -- "$folder"\n'
_USED = (
    _NEAREST
    + r"""
if [ "$folder" != "$1" ]; then echo "0 $1"; exit 0; fi
du -s -k -- "$folder"
"""
)
# Not on every system, and without an answer where no quota is set.
_QUOTA = r"""
LC_ALL=C
export LC_ALL
command -v quota >/dev/null 2>&1 || exit 0
quota -w -p
exit 0
"""

_DF_ROW = re.compile(r"^(?P<disk>\S.*?)\s+\d+\s+\d+\s+(?P<free>-?\d+)\s+(?:\d+%|-)\s+/", re.MULTILINE)
_DU_ROW = re.compile(r"^(\d+)\s+\S", re.MULTILINE)
_QUOTA_ROW = re.compile(r"^\s*(?P<disk>\S+)\s+(?P<used>\d+)\*?\s+(?P<soft>\d+)\s+(?P<hard>\d+)\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk under a folder."""

    name: str
    free_bytes: int


async def used_bytes(transport: Transport, folder: PurePosixPath) -> int | None:
    """Bytes that the folder takes, without what may not be looked at; 0 for a folder that is not there yet.

    None where it cannot be counted, or not within two minutes.
    """
    try:
        result = await transport.run(["sh", "-c", _USED, "mqi-used", str(folder)], timeout=_USED_SECONDS)
    except MqiError:
        return None
    return parse_used(result.stdout)


async def free_bytes(transport: Transport, folder: PurePosixPath) -> int | None:
    """Bytes that can still be written in the folder: free on its disk, or left of the quota if that is less.

    None where the system does not say. Raises TransientError when the HPC cannot be reached.
    """
    try:
        result = await transport.run(["sh", "-c", _FREE, "mqi-free", str(folder)], timeout=_FREE_SECONDS)
    except PermanentError:
        return None
    disk = parse_free(result.stdout) if result.exit_status == 0 else None
    if disk is None:
        return None
    try:
        quota = parse_quota((await transport.run(["sh", "-c", _QUOTA], timeout=_FREE_SECONDS)).stdout, disk.name)
    except MqiError:
        # A quota server that is silent says nothing of the disk.
        quota = None
    return disk.free_bytes if quota is None else min(disk.free_bytes, quota)


def parse_used(text: str) -> int | None:
    """Bytes out of the last line of `du -s -k`; None if there is none."""
    rows = _DU_ROW.findall(text)
    return int(rows[-1]) * KIB if rows else None


def parse_free(text: str) -> Disk | None:
    """The disk out of the row of `df -P -k`; None if there is none. An overfull disk has 0 bytes free."""
    row = _DF_ROW.search(text)
    return Disk(row["disk"], max(int(row["free"]), 0) * KIB) if row else None


def parse_quota(text: str, disk: str) -> int | None:
    """Bytes left of the user's quota on this disk out of `quota -w -p`; None where none is set."""
    for row in _QUOTA_ROW.finditer(text):
        limits = [int(limit) for limit in (row["soft"], row["hard"]) if int(limit) > 0]
        if row["disk"] == disk and limits:
            return max(min(limits) - int(row["used"]), 0) * KIB
    return None
