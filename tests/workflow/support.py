"""A site whose three programs are lines of sh: quick, and each can be held up or made to fail from the test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.engine import Engine
from tests.support.site import Site, wait_for

TINY_PHANTOM = {"PhantomDimX": 2, "PhantomDimY": 2, "PhantomDimZ": 2}
TINY_RAW_BYTES = 2 * 2 * 2 * 8

GRAY = r"printf '\000\000\000\000\000\000\360\077'"
"""Prints 1.0 as a little-endian float64."""
NOT_A_NUMBER = r"printf '\000\000\000\000\000\000\370\177'"
DOSE = f"for voxel in 1 2 3 4 5 6 7 8; do {GRAY}; done"
"""Prints the raw dose of the tiny phantom, 1 Gy everywhere."""
HISTORIES_OF_A_LAYER = 12

_STEP = (
    'echo "$2 $$" >>"$1/ran-$0"; while [ -e "$1/hold-$0" ]; do sleep 0.02; done; '
    'if [ -e "$1/fail-$0" ]; then echo "no luck while $0" >&2; exit 3; fi; '
)
"""Begin of each program: notes beam and process id, waits while it is held up, fails if it is to; "$0" is its step."""
_INTERPRETER = f"""
import csv, sys
from pathlib import Path

logs, output = map(Path, sys.argv[1:3])
for row in csv.DictReader((logs / "PlanRange.txt").open()):
    name = f"{{int(row['LAYER_NO']):02d}}_{{float(row['LAYER_ENERGY']):.2f}}MeV.csv"
    (output / name).write_text("0.0,0.0,0.0,5\\n0.1,1.0,1.0,{HISTORIES_OF_A_LAYER - 5}\\n")
"""
PREPROCESSING, COMPUTING, POSTPROCESSING = "preprocessing", "computing", "postprocessing"


@dataclass(frozen=True)
class QuickSite:
    """`hold`, `fail` and their ends are files that the site's programs look for."""

    site: Site

    def configure(
        self, *, engine: str = f"{DOSE} >dose.raw", engine_settings: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        """Write the config: `engine` is the line of sh that computes, in the run folder."""
        folder = self.site.folder
        (folder / "interpreter.py").write_text(_INTERPRETER)
        interpret = _STEP + 'exec "$3" -I -S "$1/interpreter.py" "$4" "$5"'
        values: dict[str, Any] = {
            "interpreter": {
                "command": [
                    *("sh", "-c", interpret, PREPROCESSING, str(folder), "{beam_id}"),
                    *("{python}", "{log_dir}", "{output_dir}"),
                ]
            },
            "postprocessing": {"command": ["sh", "-c", _STEP + "true", POSTPROCESSING, str(folder), "{beam_id}"]},
            "hpc": {"poll_interval_seconds": 0.1, "exit_record_grace_seconds": 0.5, "gpu_count": 2},
        }
        values["engine"] = {
            "command": ["sh", "-c", _STEP + engine, COMPUTING, str(folder), "{beam_id}"],
            "parameters": TINY_PHANTOM,
        } | (engine_settings or {})
        for section, content in settings.items():
            values[section] = values.get(section, {}) | content if isinstance(content, dict) else content
        self.site.configure(**values)

    def add_case(self, *, beams: int = 1, seed: int = 1) -> str:
        """A case that is complete at the first look; returns its id."""
        (path,) = self.site.add_cases(1, beams=beams, layers=2, seed=seed)
        (path / "_CASE_READY").touch()
        return path.name

    def beam_ids(self, case_id: str) -> list[str]:
        return sorted(f"{case_id}_{path.name}" for path in (self.site.cases / case_id).iterdir() if path.is_dir())

    def hold(self, step: str) -> None:
        (self.site.folder / f"hold-{step}").touch()

    def let_go(self, step: str) -> None:
        (self.site.folder / f"hold-{step}").unlink()

    def fail(self, step: str) -> None:
        (self.site.folder / f"fail-{step}").touch()

    def mend(self, step: str) -> None:
        (self.site.folder / f"fail-{step}").unlink()

    def runs(self, step: str) -> list[tuple[str, int]]:
        """(beam id, process id) of each run of the step's program so far."""
        path = self.site.folder / f"ran-{step}"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(beam_id, int(pid)) for beam_id, pid in (line.rsplit(" ", 1) for line in lines)]

    def count(self, step: str) -> int:
        return len(self.runs(step))


def beam_of(snapshot: EngineSnapshot, beam_id: str) -> BeamRecord:
    beam = snapshot.beam(beam_id)
    assert beam is not None, (beam_id, snapshot.cases)
    return beam


async def until_status(engine: Engine, beam_id: str, *statuses: BeamStatus, seconds: float = 60.0) -> BeamRecord:
    """The beam, as soon as it has one of the statuses."""

    def has_it(snapshot: EngineSnapshot) -> bool:
        beam = snapshot.beam(beam_id)
        return beam is not None and beam.status in statuses

    return beam_of(await wait_for(engine, has_it, seconds), beam_id)


async def until_idle(engine: Engine, seconds: float = 60.0) -> EngineSnapshot:
    """The first picture from now on in which nothing is at work."""
    await engine.first_scan()  # the picture may be older than the command that was just given
    return await wait_for(engine, lambda snapshot: snapshot.is_idle, seconds)


def slots_taken(snapshot: EngineSnapshot) -> set[str]:
    return {gpu.beam_id for gpu in snapshot.gpus if gpu.beam_id is not None}


def messages(snapshot: EngineSnapshot, beam_id: str) -> list[str]:
    return [event.message for event in snapshot.events if event.beam_id == beam_id]
