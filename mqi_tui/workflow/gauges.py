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
from mqi_tui.domain.readings import GpuReading, Measurements, StorageReading
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.gpu_devices import JobReading, devices_of, slots_by_uuid

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
        self._storage_due = 0.0
        self.measurements = Measurements()

    async def read_gpus(self) -> None:
        """One reading of the GPUs; none while the program, its devices, the jobs or the connection are not there."""
        if not self._settings.hpc.gpu_readings.command or time.monotonic() < self._no_gpus_until:
            return
        readings: tuple[GpuReading, ...] = ()
        trouble = ""
        try:
            readings = await self._read_gpus()
        except MqiError as error:
            trouble = str(error)
            if isinstance(error, PermanentError):
                self._no_gpus_until = time.monotonic() + _PAUSE_WITHOUT_PROGRAM
        if trouble != self._gpu_trouble:
            self._gpu_trouble = trouble
            log.info("GPU readings: %s", trouble or "there again")
        self.measurements = replace(self.measurements, gpus=readings)

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

    async def _read_gpus(self) -> tuple[GpuReading, ...]:
        """The readings, each with its slot where that is certain."""
        hpc = self._settings.hpc
        if hpc.gpu_readings.where == "job":
            return await self._from_jobs()
        readings = await self._context.remote.read_gpus(hpc.gpu_readings.command)
        if hpc.scheduler == "direct":
            return tuple(replace(reading, slot=reading.index) for reading in readings)
        # Where the scheduler chooses the device, the job itself has written down which one it was given.
        slots = slots_by_uuid(await self._slots(), self._context.jobs.places)
        return tuple(replace(one, slot=slots.get(one.uuid)) if one.uuid else one for one in readings)

    async def _from_jobs(self) -> tuple[GpuReading, ...]:
        slots = await self._slots()
        jobs = {slots[beam_id]: job for beam_id, job in self._context.jobs.placed.items() if beam_id in slots}
        if not jobs:
            return ()
        found = await self._context.remote.read_job_gpus([job.run_folder for job in jobs.values()])
        return devices_of(
            JobReading(slot, job.place, found[job.run_folder]) for slot, job in jobs.items() if job.run_folder in found
        )

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
