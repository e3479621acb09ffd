"""The folders of this machine: there, with the right rights, on a fitting disk, with room."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mqi_tui.config import Config
from mqi_tui.hpc.local_files import write_whole
from mqi_tui.repositories.database import network_file_system
from mqi_tui.workflow.doctor.check import Finding, Step, failed, ok, warning
from mqi_tui.workflow.doctor.patience import patiently
from mqi_tui.workflow.gauges import GB, local_free_bytes

PROBE_NAME = ".mqi-tui-doctor"
"""Written into a folder to see whether that works, and over itself the next time: nothing is ever deleted."""
PROBE = (
    b"#!/bin/sh\n# Written by `mqi-tui doctor` to see whether files can be written here; it may be deleted.\nexit 0\n"
)


@dataclass(frozen=True, slots=True)
class WrittenFolder:
    """A folder into which the program writes."""

    key: str
    path: Path
    needs_local_disk: bool
    warn_below_gb: float


class FolderChecks:
    def __init__(self, config: Config) -> None:
        self._config = config

    def steps(self) -> list[Step]:
        settings = self._config.settings
        level = settings.hpc.storage.warn_below_gb
        results = WrittenFolder("result_path", settings.result_path, needs_local_disk=False, warn_below_gb=level)
        state = WrittenFolder("state_directory", settings.state_directory, needs_local_disk=True, warn_below_gb=1.0)
        return [
            Step("scan_directory", partial(patiently, self._scanned), "mount it, or correct scan_directory"),
            *(
                Step(folder.key, partial(patiently, _written, folder), f"mount it, or correct {folder.key}")
                for folder in (results, state)
            ),
        ]

    def _scanned(self) -> Finding:
        path = self._config.settings.scan_directory
        try:
            count = sum(1 for _ in path.iterdir())
        except FileNotFoundError:
            if path.is_relative_to(self._config.folder):
                return ok(f"{path} is not there yet; the program makes it")
            return failed(f"{path} is not there", "make it, mount it, or correct scan_directory")
        except OSError as error:
            remedy = "give this user the right to read it, or mount it again"
            return failed(f"{path} cannot be read: {error.strerror}", remedy)
        return ok(f"{path} can be read and holds {count} entries")


def _written(folder: WrittenFolder) -> Finding:
    path = folder.path
    kind = network_file_system(path)
    if kind and folder.needs_local_disk:
        remedy = f"set {folder.key} to a folder on a local disk: the database can be damaged on a network share"
        return failed(f"{path} is on a network file system ({kind})", remedy)
    trouble = _cannot_be_written(path)
    if trouble:
        return failed(trouble, f"give this user the right to write there, or correct {folder.key}")
    is_there = path.exists()
    if is_there and os.name == "posix" and path.stat().st_mode & 0o007:
        return warning(f"{path}: every user of this machine may look into it", f"take that right: chmod o-rwx {path}")
    free = local_free_bytes(path)
    state = f"{path} can be written" if is_there else f"{path} is not there yet; the program makes it"
    if free is not None and free < folder.warn_below_gb * GB:
        return warning(f"{path}: only {free / GB:.1f} GB free", "make room there, or choose another disk")
    return ok(state if free is None else f"{state}; {free / GB:.0f} GB free")


def _cannot_be_written(path: Path) -> str:
    """Why, as a sentence; empty for a folder in which files can be written, or that can be made."""
    if path.exists():
        try:
            _write_probe(path)
        except OSError as error:
            return f"{path} cannot be written: {error.strerror}"
        return ""
    nearest = next(place for place in path.parents if place.exists())
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{path} is not there, and {nearest} cannot be written"


def _write_probe(folder: Path) -> None:
    probe = folder / PROBE_NAME
    write_whole(probe, PROBE, 0o600)
    if probe.read_bytes() != PROBE:
        raise OSError(errno.EIO, f"what was written to {PROBE_NAME} comes back otherwise")
