"""The engine measures GPUs and disks beside its work, and shows nothing that it has not measured."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading
from mqi_tui.workflow.gauges import local_free_bytes, storage_warning
from tests.cluster.cluster import Cluster
from tests.support.clusters import hpc_settings
from tests.support.programs import in_front_of_path, put_program
from tests.support.site import Site, all_beams, wait_for
from tests.workflow.support import COMPUTING, QuickSite

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

        put_program(tmp_path / "bin", "nvidia-smi", "echo 'Unable to load NVML'; exit 9")
        snapshot = await wait_for(engine, lambda snapshot: not snapshot.readings, 15)
        [offline] = snapshot.gpu_watch.offline
        assert offline.reading.slot == 2
        assert "Unable to load NVML" in offline.reason


async def test_a_device_that_the_driver_lists_no_more_is_offline_and_one_that_others_use_is_foreign(
    site: Site, tmp_path: Path
) -> None:
    lines = [f"{index}, GPU-{index}, {load}, 900, 24576, 61, 200" for index, load in enumerate((0, 97))]
    program = put_program(tmp_path / "bin", "nvidia-smi", "".join(f'echo "{line}"\n' for line in lines))
    site.configure(**_settings(program))
    async with site.engine() as engine:
        snapshot = await wait_for(engine, lambda snapshot: bool(snapshot.gpu_watch.foreign), 15)
        # The memory alone is a use too.
        assert snapshot.gpu_watch.foreign == {("", "GPU-0"), ("", "GPU-1")}
        put_program(tmp_path / "bin", "nvidia-smi", f"echo '{lines[1]}'")
        snapshot = await wait_for(engine, lambda snapshot: bool(snapshot.gpu_watch.offline), 15)
        assert [(one.reading.slot, one.reading.device) for one in snapshot.gpu_watch.offline] == [(0, ("", "GPU-0"))]
        assert "does not list it any more" in snapshot.gpu_watch.offline[0].reason
        history = snapshot.gpu_watch.histories["", "GPU-0"]
        assert history[0] is not None
        assert history[-1] is None


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


def _stopped_loops(folder: Path) -> list[int]:
    """The loop of each job below the folder, stopped: as on a host that swaps or hangs."""
    found = [
        process for process in Path("/proc").iterdir() if process.name.isdecimal() and _is_loop_below(process, folder)
    ]
    parents = {process.name for process in found}
    # A child of a loop has its command line until it runs a program of its own.
    loops = [int(process.name) for process in found if _parent_of(process) not in parents]
    for pid in loops:
        os.kill(pid, signal.SIGSTOP)
    return loops


def _parent_of(process: Path) -> str:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return process.name  # it has ended; as its own parent it is passed over


def _is_loop_below(process: Path, folder: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        return b"mqi-gpu-readings" in words[3:4] and (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


async def test_readings_of_jobs_come_with_them_grow_old_and_go(quick: QuickSite, tmp_path: Path) -> None:
    lines = "; ".join(f'echo "{n}, GPU-{n}, {n}, 11264, 24576, 61, 231"' for n in range(3))
    program = put_program(tmp_path / "bin", "nvidia-smi", lines)
    readings = {"command": [str(program)], "where": "job", "interval_seconds": 1}
    quick.configure(hpc={"gpu_readings": readings})
    quick.hold(COMPUTING)
    quick.add_case(beams=2)
    async with quick.site.engine(auto_dispatch=True) as engine:
        snapshot = await wait_for(engine, lambda snapshot: len(snapshot.readings) == 2, 30)
        assert not snapshot.gpu_watch.foreign
        host = os.uname().nodename
        assert [(one.host, one.index, one.slot, one.utilisation_percent) for one in snapshot.readings] == [
            (host, 0, 0, 0.0),
            (host, 1, 1, 1.0),
        ]
        holders = {gpu.beam_id: gpu.gpu_id for gpu in snapshot.gpus if gpu.beam_id is not None}
        assert {holders[beam_id]: place for beam_id, place in snapshot.places.items()} == {
            slot: JobPlace(host, str(slot), "") for slot in (0, 1)
        }

        loops = _stopped_loops(quick.site.folder)
        try:
            assert len(loops) == 2
            snapshot = await wait_for(engine, lambda snapshot: not snapshot.readings, 30)
            offline = [one.reading for one in snapshot.gpu_watch.offline]
            assert [(one.host, one.slot) for one in offline] == [(host, 0), (host, 1)]
        finally:
            for pid in loops:
                os.kill(pid, signal.SIGCONT)
        snapshot = await wait_for(engine, lambda snapshot: len(snapshot.readings) == 2, 30)
        assert snapshot.gpu_watch.offline == ()

        quick.let_go(COMPUTING)
        snapshot = await wait_for(engine, lambda snapshot: snapshot.all_completed and not snapshot.readings, 60)
        # Their jobs are over: of the devices nothing is known.
        assert snapshot.gpu_watch.offline == ()
        assert snapshot.places == {}


# What a job sees where no device is hidden from it, and where Slurm hides all but its own.
SMI_OF_A_NODE = """
if [ "$1" = -L ]; then
    echo "GPU $SLURM_JOB_GPUS: Fake (UUID: GPU-$SLURM_JOB_GPUS-ab)"
