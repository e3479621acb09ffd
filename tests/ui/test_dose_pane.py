"""The dose on the beam screen: curves, planes, cursor, and what is said where there is none."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.status import BeamStatus
from mqi_tui.moqui.dose_planes import PlaneKind
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.dose_words import NOT_FOR_DIAGNOSIS, no_dose_page, notice_of, reading_line
from mqi_tui.ui.heat import COLOURS
from mqi_tui.ui.widgets.dose_pane import DosePane
from mqi_tui.ui.widgets.page_view import PageView
from mqi_tui.ui.widgets.plane_view import PlaneView
from mqi_tui.workflow.inspection import DoseAbsence, NoDose
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, a_config, lines_of, on_stage, open_dose, turn_wheel
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot
from tests.support.scripted_inspector import MAXIMUM, RAW_FILE, a_dose, a_dose_array

ALL_SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])


def an_engine(status: BeamStatus = BeamStatus.COMPLETED, *, attempt: int = 1) -> ScriptedEngine:
    engine = ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha", "b", status, attempt=attempt))))
    engine.inspector.show_dose(a_dose_array())
    return engine


@asynccontextmanager
async def on_dose(engine: ScriptedEngine, size: tuple[int, int] = MIDDLE) -> AsyncIterator[Stage]:
    """The app with the dose tab of its beam open, the curves drawn."""
    async with on_stage(engine, size) as stage:
        await open_dose(stage)
        await stage.until(lambda: isinstance(stage.app.focused, PlaneView | DosePane) and "R80" in stage.text)
        # In the line of its ranges and on the curve; a small screen shows one of the two curves.
        await stage.until(lambda: stage.text.count("◆") >= (2 if size == SMALL else 4))
        yield stage


def view(stage: Stage, kind: PlaneKind) -> PlaneView:
    return stage.app.screen.query_one(f"#{kind}", PlaneView)


def reading(stage: Stage) -> str:
    (line,) = lines_of(stage.app.screen.query_one("#reading"))
    return " ".join(line.split())


# Curves and facts


@ALL_SIZES
async def test_the_curve_is_named_for_what_it_is_and_its_ranges_are_marked(size: tuple[int, int]) -> None:
    async with on_dose(an_engine(), size) as stage:
        text = stage.text
        assert "Depth dose, laterally integrated: Gy·mm² over mm" in text
        summary = a_dose().summary
        assert f"◆ peak {summary.peak_depth_mm:.1f}  ▲ R80 {summary.r80_mm:.1f}  ■ R50 {summary.r50_mm:.1f} mm" in text
        for sign in "◆▲■":
            assert text.count(sign) >= 2  # in the line of ranges, and on the curve
        for tick in ("0", "20", "100", "160"):
            assert tick in text.split()


@ALL_SIZES
async def test_it_says_not_for_diagnosis_and_the_histories_whatever_is_shown(size: tuple[int, int]) -> None:
    async with on_dose(an_engine(), size) as stage:
        for key in ("g", "x", "y", "z", "m"):
            await stage.press(key)
            assert NOT_FOR_DIAGNOSIS in stage.text
            assert "histories asked 369,938, run 369,930" in stage.text


async def test_on_a_small_screen_g_shows_the_other_curve_and_comes_back_from_a_plane() -> None:
    async with on_dose(an_engine(), SMALL) as stage:
        assert "maximum 2 Gy" in reading(stage)
        await stage.press("g")
        await stage.until(lambda: "Depth dose along z through the maximum: Gy over mm" in stage.text)
        assert "laterally" not in stage.text
        await stage.press("z")
        await stage.until(lambda: "transverse, z = -98.0 mm" in stage.text)
        assert "Depth dose" not in stage.text
        await stage.press("g")
        await stage.until(lambda: "Depth dose along z" in stage.text)


async def test_on_a_wide_screen_both_curves_stand_beside_a_plane() -> None:
    async with on_dose(an_engine(), MIDDLE) as stage:
        await stage.until(lambda: "coronal, y = -1.0 mm" in stage.text)
        assert "laterally integrated" in stage.text
        assert "along z through the maximum" in stage.text
        assert "sagittal," not in stage.text


async def test_on_a_very_wide_screen_all_planes_are_shown() -> None:
    async with on_dose(an_engine(), LARGE) as stage:
        for title in ("transverse, z = -98.0 mm: x →, y ↑", "coronal, y = -1.0 mm: x →, z ↑", "sagittal, x = 3.0 mm"):
            await stage.until(lambda title=title: title in stage.text)  # type: ignore[misc]
        assert {kind for kind, _ in stage.engine.inspector.planes} == set(PlaneKind)


async def test_a_curve_that_does_not_fall_in_the_grid_has_no_range() -> None:
    engine = an_engine()
    engine.inspector.show_dose(np.ones_like(a_dose_array()))
    async with on_dose(engine) as stage:
        assert "R80 not in the grid" in stage.text


async def test_a_reading_that_takes_the_place_of_the_first_one_ends_with_the_curves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, gate = threading.Event(), threading.Event()
    import_module = importlib.import_module

    def held(name: str) -> ModuleType:
        begun.set()
        gate.wait(10)
        return import_module(name)

    async with on_stage(an_engine(), MIDDLE) as stage:
        monkeypatch.setattr(importlib, "import_module", held)
        await open_dose(stage)
        await stage.until(begun.is_set)
        await stage.press("5")
        gate.set()
        # The peak is marked on both curves, and named above each.
        await stage.until(lambda: stage.text.count("◆") >= 4)
        assert "Reading the dose" not in stage.text


async def test_why_the_curves_cannot_be_drawn_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> ModuleType:
        raise ImportError(f"no {name} [here]")

    async with on_stage(an_engine()) as stage:
        monkeypatch.setattr(importlib, "import_module", fail)
        await open_dose(stage)
        await stage.until(lambda: "ImportError: no mqi_tui.ui.widgets.depth_plot [here]" in stage.text)


# Planes and cursor


async def test_the_cursor_begins_at_the_maximum_and_reads_position_index_and_dose() -> None:
    async with on_dose(an_engine()) as stage:
        await stage.until(lambda: "Gy (100.0% of max)" in reading(stage))
        expected = "cursor 2 Gy (100.0% of max) x 3.0 y -1.0 z -98.0 mm depth 98.0 mm index 7, 4, 15"
        assert reading(stage) == expected


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("left", (-1, 0, 0)),
        ("right", (1, 0, 0)),
        ("up", (0, 0, 1)),
        ("down", (0, 0, -1)),
        ("pageup", (0, -1, 0)),
        ("pagedown", (0, 1, 0)),
    ],
)
async def test_the_cursor_moves_one_voxel_in_the_coronal_plane_and_a_slice_across_it(
    key: str, step: tuple[int, int, int]
) -> None:
    engine = an_engine()
    async with on_dose(engine) as stage:
        await stage.press(key)
        x, y, z = (at + by for at, by in zip(MAXIMUM, step, strict=True))
        value = engine.inspector.array[z, y, x]
        await stage.until(lambda: reading(stage).startswith(f"cursor {value:.4g} Gy"))
        assert reading(stage).endswith(f"index {x}, {y}, {z}")


async def test_in_the_transverse_plane_up_is_y() -> None:
    async with on_dose(an_engine()) as stage:
        await stage.press("z", "up")
        await stage.until(lambda: reading(stage).endswith("index 7, 5, 15"))


async def test_the_cursor_stays_in_the_grid_and_m_brings_it_back() -> None:
    async with on_dose(an_engine()) as stage:
        await stage.press(*["right"] * 9, *["pageup"] * 9)
        await stage.until(lambda: reading(stage).endswith("index 11, 0, 15"))
        await stage.press("m")
        await stage.until(lambda: reading(stage).endswith("index 7, 4, 15"))


async def test_a_click_puts_the_cursor_on_the_voxel() -> None:
    async with on_dose(an_engine()) as stage:
        plane = view(stage, PlaneKind.CORONAL)
        await stage.until(lambda: "0 Gy" in stage.text)
        # The first cell of the picture behind the scale: the lowest x, and the beam's entrance at the highest z.
        await stage.pilot.click(plane, offset=(7, 1))
        await stage.until(lambda: reading(stage).endswith("index 0, 4, 39"))


async def test_the_wheel_goes_from_plane_to_plane() -> None:
    async with on_dose(an_engine()) as stage:
        plane = view(stage, PlaneKind.CORONAL)
        await turn_wheel(stage, plane, down=True)
        await stage.until(lambda: reading(stage).endswith("index 7, 5, 15"))
        await turn_wheel(stage, plane, down=False)
        await stage.until(lambda: reading(stage).endswith("index 7, 4, 15"))


async def test_each_voxel_is_painted_in_the_colour_of_its_dose() -> None:
    async with on_dose(an_engine()) as stage:
        plane = view(stage, PlaneKind.CORONAL)
        await stage.until(lambda: "▀" in stage.text)
        (y,) = [y for y in range(plane.size.height) if "╋" in plane.render_line(y).text]
        cursor = next(segment for segment in plane.render_line(y) if segment.text == "╋")
        assert cursor.style is not None
        assert cursor.style.bgcolor is not None
        assert tuple(cursor.style.bgcolor.get_truecolor()) == COLOURS[-1]
        assert lines_of(plane)[0].rstrip().endswith("2 Gy")
        assert " 0 Gy" in lines_of(plane)[plane.size.height - 2]


async def test_without_colours_the_dose_is_painted_in_shades(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_dose(an_engine()) as stage:
        plane = view(stage, PlaneKind.CORONAL)
        await stage.until(lambda: "█" in "".join(lines_of(plane)))
        text = "".join(lines_of(plane))
        assert "▀" not in text
        assert "╋" in text
        assert set("░▒▓█") <= set(text)


async def test_many_steps_while_a_plane_is_read_read_only_the_last_one() -> None:
    engine = an_engine()
    async with on_dose(engine) as stage:
        await stage.until(lambda: "(100.0% of max)" in reading(stage))
        engine.inspector.planes.clear()
        engine.inspector.gate = asyncio.Event()
        await stage.press("pagedown")
        await stage.until(lambda: engine.inspector.planes == [(PlaneKind.CORONAL, 5)])
        await stage.press(*["pagedown"] * 3)
        assert "reading" in stage.text
        assert "… Gy" in reading(stage)
        engine.inspector.gate.set()
        await stage.until(lambda: "… Gy" not in reading(stage))
        assert engine.inspector.planes == [(PlaneKind.CORONAL, 5), (PlaneKind.CORONAL, 8)]
        assert reading(stage).endswith("index 7, 8, 15")


async def test_a_plane_that_cannot_be_read_is_said_and_the_cursor_goes_on() -> None:
    engine = an_engine()
    async with on_dose(engine) as stage:
        await stage.until(lambda: "(100.0% of max)" in reading(stage))

        async def fail(*_: object) -> object:
            raise InputError("the share is lost [/red]")

        plane = engine.inspector.plane
        engine.inspector.plane = fail  # type: ignore[method-assign, assignment]
        await stage.press("pagedown")
        await stage.until(lambda: "! the share is lost [/red]" in reading(stage))
        engine.inspector.plane = plane  # type: ignore[method-assign]
        await stage.press("pageup")
        await stage.until(lambda: "(100.0% of max)" in reading(stage))


async def test_a_dose_that_replaces_another_is_shown_with_its_own_numbers() -> None:
    engine = an_engine()
    async with on_dose(engine) as stage:
        await stage.until(lambda: "(100.0% of max)" in reading(stage))
        await stage.press("right")
        engine.inspector.show_dose(3 * a_dose_array(), attempt=2)
        engine.publish(a_snapshot(a_case("alpha", a_beam("alpha", "b", BeamStatus.COMPLETED, attempt=2))))
        await stage.until(lambda: reading(stage).startswith("cursor 6 Gy (100.0% of max)"))
        assert "attempt 2" in stage.text


async def test_a_resize_rearranges_the_dose() -> None:
    async with on_dose(an_engine(), SMALL) as stage:
        await stage.pilot.resize_terminal(*LARGE)
        await stage.until(lambda: "sagittal, x = 3.0 mm" in stage.text and "laterally integrated" in stage.text)
        await stage.pilot.resize_terminal(*SMALL)
        await stage.until(lambda: "sagittal, x = 3.0 mm" not in stage.text)


# No dose, or another's


@ALL_SIZES
@pytest.mark.parametrize(
    ("absence", "status", "words"),
    [
        (DoseAbsence.NONE, BeamStatus.NEW, ("No dose yet", "The beam is new: d in the beam list starts it.")),
        (DoseAbsence.NONE, BeamStatus.HPC_RUNNING, ("No dose yet", "The beam is computing", "shown here as soon as")),
        (DoseAbsence.NONE, BeamStatus.COMPLETED, ("The dose file is gone", "/data/results/output.raw")),
        (DoseAbsence.UNCHECKED, BeamStatus.POSTPROCESSING, ("The dose is not checked", "so it is not shown")),
        (DoseAbsence.REFUSED, BeamStatus.CANCELLED, ("The dose was refused", "it is not shown", "was cancelled")),
    ],
)
async def test_a_beam_without_dose_says_why_and_what_comes_next(
    absence: DoseAbsence, status: BeamStatus, words: tuple[str, ...], size: tuple[int, int]
) -> None:
    engine = an_engine(status)
    engine.inspector.beam_dose = NoDose(absence, RAW_FILE)
    async with on_stage(engine, size) as stage:
        await open_dose(stage)
        await stage.until(lambda: words[0] in stage.text)
        text = " ".join(stage.text.split())
        for word in words:
            assert word in text
        assert NOT_FOR_DIAGNOSIS in text
        await stage.press("x", "g", "m", "up")
        assert words[0] in stage.text


def test_a_refused_dose_of_a_failed_beam_tells_the_reason() -> None:
    beam = replace(
        a_beam("alpha", "b", BeamStatus.FAILED, attempt=1, error="voxel x 1 is nan, which is no dose."),
        stage=BeamStatus.HPC_RUNNING,
    )
    lines = no_dose_page(beam, NoDose(DoseAbsence.REFUSED, Path("/out/output.raw.refused")), 100, actions=Actions())
    text = "\n".join("".join(part for part, _ in line) for line in lines)
    assert "The dose was refused" in text
    assert "kept as /out/output.raw.refused" in text
    assert "voxel x 1 is nan" in text
    assert "r goes on from waiting for GPU" in text


_WITHOUT_DOSE = (BeamStatus.NEW, BeamStatus.FAILED, BeamStatus.CANCELLED, BeamStatus.COMPLETED)


async def _what_comes_next(status: BeamStatus, **own: list[str]) -> str:
    """What the tab says of a beam without dose, its last paragraph; `own`: the user's keys."""
    beam = a_beam("alpha", "b", status, stage=BeamStatus.UPLOADING)
    engine = ScriptedEngine(a_snapshot(a_case("alpha", beam)))
    engine.inspector.beam_dose = NoDose(DoseAbsence.NONE, RAW_FILE)
    async with on_stage(engine, config=a_config(keys=own)) as stage:
        await open_dose(stage)
        page = stage.app.screen.query_one("#no-dose", PageView)
        await stage.until(lambda: "Reading" not in page.text)
        return " ".join(page.text.split("\n\n")[-1].split())


