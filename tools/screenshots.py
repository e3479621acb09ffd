"""Makes the pictures of the guides, docs/pictures/*.svg, or with --check compares what is there with fresh ones.

What is on the screen comes from a scripted moment with a stopped clock, so that a picture changes only when a screen
does; the dose is one that the built-in engine has computed from a synthetic case in a folder for the time being.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from itertools import zip_longest
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading, StorageReading
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord, BeamRecord, EventRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.ui.setup.fields import Place
from mqi_tui.workflow.inspection import BeamDose, BeamHistory
from tests.support.screens import View, on_stage
from tests.support.scripted_engine import (
    NOW,
    ScriptedEngine,
    ScriptedLog,
    a_beam,
    a_case,
    a_folder,
    a_snapshot,
    an_event,
)
from tests.support.scripted_inspector import ScriptedInspector
from tests.support.set_up import set_up
from tests.support.site import Site, all_beams, wait_for

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SIZES = ((80, 24), (120, 40))

_TEXT = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>')
_SCROLL_BARS = re.compile("[▁▂▃▄▅▆▇█]")
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""They are fetched from elsewhere; whoever looks has a monospaced font."""


@dataclass(frozen=True)
class Picture:
    """A moment of the cockpit: what is pressed on the main screen, and how it is known that the screen is there."""

    keys: tuple[str, ...] = ()
    says: str = ""


PICTURES_OF_THE_COCKPIT = {
    "main": Picture(("enter", "tab"), "histories"),
    "failed-beam": Picture(("n", "tab", "enter"), "Failed while"),
    "beam": Picture(("enter", "tab", "end", "enter"), "Attempts"),
    "dose": Picture(("enter", "tab", "end", "enter", "5"), "R80"),
    "help": Picture(("question_mark",), "This pane"),
}

_CASES = ("QA-2026-031", "QA-2026-032", "QA-2026-034")
_LOG = b"""\
Starting simulation of beam 1S150
Layer 01: 150.00 MeV, 412 spots
Layer 02: 147.20 MeV, 398 spots
Layer 03: 144.40 MeV, 377 spots
210,000 of 369,938 histories
"""


def a_moment() -> EngineSnapshot:
    """Beams in most states of their way, one that failed, a folder that needs a person."""
    first, second, third = _CASES
    error = (
        f"/data/cases/{second}/2025042401442100/PlanRange.txt: line 7 names the log 01_024921_001_007.ptn, which is "
        "not in the beam folder. Copy the missing log there, then press r."
    )
    running = a_beam(first, "2025042401440800", BeamStatus.HPC_RUNNING, gpu_id=2, hpc_job_id="4712", attempt=1)
    running = replace(running, detail="210,000 of 369,938 histories")
    beams = [
        running,
        a_beam(first, "2025042401441200", BeamStatus.HPC_QUEUED),
        a_beam(first, "2025042401441900", BeamStatus.UPLOADING, progress=0.12, detail="2.1 of 4.0 MB"),
        _completed(first),
    ]
    others = [
        a_beam(second, "2025042401442100", BeamStatus.FAILED, stage=BeamStatus.PREPROCESSING, error=error),
        a_beam(second, "2025042401442900", BeamStatus.DOWNLOADING, progress=0.92, attempt=2, hpc_job_id="4709"),
    ]
    new = [a_beam(third, "2025042401450300"), a_beam(third, "2025042401451100")]
    snapshot = a_snapshot(
        a_case(first, *beams),
        a_case(second, *others),
        a_case(third, *new),
        folders=[
            a_folder("QA-2026-035", FolderState.INCOMPLETE, "no RTPLAN file"),
            a_folder("QA-2026-036", FolderState.SETTLING, "changed 4 s ago, taken up after 10 s without a change"),
        ],
        events=[an_event(1, "computing on GPU slot 2", beam_id=running.beam_id)],
        readings=[
            GpuReading(number, None, *((97.0, 11_264.0, 24_576.0, 61.0) if number == 2 else (0.0, 1.0, 24_576.0, 34.0)))
            for number in range(8)
        ],
        places={running.beam_id: JobPlace("node3", "2", "")},
        storage=StorageReading(NOW, 34 * 10**9, 12 * 10**11, 10**12),
    )
    return replace(snapshot, times_left={running.beam_id: TimeLeft(120, 170)})


