"""What is measured reaches the screen as it is; what is not is never made up, and the small screen stays usable."""

from __future__ import annotations

import pytest

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading, StorageReading
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.measured import place_text, placed_reading_text, reading_text, size, storage_text
from tests.support.screens import LARGE, MIDDLE, SMALL, lines_of, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, a_beam, a_case, a_snapshot

READING = GpuReading(3, "GPU-5b4a9f0e", 63.4, 11264, 24576, 61, 231.47, slot=3)
PLACE = JobPlace("gpu-node3.cluster.example", "2 GPU-5b4a9f0e", "4712")
GB = 1_000_000_000


def _storage(warning: str = "") -> StorageReading:
    return StorageReading(NOW, 34 * GB, 1200 * GB, 800 * GB, warning)


def _snapshot(
    *readings: GpuReading, storage: StorageReading | None = None, place: JobPlace | None = None
) -> EngineSnapshot:
    beam = a_beam("alpha", "2025042401440800", BeamStatus.HPC_RUNNING, gpu_id=3)
    places = {} if place is None else {beam.beam_id: place}
    return a_snapshot(a_case("alpha", beam), readings=readings, storage=storage, places=places)


@pytest.mark.parametrize(
    ("width", "text"),
    [(40, "63 % 11/24 GiB 61 °C 231 W"), (22, "63 % 11/24 GiB 61 °C"), (14, "63 % 11/24 GiB"), (3, "no reading")],
)
def test_a_reading_says_as_much_as_fits(width: int, text: str) -> None:
    assert reading_text(READING, width) == text


def test_what_was_not_measured_is_left_out() -> None:
    assert reading_text(GpuReading(0, temperature_c=61, memory_total_mib=24576), 40) == "61 °C"
    assert reading_text(GpuReading(0), 40) == reading_text(None, 40) == "no reading"


@pytest.mark.parametrize(
    ("host", "gpu", "text"),
    [
        ("gpu-node3.cluster.example", "2 GPU-5b4a9f0e", "gpu-node3 · GPU 2"),
        ("node3", "2", "node3 · GPU 2"),
        ("10.0.0.3", "2", "10.0.0.3 · GPU 2"),
        ("node3", "", "node3"),
        ("node3", "0,1 GPU-5b4a9f0e", "node3 · 0,1"),
        ("node3", "GPU-5b4a9f0e-1d2c-3b4a", "node3 · GPU-5b4a9f0…"),
    ],
)
def test_a_place_is_host_and_device(host: str, gpu: str, text: str) -> None:
    assert place_text(JobPlace(host, gpu, "1")) == text


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (60, "gpu-node3 · GPU 2 · 63 % · 11/24 GiB · 61 °C · 231 W"),
        (44, "gpu-node3 · GPU 2 · 63 % · 11/24 GiB · 61 °C"),
        (43, "gpu-node3 · GPU 2 · 63 % · 11/24 GiB"),
        (35, "63 % 11/24 GiB 61 °C 231 W"),
        (22, "63 % 11/24 GiB 61 °C"),
    ],
)
def test_place_and_reading_share_the_room(width: int, text: str) -> None:
    assert placed_reading_text(PLACE, READING, width) == text


@pytest.mark.parametrize(
    ("width", "text"),
    [(30, "gpu-node3 · GPU 2 · no reading"), (29, "gpu-node3 · GPU 2"), (8, "gpu-nod…")],
)
def test_a_place_without_a_reading_is_told_all_the_same(width: int, text: str) -> None:
    assert placed_reading_text(PLACE, None, width) == text
    assert placed_reading_text(PLACE, GpuReading(2), width) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_600, "1.0 MB"),
        (34 * GB, "34 GB"),
        (1_240 * GB, "1.2 TB"),
        (4_000_000 * GB, "4000.0 TB"),
    ],
)
def test_sizes_are_read_at_a_glance(count: int, text: str) -> None:
    assert size(count) == text


def test_the_storage_says_what_is_known() -> None:
    assert storage_text(_storage(), short=False) == "HPC 34 GB used, 1.2 TB free"
    assert storage_text(_storage(), short=True) == "HPC 1.2 TB free"
    assert storage_text(StorageReading(NOW, None, 5 * GB, None), short=False) == "HPC 5.0 GB free"
    assert storage_text(StorageReading(NOW, None, None, None), short=False) == storage_text(None, short=True) == ""


