"""The beam screen: what its tabs say, its keys, and that it stays live while things are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord, BeamRecord, EventRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.domain.text import printable
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.help import HelpScreen
from mqi_tui.ui.widgets.log_view import LogView
from mqi_tui.ui.widgets.page_view import PageView
from mqi_tui.workflow.inspection import (
    BeamFiles,
    BeamHistory,
    Checksum,
    LayerFacts,
    LocalFile,
    Parameter,
    Parameters,
    PreparedInput,
)
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, ScriptedLog, a_beam, a_case, a_snapshot

SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE])

NAME = "2025042401440800"
BEAM_ID = f"alpha_{NAME}"
ERROR = "PlanRange.txt: line 7 names 01_024921.ptn, which is not there. Copy it into the folder [/tmp/x], then retry."
DIGEST = "0123456789abcdef" * 4

HISTORY = BeamHistory(
    (
        EventRecord(1, NOW, "alpha", BEAM_ID, "info", "dispatched", BeamStatus.INITIAL),
        EventRecord(2, NOW + timedelta(seconds=2), "alpha", BEAM_ID, "info", "19 layers", BeamStatus.PREPROCESSING),
        EventRecord(3, NOW + timedelta(seconds=14), "alpha", BEAM_ID, "info", "19 CSVs", BeamStatus.UPLOADING),
        EventRecord(4, NOW + timedelta(seconds=15), "alpha", BEAM_ID, "warning", "held up while uploading: no route"),
        EventRecord(5, NOW + timedelta(seconds=387), "alpha", BEAM_ID, "info", "dose verified", BeamStatus.COMPLETED),
    ),
    (
        AttemptRecord(
            beam_id=BEAM_ID,
            attempt=1,
            token="t",
            run_folder="/hpc/beam/run-001",
            gpu_id=3,
            hpc_job_id="4712",
            created_at=NOW,
            submitted_at=NOW,
            ended_at=NOW + timedelta(seconds=372),
            outcome=AttemptOutcome.SUCCEEDED,
            exit_code=0,
            raw_file="/hpc/beam/run-001/B1_1_Dose.raw",
            raw_size=1_512_000_000,
            raw_sha256=DIGEST,
            host="node3.site",
            gpu="2 GPU-1",
        ),
    ),
)


def a_snapshot_of(beam: BeamRecord) -> EngineSnapshot:
    return a_snapshot(a_case("alpha", beam))


def an_engine(status: BeamStatus = BeamStatus.COMPLETED, **facts: object) -> ScriptedEngine:
    beam = replace(a_beam("alpha", NAME, status, attempt=1), **facts)  # type: ignore[arg-type]
    engine = ScriptedEngine(a_snapshot_of(beam))
    engine.inspector.beam_history = HISTORY
    return engine


@asynccontextmanager
async def on_beam_screen(engine: ScriptedEngine, size: tuple[int, int] = MIDDLE) -> AsyncIterator[Stage]:
    """The app with the beam screen of its first beam open."""
    async with on_stage(engine, size) as stage:
        await stage.press("tab", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, BeamScreen))
        await stage.until(lambda: "[1 Overview]" in stage.text and "Reading …" not in stage.text)
        yield stage


def page(stage: Stage, name: str) -> str:
    return stage.app.screen.query_one(f"#{name}", PageView).text


@SIZES
async def test_enter_in_the_beam_list_opens_the_beam_and_esc_goes_back(size: tuple[int, int]) -> None:
    async with on_beam_screen(an_engine(), size) as stage:
        head = stage.lines[0]
        for word in (BEAM_ID, "✓ completed", "node3 · GPU 2", "6:27"):
            assert word in head
        assert "[1 Overview]" in stage.lines[1]
        await stage.press("escape")
        assert stage.app.screen is stage.main
        assert stage.beams.has_focus


async def test_the_last_step_of_the_way_is_the_beams_state_of_now() -> None:
    engine = an_engine(BeamStatus.HPC_RUNNING, job_waits=True)
    slot = EventRecord(6, NOW + timedelta(seconds=400), "alpha", BEAM_ID, "info", "has slot", BeamStatus.HPC_RUNNING)
    engine.inspector.beam_history = BeamHistory((*HISTORY.events[:4], slot), ())
    async with on_beam_screen(engine) as stage:
        (line,) = (line for line in page(stage, "overview").splitlines() if "has slot" in line)
        assert "◆ in HPC queue" in line
        assert "computing" not in line


@SIZES
async def test_the_overview_tells_the_way_with_times_and_the_attempts(size: tuple[int, int]) -> None:
    async with on_beam_screen(an_engine(), size) as stage:
        text = page(stage, "overview")
        assert "2026-03-04" in text
        assert "10:41:09  ◔ preprocessing      12 s  19 layers" in text
        assert "10:41:21  ↑ uploading          6:13  19 CSVs" in text
        assert "10:41:22    ! held up while uploading: no route" in text
        words = " ".join(text.split())
        assert "1 ✓ succeeded exit code 0 · job 4712 · GPU slot 3 · on node3 · GPU 2" in words
        assert "submitted 2026-03-04 10:41:07 · to 10:47:19 (6:12)" in words


async def test_a_failed_beam_says_why_and_what_helps_first_and_whole() -> None:
    engine = an_engine(BeamStatus.FAILED, stage=BeamStatus.PREPROCESSING, error=ERROR)
    async with on_beam_screen(engine, SMALL) as stage:
        lines = page(stage, "overview").splitlines()
        assert lines[0] == "Failed while preprocessing"
        assert ERROR in " ".join(" ".join(lines).split())
        assert "r retries: it goes on from preprocessing." in lines
        assert "PlanRange.txt" in stage.text


async def test_a_new_beam_says_that_nothing_has_happened() -> None:
    engine = an_engine(BeamStatus.NEW, attempt=0)
    engine.inspector.beam_history = BeamHistory((), ())
    async with on_beam_screen(engine, SMALL) as stage:
        assert "Nothing has happened yet" in stage.text
        await stage.press("2")
        await stage.until(lambda: "None yet: preprocessing makes them." in stage.text)
        await stage.press("3")
        await stage.until(lambda: "None yet: preprocessing makes it." in stage.text)
        await stage.press("5")
        await stage.until(lambda: "No dose yet" in stage.text)


@SIZES
async def test_files_are_listed_with_size_and_checksum(size: tuple[int, int]) -> None:
    engine = an_engine()
    raw = LocalFile(Path("/out/output.raw"), 1_512_000_000, NOW, DIGEST, Checksum.RECORDED, 1)
    csv = LocalFile(Path("/in/01_150.00MeV [x].csv"), 54_348, NOW, "f" * 64, Checksum.COMPUTED)
    engine.inspector.beam_files = BeamFiles(Path("/in"), (csv,), Path("/out"), (raw,), "/hpc/beam", HISTORY.attempts)
    async with on_beam_screen(engine, size) as stage:
        await stage.press("2")
        await stage.until(lambda: "1,512,000,000 B" in stage.text)
        text = page(stage, "files")
        assert "01_150.00MeV [x].csv" in text
        assert "54,348 B" in text
        assert (DIGEST if size is MIDDLE else f"{DIGEST[:12]}…") in text
        assert "output.raw: recorded by the job, verified on arrival (attempt 1)" in text
        assert "B1_1_Dose.raw" in text
        assert "/hpc/beam" in text


def with_input(engine: ScriptedEngine) -> ScriptedEngine:
    entries = (Parameter("PhantomDimX", "60", False), Parameter("GPUID", "2", True))
    engine.inspector.used = Parameters(entries, 1)
    own = Parameters((Parameter("PhantomDimX", "61", False),), None)
    layers = (
        LayerFacts("01_150.00MeV.csv", 1, 150.0, 1264, 130_888, 79.2, (-29.2, 28.1), (-29.5, 26.8)),
        LayerFacts("02_140.00MeV.csv", 2, 140.0, 1, 12, 0.0, (0.0, 0.0), (1.0, 1.0)),
    )
    engine.inspector.input = PreparedInput(own, layers, "")
    return engine


@SIZES
async def test_the_input_shows_what_the_job_was_given_and_the_layers(size: tuple[int, int]) -> None:
    async with on_beam_screen(with_input(an_engine()), size) as stage:
        await stage.press("3")
        await stage.until(lambda: "as given to attempt 1" in stage.text)
        text = page(stage, "input")
        assert "  PhantomDimX   60" in text
        assert "* GPUID         2" in text
        assert "CSV layers: 2, with 1,265 spots and 130,900 histories" in text
        assert "1  150.00  1,264    130,888  79.2  -29.2 … 28.1  -29.5 … 26.8" in " ".join(text.split(" ")).strip()


async def test_before_computing_the_input_shows_what_is_prepared() -> None:
    async with on_beam_screen(with_input(an_engine(BeamStatus.HPC_QUEUED))) as stage:
        await stage.press("3")
        await stage.until(lambda: "moqui_tps.in, as prepared" in stage.text)
        assert "PhantomDimX   61" in page(stage, "input")


async def test_parameters_that_the_hpc_does_not_send_are_said_to_be_missing_and_not_made_up() -> None:
    engine = with_input(an_engine())
    engine.inspector.used = InputError("the HPC is unreachable [/x]")
    async with on_beam_screen(engine) as stage:
        await stage.press("3")
        await stage.until(lambda: "cannot be read: the HPC is unreachable [/x]" in stage.text)
        assert "moqui_tps.in, as prepared" in page(stage, "input")


async def test_the_log_is_read_only_when_it_is_looked_at() -> None:
    engine = an_engine()
    engine.logs[BEAM_ID] = ScriptedLog(1, b"Transporting particles...\n")
    async with on_beam_screen(engine) as stage:
        view = stage.app.screen.query_one(LogView)
        assert view.lines == []
        await stage.press("4")
        await stage.until(lambda: view.lines == ["Transporting particles..."])
        assert "Transporting particles..." in stage.text


async def test_digits_and_arrows_change_the_tab() -> None:
    async with on_beam_screen(an_engine()) as stage:
        for keys, tab in (
            (("right",), "[2 Files]"),
            (("right",), "[3 Input]"),
            (("right",), "[4 Log]"),
            (("left", "left", "left", "left"), "[1 Overview]"),
            (("5",), "[5 Dose]"),
            (("2",), "[2 Files]"),
        ):
            await stage.press(*keys)
            assert tab in stage.lines[1]


async def test_a_tab_can_be_clicked() -> None:
    async with on_beam_screen(an_engine()) as stage:
        await stage.pilot.click("#tabs", offset=(stage.lines[1].index("Input"), 0))
        await stage.until(lambda: "[3 Input]" in stage.lines[1])


async def test_the_screen_follows_the_beam() -> None:
    engine = an_engine(BeamStatus.HPC_RUNNING, gpu_id=3)
    async with on_beam_screen(engine) as stage:
        assert "► computing" in stage.lines[0]
        assert "slot 3" in stage.lines[0]
        beam = a_beam("alpha", NAME, BeamStatus.HPC_RUNNING, gpu_id=3, attempt=1, progress=0.8)
        place = JobPlace("node7", "1", "")
        engine.publish(replace(a_snapshot_of(beam), places={BEAM_ID: place}))
        await stage.until(lambda: "80%" in stage.lines[0] and "node7 · GPU 1" in stage.lines[0])
        engine.publish(a_snapshot_of(a_beam("alpha", NAME, BeamStatus.FAILED, attempt=1, error=ERROR)))
        await stage.until(lambda: "✗ failed" in stage.lines[0] and "PlanRange.txt" in stage.text)


async def test_progress_alone_is_no_reason_to_read_anything_again() -> None:
    engine = an_engine(BeamStatus.HPC_RUNNING, gpu_id=3)
    async with on_beam_screen(engine) as stage:
        calls = len(engine.inspector.asked)
        beam = a_beam("alpha", NAME, BeamStatus.HPC_RUNNING, gpu_id=3, attempt=1, progress=0.8)
        engine.publish(a_snapshot_of(beam))
        await stage.until(lambda: "80%" in stage.lines[0])
        assert len(engine.inspector.asked) == calls


async def test_r_retries_this_beam_and_the_keys_that_end_or_replace_something_ask_first() -> None:
    engine = an_engine(BeamStatus.FAILED, stage=BeamStatus.PREPROCESSING, error=ERROR)
    async with on_beam_screen(engine) as stage:
        await stage.press("r")
        await stage.until(lambda: engine.commands == [("retry", BEAM_ID)])
        await stage.press("ctrl+p", *"rerun", "enter")
        assert isinstance(stage.app.screen, ConfirmScreen)
        await stage.press("y")
        await stage.until(lambda: engine.commands[1:] == [("rerun", BEAM_ID)])
        engine.publish(a_snapshot_of(a_beam("alpha", NAME, BeamStatus.HPC_RUNNING, gpu_id=3, attempt=1)))
        await stage.until(lambda: "► computing" in stage.lines[0])
        await stage.press("c", "y")
        await stage.until(lambda: engine.commands[2:] == [("cancel_beam", BEAM_ID)])


async def test_what_is_not_possible_now_is_said() -> None:
    async with on_beam_screen(an_engine()) as stage:
        await stage.press("c")
        await stage.until(lambda: any("nothing to cancel" in toast for toast in stage.toasts))
        await stage.press("r")
        await stage.until(lambda: any("only a failed or cancelled beam is retried" in toast for toast in stage.toasts))


async def test_help_opens_over_the_beam() -> None:
    async with on_beam_screen(an_engine()) as stage:
        await stage.press("question_mark")
        assert isinstance(stage.app.screen, HelpScreen)
        await stage.press("escape")
        assert isinstance(stage.app.screen, BeamScreen)


async def test_a_slow_read_keeps_no_key_waiting_and_its_screen_can_be_left() -> None:
    engine = an_engine()
    async with on_beam_screen(engine, SMALL) as stage:
        engine.inspector.gate = asyncio.Event()
        await stage.press("2")
        assert "Reading …" in stage.text
        await stage.press("3", "5", "1")
        assert "dose verified" in stage.text
        await stage.press("5", "escape")
        assert stage.app.screen is stage.main
        engine.inspector.gate.set()


@pytest.mark.parametrize("error", [InputError("the share is lost [/red]"), ValueError("[/red] is no markup")])
async def test_what_cannot_be_read_is_said_with_the_reason(error: Exception) -> None:
    engine = an_engine()
    inspector = engine.inspector
    inspector.beam_history = inspector.beam_files = inspector.input = inspector.beam_dose = error
    async with on_beam_screen(engine) as stage:
        for key in "1235":
            await stage.press(key)
            await stage.until(lambda: str(error) in " ".join(stage.text.split()))


async def test_a_beam_screen_that_is_too_small_to_use_does_not_end_the_program() -> None:
    async with on_stage(an_engine(), (20, 5)) as stage:
        await stage.press("tab", "enter", "2", "3", "4", "5", "right")
        assert stage.app.is_running


NASTY = st.sampled_from(
    ["[/tmp/x]", "[red]", "\x1b[2J", "\x9b31m", "\u202eabc", "a\\[b", "]", "$x", "한 🙂", "x" * 300, ""]
)


@given(NASTY, NASTY)
@settings(max_examples=6)
async def test_no_text_from_outside_crashes_a_tab_or_reaches_the_terminal_raw(one: str, other: str) -> None:
    beam = a_beam("alpha", NAME, BeamStatus.FAILED, attempt=1, error=f"error {one}", hpc_job_id=other)
    engine = ScriptedEngine(a_snapshot_of(beam))
    inspector = engine.inspector
    event = EventRecord(1, NOW, "alpha", BEAM_ID, "error", f"event {one}", BeamStatus.FAILED)
    attempt = replace(HISTORY.attempts[0], host=one or "h", gpu=other, hpc_job_id=one, run_folder=f"/hpc/{other}")
    inspector.beam_history = BeamHistory((event,), (attempt,))
    name = one.replace("/", "_") or "x"
    file = LocalFile(Path("/in") / name, 1, NOW, DIGEST, Checksum.RECORDED, 1)
    inspector.beam_files = BeamFiles(Path("/in") / name, (file,), Path("/out"), (file,), f"/hpc/{one}", (attempt,))
    inspector.used = Parameters((Parameter(one or "k", other, True),), 1)
    inspector.input = PreparedInput(None, (), f"trouble {one}")
    async with on_beam_screen(engine, LARGE) as stage:
        assert printable(stage.lines[0]) == stage.lines[0]
        for tab, key in (("overview", "1"), ("files", "2"), ("input", "3")):
            await stage.press(key)
            await stage.until(lambda tab=tab: "Reading …" not in page(stage, tab))  # type: ignore[misc]
            assert all(printable(line) == line for line in page(stage, tab).split("\n"))
        await stage.press("5")
        await stage.until(lambda: "error" in page(stage, "no-dose"))
        assert "\x1b" not in stage.text
