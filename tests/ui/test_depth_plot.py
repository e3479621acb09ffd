"""The axes of the depth-dose plots: every number on them is true, whatever room there is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual_hires_canvas import Canvas

from mqi_tui.ui.widgets.depth_plot import DepthPlot
from tests.support.screens import lines_of

DEEPEST_MM = 350.0


class PlotApp(App[None]):
    CSS = "DepthPlot { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield DepthPlot(id="the-plot")


@pytest.mark.parametrize("height", [6, 9, 14, 25])
@pytest.mark.parametrize("peak", [4.4e-05, 0.1287, 61.0])
async def test_the_numbers_at_the_axes_are_even_steps(height: int, peak: float) -> None:
    depth = np.arange(1.0, DEEPEST_MM, 2.0)
    dose = peak * np.exp(-(((depth - 150.0) / 60.0) ** 2))
    for width in (34, 90):
        async with PlotApp().run_test(size=(width, height)) as pilot:
            plot = pilot.app.query_one(DepthPlot)
            plot.show(depth.tolist(), dose.tolist(), "Gy", (150.0, None, None))
            await pilot.pause()
            heights = [float(line) for line in lines_of(plot.query_one("#margin-left", Canvas)) if line.strip()]
            (depths, *_) = (line.split() for line in lines_of(plot.query_one("#margin-bottom", Canvas)) if line.strip())
            for numbers, largest in ((heights[::-1], peak * 1.05), ([float(word) for word in depths], DEEPEST_MM)):
                assert numbers[0] == 0
                assert numbers[-1] <= largest
                steps = np.array([after - before for before, after in pairwise(numbers)])
                assert steps == pytest.approx(np.full(len(steps), numbers[-1] / max(len(steps), 1)), rel=1e-3)
