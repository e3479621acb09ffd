"""Which device a job's reading is of, and which slot it belongs to: what is certain is said, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading
from mqi_tui.workflow.gpu_devices import JobReading, devices_of, own_device, slots_by_uuid

NODE = JobPlace("node1", "3 GPU-3", "12")


def seen(*indices: int, uuids: bool = True) -> tuple[GpuReading, ...]:
    """All devices of a host, as each of its jobs sees them where none is hidden."""
    return tuple(GpuReading(index, f"GPU-{index}" if uuids else None, 10.0 * index) for index in indices)


HIDDEN = (GpuReading(0, "GPU-3", 30.0),)
"""What Slurm lets a job see of its host: its own device, as number 0."""


@pytest.mark.parametrize(
    ("gpu", "readings", "percent"),
    [
        ("3 GPU-3", seen(0, 1, 2, 3), 30.0),
        ("3 GPU-3", HIDDEN, 30.0),
        # The host's number and the driver's are not the same: the UUID decides.
        ("3 GPU-2", seen(0, 1, 2, 3), 20.0),
        ("GPU-2", seen(0, 1, 2, 3), 20.0),
        ("3", seen(0, 1, 2, 3), 30.0),
        ("3", seen(0, 1, 2, 3, uuids=False), 30.0),
        ("3 GPU-3", seen(0, 1, 2, 3, uuids=False), 30.0),
        ("3", HIDDEN, 30.0),
        ("3 GPU-3", seen(0, uuids=False), 0.0),
        ("3 GPU-9", seen(0, 1, 2, 3), None),
        ("3 GPU-9", HIDDEN, None),
        ("7", seen(0, 1, 2, 3), None),
        ("", seen(0, 1), None),
        ("0,1", seen(0, 1), None),
        ("0,1 GPU-0", seen(0, 1), 0.0),
        ("MIG-aaaa", seen(0, 1), None),
        ("3 GPU-3", (), None),
    ],
)
def test_the_device_is_the_one_that_the_place_names(
    gpu: str, readings: tuple[GpuReading, ...], percent: float | None
) -> None:
    own = own_device(JobPlace("node1", gpu, "12"), readings)
    assert (None if own is None else own.utilisation_percent) == percent


def test_a_device_has_the_number_that_its_host_gives_it() -> None:
    own = own_device(NODE, HIDDEN)
    assert own is not None
    assert own.index == 3


@pytest.mark.parametrize("visible", [seen(0, 1, 2, 3, 4), seen(0, 1, 2, 3, 4, uuids=False)])
def test_of_a_host_that_all_its_jobs_see_each_has_its_own_device_once(visible: tuple[GpuReading, ...]) -> None:
    jobs = [JobReading(10 + n, JobPlace("node1", f"{n}", "12"), visible) for n in (4, 1, 3)]
    assert [(one.host, one.index, one.slot, one.utilisation_percent) for one in devices_of(jobs)] == [
        ("node1", 1, 11, 10.0),
        ("node1", 3, 13, 30.0),
        ("node1", 4, 14, 40.0),
    ]


def test_hidden_devices_of_one_number_are_different_ones() -> None:
    hidden = (GpuReading(0, None, 50.0),)
    jobs = [JobReading(n, JobPlace(f"node{n % 2}", f"{n}", "12"), hidden) for n in range(4)]
    assert [(one.host, one.index, one.slot) for one in devices_of(jobs)] == [
        ("node0", 0, 0),
        ("node0", 2, 2),
        ("node1", 1, 1),
        ("node1", 3, 3),
    ]


@pytest.mark.parametrize("jobs", [2, 3])
def test_a_device_that_several_jobs_name_stands_there_once_and_has_no_slot(jobs: int) -> None:
    (device,) = devices_of(JobReading(slot, NODE, HIDDEN) for slot in range(jobs))
    assert (device.host, device.index, device.slot) == ("node1", 3, None)


def test_a_job_that_does_not_know_its_device_tells_of_all_without_a_slot() -> None:
    lost = JobReading(5, JobPlace("node1", "", "12"), seen(0, 1))
    known = JobReading(6, JobPlace("node1", "1 GPU-1", "13"), seen(0, 1))
    for jobs in ([lost, known], [known, lost], [lost, lost, known]):
        assert [(one.index, one.slot) for one in devices_of(jobs)] == [(0, None), (1, 6)]


def test_a_uuid_belongs_to_the_slot_of_the_one_job_that_names_it() -> None:
    places = {"a": NODE, "b": replace(NODE, gpu="1 GPU-1"), "c": replace(NODE, gpu="1 GPU-1"), "d": NODE}
    assert slots_by_uuid({"a": 0, "b": 1, "c": 2}, places) == {"GPU-3": 0}
    assert slots_by_uuid({"a": 0}, {"a": replace(NODE, gpu="3")}) == {}


@pytest.mark.parametrize(
    ("gpu", "name", "index", "uuid"),
    [
        ("3 GPU-3", "3", 3, "GPU-3"),
        ("3", "3", 3, None),
        ("", "", None, None),
        ("0,1 GPU-0", "0,1", None, "GPU-0"),
        ("GPU-5b4a", "GPU-5b4a", None, "GPU-5b4a"),
        ("MIG-5b4a", "MIG-5b4a", None, "MIG-5b4a"),
        ("NoDevFiles", "NoDevFiles", None, None),
        ("²", "²", None, None),
    ],
)
def test_a_place_names_its_device_by_number_and_uuid(gpu: str, name: str, index: int | None, uuid: str | None) -> None:
    place = JobPlace("node1", gpu, "")
    assert (place.gpu_name, place.gpu_index, place.gpu_uuid) == (name, index, uuid)