def _completed(case_id: str) -> BeamRecord:
    return a_beam(case_id, "2025042401443300", BeamStatus.COMPLETED, attempt=1, hpc_job_id="4705")


class _Inspector(ScriptedInspector):
    async def history(self, beam: BeamRecord) -> BeamHistory:
        """As beams of this program have it: one went its way in two minutes, one has failed on it."""
        completed = beam.status is BeamStatus.COMPLETED
        begun = NOW - timedelta(minutes=9)
        events = [
            EventRecord(number, begun + timedelta(seconds=after), None, beam.beam_id, level, message, status)
            for number, (after, status, level, message) in enumerate(_WAY if completed else _WAY_TO_FAILURE)
        ]
        attempt = AttemptRecord(
            beam_id=beam.beam_id,
            attempt=1,
            token="t",  # noqa: S106  (of an attempt: no password)
            run_folder="/scratch/run-001",
            gpu_id=2,
            hpc_job_id="4705",
            created_at=begun + timedelta(seconds=31),
            submitted_at=begun + timedelta(seconds=32),
            ended_at=begun + timedelta(seconds=118),
            outcome=AttemptOutcome.SUCCEEDED,
            exit_code=0,
            raw_file="/scratch/run-001/dose.raw",
            raw_size=22_400_000,
            raw_sha256="ab" * 32,
            host="node3",
            gpu="2",
        )
        return BeamHistory(tuple(events), (attempt,) if completed else ())


_WAY_TO_FAILURE = [
    (0, BeamStatus.INITIAL, "info", "dispatched"),
    (1, BeamStatus.PREPROCESSING, "info", "the folder, its plan and its logs agree"),
    (3, BeamStatus.FAILED, "error", "failed while preprocessing"),
]
_WAY = [
    *_WAY_TO_FAILURE[:2],
    (9, BeamStatus.UPLOADING, "info", "16 layers"),
    (12, BeamStatus.HPC_QUEUED, "info", "17 files, verified by checksum"),
    (31, BeamStatus.HPC_RUNNING, "info", "job 4705 on GPU slot 2"),
    (118, BeamStatus.DOWNLOADING, "info", "exit code 0"),
    (121, BeamStatus.POSTPROCESSING, "info", "22.4 MB, verified by checksum"),
    (122, BeamStatus.COMPLETED, "info", "the dose is at home"),
]


async def computed_dose(folder: Path) -> tuple[BeamDose, NDArray[np.float64]]:
    """What the engine makes of a synthetic beam in `folder`, and its array (nz, ny, nx) in Gy."""
    site = Site.make(folder / "site")
    site.add_cases(1, beams=1, layers=16, seed=3)
    async with site.engine() as engine:
        snapshot = await wait_for(engine, lambda one: bool(one.cases))
        await engine.dispatch(snapshot.cases[0].case_id)
        snapshot = await wait_for(engine, lambda one: all_beams(one)[0].status is BeamStatus.COMPLETED)
        dose = await engine.inspector.dose(all_beams(snapshot)[0])
    assert isinstance(dose, BeamDose)
    return dose, np.fromfile(dose.path, dtype="<f8").reshape(dose.grid.shape)


