"""Where a job computes, as it wrote itself in its claim: host, GPU, and the batch system's number of it."""

from __future__ import annotations

from dataclasses import dataclass

PLACE_NAME = "place"
"""In the claim folder: `host=`, `gpu=` and `job=` lines."""
MAX_PLACE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class JobPlace:
    host: str
    gpu: str
    """Index, and UUID where nvidia-smi is there; empty when the job was given none."""
    job_id: str
    """Empty where there is no batch system."""

    def __str__(self) -> str:
        index = self.gpu.split(" ")[0]
        return f"on {self.host}, GPU {index}" if index else f"on {self.host}"


def parse_place(content: bytes) -> JobPlace | None:
    """None for a file that is not there yet or says no host."""
    lines = (line.partition("=") for line in content.decode(errors="replace").split("\n"))
    values = {key: value for key, _, value in lines}
    if not values.get("host"):
        return None
    return JobPlace(values["host"], values.get("gpu", ""), values.get("job", ""))