else
    for i in 0 1 2 3 4 5 6 7; do echo "$i, GPU-$i-ab, 10, 1024, 24576, 40, 50"; done
fi"""
HIDING_SMI = """
if [ "$1" = -L ]; then
    echo "GPU 0: Fake (UUID: GPU-$SLURM_JOB_GPUS-ab)"
else
    echo "0, GPU-$SLURM_JOB_GPUS-ab, 1$SLURM_JOB_GPUS, 1024, 24576, 40, 50"
fi"""


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("where", "driver"),
    [("host", SMI_OF_A_NODE), ("job", SMI_OF_A_NODE), ("job", HIDING_SMI)],
    ids=["of the host", "of jobs that see all", "of jobs that see their own"],
)
async def test_where_slurm_chooses_the_device_its_reading_belongs_to_the_slot_whose_job_has_it(
    site: Site, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, where: str, driver: str
) -> None:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    put_program(tmp_path / "bin", "nvidia-smi", driver)
    in_front_of_path(tmp_path / "bin", monkeypatch)
    # Another job has the first devices, so that slots and devices do not agree by chance.
    cluster.run("sbatch", "--gres=gpu:3", "--wrap", "sleep 120")
    site.configure(
        hpc={"scheduler": "slurm", "gpu_readings": {"interval_seconds": 1, "where": where}},
        engine={"command": ["sleep", "120"]},
    )
    site.add_cases(1, beams=2)
    async with site.engine(auto_dispatch=True) as engine:
        snapshot = await wait_for(engine, lambda snapshot: sum(one.slot is not None for one in snapshot.readings) == 2)
        slotted = {one.slot: one for one in snapshot.readings if one.slot is not None}
        assert len(snapshot.readings) == (8 if where == "host" else 2)
        assert set(slotted) == {beam.gpu_id for beam in all_beams(snapshot)}
        for beam in all_beams(snapshot):
            assert beam.gpu_id is not None
            place, reading = snapshot.places[beam.beam_id], slotted[beam.gpu_id]
            assert (place.host, place.job_id) == ("node1", beam.hpc_job_id)
            assert place.gpu_index not in {0, 1, 2, None}
            assert (place.gpu_index, place.gpu_uuid) == (reading.index, reading.uuid)
            assert reading.host == ("" if where == "host" else "node1")


@pytest.mark.cluster
async def test_over_ssh_the_jobs_of_a_cluster_tell_of_their_devices_without_being_asked_to(
    site: Site, tmp_path: Path, cluster: Cluster
) -> None:
    program = put_program(tmp_path / "bin", "driver", HIDING_SMI)
    hpc = hpc_settings(cluster, "ssh", "slurm", site.remote)
    site.configure(
        hpc=hpc | {"gpu_readings": {"command": [str(program)], "interval_seconds": 1}},
        engine={"command": ["sleep", "120"]},
    )
    site.add_cases(1, beams=2)
    async with site.engine(auto_dispatch=True) as engine:
        snapshot = await wait_for(engine, lambda snapshot: sum(one.slot is not None for one in snapshot.readings) == 2)
        places = {beam.gpu_id: snapshot.places[beam.beam_id] for beam in all_beams(snapshot)}
        for reading in snapshot.readings:
            # Without nvidia-smi in its PATH a job knows its device by number alone.
            place = places[reading.slot]
            assert (reading.host, reading.index) == (place.host, place.gpu_index)
            assert reading.utilisation_percent == 10 + reading.index
