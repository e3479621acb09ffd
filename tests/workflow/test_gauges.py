"""The engine measures GPUs and disks beside its work, and shows nothing that it has not measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mqi_tui.domain.readings import GpuReading
from mqi_tui.workflow.gauges import local_free_bytes, storage_warning
from tests.support.programs import put_program
from tests.support.site import Site, wait_for

GB = 1_000_000_000


def _settings(program: Path, **storage: object) -> dict[str, object]:
    return {"hpc": {"gpu_readings": {"command": [str(program)], "interval_seconds": 0.2}, "storage": storage}}


async def test_readings_belong_to_the_slot_of_their_device_and_go_when_the_driver_fails(
    site: Site, tmp_path: Path
) -> None:
    program = put_program(tmp_path / "bin", "nvidia-smi", 'echo "2, GPU-12, 63, 11264, 24576, 61, [N/A]"')
    site.configure(**_settings(program))
    async with site.engine() as engine:
        snapshot = await wait_for(engine, lambda snapshot: bool(snapshot.readings), 15)
        assert snapshot.readings == (GpuReading(2, "GPU-12", 63.0, 11264.0, 24576.0, 61.0, None, slot=2),)

        program.write_text("#!/bin/sh\necho 'Unable to load NVML'; exit 9\n")
        await wait_for(engine, lambda snapshot: not snapshot.readings, 15)


async def test_a_host_without_the_program_has_no_readings_and_a_look_at_its_disks(site: Site, tmp_path: Path) -> None:
    site.remote.mkdir()
    (site.remote / "output.raw").write_bytes(b"x" * 2_000_000)
    site.configure(**_settings(tmp_path / "no-nvidia-smi", warn_below_gb=1_000_000))
    async with site.engine() as engine:
        snapshot = await wait_for(engine, lambda snapshot: snapshot.storage is not None, 15)
        assert snapshot.readings == ()
        storage = snapshot.storage
        assert storage is not None
        assert storage.used_bytes is not None
        assert 2_000_000 <= storage.used_bytes < 2_200_000
        for free in (storage.free_bytes, storage.results_free_bytes):
            assert free is not None
            assert abs(free - shutil.disk_usage(site.folder).free) < GB
        assert f"free in {site.remote} on the HPC" in storage.warning
        assert f"free in {site.results} for results" in storage.warning
        assert "mqi-tui itself deletes nothing" in storage.warning


async def test_warnings_can_be_switched_off(site: Site, tmp_path: Path) -> None:
    site.configure(**_settings(tmp_path / "no-nvidia-smi", warn_below_gb=0))
    async with site.engine() as engine:
        snapshot = await wait_for(engine, lambda snapshot: snapshot.storage is not None, 15)
        assert snapshot.storage is not None
        assert snapshot.storage.warning == ""


@pytest.mark.parametrize(
    ("free", "level", "warns"), [(5 * GB, 5, False), (5 * GB - 1, 5, True), (0, 0, False), (None, 5, False)]
)
def test_the_warning_begins_below_the_level(free: int | None, level: float, *, warns: bool) -> None:
    assert bool(storage_warning([("/hpc", free)], level)) is warns


def test_the_room_of_a_folder_still_to_be_made_is_that_of_its_disk(tmp_path: Path) -> None:
    free = local_free_bytes(tmp_path / "not" / "yet")
    assert free is not None
    assert abs(free - shutil.disk_usage(tmp_path).free) < GB
