"""The priority of a beam: which of those that wait goes first."""

from __future__ import annotations

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus

LOWEST_PRIORITY, HIGHEST_PRIORITY = -9, 9

MOVABLE = frozenset(
    {
        BeamStatus.NEW,
        BeamStatus.INITIAL,
        BeamStatus.PREPROCESSING,
        BeamStatus.UPLOADING,
        BeamStatus.HPC_QUEUED,
        BeamStatus.DOWNLOADING,
        BeamStatus.POSTPROCESSING,
    }
)
"""The statuses in which a beam waits for something, or soon will, for which its priority counts."""


def why_not_movable(beam: BeamRecord) -> str:
    """Why the beam's priority cannot be changed now; empty if it can."""
    if beam.status in MOVABLE:
        return ""
    if beam.status is BeamStatus.HPC_RUNNING:
        return f"{beam.beam_id} is {beam.word}: it has its GPU slot, and a job that was handed to the HPC is not moved."
    return f"{beam.beam_id} is {beam.word}: it waits for nothing that a priority could bring forward."


def shown_priority(beam: BeamRecord) -> str:
    """`+2` where the beam's priority counts and is not 0, else empty."""
    return f"{beam.priority:+d}" if beam.priority and beam.status in MOVABLE else ""
