"""Which device each job's reading is of, and which slot belongs to it: where that is certain, and only there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import DeviceName, GpuReading


@dataclass(frozen=True, slots=True)
class JobReading:
    """What one job, which has the slot, sees of the GPUs where it computes."""

    slot: int
    place: JobPlace
    readings: tuple[GpuReading, ...]


def own_device(place: JobPlace, readings: Sequence[GpuReading]) -> GpuReading | None:
    """The reading of the device at the place, numbered as the host counts; None where it is not certain which it is.

    A UUID decides where both sides have one. Else it is the only device that the job is shown (which is number 0 to
    the job, whatever number the host has for it), or of several the one that has the place's number.
    """
    uuid = place.gpu_uuid
    if uuid is not None and any(reading.uuid for reading in readings):
        found = [reading for reading in readings if reading.uuid == uuid]
    elif len(readings) > 1:
        found = [reading for reading in readings if reading.index == place.gpu_index]
    else:
        found = list(readings)
    if len(found) != 1:
        return None
    (reading,) = found
    return reading if place.gpu_index is None else replace(reading, index=place.gpu_index)


def devices_of(jobs: Iterable[JobReading]) -> tuple[GpuReading, ...]:
    """The devices on which the jobs compute, each once, by host and index.

    A device that several jobs name belongs to no slot for sure. A job of which it is not certain where it computes
    tells of all that it sees, without a slot.
    """
    own: dict[DeviceName, GpuReading] = {}
    others: dict[DeviceName, GpuReading] = {}
    for job in jobs:
        host = job.place.host
        reading = own_device(job.place, job.readings)
        if reading is None:
            seen = [replace(one, host=host) for one in job.readings]
            others |= {one.device: one for one in seen}
            continue
        reading = replace(reading, host=host)
        own[reading.device] = replace(reading, slot=None if reading.device in own else job.slot)
    return tuple(sorted((others | own).values(), key=lambda one: (one.host, one.index)))


def slots_by_uuid(slots: Mapping[str, int], places: Mapping[str, JobPlace]) -> dict[str, int]:
    """The slot whose job computes on each device that a place names; both are by beam id.

    A device that several jobs name belongs to no slot for sure.
    """
    found = [
        (uuid, slots[beam_id]) for beam_id, place in places.items() if beam_id in slots and (uuid := place.gpu_uuid)
    ]
    times = Counter(uuid for uuid, _ in found)
    return {uuid: slot for uuid, slot in found if times[uuid] == 1}
