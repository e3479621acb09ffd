"""Stand-ins for programs of a cluster: small shell scripts in a folder that is put in front of PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def put_program(folder: Path, name: str, body: str) -> Path:
    """An executable shell script `name` with these lines; one that is there is replaced at once, for it may be run."""
    folder.mkdir(exist_ok=True)
    program = folder / f"{name}.new"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program.replace(folder / name)


def in_front_of_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