@pytest.mark.parametrize("size", [MIDDLE, LARGE])
async def test_a_wide_screen_shows_the_reading_under_each_slot(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(_snapshot(READING)), size) as stage:
        lines = lines_of(stage.main.query_one("#gpus"))
        across = sum(number in lines[0] for number in (" 0 ○", " 1 ○", " 2 ○", " 3 ►"))
        under = lines[2 * (3 // across) + 1]
        assert "63 % 11/24 GiB 61 °C" in under
        text = "\n".join(lines)
        assert text.count("no reading") == 7
        assert text.count("○ free") == 7


async def test_a_very_wide_screen_shows_where_the_job_of_each_slot_computes() -> None:
    place = JobPlace("gpunode3.cluster.example", "2 GPU-5b4a9f0e", "4712")
    async with on_stage(ScriptedEngine(_snapshot(READING, place=place)), LARGE) as stage:
        lines = lines_of(stage.main.query_one("#gpus"))
        # A row of free slots has no second line.
        assert " 3 ► " in lines[1]
        assert "gpunode3 · GPU 2 · 63 % · 11/24 GiB · 61 °C" in lines[2]
        text = "\n".join(lines)
        assert text.count("○ free") == 7
        # A free slot is no device.
        assert "no reading" not in text


async def test_ten_slots_and_their_places_fit_on_a_very_wide_screen() -> None:
    beams = [a_beam("alpha", f"b{number}", BeamStatus.HPC_RUNNING, gpu_id=number) for number in range(10)]
    places = {beam.beam_id: JobPlace(f"node{beam.gpu_id}", "0", "1") for beam in beams}
    async with on_stage(
        ScriptedEngine(a_snapshot(a_case("alpha", *beams), gpu_count=10, places=places)), LARGE
    ) as stage:
        for number in range(10):
            assert f"node{number} · GPU 0" in stage.text


async def test_where_there_is_no_room_for_both_the_reading_is_shown_and_the_place_without_one() -> None:
    engine = ScriptedEngine(_snapshot(READING, place=PLACE))
    async with on_stage(engine, MIDDLE) as stage:
        assert "63 % 11/24 GiB 61 °C" in stage.text
        assert "gpu-node3" not in stage.text
        engine.publish(_snapshot(place=PLACE))
        await stage.until(lambda: "gpu-node3 · GPU 2" in stage.text)


@pytest.mark.parametrize("size", [MIDDLE, LARGE])
async def test_a_place_that_says_no_more_than_the_slot_is_not_shown(size: tuple[int, int]) -> None:
    place = JobPlace("workstation", "3 GPU-5b4a9f0e", "")
    async with on_stage(ScriptedEngine(_snapshot(READING, place=place)), size) as stage:
        assert "63 % 11/24 GiB 61 °C" in stage.text
        assert "workstation" not in stage.text


async def test_a_place_from_outside_is_shown_as_text() -> None:
    place = JobPlace("[bold]n\x1b[2Jode", "[/x] y", "1")
    async with on_stage(ScriptedEngine(_snapshot(place=place)), LARGE) as stage:
        assert "[bold]n\N{REPLACEMENT CHARACTER}[2Jode · [/x]" in stage.text


async def test_a_device_of_another_host_without_a_slot_says_where_it_is() -> None:
    devices = [GpuReading(number, None, 10.0 + number, host="node[3]") for number in range(2)]
    async with on_stage(ScriptedEngine(_snapshot(*devices)), MIDDLE) as stage:
        last = lines_of(stage.main.query_one("#gpus"))[-1]
        assert "node[3] GPU 0 10 %" in last
        assert "node[3] GPU 1 11 %" in last


async def test_a_small_screen_shows_the_slots_alone() -> None:
    async with on_stage(ScriptedEngine(_snapshot(READING)), SMALL) as stage:
        text = "\n".join(lines_of(stage.main.query_one("#gpus")))
        assert text.count("○ free") == 7
        assert "%" in text
        assert "GiB" not in text
        assert "no reading" not in text


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_without_any_reading_the_title_says_so_once(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(_snapshot()), size) as stage:
        assert stage.text.count("no reading") == 1
        assert "GPU slots · 1 of 8 busy · no reading" in stage.text


async def test_devices_without_a_known_slot_are_shown_by_themselves() -> None:
    devices = [GpuReading(number, None, 10.0 + number, 1024, 81920, 40) for number in range(2)]
    async with on_stage(ScriptedEngine(_snapshot(*devices)), MIDDLE) as stage:
        last = lines_of(stage.main.query_one("#gpus"))[-1]
        assert "GPU 0 10 % 1/80 GiB" in last
        assert "GPU 1 11 % 1/80 GiB" in last
        assert "no reading" not in stage.text


async def test_readings_come_and_go() -> None:
    engine = ScriptedEngine(_snapshot(READING))
    async with on_stage(engine, MIDDLE) as stage:
        assert "61 °C" in stage.text
        engine.publish(_snapshot())
        await stage.until(lambda: "61 °C" not in stage.text)
        assert "no reading" in stage.text


async def test_the_screen_made_small_and_large_again_follows() -> None:
    async with on_stage(ScriptedEngine(_snapshot(READING)), MIDDLE) as stage:
        await stage.pilot.resize_terminal(*SMALL)
        await stage.until(lambda: "61 °C" not in stage.text)
        await stage.pilot.resize_terminal(*MIDDLE)
        await stage.until(lambda: "61 °C" in stage.text)


async def test_the_header_says_the_room_on_the_hpc_where_it_fits() -> None:
    engine = ScriptedEngine(_snapshot(storage=_storage()))
    async with on_stage(engine, LARGE) as stage:
        assert "HPC 34 GB used, 1.2 TB free" in stage.lines[0]
        assert "config.yaml" in stage.lines[0]
    async with on_stage(ScriptedEngine(_snapshot(storage=_storage())), MIDDLE) as stage:
        assert "HPC 1.2 TB free" in stage.lines[0]
    async with on_stage(ScriptedEngine(_snapshot(storage=_storage())), SMALL) as stage:
        for word in ("RUNNING", "1 running", "0 completed", "slots 1/8", "UTC"):
            assert word in stage.lines[0]


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_a_full_disk_is_warned_about(size: tuple[int, int]) -> None:
    warning = "only 3.2 GB free in /scratch/[moqui] on the HPC (warned below 5 GB); make room there"
    async with on_stage(ScriptedEngine(_snapshot(storage=_storage(warning))), size) as stage:
        assert "! only 3.2 GB free in /scratch/[moqui] on the HPC" in stage.text
        await stage.press("shift+tab")
        assert warning in " ".join(stage.details.text.split())
