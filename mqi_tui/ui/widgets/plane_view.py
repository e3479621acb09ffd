"""One plane of a dose as a picture of half blocks, with scales in mm, a colour bar in Gy and a cursor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mqi_tui.moqui.dose_planes import DosePlane, PlaneKind, Voxel, counts
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.dose_words import centre_mm, is_upwards, plane_title
from mqi_tui.ui.heat import COLOURS, IS_LIGHT, LEVELS, Fit, levels, shade
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.text import fit, fit_right
from mqi_tui.ui.tones import TONE_CLASSES, Line, Tone, paint
from mqi_tui.workflow.inspection import BeamDose

_SCALE_WIDTH = 7
"""Of the position in mm at the left, with the sign of the cursor's line."""
_BAR_WIDTH = 14
"""Of the colour bar with its numbers, at most ` 2.51e-05 Gy`: one that was cut would be another number."""
_BAR_CELLS = 2
_UPPER = "▀"
_CURSOR = "╋"


@dataclass(frozen=True, slots=True)
class _Picture:
    """`levels` (height, width) of the pixels as they are shown: the first row at the top."""

    fit: Fit
    levels: NDArray[np.uint8]


class PlaneView(Widget, can_focus=True):
    """Shows the plane of its kind through a voxel; tells where the reader moves it, and moves when it is told."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.PLANE)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.PLANE, Scope.DOSE)
    HELP = N_(
        "A plane of the dose through the cursor ╋, from 0 to the maximum. What the cursor is on is said "
        "below; a click puts it there, and the wheel goes from plane to plane."
    )

    @dataclass
    class Moved(Message):
        """The reader has gone to another voxel."""

        voxel: Voxel

    def __init__(self, kind: PlaneKind, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.kind = kind
        self._dose: BeamDose | None = None
        self._plane: DosePlane | None = None
        self._voxel: Voxel = (0, 0, 0)
        self._picture: _Picture | None = None

    @property
    def is_current(self) -> bool:
        """The plane that is shown is the one through the voxel, not still the one before."""
        return self._plane is not None and self._plane.index == self._voxel[self.kind.normal]

    def show(self, dose: BeamDose, plane: DosePlane | None, voxel: Voxel) -> None:
        """`plane` is the latest that is read of this kind; it may be another than the voxel's for a moment."""
        if (dose, voxel) == (self._dose, self._voxel) and plane is self._plane:
            return
        is_other = plane is not self._plane
        self._dose, self._plane, self._voxel = dose, plane, voxel
        if is_other:
            self._make_picture()
        self._show_title()
        self.refresh()

    def on_resize(self) -> None:
        self._make_picture()
        self._show_title()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        picture = self._picture
        if self._dose is None or picture is None:
            return paint(self, [(" " + _("reading the plane"), Tone.MUTED)] if y == 0 else [], width)
        lines = picture.fit.height // 2
        if y == lines:
            return paint(self, self._column_scale(picture.fit, width), width)
        if y > lines or y >= height:
            return paint(self, [], width)
        base = self.rich_style
        scale = paint(self, self._row_scale(picture.fit, y), _SCALE_WIDTH)
        bar = Strip(self._bar(y, lines))
        gap = Strip([Segment(" ", base)])
        strip = Strip.join([scale, Strip(self._cells(picture, y)), gap, bar])
        return strip.adjust_cell_length(width, base)

    def action_cursor_up(self) -> None:
        self._move(row=1 if self._rows_grow_upwards else -1)

    def action_cursor_down(self) -> None:
        self._move(row=-1 if self._rows_grow_upwards else 1)

    def action_cursor_left(self) -> None:
        self._move(column=-1)

    def action_cursor_right(self) -> None:
        self._move(column=1)

    def action_slice_back(self) -> None:
        self._move(slices=-1)

    def action_slice_on(self) -> None:
        self._move(slices=1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.action_slice_back()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.action_slice_on()

    def on_click(self, event: Click) -> None:
        offset, picture, dose = event.get_content_offset(self), self._picture, self._dose
        if offset is None or picture is None or dose is None:
            return
        x, y = offset.x - _SCALE_WIDTH, offset.y * 2
        if not (0 <= x < picture.fit.width and 0 <= y < picture.fit.height):
            return
        row_axis, column_axis = self.kind.axes
        row = self._flipped(picture.fit.row_of(y))
        target = list(self._voxel)
        target[row_axis], target[column_axis] = row, picture.fit.column_of(x)
        self._go_to(target)

    @property
    def _rows_grow_upwards(self) -> bool:
        return self._dose is not None and is_upwards(self._dose, self.kind)

    def _flipped(self, row: int) -> int:
        """The row of voxels <-> its place from the top of the picture."""
        if self._dose is None or not self._rows_grow_upwards:
            return row
        return counts(self._dose.grid)[self.kind.axes[0]] - 1 - row

    def _move(self, row: int = 0, column: int = 0, slices: int = 0) -> None:
        row_axis, column_axis = self.kind.axes
        target = list(self._voxel)
        target[row_axis] += row
        target[column_axis] += column
        target[self.kind.normal] += slices
        self._go_to(target)

    def _go_to(self, target: list[int]) -> None:
        if self._dose is None:
            return
        x, y, z = (min(max(at, 0), count - 1) for at, count in zip(target, counts(self._dose.grid), strict=True))
        if (x, y, z) != self._voxel:
            self.post_message(self.Moved((x, y, z)))

    def _make_picture(self) -> None:
        dose, plane = self._dose, self._plane
        self._picture = None
        if dose is None or plane is None or self.size.height < 2:
            return
        row_axis, column_axis = self.kind.axes
        room = (self.size.height - 1) * 2, max(self.size.width - _SCALE_WIDTH - _BAR_WIDTH - 1, 1)
        voxel_mm = dose.grid.unit_mm[row_axis], dose.grid.unit_mm[column_axis]
        rows, columns = plane.dose_gy.shape
        fitted = Fit.into(room, (rows, columns), voxel_mm)
        values = plane.dose_gy[::-1] if self._rows_grow_upwards else plane.dose_gy
        # One scale for all planes: the same colour is the same dose.
        self._picture = _Picture(fitted, levels(fitted.pixels(values), dose.summary.maximum_gy))

    def _show_title(self) -> None:
        if self._dose is None:
            return
        title = plane_title(self._dose, self.kind, self._voxel[self.kind.normal])
        if not self.is_current:
            title += " · " + _("reading")
        elif self._picture is not None and (shape := self._picture.fit.voxels_per_pixel) != (1, 1):
            title += " · " + _("pixel: max of {voxels}").format(voxels=f"{shape[1]}×{shape[0]}")
        self.border_title = Content(title)

    @property
    def _cursor_cell(self) -> tuple[int, int]:
        """(line, column) in cells of the picture."""
        row_axis, column_axis = self.kind.axes
        assert self._picture is not None  # noqa: S101  (painted only with a picture)
        fitted = self._picture.fit
        return fitted.y_of(self._flipped(self._voxel[row_axis])) // 2, fitted.x_of(self._voxel[column_axis])

    def _cells(self, picture: _Picture, line: int) -> list[Segment]:
        upper, lower = picture.levels[2 * line].tolist(), picture.levels[2 * line + 1].tolist()
        cursor_line, cursor_column = self._cursor_cell
        cells: list[Segment] = []
        for column, (top, bottom) in enumerate(zip(upper, lower, strict=True)):
            if line == cursor_line and column == cursor_column:
                cells.append(
                    Segment(_CURSOR, _cursor_style(max(top, bottom)) if self._has_colours else self.rich_style)
                )
            elif self._has_colours:
                cells.append(Segment(_UPPER, _style(top, bottom)))
            else:
                cells.append(Segment(shade(max(top, bottom)), self.rich_style))
        return list(Segment.simplify(cells))

    def _row_scale(self, fitted: Fit, line: int) -> Line:
        assert self._dose is not None  # noqa: S101
        lines = fitted.height // 2
        is_cursor = line == self._cursor_cell[0]
        text = ""
        if line in {0, lines // 2, lines - 1}:
            row = self._flipped(fitted.row_of(2 * line if line < lines - 1 else fitted.height - 1))
            text = f"{centre_mm(self._dose, self.kind.axes[0], row):.0f}"
        return [
            (fit_right(text, _SCALE_WIDTH - 1), Tone.MUTED),
            ("►" if is_cursor else " ", Tone.ACCENT),
        ]

    def _column_scale(self, fitted: Fit, width: int) -> Line:
        """A sign under the cursor, and positions under the first, the last and the middle column as far as they fit."""
        assert self._dose is not None  # noqa: S101
        axis = self.kind.axes[1]
        at = _SCALE_WIDTH + self._cursor_cell[1]
        cells = [" "] * width
        cells[at : at + 1] = "▲"
        for column, unit in ((0, ""), (fitted.width - 1, " mm"), (fitted.width // 2, "")):
            text = f"{centre_mm(self._dose, axis, fitted.column_of(column)):.0f}"
            start = max(_SCALE_WIDTH + column - len(text) // 2, 0)
            end = start + len(text + unit)
            # A number that touched another, or lost a digit to the sign, would be read as a number that it is not.
            if end <= width and not "".join(cells[max(start - 1, 0) : end + 1]).strip():
                cells[start:end] = text + unit
        text = "".join(cells)
        return [(text[:at], Tone.MUTED), (text[at : at + 1], Tone.ACCENT), (text[at + 1 :], Tone.MUTED)]

    def _bar(self, line: int, lines: int) -> list[Segment]:
        assert self._dose is not None  # noqa: S101
        places = 2 * lines
        top, bottom = (LEVELS - 1 - (2 * line + half) * LEVELS // places for half in (0, 1))
        top, bottom = max(top, 0), max(bottom, 0)
        if self._has_colours:
            cell = Segment(_UPPER * _BAR_CELLS, _style(top, bottom))
        else:
            cell = Segment(shade(top) * _BAR_CELLS, self.rich_style)
        maximum = self._dose.summary.maximum_gy
        text = ""
        if line == 0:
            text = f" {maximum:.3g} Gy"
        elif line == lines - 1:
            text = " 0 Gy"
        elif lines >= 3 and line == lines // 2:
            # The value of this very line: its upper and lower halves meet in the middle.
            text = f" {maximum * (1 - (line + 0.5) / lines):.3g}"
        return [cell, Segment(fit(text, _BAR_WIDTH - _BAR_CELLS), self.rich_style)]

    @property
    def _has_colours(self) -> bool:
        return not self.app.no_color and self.app.console.color_system is not None


@cache
def _style(top: int, bottom: int) -> Style:
    """The upper half of a cell in the colour of one level, the lower half in that of another."""
    return Style(color=_colour(top), bgcolor=_colour(bottom))


@cache
def _cursor_style(level: int) -> Style:
    """Black on light colours, white on dark ones."""
    ink = Color.from_rgb(0, 0, 0) if IS_LIGHT[level] else Color.from_rgb(255, 255, 255)
    return Style(color=ink, bgcolor=_colour(level), bold=True)


@cache
def _colour(level: int) -> Color:
    return Color.from_rgb(*COLOURS[level])
