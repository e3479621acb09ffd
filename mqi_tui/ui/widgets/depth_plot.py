"""Depth-dose curves with axes. Imported late, when there is one: what draws them takes half a second to import."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Grid
from textual.strip import Strip
from textual_hires_canvas import Canvas, HiResMode
from textual_plot import NumericAxisFormatter, PlotWidget
from textual_plot.plot_widget import Legend, ScatterPlot

from mqi_tui.ui.case_curves import LetteredCurve
from mqi_tui.ui.dose_words import PEAK, R50, R80
from mqi_tui.ui.tones import TONE_CLASSES, Tone

_LABEL_WIDTH = 8
_X_NUMBERS_APART, _Y_NUMBERS_APART = 5, 2
_TRACE = 0.005
"""Less of the peak than this is no dot above the axis."""
_BEYOND = 1.15
"""How much of the depth behind the last dose is drawn."""
_LETTERS = 4
"""How often its letter stands on each curve."""

Marks = tuple[float, float | None, float | None]
"""The depths (mm) of the peak, of 80 % and of 50 % of it; each is drawn at its height."""


class _Numbers(NumericAxisFormatter):
    """As many numbers as there is room for.

    The plot writes a label over the one before it, and cuts one that is too long: what is seen is another number then.
    """

    def __init__(self, length: Callable[[], int], apart: int) -> None:
        """`length`: of the axis, and `apart` from one number to the next, in cells."""
        self._length = length
        self._apart = apart

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        ticks = super().get_ticks(min_, max_, max_ticks)
        if len(ticks) < 2 or not self._length():
            return ticks
        cells = (ticks[1] - ticks[0]) / (max_ - min_) * self._length()
        return ticks[:: math.ceil(self._apart / cells)]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [f"{tick:.4g}" for tick in ticks]


class _StyledCanvas(Canvas):
    """Every cell has a style: Textual's filter for NO_COLOR ends the program at one that has none."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        return Strip([Segment(text, style or self.rich_style) for text, style, _ in strip], strip.cell_length)


class _DepthAxes(PlotWidget, can_focus=False):
    """Curves over the depth in mm, from 0 on both axes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*PlotWidget.COMPONENT_CLASSES, *TONE_CLASSES}

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, allow_pan_and_zoom=False)
        self.set_x_formatter(_Numbers(lambda: self._scale_rectangle.width, _X_NUMBERS_APART))
        self.set_y_formatter(_Numbers(lambda: self._scale_rectangle.height, _Y_NUMBERS_APART))
        self._draw_again: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        """The parts of a PlotWidget, with canvases of our own."""
        with Grid():
            for part in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield _StyledCanvas(1, 1, id=part)
        yield Legend(id="legend")

    def on_mount(self) -> None:
        self.margin_top, self.margin_bottom, self.margin_left = 1, 1, _LABEL_WIDTH + 2
        super().on_mount()
        # What is drawn holds its colours, and knows nothing of a theme.
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_again())

    def _begin(self, deepest_mm: float, highest: float, unit: str) -> None:
        """Axes for curves up to that depth and that dose, without any."""
        self.clear()
        self.set_xlimits(0.0, deepest_mm)
        self.set_ylimits(0.0, highest * 1.05)
        self.set_ylabel(unit)

    def _line(self, depth_mm: Sequence[float], dose: Sequence[float], tone: Tone) -> None:
        self.plot(depth_mm, dose, line_style=self._style(tone), hires_mode=HiResMode.BRAILLE)

    def _render_y_label(self) -> None:
        """The plot writes a new unit over the old one, which may be longer."""
        self.query_one("#margin-top", Canvas).reset()
        super()._render_y_label()

    def _style(self, tone: Tone) -> str:
        colour = self.get_component_rich_style(tone.component, partial=True).color
        return str(Style(color=colour))


class DepthPlot(_DepthAxes):
    """Draws one curve and the depths that are marked on it."""

    def show(
        self,
        depth_mm: Sequence[float],
        dose: Sequence[float],
        unit: str,
        marks: Marks,
    ) -> None:
        """The dose at each depth (mm); `marks` are each drawn at their height."""
        self._draw_again = lambda: self.show(depth_mm, dose, unit, marks)
        peak = max(dose)
        step = depth_mm[1] - depth_mm[0] if len(depth_mm) > 1 else 2 * depth_mm[0]
        self._begin(depth_mm[-1] + step / 2, peak, unit)
        self._line(depth_mm, dose, Tone.ACTIVE)
        for depth, share, sign in zip(marks, (1.0, 0.8, 0.5), (PEAK, R80, R50), strict=True):
            if depth is not None:
                tone = Tone.GOOD if sign == PEAK else Tone.WARNING
                self.scatter([depth], [share * peak], marker=sign, marker_style=self._style(tone))


class OverlaidPlot(_DepthAxes):
    """Draws several curves, each with its letter on it at places of its own: colour only helps."""

    def show(self, curves: Sequence[LetteredCurve], unit: str) -> None:
        """At least one curve. The axis of depths ends a little behind the last dose that is to be seen."""
        self._draw_again = lambda: self.show(curves, unit)
        ends = [_end_of_dose(curve) for curve in curves]
        scored = max(curve.depth_mm[-1] for curve in curves)
        self._begin(min(max(ends) * _BEYOND, scored), max(max(curve.dose) for curve in curves), unit)
        for curve in curves:
            self._line(curve.depth_mm, curve.dose, curve.tone)
        # After all lines, so that none runs through a letter.
        for place, (curve, end) in enumerate(zip(curves, ends, strict=True)):
            shift = (place + 0.5) / len(curves)
            depths = [end * (number + shift) / _LETTERS for number in range(_LETTERS)]
            doses = np.interp(depths, curve.depth_mm, curve.dose)
            self.scatter(depths, doses, marker=curve.letter, marker_style=self._style(curve.tone))

    def _render_scatter_plot(self, dataset: ScatterPlot) -> None:
        """A letter may have a number behind it, and a cell holds one character."""
        canvas = self.query_one("#plot", Canvas)
        for depth, dose in zip(dataset.x, dataset.y, strict=True):
            x, y = self.get_pixel_from_coordinate(depth, dose)
            for number, character in enumerate(dataset.marker):
                canvas.set_pixel(x + number, y, char=character, style=dataset.marker_style)


def _end_of_dose(curve: LetteredCurve) -> float:
    """The largest depth at which there is more than a trace of the curve's own peak."""
    dose = np.asarray(curve.dose)
    return curve.depth_mm[int(np.flatnonzero(dose >= _TRACE * dose.max())[-1])]