@pytest.mark.parametrize(
    ("status", "words"),
    zip(
        _WITHOUT_DOSE,
        (
            "The beam is new: d in the beam list starts it.",
            "r goes on from uploading; ctrl+p “Full rerun of the beam” runs the beam again from its beginning.",
            "The beam was cancelled while uploading. r goes on from uploading.",
            "ctrl+p “Full rerun of the beam” computes it again; a copy of the file may also be put back to its place.",
        ),
        strict=True,
    ),
)
async def test_what_can_be_done_for_a_dose_is_named_with_a_key_that_does_it(status: BeamStatus, words: str) -> None:
    assert await _what_comes_next(status) == words


@pytest.mark.parametrize(
    ("status", "words"),
    zip(
        _WITHOUT_DOSE,
        (
            "The beam is new: f6 in the beam list starts it.",
            "f5 goes on from uploading; f7 runs the beam again from its beginning.",
            "The beam was cancelled while uploading. f5 goes on from uploading.",
            "f7 computes it again; a copy of the file may also be put back to its place.",
        ),
        strict=True,
    ),
)
async def test_it_is_named_with_the_users_own_key(status: BeamStatus, words: str) -> None:
    own = {"retry_beam": ["f5"], "dispatch_target": ["f6"], "rerun_beam": ["f7"]}
    assert await _what_comes_next(status, **own) == words


