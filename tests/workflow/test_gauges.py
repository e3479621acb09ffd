"""The engine measures GPUs and disks beside its work, and shows nothing that it has not measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mqi_tui.domain.readings import GpuReading
from mqi_tui.workflow.gauges import local_free_bytes, storage_warning
from tests.cluster.cluster import Cluster
from tests.support.programs import in_front_of_path, put_program
from tests.support.site import Site, all_beams, wait_for

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


SMI_OF_A_NODE = """
if [ "$1" = -L ]; then
    echo "GPU $SLURM_JOB_GPUS: Fake (UUID: GPU-$SLURM_JOB_GPUS-ab)"
else
    for i in 0 1 2 3 4 5 6 7; do echo "$i, GPU-$i-ab, 10, 1024, 24576, 40, 50"; done
fi"""


@pytest.mark.cluster
async def test_where_slurm_chooses_the_device_its_reading_belongs_to_the_slot_whose_job_has_it(
    site: Site, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    put_program(tmp_path / "bin", "nvidia-smi", SMI_OF_A_NODE)
    in_front_of_path(tmp_path / "bin", monkeypatch)
    # Another job has the first devices, so that slots and devices do not agree by chance.
    cluster.run("sbatch", "--gres=gpu:3", "--wrap", "sleep 120")
    site.configure(
        hpc={"scheduler": "slurm", "gpu_readings": {"interval_seconds": 0.3}},
        engine={"command": ["sleep", "120"]},
    )
    site.add_cases(1, beams=2)
    async with site.engine(auto_dispatch=True) as engine:
        snapshot = await wait_for(engine, lambda snapshot: sum(one.slot is not None for one in snapshot.readings) == 2)
        assert len(snapshot.readings) == 8
        slots = {one.slot for one in snapshot.readings if one.slot is not None}
        assert slots == {beam.gpu_id for beam in all_beams(snapshot)}
        assert {one.index for one in snapshot.readings if one.slot is not None}.isdisjoint({0, 1, 2})
