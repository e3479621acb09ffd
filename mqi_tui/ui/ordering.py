"""In which order cases and beams are shown."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.status import BeamStatus, CaseStatus


class Order(StrEnum):
    """The value is the word for it; rows that are equal in it stay in the order of their ids."""

    ID = "id"
    STATE = "state"
    """What needs a person first, what is finished last."""
    PROGRESS = "progress"
    """The furthest first."""
    AGE = "age"
    """The newest first."""

    @property
    def following(self) -> Order:
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


_BEAM_STATES = (
    BeamStatus.FAILED,
    BeamStatus.CANCELLING,
    BeamStatus.POSTPROCESSING,
    BeamStatus.DOWNLOADING,
    BeamStatus.HPC_RUNNING,
    BeamStatus.HPC_QUEUED,
    BeamStatus.UPLOADING,
    BeamStatus.PREPROCESSING,
    BeamStatus.INITIAL,
    BeamStatus.NEW,
    BeamStatus.CANCELLED,
    BeamStatus.COMPLETED,
)
_CASE_STATES = (
    CaseStatus.FAILED,
    CaseStatus.PARTLY_FAILED,
    CaseStatus.PROCESSING,
    CaseStatus.PARTLY_COMPLETED,
    CaseStatus.READY,
    CaseStatus.CANCELLED,
    CaseStatus.COMPLETED,
)


def ordered_beams(beams: Sequence[BeamRecord], order: Order) -> Sequence[BeamRecord]:
    """`beams`, which are in the order of their ids, in `order`."""
    match order:
        case Order.STATE:
            return sorted(beams, key=lambda beam: (_BEAM_STATES.index(beam.status), beam.job_waits))
        case Order.PROGRESS:
            return sorted(beams, key=lambda beam: -beam.progress)
        case Order.AGE:
            return sorted(beams, key=lambda beam: beam.created_at, reverse=True)
        case _:
            return beams


def ordered_cases(cases: Sequence[CaseView], order: Order) -> Sequence[CaseView]:
    """`cases`, which are in the order of their ids, in `order`."""
    match order:
        case Order.STATE:
            return sorted(cases, key=lambda case: _CASE_STATES.index(case.status))
        case Order.PROGRESS:
            return sorted(cases, key=lambda case: -sum(beam.progress for beam in case.beams) / max(len(case.beams), 1))
        case Order.AGE:
            return sorted(cases, key=lambda case: case.record.created_at, reverse=True)
        case _:
            return cases
