"""The depth doses of a case's beams in one plot, under a legend that also says of which beams there is none."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import Worker

from mqi_tui.ui.actions import Scope
from mqi_tui.ui.case_beams import NONE_YET, CaseBeamRow
from mqi_tui.ui.case_curves import CurveScale, LetteredCurve, curves_of
from mqi_tui.ui.dose_words import NOT_FOR_DIAGNOSIS
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.text import cut_middle
from mqi_tui.ui.tones import TONE_CLASSES, Line, Part, Tone, paint

if TYPE_CHECKING:
    from mqi_tui.ui.widgets.depth_plot import OverlaidPlot

_LONGEST_NAME = 24
_GAP = "   "


class CurveLegend(Widget):
    """As many lines as its entries need; an entry is never broken."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: Sequence[Part] = ()

    def show(self, entries: Sequence[Part]) -> None:
        if entries != self._entries:
            self._entries = entries
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return len(self._lines(width))

    def render_line(self, y: int) -> Strip:
        lines = self._lines(self.size.width)
        return paint(self, lines[y] if y < len(lines) else [], self.size.width)

    def _lines(self, width: int) -> list[Line]:
        lines: list[list[Part]] = [[]]
        room = width
        for text, tone in self._entries:
            needed = cell_len(text) + len(_GAP)
            if needed > room and lines[-1]:
                lines.append([])
                room = width
            lines[-1] += [(" " + text, tone), (_GAP[1:], Tone.NORMAL)]
            room -= needed
        return [*lines]


class DepthDoses(Container, can_focus=True):
    scopes: ClassVar[tuple[Scope, ...]] = ()
    HELP = N_(
        "The depth doses of all beams with a verified dose. Each curve bears the letter of its beam; the legend names "
        "them, and the beams that have no curve. Not for diagnosis."
    )

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: Sequence[CaseBeamRow] = ()
        self._scale = CurveScale.INTEGRAL
        self._title = ""
        self._plot: OverlaidPlot | None = None
        self._beginner: Worker[None] | None = None
        self._drawn: Sequence[LetteredCurve] = ()
        self._legend = CurveLegend(id="curve-legend")

    def compose(self) -> ComposeResult:
        yield self._legend

    def show(self, rows: Sequence[CaseBeamRow]) -> None:
        """Show the doses that are known; repaints only what has changed. Draws nothing while nobody sees it."""
        self._rows = rows
        curves = curves_of(rows, self._scale)
        self._show_title()
        self._legend.show(_legend(rows, curves))
        if self._plot is not None:
            self._draw(self._plot, curves)
        elif curves and self.display and (self._beginner is None or self._beginner.is_finished):
            self._beginner = self.run_worker(self._begin_to_draw, group="plot", exit_on_error=False)

    def _show_title(self) -> None:
        """Set only when it changes, for that paints everything anew."""
        title = _("Depth doses: {what} · {warning}").format(what=_(self._scale.value), warning=_(NOT_FOR_DIAGNOSIS))
        if title != self._title:
            self._title = title
            self.border_title = Content(title)

    def change_scale(self) -> None:
        self._scale = self._scale.following
        self.show(self._rows)

    async def _begin_to_draw(self) -> None:
        # It takes half a second to import, which only a person who looks at a dose should wait for.
        module = await asyncio.to_thread(importlib.import_module, "mqi_tui.ui.widgets.depth_plot")
        plot: OverlaidPlot = module.OverlaidPlot(id="case-plot")
        await self.mount(plot)
        self._plot = plot
        self._draw(plot, curves_of(self._rows, self._scale))

    def _draw(self, plot: OverlaidPlot, curves: Sequence[LetteredCurve]) -> None:
        plot.display = bool(curves)
        if curves and curves != self._drawn:
            plot.show(curves, self._scale.unit)
        self._drawn = curves


def _legend(rows: Sequence[CaseBeamRow], curves: Sequence[LetteredCurve]) -> list[Part]:
    entries = [(f"{curve.letter} {cut_middle(curve.name, _LONGEST_NAME)}", curve.tone) for curve in curves]
    without = [f"{row.letter} {_(row.beam.word)}{_dose_words(row)}" for row in rows if row.dose is None]
    if without:
        without[0] = _("no curve: {beam}").format(beam=without[0])
        entries += [(text, Tone.MUTED) for text in without]
    return entries


def _dose_words(row: CaseBeamRow) -> str:
    """What is to say of the dose beyond the state of the beam: nothing, as long as none is to be expected."""
    return "" if row.dose_word == NONE_YET else " " + _("(dose {state})").format(state=_(row.dose_word))
