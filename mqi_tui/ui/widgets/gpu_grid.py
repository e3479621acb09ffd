"""The GPU slots at a glance: each free, or with the beam that holds it and how far that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mqi_tui.domain.records import BeamRecord, GpuRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.marks import BEAM_MARKS
from mqi_tui.ui.text import fit, fit_middle, fit_right, percent
from mqi_tui.ui.tones import TONE_CLASSES, Line, Part, Tone, paint

_MIN_CELL_WIDTH = 24
_MAX_ACROSS = 4


class GpuGrid(ScrollView, can_focus=False):
    """Slots in reading order, as many across as fit; scrolls when there are more than fit."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.LOG)

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._gpus: Sequence[GpuRecord] = ()
        self._beams: Mapping[int, BeamRecord | None] = {}

    def show(self, snapshot: EngineSnapshot) -> None:
        gpus = snapshot.gpus
        beams = {gpu.gpu_id: snapshot.beam(gpu.beam_id) for gpu in gpus if gpu.beam_id is not None}
        if gpus == self._gpus and beams == self._beams:
            return
        self._gpus, self._beams = gpus, beams
        busy = sum(gpu.beam_id is not None for gpu in gpus)
        self.border_title = Content(f"GPUs · {busy} of {len(gpus)} busy")
        self._measure()
        self.refresh()

    def on_resize(self) -> None:
        self._measure()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        across = self._across(width)
        first = (self.scroll_offset.y + y) * across
        cell_width = (width - 1) // across
        line: list[Part] = [(" ", Tone.NORMAL)]
        for gpu in self._gpus[first : first + across]:
            line.extend(self._cell(gpu, cell_width))
        return paint(self, line, width)

    def _cell(self, gpu: GpuRecord, width: int) -> Line:
        number = (fit_right(str(gpu.gpu_id), 2) + " ", Tone.STRONG)
        if gpu.beam_id is None:
            return [number, (fit("○ free", width - 3), Tone.MUTED)]
        beam = self._beams.get(gpu.gpu_id)
        if beam is None:
            return [number, (fit("? " + gpu.beam_id, width - 3), Tone.WARNING)]
        mark = BEAM_MARKS[beam.status]
        return [
            number,
            (f"{mark.glyph} ", mark.tone),
            (fit_middle(beam.beam_id, width - 12), Tone.NORMAL),
            (fit_right(percent(beam.progress), 5) + "  ", mark.tone),
        ]

    def _across(self, width: int) -> int:
        return min(max((width - 1) // _MIN_CELL_WIDTH, 1), _MAX_ACROSS)

    def _measure(self) -> None:
        line_count = -(-len(self._gpus) // self._across(self.size.width))
        self.virtual_size = Size(0, line_count)
        # A pane without anything to scroll is no stop for the tab key.
        self.can_focus = line_count > self.size.height > 0