@pytest.mark.parametrize(
    ("status", "attempt", "words"),
    [
        (BeamStatus.COMPLETED, 1, ""),
        (BeamStatus.POSTPROCESSING, 1, "The dose is checked, but the beam is postprocessing"),
        (BeamStatus.PREPROCESSING, 1, "attempt 1, of an earlier run: the beam is preprocessing now"),
        (BeamStatus.HPC_RUNNING, 2, "attempt 1, of an earlier run: the beam is computing now"),
    ],
)
def test_the_dose_of_an_earlier_run_is_named_as_such(status: BeamStatus, attempt: int, words: str) -> None:
    notice = notice_of(a_beam("alpha", "b", status, attempt=attempt), a_dose(), Actions())
    assert notice == "" if not words else words in notice


async def test_the_dose_of_an_earlier_run_is_shown_under_its_notice() -> None:
    async with on_dose(an_engine(BeamStatus.HPC_RUNNING, attempt=2), SMALL) as stage:
        assert "! This is the dose of attempt 1, of an earlier run" in stage.text


def test_the_reading_says_that_a_voxel_is_not_read_yet() -> None:
    text = "".join(part for part, _ in reading_line(a_dose(), (0, 0, 39), None))
    assert text == " cursor … Gy  x -11.0  y -9.0  z -2.0 mm  depth 2.0 mm  index 0, 0, 39"
