"""Measures what lies beside the work: the GPUs, and the room on the disks."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from mqi_tui.domain.errors import MqiError, PermanentError, TransientError
from mqi_tui.domain.readings import DeviceName, GpuReading, Measurements, StorageReading
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.gpu_devices import JobReading, devices_of, slots_by_uuid
from mqi_tui.workflow.gpu_watcher import GpuRound, GpuWatcher

log = logging.getLogger(__name__)

GB = 1_000_000_000
_PAUSE_WITHOUT_PROGRAM = 60.0
"""Seconds: a host without nvidia-smi is not asked for it every few seconds."""
STORAGE_RETRY_SECONDS = 60.0


class Gauges:
    """Keeps the latest measurements; what cannot be measured now is not known, whatever it was before."""

    def __init__(self, context: WorkflowContext) -> None:
        self._context = context
        self._settings = context.settings
        self._no_gpus_until = 0.0
        self._gpu_trouble = ""
        self._watcher = GpuWatcher()
        self._computing_on: dict[DeviceName, str] = {}
        """The beam whose job told of the device when that was last read."""
        self._storage_due = 0.0
        self.measurements = Measurements()

    async def read_gpus(self) -> None:
        """One reading of the GPUs; none while the program, its devices, the jobs or the connection are not there."""
        if not self._settings.hpc.gpu_readings.command:
            return
        if time.monotonic() < self._no_gpus_until:
            look = self._refused(self._gpu_trouble)
        else:
            look = await self._look_at_gpus()
        watch = self._watcher.note(look, datetime.now(UTC))
        self.measurements = replace(self.measurements, gpus=look.readings, watch=watch)

    async def measure_storage(self) -> None:
        """One look at the disks when it is due; called again soon after one that the connection cut short."""
        if time.monotonic() < self._storage_due:
            return
        hpc = self._settings.hpc
        free: int | None = None
        used: int | None = None
        due_in = hpc.storage.interval_seconds
        try:
            root = PurePosixPath(hpc.remote_root)
            free = await self._context.remote.free_bytes(root)
            used = await self._context.remote.used_bytes(root)
        except TransientError as error:
            log.warning("storage: %s", error)
            due_in = min(STORAGE_RETRY_SECONDS, due_in)
        results_free = await asyncio.to_thread(local_free_bytes, self._settings.result_path)
        self._storage_due = time.monotonic() + due_in
        places = (
            (f"{hpc.remote_root} on the HPC", free),
            (f"{self._settings.result_path} for results", results_free),
        )
        warning = storage_warning(places, hpc.storage.warn_below_gb)
        storage = StorageReading(datetime.now(UTC), used, free, results_free, warning)
        self.measurements = replace(self.measurements, storage=storage)

    async def _look_at_gpus(self) -> GpuRound:
        look = GpuRound()
        trouble = ""
        try:
            look = await self._read_gpus()
        except MqiError as error:
            trouble = str(error)
            if isinstance(error, PermanentError):
                self._no_gpus_until = time.monotonic() + _PAUSE_WITHOUT_PROGRAM
                look = self._refused(trouble)
        if trouble != self._gpu_trouble:
            self._gpu_trouble = trouble
            log.info("GPU readings: %s", trouble or "there again")
        return look

    def _refused(self, trouble: str) -> GpuRound:
        """The host was reached and gave no readings; a connection that is lost, on the other hand, proves nothing."""
        return GpuRound(why_offline=lambda _: f"its host gives no readings any more: {trouble}")

    async def _read_gpus(self) -> GpuRound:
        """The readings, each with its slot where that is certain."""
        hpc = self._settings.hpc
        if hpc.gpu_readings.where == "job":
            return await self._from_jobs()
        slots = await self._slots()
        readings = await self._context.remote.read_gpus(hpc.gpu_readings.command)
        if hpc.scheduler == "direct":
            held = frozenset(slots.values())
            return GpuRound(
                tuple(replace(reading, slot=reading.index) for reading in readings),
                frozenset(reading.device for reading in readings if reading.index not in held),
                self._not_listed,
            )
        # Where the scheduler chooses the device, the job itself has written down which one it was given.
        places = self._context.jobs.places
        devices = slots_by_uuid(slots, places)
        # As long as it is not known of each beam on which device it is, any device may be its own.
        are_all_known = all(beam_id in places and places[beam_id].gpu_uuid for beam_id in slots)
        ours = {place.gpu_uuid for place in places.values()}
        return GpuRound(
            tuple(replace(one, slot=devices.get(one.uuid)) if one.uuid else one for one in readings),
            frozenset(one.device for one in readings if are_all_known and one.uuid and one.uuid not in ours),
            self._not_listed,
            lambda reading: devices.get(reading.uuid or ""),
        )

    def _not_listed(self, _: GpuReading) -> str:
        return f"{self._settings.hpc.gpu_readings.command[0]} does not list it any more"

    async def _from_jobs(self) -> GpuRound:
        slots = await self._slots()
        jobs = {beam_id: job for beam_id, job in self._context.jobs.placed.items() if beam_id in slots}
        if not jobs:
            return GpuRound()
        found = await self._context.remote.read_job_gpus([job.run_folder for job in jobs.values()])
        readings = devices_of(
            JobReading(slots[beam_id], job.place, found[job.run_folder])
            for beam_id, job in jobs.items()
            if job.run_folder in found
        )
        holders = {slot: beam_id for beam_id, slot in slots.items()}
        self._computing_on |= {one.device: holders[one.slot] for one in readings if one.slot is not None}
        silent = {beam_id for beam_id, job in jobs.items() if job.run_folder not in found}

        def why_offline(reading: GpuReading) -> str:
            is_silent = self._computing_on.get(reading.device) in silent
            return "its job goes on, but tells nothing of it any more" if is_silent else ""

        return GpuRound(readings, why_offline=why_offline)

    async def _slots(self) -> dict[str, int]:
        """By beam id."""
        return {gpu.beam_id: gpu.gpu_id for gpu in await self._context.gpus.list_gpus() if gpu.beam_id is not None}


def local_free_bytes(folder: Path) -> int | None:
    """What can be written below the folder, which may still have to be made; None if the system does not say.

    Blocking: call it in a thread.
    """
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def storage_warning(places: Iterable[tuple[str, int | None]], level_gb: float) -> str:
    """A sentence about those of the (place, free bytes) that are below the level in GB; empty if there is none."""
    tight = [
        f"only {free / GB:.1f} GB free in {place}"
        for place, free in places
        if free is not None and free < level_gb * GB
    ]
    if not tight:
        return ""
    return f"{'; '.join(tight)} (warned below {level_gb:g} GB); make room there, mqi-tui itself deletes nothing"
