"""A site for a test: a folder with config, cases, results and HPC, and the program run in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mqi_tui.builtin.sample import make_cases
from mqi_tui.config import Config, load_config
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.workflow.engine import Engine

DEADLINE_SECONDS = 120.0

SMALL_PHANTOM = {
    "PhantomDimX": 20,
    "PhantomDimY": 20,
    "PhantomDimZ": 175,
    "PhantomUnitX": 6,
    "PhantomUnitY": 6,
}
"""Fewer voxels than the default config's, and the same depth resolution."""


@dataclass(frozen=True)
class Site:
    folder: Path

    @classmethod
    def make(cls, folder: Path, **settings: Any) -> Site:
        folder.mkdir(parents=True)
        site = cls(folder)
        site.configure(**settings)
        site.cases.mkdir()
        return site

    def configure(self, **settings: Any) -> None:
        """Write the config anew: quick intervals, a small phantom, and `settings` over them."""
        values: dict[str, Any] = {
            "scan": {"interval_seconds": 0.2, "quiet_period_seconds": 0.4},
            "hpc": {"poll_interval_seconds": 0.2, "exit_record_grace_seconds": 1},
            "retry": {"first_pause_seconds": 0.1, "longest_pause_seconds": 0.5},
            "engine": {"parameters": _default_parameters() | SMALL_PHANTOM},
        }
        self.config_path.write_text(yaml.safe_dump(_merged(values, settings), allow_unicode=True), encoding="utf-8")

    @property
    def config_path(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def config(self) -> Config:
        return load_config(self.config_path)

    @property
    def cases(self) -> Path:
        return self.folder / "cases"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def remote(self) -> Path:
        return self.folder / "hpc"

    def add_cases(
        self, cases: int = 1, *, beams: int = 2, layers: int = 3, faulty: bool = False, seed: int = 1
    ) -> list[Path]:
        return make_cases(self.cases, cases=cases, beams=beams, layers=layers, faulty=faulty, seed=seed)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mqi_tui", *arguments[:1], "--config", str(self.config_path), *arguments[1:]]

    def run(self, *arguments: str, timeout: float = DEADLINE_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run `mqi-tui ARGUMENTS --config ...` to its end."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False)

    def status(self) -> dict[str, Any]:
        answer = self.run("status", "--json")
        assert answer.returncode == 0, answer.stderr
        parsed: dict[str, Any] = json.loads(answer.stdout)
        return parsed

    def beams(self) -> dict[str, dict[str, Any]]:
        """By beam id, as `status --json` tells them."""
        return {beam["beam_id"]: beam for case in self.status()["cases"] for beam in case["beams"]}

    @asynccontextmanager
    async def engine(self, **options: Any) -> AsyncIterator[Engine]:
        async with Engine.open(self.config, **options) as engine:
            yield engine


async def wait_for(
    engine: Engine, condition: Callable[[EngineSnapshot], bool], seconds: float = DEADLINE_SECONDS
) -> EngineSnapshot:
    """The first snapshot for which `condition` holds; fails the test after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            async for snapshot in engine.changes():
                if condition(snapshot):
                    return snapshot
    except TimeoutError:
        beams = {beam.beam_id: (beam.status.value, beam.detail, beam.error) for beam in all_beams(engine.snapshot)}
        raise AssertionError(f"not within {seconds} s: {beams}, folders {engine.snapshot.folders}") from None
    raise AssertionError("the engine's changes have no end")


async def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition outside the engine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def database_held(path: Path) -> AsyncIterator[None]:
    """Another program that writes in the database: the engine's own writes have to wait, until the block is left."""
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:

        def is_held() -> bool:
            # Tried again: a write of the engine may be under way, which would never end while we wait in its loop.
            with contextlib.suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
            return other.in_transaction

        await wait_until(is_held)
        yield
        other.execute("ROLLBACK")


def all_beams(snapshot: EngineSnapshot) -> list[BeamRecord]:
    return [beam for case in snapshot.cases for beam in case.beams]


def _default_parameters() -> dict[str, Any]:
    from mqi_tui.config import DEFAULT_CONFIG

    parameters: dict[str, Any] = yaml.safe_load(DEFAULT_CONFIG)["engine"]["parameters"]
    return parameters


def _merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in over.items():
        earlier = merged.get(key)
        merged[key] = _merged(earlier, value) if isinstance(earlier, dict) and isinstance(value, dict) else value
    return merged
