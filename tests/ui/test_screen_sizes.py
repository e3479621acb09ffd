"""The screen is usable at 80 x 24 and good on larger ones, empty or full."""

from __future__ import annotations

import pytest

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from tests.support.screens import LARGE, MIDDLE, SCAN_DIRECTORY, SMALL, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot, an_event

ERROR = (
    "/data/cases/alpha/2025042401442100/PlanRange.txt: line 7 names the log 01_024921_001_007.ptn, which is not in "
    "the beam folder. Copy the missing log there, then press r."
)


def _snapshot() -> EngineSnapshot:
    return a_snapshot(
        a_case(
            "alpha",
            a_beam("alpha", "2025042401440800", BeamStatus.HPC_RUNNING, gpu_id=3, hpc_job_id="4712", attempt=2),
            a_beam("alpha", "2025042401441200", BeamStatus.HPC_QUEUED),
            a_beam("alpha", "2025042401442100", BeamStatus.FAILED, stage=BeamStatus.PREPROCESSING, error=ERROR),
        ),
        events=[an_event(1, "computing on GPU 3", beam_id="alpha_2025042401440800")],
    )


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_each_beam_shows_state_bar_percent_and_slot(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(_snapshot()), size) as stage:
        head, computing, waiting, failed = lines_of(stage.beams)[:4]
        for word in ("beam", "state", "progress", "slot"):
            assert word in head
        assert "► computing" in computing
        assert "━" in computing
        assert "57%" in computing
        assert computing.index("3", computing.index("57%") + 3) == head.index("slot") + 3
        assert "◇ waiting for GPU" in waiting
        assert "#1" in waiting
        assert "✗ failed" in failed


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_the_whole_error_of_a_failed_beam_can_be_read(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(_snapshot()), size) as stage:
        await stage.press("tab", "end")
        shown = " ".join(
            " ".join(line[-(size[0] - 44 if size[0] > 110 else size[0]) :].split()) for line in stage.lines
        )
        for word in ERROR.split():
            assert word in shown
        assert "failed while preprocessing" in shown


async def test_the_header_counts_and_the_clock_fit_into_80_columns() -> None:
    async with on_stage(ScriptedEngine(_snapshot()), SMALL) as stage:
        header = stage.lines[0]
        for word in ("RUNNING", "1 running", "1 waiting", "1 failed", "0 completed", "slots 1/8", "UTC"):
            assert word in header


@pytest.mark.parametrize(("size", "words"), [(SMALL, "1 stop "), (MIDDLE, "1 cancelled ")])
async def test_the_header_counts_cancelled_beams_where_there_are_any(size: tuple[int, int], words: str) -> None:
    stopped = a_beam("beta", "b1", BeamStatus.CANCELLED)
    async with on_stage(ScriptedEngine(a_snapshot(a_case("beta", stopped))), size) as stage:
        assert words in stage.lines[0]
        assert "slots 0/8" in stage.lines[0]
    async with on_stage(ScriptedEngine(_snapshot()), size) as stage:
        assert words.replace("1", "0") not in stage.lines[0]


async def test_the_header_of_thousands_of_beams_still_fits_into_80_columns() -> None:
    cases = [
        a_case(f"c{number}", *(a_beam(f"c{number}", f"b{beam}", status) for beam in range(300)))
        for number, status in enumerate(
            [
                BeamStatus.UPLOADING,
                BeamStatus.HPC_QUEUED,
                BeamStatus.FAILED,
                BeamStatus.COMPLETED,
                BeamStatus.CANCELLED,
            ]
            * 4
        )
    ]
    async with on_stage(ScriptedEngine(a_snapshot(*cases)), SMALL) as stage:
        for word in ("1200 run", "1200 wait", "1200 fail", "1200 done", "1200 stop", "slots 0/8", "UTC"):
            assert word in stage.lines[0]


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_without_a_case_the_screen_says_where_it_looks_and_what_to_do(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), size) as stage:
        assert "No cases yet. Looked for in:" in stage.text
        assert str(SCAN_DIRECTORY) in stage.text
        assert "Copy a case folder" in stage.text
        assert "press d" in stage.text


async def test_on_a_small_screen_the_list_of_all_beams_takes_the_trees_place() -> None:
    async with on_stage(ScriptedEngine(_snapshot()), SMALL) as stage:
        await stage.press("a")
        assert any("alpha_2025042401440800 " in line for line in stage.lines)
        assert stage.beams.has_focus
        await stage.press("a")
        assert stage.cases.has_focus


async def test_slots_show_free_or_the_beam_that_holds_them() -> None:
    async with on_stage(ScriptedEngine(_snapshot()), SMALL) as stage:
        text = "\n".join(lines_of(stage.main.query_one("#gpus")))
        assert "3 ► alpha_2" in text
        assert text.count("○ free") == 7


async def test_more_slots_than_fit_can_be_scrolled_to() -> None:
    async with on_stage(ScriptedEngine(a_snapshot(gpu_count=64)), SMALL) as stage:
        grid = stage.main.query_one("#gpus")
        assert grid.can_focus
        grid.focus()
        await stage.press("end")
        await stage.until(lambda: "63 ○ free" in stage.text)


@pytest.mark.parametrize("size", [(40, 10), (20, 5)])
async def test_a_screen_too_small_to_use_does_not_end_the_program(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(_snapshot()), size) as stage:
        await stage.press("tab", "down", "a", "c", "escape", "e")
        assert stage.app.is_running


async def test_states_can_be_told_apart_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        for state in ("► computing", "◇ waiting for GPU", "✗ failed"):
            assert state in stage.text
        assert any(line.startswith("▌") for line in lines_of(stage.cases))
