"""The file in which a job writes down where it computes, in its claim."""

from __future__ import annotations

from mqi_tui.domain.job_place import JobPlace

PLACE_NAME = "place"
"""In the claim folder: `host=`, `gpu=` and `job=` lines."""
MAX_PLACE_BYTES = 4096


def parse_place(content: bytes) -> JobPlace | None:
    """None for a file that is not there yet or says no host."""
    lines = (line.partition("=") for line in content.decode(errors="replace").split("\n"))
    values = {key: value for key, _, value in lines}
    if not values.get("host"):
        return None
    return JobPlace(values["host"], values.get("gpu", ""), values.get("job", ""))
