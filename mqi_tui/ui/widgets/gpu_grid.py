"""The GPU slots at a glance: each free, or with its beam and how far that is; and what its device says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuReading
from mqi_tui.domain.records import BeamRecord, GpuRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.marks import mark_of
from mqi_tui.ui.measured import NO_READING, placed_reading_text, reading_text
from mqi_tui.ui.text import cut, fit, fit_middle, fit_right, percent
from mqi_tui.ui.tones import TONE_CLASSES, Line, Part, Tone, paint

_MIN_CELL_WIDTH = 24
_MAX_ACROSS = 4
_PLACED_CELL_WIDTH = 36
"""Room for a place and the most important of a reading."""
_PLACED_ACROSS = 3


_Row = Sequence[Callable[[int], Line]]
"""The cells of one line of the grid; each takes its width."""


class GpuGrid(ScrollView, can_focus=False):
    """Slots in reading order, as many across as fit; scrolls when there are more than fit.

    On a wide screen each has a second line with the place of its job and the reading of its device, once there are
    any; devices of which it is not known who computes on them follow by themselves.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.LOG)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG,)
    HELP = N_(
        "The GPU slots: each is free, or has its beam and how far that is. On a wide screen the devices and their load "
        "are below."
    )

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._gpus: Sequence[GpuRecord] = ()
        self._beams: Mapping[int, BeamRecord | None] = {}
        self._readings: Sequence[GpuReading] = ()
        self._places: Mapping[int, JobPlace] = {}
        self._rows: Sequence[_Row] = ()

    def show(self, snapshot: EngineSnapshot) -> None:
        gpus, readings = snapshot.gpus, snapshot.readings
        beams = {gpu.gpu_id: snapshot.beam(gpu.beam_id) for gpu in gpus if gpu.beam_id is not None}
        places = _telling_places(snapshot)
        if (gpus, beams, readings, places) == (self._gpus, self._beams, self._readings, self._places):
            return
        self._gpus, self._beams, self._readings, self._places = gpus, beams, readings, places
        busy = sum(gpu.beam_id is not None for gpu in gpus)
        title = _("GPU slots · {busy} of {count} busy").format(busy=busy, count=len(gpus))
        self.border_title = Content(title if readings else f"{title} · {_(NO_READING)}")
        self._measure()
        self.refresh()

    def on_resize(self) -> None:
        self._measure()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        row = self._rows[number] if number < len(self._rows) else ()
        cell_width = (width - 1) // self._across(width)
        line: list[Part] = [(" ", Tone.NORMAL)]
        for cell in row:
            line.extend(cell(cell_width))
        return paint(self, line, width)

    def _all_rows(self, across: int) -> Iterator[_Row]:
        slots = {gpu.gpu_id for gpu in self._gpus}
        by_slot = {one.slot: one for one in self._readings if one.slot in slots}
        others = [one for one in self._readings if one.slot not in slots]
        # A narrow screen has no room for more than the slots.
        is_wide = not self.screen.has_class("-narrow")
        for first in range(0, len(self._gpus), across):
            gpus = self._gpus[first : first + across]
            yield [partial(self._slot_cell, gpu) for gpu in gpus]
            devices = [(gpu, by_slot.get(gpu.gpu_id)) for gpu in gpus]
            if is_wide and (by_slot or self._places) and any(self._has_device(*one) for one in devices):
                yield [partial(self._device_of_slot_cell, gpu, reading) for gpu, reading in devices]
        if is_wide:
            for first in range(0, len(others), across):
                yield [partial(_device_cell, one) for one in others[first : first + across]]

    def _slot_cell(self, gpu: GpuRecord, width: int) -> Line:
        number = (fit_right(str(gpu.gpu_id), 2) + " ", Tone.STRONG)
        if gpu.beam_id is None:
            return [number, (fit(f"○ {_('free')}", width - 3), Tone.MUTED)]
        beam = self._beams.get(gpu.gpu_id)
        if beam is None:
            return [number, (fit("? " + gpu.beam_id, width - 3), Tone.WARNING)]
        mark = mark_of(beam)
        return [
            number,
            (f"{mark.glyph} ", mark.tone),
            (fit_middle(beam.beam_id, width - 12), Tone.NORMAL),
            (fit_right(percent(beam.progress), 5) + "  ", mark.tone),
        ]

    def _has_device(self, gpu: GpuRecord, reading: GpuReading | None) -> bool:
        # Where a scheduler chooses the device, a free slot has none.
        return not self._places or gpu.beam_id is not None or reading is not None

    def _device_of_slot_cell(self, gpu: GpuRecord, reading: GpuReading | None, width: int) -> Line:
        if not self._has_device(gpu, reading):
            return [(" " * width, Tone.NORMAL)]
        text = placed_reading_text(self._places.get(gpu.gpu_id), reading, width - 4)
        return [("   ", Tone.NORMAL), (fit(text, width - 3), Tone.MUTED)]

    def _across(self, width: int) -> int:
        if self._places and width > _PLACED_ACROSS * _PLACED_CELL_WIDTH:
            return _PLACED_ACROSS
        return min(max((width - 1) // _MIN_CELL_WIDTH, 1), _MAX_ACROSS)

    def _measure(self) -> None:
        self._rows = list(self._all_rows(self._across(self.size.width)))
        self.virtual_size = Size(0, len(self._rows))
        # A pane without anything to scroll is no stop for the tab key.
        self.can_focus = len(self._rows) > self.size.height > 0


def _telling_places(snapshot: EngineSnapshot) -> Mapping[int, JobPlace]:
    """By slot, the places that say more than the slot does; where we choose the device, that is the slot's own."""
    places = {
        gpu.gpu_id: place
        for gpu in snapshot.gpus
        if gpu.beam_id is not None and (place := snapshot.places.get(gpu.beam_id)) is not None
    }
    return {slot: place for slot, place in places.items() if place.job_id or place.gpu_index not in {slot, None}}


def _device_cell(reading: GpuReading, width: int) -> Line:
    name = cut(f"{reading.host} GPU {reading.index}".strip(), width - 1) + " "
    rest = width - cell_len(name)
    return [(name, Tone.STRONG), (fit(reading_text(reading, rest - 1), rest), Tone.MUTED)]