@contextmanager
def _stopped_clock() -> Iterator[None]:
    """For all of the screen it is NOW: every module of it that asks has the clock in its own name `datetime`."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return NOW.astimezone(tz)

    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("mqi_tui.ui.") and getattr(module, "datetime", None) is datetime:
                stack.enter_context(patch.object(module, "datetime", Stopped))
        yield


async def _picture(picture: Picture, size: tuple[int, int], dose: BeamDose, array: NDArray[np.float64]) -> str:
    engine = ScriptedEngine(a_moment())
    engine.logs[f"{_CASES[0]}_2025042401440800"] = ScriptedLog(1, _LOG)
    engine.inspector = _Inspector()
    engine.inspector.array, engine.inspector.beam_dose = array, dose
    async with on_stage(engine, size) as stage:
        for key in picture.keys:
            await stage.press(key)
        await stage.until(lambda: picture.says in stage.text)
        await _settle(stage)
        return _svg(stage)


async def _picture_of_set_up(size: tuple[int, int]) -> str:
    async with set_up(Path("/home/physicist/mqi/config.yaml"), size) as stage:
        await stage.choose(Place.SLURM)
        await stage.fill({"hpc.ssh.host": "login.cluster.example", "hpc.remote_root": "/scratch/physicist/mqi-tui"})
        await _settle(stage)
        return _svg(stage)


async def _settle(stage: View) -> None:
    """Until nothing on the screen changes any more."""
    before = ""
    while (now := stage.text) != before:
        before = now
        await stage.pilot.pause(0.4)


def _svg(stage: View) -> str:
    """Without its fonts, which would be fetched from elsewhere, and without blanks that the linter of git dislikes."""
    return "\n".join(line.rstrip() for line in _FONTS.sub("", stage.app.export_screenshot()).splitlines()) + "\n"


async def fresh_pictures() -> dict[str, str]:
    """Every picture by the name of its file."""
    pictures: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        dose, array = await computed_dose(Path(folder))
    with _stopped_clock():
        for width, height in SIZES:
            for name, picture in PICTURES_OF_THE_COCKPIT.items():
                pictures[f"{name}-{width}x{height}.svg"] = await _picture(picture, (width, height), dose, array)
            pictures[f"set-up-{width}x{height}.svg"] = await _picture_of_set_up((width, height))
    return pictures


def lines_of(svg: str) -> list[str]:
    """The text of a picture, line by line from the top: colours and fonts are no part of it."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in _TEXT.findall(svg):
        rows.setdefault(float(y), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    return ["".join(text for _, text in sorted(row)).rstrip() for _, row in sorted(rows.items())]


def words_of(svg: str) -> list[str]:
    """Without scroll bars, and however they are wrapped: both depend on what came first while the screen was made."""
    return _SCROLL_BARS.sub(" ", "\n".join(lines_of(svg))).split()


def differences(stored: Mapping[str, str], fresh: Mapping[str, str]) -> list[str]:
    """A sentence for each picture that is missing, left over, or says something else than the screen now does."""
    found = [f"{name}: not there" for name in fresh.keys() - stored.keys()]
    found += [f"{name}: no picture any more" for name in stored.keys() - fresh.keys()]
    for name in sorted(stored.keys() & fresh.keys()):
        old, new = words_of(stored[name]), words_of(fresh[name])
        if old != new:
            at = next(n for n, pair in enumerate(zip_longest(old, new)) if pair[0] != pair[1])
            was, now = (" ".join(words[max(at - 2, 0) : at + 6]) for words in (old, new))
            found.append(f"{name}: says {was!r}, the screen {now!r}")
    return sorted(found)


def stored_pictures() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in PICTURES.glob("*.svg")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the texts with what is there, write nothing")
    is_check = parser.parse_args().check
    fresh, stored = asyncio.run(fresh_pictures()), stored_pictures()
    changed = differences(stored, fresh)
    print("\n".join(changed) or "all pictures are true")
    if is_check:
        return int(bool(changed))
    PICTURES.mkdir(exist_ok=True)
    for name in stored.keys() - fresh.keys():
        (PICTURES / name).unlink()
    for name, svg in fresh.items():
        (PICTURES / name).write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
