"""Publishes input files in a remote folder whole: sent aside, verified by checksum, then renamed into place.

Called again after an interruption at any point it goes on from there. What it replaces is moved aside, never deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from mqi_tui.domain.errors import TransientError
from mqi_tui.hpc.local_files import file_errors, in_thread, sha256_of
from mqi_tui.hpc.protocols import Transport


async def publish(
    transport: Transport,
    files: Mapping[str, Path],
    folder: PurePosixPath,
    *,
    replaces: Callable[[str], bool],
) -> int:
    """Make the remote `folder` hold exactly `files` among the names for which `replaces` is true; returns bytes sent.

    A file there with the same content is not sent again. One that differs, or is no longer wanted, is moved to
    `superseded-<UTC time>/` in the folder. Raises TransientError if what arrived is not what was sent.
    """
    digests = {name: await in_thread(_digest, path) for name, path in files.items()}
    incoming_name = f".incoming-{_fingerprint(folder, digests)}"
    if await transport.stat(folder) is None:
        incoming = folder.parent / incoming_name
        sent = await _send(transport, files, digests, incoming)
        await transport.rename(incoming, folder)
        return sent

    there = [file.name for file in await transport.list_folder(folder) if not file.is_folder]
    same = await _matching(transport, folder, digests, there)
    incoming = folder / incoming_name
    missing = {name: path for name, path in files.items() if name not in same}
    sent = await _send(transport, missing, digests, incoming) if missing else 0
    old = [name for name in there if name not in same and (name in files or replaces(name))]
    if old:
        superseded = folder / f"superseded-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        await transport.make_folder(superseded)
        for name in old:
            await transport.rename(folder / name, superseded / name)
    for name in missing:
        await transport.rename(incoming / name, folder / name)
    if await transport.stat(incoming) is not None:
        # Our own folder, empty now; rmdir refuses one that holds anything.
        await transport.run(["rmdir", "--", str(incoming)])
    return sent


async def _send(
    transport: Transport, files: Mapping[str, Path], digests: Mapping[str, str], incoming: PurePosixPath
) -> int:
    there = [file.name for file in await transport.list_folder(incoming) if not file.is_folder]
    arrived = await _matching(transport, incoming, digests, there)
    missing = {name: path for name, path in files.items() if name not in arrived}
    await transport.put_files(missing, incoming)
    verified = await _matching(transport, incoming, digests, list(files))
    damaged = sorted(files.keys() - verified)
    if damaged:
        raise TransientError(
            f"{damaged[0]} (of {len(damaged)}) arrived in {incoming} with another content than it was sent with."
        )
    return sum([(await in_thread(_size, path)) for path in missing.values()])


async def _matching(
    transport: Transport, folder: PurePosixPath, digests: Mapping[str, str], there: Sequence[str]
) -> set[str]:
    names = [name for name in there if name in digests]
    if not names:
        return set()
    found = await transport.sha256([folder / name for name in names])
    return {name for name in names if found.get(folder / name) == digests[name]}


def _fingerprint(folder: PurePosixPath, digests: Mapping[str, str]) -> str:
    """Names the set, so that an interrupted upload finds what it has sent already."""
    text = "\n".join([str(folder), *(f"{digest} {name}" for name, digest in sorted(digests.items()))])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def _digest(path: Path) -> str:
    with file_errors(path, "read"):
        return sha256_of(path)


def _size(path: Path) -> int:
    with file_errors(path, "look at"):
        return path.stat().st_size
