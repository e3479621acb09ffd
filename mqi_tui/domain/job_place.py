"""Where a job computes: host, GPU, and the batch system's number of it, as the job has written down itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UUID = re.compile(r"(GPU|MIG)-[A-Za-z0-9/-]{1,96}")


@dataclass(frozen=True, slots=True)
class JobPlace:
    host: str
    gpu: str
    """Index, and UUID where nvidia-smi is there; empty when the job was given none."""
    job_id: str
    """Empty where there is no batch system."""

    def __str__(self) -> str:
        return f"on {self.host}, GPU {self.gpu_name}" if self.gpu_name else f"on {self.host}"

    @property
    def gpu_name(self) -> str:
        """The device as the host counts it; its UUID where the job knows no number; empty when it was given none."""
        return self.gpu.partition(" ")[0]

    @property
    def gpu_index(self) -> int | None:
        """The device as the host counts it; None for none, for several, and for one that is known by its UUID alone."""
        name = self.gpu_name
        return int(name) if name.isascii() and name.isdecimal() else None

    @property
    def gpu_uuid(self) -> str | None:
        """The device's own name, the same for every job on it; None where no driver has said it."""
        name, _, uuid = self.gpu.partition(" ")
        return uuid or (name if _UUID.fullmatch(name) else None)
