"""The GPU slots at a glance: each free, or with its beam and how far that is; and what its device says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.gpu_cells import DeviceCell, GpuCells, SlotCell
from mqi_tui.ui.language import N_
from mqi_tui.ui.tones import TONE_CLASSES, Line, Part, Tone, paint
from mqi_tui.ui.widgets.tips import Tips

_MIN_CELL_WIDTH = 24
_MAX_ACROSS = 4
_PLACED_CELL_WIDTH = 36
"""Room for a place and the most important of a reading."""
_PLACED_ACROSS = 3
_CURVES_CELL_WIDTHS = range(36, 91)
"""Room for a reading with its curves, and no more than they need."""


@dataclass(frozen=True, slots=True)
class _Painted:
    """One line of a cell, by the cell's width."""

    cell: SlotCell | DeviceCell
    line: Callable[[int], Line]


class GpuGrid(ScrollView, Tips, can_focus=False):
    """Slots in reading order, as many across as fit; scrolls when there are more than fit.

    On a wide screen each has a second line with the place of its job and the readings of its device, once there are
    any; devices of which it is not known who computes on them follow by themselves. Where all of them fit so, the
    cells are wide enough for curves of load and memory.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.LOG)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG,)
    HELP = N_(
        "The GPU slots: each is free, or has its beam and how far that is; a click goes there. A device that was read "
        "before and is gone is offline; one that is used without a beam of this program is in foreign use. On a wide "
        "screen load and memory of the devices are below, with curves of the latest readings where they fit."
    )

    @dataclass
    class BeamWanted(Message):
        """The reader wants to see the beam that holds a slot."""

        beam_id: str

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._cells = GpuCells()
        self._across = 1
        self._rows: Sequence[Sequence[_Painted]] = ()

    def show(self, snapshot: EngineSnapshot) -> None:
        cells = GpuCells.of(snapshot)
        if cells == self._cells:
            return
        if cells.title != self.border_title:
            self.border_title = Content(cells.title)
        self._cells = cells
        self._measure()
        self.refresh()
        self.renew_tip()

    def on_resize(self) -> None:
        self._measure()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        line: list[Part] = [(" ", Tone.NORMAL)]
        for painted in self._rows[number] if number < len(self._rows) else ():
            line.extend(painted.line(self._cell_width))
        return paint(self, line, width)

    def tip_at(self, x: int, y: int) -> str:
        cell = self._cell_at(x, y)
        return cell.tip if cell is not None else ""

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        cell = self._cell_at(offset.x, offset.y) if offset is not None else None
        if isinstance(cell, SlotCell) and cell.beam is not None:
            self.post_message(self.BeamWanted(cell.beam.beam_id))

    @property
    def _cell_width(self) -> int:
        return (self.scrollable_content_region.width - 1) // self._across

    def _cell_at(self, x: int, y: int) -> SlotCell | DeviceCell | None:
        number, column = self.scroll_offset.y + y, (x - 1) // max(self._cell_width, 1)
        row = self._rows[number] if number < len(self._rows) else ()
        return row[column].cell if 0 <= column < len(row) else None

    def _measure(self) -> None:
        self._across, self._rows = self._layout()
        self.virtual_size = Size(0, len(self._rows))
        # A pane without anything to scroll is no stop for the tab key.
        self.can_focus = len(self._rows) > self.size.height > 0

    def _layout(self) -> tuple[int, Sequence[Sequence[_Painted]]]:
        """How many cells across, and the rows: few wide cells with curves if that does not need scrolling."""
        width = self.size.width - 1
        most = min(max(width // _MIN_CELL_WIDTH, 1), _MAX_ACROSS)
        if self._cells.has_places and width >= _PLACED_ACROSS * _PLACED_CELL_WIDTH:
            most = _PLACED_ACROSS
        if not self._is_narrow and any(any(device.history) for device in self._cells.devices):
            for across in range(1, most):
                rows = list(self._rows_of(across))
                if width // across in _CURVES_CELL_WIDTHS and len(rows) <= self._most_lines:
                    return across, rows
        return most, list(self._rows_of(most))

    def _rows_of(self, across: int) -> Iterator[Sequence[_Painted]]:
        slots, others = self._cells.slots, self._cells.others
        for first in range(0, len(slots), across):
            cells = slots[first : first + across]
            has_devices = not self._is_narrow and any(cell.has_device for cell in cells)
            yield [_Painted(cell, partial(cell.slot_line, alone=not has_devices)) for cell in cells]
            if has_devices:
                yield [_Painted(cell, cell.device_line) for cell in cells]
        # A narrow screen has no room for more than the slots.
        if not self._is_narrow:
            for first in range(0, len(others), across):
                yield [_Painted(cell, cell.line) for cell in others[first : first + across]]

    @property
    def _is_narrow(self) -> bool:
        return self.screen.has_class("-narrow")

    @property
    def _most_lines(self) -> int:
        """The lines of cells for which there is room without scrolling."""
        limit = self.styles.max_height
        height = self.screen.size.height if limit is None else int(limit.resolve(self.screen.size, self.app.size))
        return height - self.gutter.height
