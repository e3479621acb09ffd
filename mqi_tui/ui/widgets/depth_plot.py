"""A depth-dose curve with axes. Imported late, by the dose pane: what draws the plot takes half a second to import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Grid
from textual.strip import Strip
from textual_hires_canvas import Canvas, HiResMode
from textual_plot import NumericAxisFormatter, PlotWidget
from textual_plot.plot_widget import Legend

from mqi_tui.ui.dose_words import PEAK, R50, R80
from mqi_tui.ui.tones import TONE_CLASSES, Tone

_LABEL_WIDTH = 8

Marks = tuple[float, float | None, float | None]
"""The depths (mm) of the peak, of 80 % and of 50 % of it; each is drawn at its height."""


class _ShortNumbers(NumericAxisFormatter):
    """The plot cuts a label that is too long, and a number that is cut is another number."""

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [f"{tick:.4g}" for tick in ticks]


class _StyledCanvas(Canvas):
    """Every cell has a style: Textual's filter for NO_COLOR ends the program at one that has none."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        return Strip([Segment(text, style or self.rich_style) for text, style, _ in strip], strip.cell_length)


class DepthPlot(PlotWidget, can_focus=False):
    """Draws one curve over the depth in mm, from 0 on both axes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*PlotWidget.COMPONENT_CLASSES, *TONE_CLASSES}

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, allow_pan_and_zoom=False)
        self.set_x_formatter(_ShortNumbers())
        self.set_y_formatter(_ShortNumbers())
        self._shown: tuple[Sequence[float], Sequence[float], str, Marks] | None = None

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

    def _draw_again(self) -> None:
        if self._shown is not None:
            self.show(*self._shown)

    def show(
        self,
        depth_mm: Sequence[float],
        dose: Sequence[float],
        unit: str,
        marks: Marks,
    ) -> None:
        """The dose at each depth (mm)."""
        self._shown = depth_mm, dose, unit, marks
        self.clear()
        peak = max(dose)
        step = depth_mm[1] - depth_mm[0] if len(depth_mm) > 1 else 2 * depth_mm[0]
        self.set_xlimits(0.0, depth_mm[-1] + step / 2)
        self.set_ylimits(0.0, peak * 1.05)
        self.set_ylabel(unit)
        self.plot(depth_mm, dose, line_style=self._style(Tone.ACTIVE), hires_mode=HiResMode.BRAILLE)
        for depth, share, sign in zip(marks, (1.0, 0.8, 0.5), (PEAK, R80, R50), strict=True):
            if depth is not None:
                tone = Tone.GOOD if sign == PEAK else Tone.WARNING
                self.scatter([depth], [share * peak], marker=sign, marker_style=self._style(tone))

    def _style(self, tone: Tone) -> str:
        colour = self.get_component_rich_style(tone.component, partial=True).color
        return str(Style(color=colour))
