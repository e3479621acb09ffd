"""What the reader chose to see: filter, order, and whether finished beams are hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.filtering import Filter
from mqi_tui.ui.language import _
from mqi_tui.ui.ordering import Order, ordered_beams, ordered_cases

FINISHED = frozenset({BeamStatus.COMPLETED, BeamStatus.CANCELLED})
"""Nothing is left to do with them; a failed beam is not finished, for it needs a person."""


@dataclass(frozen=True, slots=True)
class View:
    filter: Filter = field(default_factory=Filter)
    hides_finished: bool = False
    order: Order = Order.ID

    def cases_of(self, snapshot: EngineSnapshot) -> Sequence[tuple[CaseView, Sequence[BeamRecord]]]:
        """The cases to show, each with its beams to show, in order."""
        shown = ((case, self.beams_of(case)) for case in ordered_cases(snapshot.cases, self.order))
        return [(case, beams) for case, beams in shown if beams is not None]

    def beams_of(self, case: CaseView) -> Sequence[BeamRecord] | None:
        """The beams of the case to show, in order; None if the case is not shown."""
        beams: Sequence[BeamRecord] | None = self.filter.beams_of(case)
        if beams and self.hides_finished:
            beams = [beam for beam in beams if beam.status not in FINISHED] or None
        return None if beams is None else ordered_beams(beams, self.order)

    def words(self, snapshot: EngineSnapshot) -> str:
        """What a narrow title says of it: ` · 12 finished hidden · by state`."""
        words = ""
        if self.hides_finished:
            shown = [beam for case in snapshot.cases for beam in self.filter.beams_of(case) or ()]
            count = sum(beam.status in FINISHED for beam in shown)
            words = " · " + _("{count} finished hidden").format(count=count)
        return words + self.order_words

    @property
    def order_words(self) -> str:
        """` · by state`; nothing for the order of the ids."""
        return "" if self.order is Order.ID else " · " + _("by {order}").format(order=_(self.order.value))
