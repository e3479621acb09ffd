"""A short sign under the mouse is told in words, as text and nothing else, and never of what was there before."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Tooltip

from mqi_tui.domain.readings import GpuReading, GpuWatch, OfflineGpu
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.domain.text import printable
from mqi_tui.ui.beam_tips import HEAD_TIPS, BeamColumn, beam_tip
from mqi_tui.ui.rows import BeamRow
from mqi_tui.ui.widgets.tips import Tips
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, lines_of, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, a_beam, a_case, a_folder, a_snapshot, an_event

BOTH_SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE])
NAME = "DOE^JOHN [QA] 한글"


def snapshot(name: str = "alpha", progress: float = 0.57) -> EngineSnapshot:
    reading = GpuReading(0, "GPU-0", 97.0, 11264, 24576, 61, 231, slot=0)
    gone = OfflineGpu(replace(reading, index=1, uuid="GPU-1", slot=1), NOW, f"[bold]nvidia-smi[/] lists no {name}")
    return a_snapshot(
        a_case(
            name,
            a_beam(name, "b1", BeamStatus.HPC_RUNNING, gpu_id=0, hpc_job_id="4712", attempt=2, progress=progress),
            a_beam(name, "b2", BeamStatus.HPC_QUEUED),
            a_beam(name, "b3", BeamStatus.FAILED, error=f"error of {name}"),
        ),
        readings=[reading],
        gpu_watch=GpuWatch({reading.device: (reading,)}, (gone,)),
        folders=[a_folder("gamma", FolderState.INCOMPLETE, f"no plan of {name}")],
        events=[an_event(1, f"event of {name}")],
    )


def told(stage: Stage) -> str:
    """The tooltip that is shown, its lines joined; empty while there is none."""
    tooltip = stage.app.screen.query_one(Tooltip)
    return " ".join(str(tooltip.render()).split()) if tooltip.display else ""


async def hover(stage: Stage, widget: Widget, text: str) -> None:
    """Over the first cell of `text` where the widget shows it, with no tooltip left from before in the way."""
    stage.app.TOOLTIP_DELAY = 0.01
    stage.app.screen._clear_tooltip()
    content = widget.content_region.offset - widget.region.offset
    x, y = next((cell_len(line[: line.index(text)]), y) for y, line in enumerate(lines_of(widget)) if text in line)
    await stage.pilot.hover(widget, offset=(content.x + x, content.y + y))


async def expect(stage: Stage, widget: Widget, text: str, *words: str) -> None:
    await hover(stage, widget, text)
    await stage.until(lambda: all(word in told(stage) for word in words))


@BOTH_SIZES
async def test_the_counts_at_the_top_are_told_in_words(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(snapshot()), size) as stage:
        header = stage.main.query_one("#header")
        await expect(stage, header, "1 failed", "Beams that failed")
        await expect(stage, header, "1 waiting", "in the queue of the HPC's scheduler")
        await expect(stage, header, "RUNNING", "every beam that was dispatched")


@BOTH_SIZES
async def test_the_signs_of_a_beam_are_told_in_words(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(snapshot()), size) as stage:
        beams = stage.beams
        await expect(stage, beams, "◇ waiting", "waits for its turn on a GPU slot", "1 of 1 in the queue")
        await expect(stage, beams, "57%", "57% of its whole way", "made (10%)", "on the HPC (15%)", "computed (90%)")
        await expect(stage, beams, "#1", "number 1 of 1")
        await expect(stage, beams, "✗ failed", "error of alpha")
        await expect(stage, beams, "progress", HEAD_TIPS[BeamColumn.PROGRESS])


@BOTH_SIZES
async def test_each_cell_of_the_gpu_grid_tells_what_is_known_and_how(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(snapshot()), size) as stage:
        grid = stage.main.query_one("#gpus")
        await expect(stage, grid, "0 ►", "alpha_b1, computing", "97 % 11/24 GiB 61 °C 231 W", "A click goes there")
        await expect(stage, grid, "1 ⊘", "Offline since 10:41:07 UTC: [bold]nvidia-smi[/] lists no alpha")
        await expect(stage, grid, "2 ○", "no beam holds it", "nothing is known of its device")


@BOTH_SIZES
async def test_tree_attention_keys_and_event_are_told_whole(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(snapshot()), size) as stage:
        await expect(stage, stage.cases, "alpha", "alpha: processing", "1 computing")
        await expect(stage, stage.cases, "▸", "A click shows what is under it")
        await expect(stage, stage.cases, "gamma", "/data/cases/gamma", "no plan of alpha")
        await expect(stage, stage.main.query_one("#attention"), "✗ alpha", "error of alpha")
        await expect(stage, stage.main.query_one("#keys"), "Cancel", "Says what will happen; y confirms.")
        await expect(stage, stage.main.query_one("#event"), "event of", "The latest event, 2026-03-04 10:41:07 UTC")


async def test_a_tooltip_follows_what_it_tells_of() -> None:
    engine = ScriptedEngine(snapshot())
    async with on_stage(engine) as stage:
        await expect(stage, stage.main.query_one("#gpus"), "0 ►", "computing, 57%")
        engine.publish(snapshot(progress=0.71))
        await stage.until(lambda: "computing, 71%" in told(stage))


async def test_where_nothing_stands_nothing_is_told() -> None:
    async with on_stage(ScriptedEngine(snapshot())) as stage:
        await expect(stage, stage.beams, "57%", "57% of its whole way")
        await stage.pilot.hover(stage.beams, offset=(20, stage.beams.size.height))
        await stage.until(lambda: not told(stage))
        assert stage.beams.tooltip is None


async def test_a_patients_label_is_told_exactly() -> None:
    async with on_stage(ScriptedEngine(snapshot(NAME)), LARGE) as stage:
        await expect(stage, stage.cases, NAME, f"{NAME}: processing")
        await expect(stage, stage.main.query_one("#gpus"), "0 ►", f"{NAME}_b1, computing")


@given(
    st.sampled_from(["[/tmp/x]", "[@click=app.quit]x[/]", "\x1b[2J", "\u202eabc", "한" * 500, "x" * 10_000])
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
)
@settings(max_examples=5)
async def test_no_text_from_outside_breaks_a_tooltip(name: str) -> None:
    async with on_stage(ScriptedEngine(snapshot(name)), LARGE) as stage:
        for widget in [widget for widget in stage.main.query(Widget) if isinstance(widget, Tips)]:
            for y, x in product(range(widget.size.height), range(0, widget.size.width, 5)):
                widget._mouse_at = Offset(x, y)
                widget.renew_tip()
                tip = str(widget.tooltip or "")
                assert all(printable(part) == part and len(part) <= 300 for part in tip.split("\n"))
        await expect(stage, stage.main.query_one("#gpus"), "1 ⊘", "Offline since")
        assert "\x1b" not in stage.text


@given(st.sampled_from(BeamStatus), st.sampled_from(BeamColumn), st.booleans())
def test_every_sign_of_every_state_has_its_words(status: BeamStatus, column: BeamColumn, waits: bool) -> None:
    row = BeamRow(a_beam("alpha", "b1", status, error="why", job_waits=waits), is_marked=False)
    assert beam_tip(row, column)
    assert HEAD_TIPS[column]
