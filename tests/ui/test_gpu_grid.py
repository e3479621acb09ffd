"""The GPU grid: what a device is, how that is known, and its history; words before curves, and clicks that lead on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqi_tui.domain.readings import READINGS_KEPT, GpuReading, GpuWatch, OfflineGpu
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.widgets.gpu_grid import GpuGrid
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, lines_of, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, a_beam, a_case, a_snapshot

REASON = "nvidia-smi does not list it any more"


def a_reading(slot: int, load: float = 0.0, memory_mib: float = 12.0) -> GpuReading:
    return GpuReading(slot, f"GPU-{slot}", load, memory_mib, 24576, 61, 231, slot=slot)


def a_device_snapshot(
    *,
    slots: int = 8,
    offline: tuple[int, ...] = (),
    foreign: tuple[int, ...] = (),
    history: int = READINGS_KEPT,
    beams: tuple[int, ...] = (0, 7),
) -> EngineSnapshot:
    """Beams compute on the slots `beams`; every device that is not offline is read, with a history."""
    running = [
        a_beam(case, f"b{slot}", BeamStatus.HPC_RUNNING, gpu_id=slot)
        for case, slot in zip(("alpha", "beta"), beams, strict=False)
    ]
    readings = [
        a_reading(slot, 97.0 if slot in {*beams, *foreign} else 0.0) for slot in range(slots) if slot not in offline
    ]
    watch = GpuWatch(
        {one.device: (replace(one, utilisation_percent=50.0),) * (history - 1) + (one,) for one in readings if history},
        tuple(OfflineGpu(a_reading(slot), NOW, REASON) for slot in offline),
        frozenset(a_reading(slot).device for slot in foreign),
    )
    cases = [a_case(beam.parent_case_id, beam) for beam in running]
    return a_snapshot(*cases, gpu_count=slots, readings=readings, gpu_watch=watch)


def grid(stage: Stage) -> GpuGrid:
    return stage.main.query_one(GpuGrid)


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_free_busy_offline_and_foreign_use_are_told_by_sign_and_word(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot(offline=(2,), foreign=(3,))), size) as stage:
        text = "\n".join(lines_of(grid(stage)))
        for words in ("0 ► alpha_b0", "1 ○ free", "2 ⊘ offline since 10:41", "3 ! foreign use", "7 ► beta_b7"):
            assert words in text
        assert "GPU slots · 2 of 8 busy · ⊘ 1 offline · ! 1 in foreign use" in stage.text


@pytest.mark.parametrize("size", [MIDDLE, LARGE])
async def test_a_wide_screen_says_how_it_is_known_that_a_device_is_offline(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot(offline=(2,))), size) as stage:
        assert REASON[:30] in "\n".join(lines_of(grid(stage)))


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_a_beam_whose_device_is_gone_keeps_its_slot_and_tells_of_it(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot(offline=(7,))), size) as stage:
        text = "\n".join(lines_of(grid(stage)))
        assert "⊘ offline" in text
        assert "beta_b7" in text


async def test_a_device_that_was_given_to_a_beam_since_is_in_no_foreign_use() -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot(foreign=(0,))), MIDDLE) as stage:
        assert "foreign use" not in stage.text


@pytest.mark.parametrize(("size", "least"), [(MIDDLE, 4), (LARGE, 15)])
async def test_curves_stand_beside_the_words_where_there_is_room(size: tuple[int, int], least: int) -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot()), size) as stage:
        [line] = [line for line in lines_of(grid(stage))[1:2] if "97 %" in line]
        before = line[: line.index("97 %")]
        drawn = [cell for cell in before if "\u2800" < cell <= "\u28ff"]
        assert len(drawn) >= least
        # The readings before were 50 %, three dots a column; the last one fills its column.
        assert set(drawn[:-1]) == {"⣶"}
        assert drawn[-1] == "⣾"
        for words in ("0/24 GiB", "61 °C"):
            assert words in line


@pytest.mark.parametrize(("size", "slots"), [(SMALL, 8), (MIDDLE, 24)])
async def test_cells_lose_the_curves_before_the_words(size: tuple[int, int], slots: int) -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot(slots=slots)), size) as stage:
        text = "\n".join(lines_of(grid(stage)))
        assert not any("\u2800" <= character <= "\u28ff" for character in text)
        assert "0 ► alpha_b0" in text
        assert ("97 % 0/24 GiB 61 °C" in text) is (size is MIDDLE)


async def test_without_a_history_no_curve_is_drawn() -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot(history=0)), MIDDLE) as stage:
        text = "\n".join(lines_of(grid(stage)))
        assert "97 % 0/24 GiB 61 °C" in text
        assert not any("\u2800" <= character <= "\u28ff" for character in text)


async def test_a_device_without_a_slot_that_is_gone_is_told_by_itself() -> None:
    gone = replace(a_reading(3), host="node[3]", slot=None)
    snapshot = a_snapshot(gpu_watch=GpuWatch(offline=(OfflineGpu(gone, NOW, REASON),)))
    async with on_stage(ScriptedEngine(snapshot), MIDDLE) as stage:
        assert "node[3] GPU 3 ⊘ offline " in "\n".join(lines_of(grid(stage)))


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_a_click_on_a_slot_goes_to_its_beam_whatever_is_filtered(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot()), size) as stage:
        await stage.press("slash", *"alpha", "enter")
        place = next((line.index("beta_b7"), y) for y, line in enumerate(lines_of(grid(stage))) if "beta_b7" in line)
        await stage.pilot.click(grid(stage), offset=(place[0], place[1] + 1))
        await stage.until(lambda: "beta_b7" in stage.details.text and stage.cases.has_focus)


async def test_a_click_on_a_slot_finds_its_beam_in_the_list_of_all_on_a_narrow_screen() -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot()), SMALL) as stage:
        await stage.press("a")
        await stage.pilot.click(grid(stage), offset=(4, 1))
        await stage.until(lambda: "alpha_b0" in stage.details.text)
        place = next((line.index("beta_b7"), y) for y, line in enumerate(lines_of(grid(stage))) if "beta_b7" in line)
        await stage.pilot.click(grid(stage), offset=(place[0], place[1] + 1))
        await stage.until(lambda: "beta_b7" in stage.details.text)
        assert stage.beams.has_focus


async def test_a_click_on_a_slot_brings_the_beam_list_back_to_its_beam() -> None:
    busy = [a_beam("alpha", f"b{slot}", BeamStatus.HPC_RUNNING, gpu_id=slot) for slot in range(3)]
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", *busy))), MIDDLE) as stage:
        for _ in range(2):
            await stage.pilot.click(grid(stage), offset=(4, 1))
            await stage.until(lambda: "alpha_b0" in stage.details.text)
            await stage.press("tab", "end")
            await stage.until(lambda: "alpha_b2" in stage.details.text)


async def test_a_click_on_a_free_slot_changes_nothing() -> None:
    async with on_stage(ScriptedEngine(a_device_snapshot()), MIDDLE) as stage:
        before = stage.details.text
        await stage.pilot.click(grid(stage), offset=(45, 1))
        await stage.pause()
        assert stage.details.text == before
        assert stage.cases.has_focus
