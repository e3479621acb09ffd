"""The dose of a beam: depth-dose curves beside its planes, one thing at a time where there is little room."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.worker import Worker

from mqi_tui.domain.errors import MqiError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.moqui.dose_planes import DosePlane, PlaneKind, Voxel
from mqi_tui.ui.actions import Actions, Scope, bindings_of
from mqi_tui.ui.dose_words import (
    NOT_FOR_DIAGNOSIS,
    facts_line,
    maximum_line,
    no_dose_page,
    notice_of,
    ranges_line,
    reading_line,
)
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.pages import paragraph
from mqi_tui.ui.text import cut, one_line
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.ui.widgets.one_line import OneLine
from mqi_tui.ui.widgets.page_view import PageView
from mqi_tui.ui.widgets.plane_view import PlaneView
from mqi_tui.workflow.inspection import BeamDose, BeamInspector, NoDose

if TYPE_CHECKING:
    from mqi_tui.ui.widgets.depth_plot import DepthPlot

log = logging.getLogger(__name__)

_WIDE, _VERY_WIDE = 110, 160
"""Columns from which curves and a plane, or curves and all planes, stand side by side."""


class Curve(StrEnum):
    INTEGRAL = "integral"
    AXIS = "axis"


class TextLine(OneLine):
    """Shows the line that it is given."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._line: Line = ()

    def show(self, line: Line) -> None:
        if line != self._line:
            self._line = line
            self.refresh()

    def line(self, width: int) -> Line:
        """The first part, and those after it as long as they fit whole: a number that is cut is another number."""
        shown: list[Part] = []
        for text, tone in self._line:
            room = width - sum(cell_len(part) for part, _ in shown)
            if shown and cell_len(text) > room:
                break
            shown.append((cut(text, room) if cell_len(text) > room else text, tone))
        return shown


class CurveBox(Container):
    """A curve under its name and the depths that are marked on it."""


class DosePane(Container, can_focus=True):
    """Give it the beam's dose with `show`; it reads the planes that it needs by itself, the latest wish first."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.DOSE)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.DOSE,)
    HELP = N_("The dose of the beam: depth-dose curves and three planes through one cursor. Not for diagnosis.")

    def __init__(self, inspector: BeamInspector, actions: Actions, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._inspector = inspector
        self._actions = actions
        self._dose: BeamDose | None = None
        self._voxel: Voxel = (0, 0, 0)
        self._planes: dict[PlaneKind, DosePlane] = {}
        self._kind = PlaneKind.CORONAL
        self._curve = Curve.INTEGRAL
        self._is_on_curves = True
        self._trouble = ""
        self._reader: Worker[None] | None = None
        self._beginner: Worker[None] | None = None
        self._plots: Mapping[Curve, DepthPlot] = {}
        """What the curves are drawn in; empty until there was a dose."""
        self._page = PageView(id="no-dose")
        self._pictures = Container(id="pictures")
        self._curve_boxes = Container(id="curves")
        self._notice = TextLine(id="dose-notice")
        self._boxes = {curve: CurveBox(id=f"{curve}-box") for curve in Curve}
        self._ranges = {curve: TextLine(id=f"{curve}-ranges") for curve in Curve}
        self._views = {kind: PlaneView(kind, id=kind.value) for kind in PlaneKind}
        self._reading = TextLine(id="reading")
        self._facts = TextLine(id="facts")

    def compose(self) -> ComposeResult:
        yield self._notice
        yield self._page
        with self._pictures:
            with self._curve_boxes:
                for curve, box in self._boxes.items():
                    with box:
                        yield self._ranges[curve]
            yield from self._views.values()
        yield self._reading
        yield self._facts

    def on_mount(self) -> None:
        self._boxes[Curve.INTEGRAL].border_title = Content(_("Depth dose, laterally integrated: Gy·mm² over mm"))
        self._boxes[Curve.AXIS].border_title = Content(_("Depth dose along z through the maximum: Gy over mm"))
        self._facts.show([(f" {_(NOT_FOR_DIAGNOSIS)}", Tone.WARNING)])
        self._page.show(lambda width: paragraph(_("Reading the dose …"), Tone.MUTED, width))
        self._arrange()

    def on_resize(self, _resize: Resize) -> None:
        self._arrange()

    def show_trouble(self, trouble: str) -> None:
        """The dose cannot be read, and why."""
        self._forget()
        self._page.show(lambda width: paragraph(trouble, Tone.BAD, width))
        self._arrange()

    def show(self, beam: BeamRecord, found: BeamDose | NoDose) -> None:
        """Show this dose, or say why there is none."""
        if isinstance(found, NoDose):
            self._forget()
            self._page.show(lambda width: no_dose_page(beam, found, width, actions=self._actions))
            self._arrange()
            return
        notice = notice_of(beam, found, self._actions)
        self._notice.show([(f" ! {notice}", Tone.WARNING)] if notice else [])
        self._notice.display = bool(notice)
        if self._dose is None or (found.path, found.stamp, found.attempt) != self._identity(self._dose):
            self._planes.clear()
            self._trouble = ""
            self._dose, self._voxel = found, found.summary.maximum_index
            self._facts.show(facts_line(found))
            self._arrange()
            self._show_curves(found)
        self._show_planes()

    @on(PlaneView.Moved)
    def _follow_cursor(self, event: PlaneView.Moved) -> None:
        self._voxel = event.voxel
        self._trouble = ""
        self._show_planes()

    def action_show_transverse(self) -> None:
        self._show_kind(PlaneKind.TRANSVERSE)

    def action_show_coronal(self) -> None:
        self._show_kind(PlaneKind.CORONAL)

    def action_show_sagittal(self) -> None:
        self._show_kind(PlaneKind.SAGITTAL)

    def action_show_curves(self) -> None:
        """On a small screen, where they stand alone, the other curve if one is shown already."""
        if self._dose is None:
            return
        if self._is_on_curves and self._is_narrow:
            self._curve = Curve.AXIS if self._curve is Curve.INTEGRAL else Curve.INTEGRAL
        self._is_on_curves = True
        self._arrange()
        self.focus()

    def action_to_maximum(self) -> None:
        if self._dose is not None:
            self._voxel = self._dose.summary.maximum_index
            self._show_planes()

    def focus_picture(self) -> None:
        """Where there is room for a plane beside the curves, it takes the arrow keys."""
        if self._dose is None:
            self._page.focus()
        elif self._is_narrow and self._is_on_curves:
            self.focus()
        else:
            self._views[self._kind].focus()

    @property
    def _is_narrow(self) -> bool:
        return self.app.size.width < _WIDE

    @staticmethod
    def _identity(dose: BeamDose) -> tuple[object, ...]:
        return dose.path, dose.stamp, dose.attempt

    def _forget(self) -> None:
        self._dose = None
        self._planes.clear()
        self._notice.display = False
        self._facts.show([(f" {_(NOT_FOR_DIAGNOSIS)}", Tone.WARNING)])
        self._reading.show([])

    def _show_kind(self, kind: PlaneKind) -> None:
        if self._dose is None:
            return
        self._kind, self._is_on_curves = kind, False
        self._arrange()
        self._show_planes()
        self._views[kind].focus()

    def _arrange(self) -> None:
        """What is to be seen at this width."""
        width, has_dose, had_focus = self.app.size.width, self._dose is not None, self.has_focus_within
        self._page.display = not has_dose
        self._reading.display = has_dose
        self._pictures.display = has_dose
        alone = width < _WIDE
        curves_shown = not alone or self._is_on_curves
        self._curve_boxes.display = curves_shown
        for curve, box in self._boxes.items():
            box.display = not alone or curve is self._curve
        for kind, view in self._views.items():
            view.display = self._is_shown(kind)
        if has_dose:
            self._show_planes()
        focused = self.screen.focused
        # Whoever reads here goes on reading here, whatever took the place of what had the keys.
        if had_focus and (focused is None or not focused.display):
            self.focus_picture()

    def _is_shown(self, kind: PlaneKind) -> bool:
        width = self.app.size.width
        if width >= _VERY_WIDE:
            return True
        return kind is self._kind and (width >= _WIDE or not self._is_on_curves)

    def _show_curves(self, dose: BeamDose) -> None:
        if self._plots:
            self._draw_curves(dose)
        elif self._beginner is None or self._beginner.is_finished:
            # Not by the reading that brought the dose: the next one ends it.
            self._beginner = self.run_worker(self._begin_to_draw, group="curves", exit_on_error=False)

    async def _begin_to_draw(self) -> None:
        try:
            # It takes half a second to import, which only a person who looks at a dose should wait for.
            module = await asyncio.to_thread(importlib.import_module, "mqi_tui.ui.widgets.depth_plot")
            plots: Mapping[Curve, DepthPlot] = {curve: module.DepthPlot(id=f"{curve}-plot") for curve in Curve}
            for curve, plot in plots.items():
                await self._boxes[curve].mount(plot)
            self._plots = plots
            if self._dose is not None:
                self._draw_curves(self._dose)
        except Exception as error:
            log.exception("defect in drawing the curves")
            self.show_trouble(f"{type(error).__name__}: {error}")

    def _draw_curves(self, dose: BeamDose) -> None:
        depth, axis = dose.summary.depth_dose, dose.axis
        marks = dose.summary.peak_depth_mm, dose.summary.r80_mm, dose.summary.r50_mm
        self._draw(Curve.INTEGRAL, depth.depth_mm, depth.integral_gy_mm2, "Gy·mm²", marks)
        self._draw(Curve.AXIS, axis.depth_mm, axis.dose_gy, "Gy", (axis.peak_mm, axis.r80_mm, axis.r50_mm))

    def _draw(
        self,
        curve: Curve,
        depth_mm: Sequence[float],
        dose: Sequence[float],
        unit: str,
        marks: tuple[float, float | None, float | None],
    ) -> None:
        self._plots[curve].show(depth_mm, dose, unit, marks)
        self._ranges[curve].show([(" ", Tone.NORMAL), *ranges_line(*marks)])

    def _show_planes(self) -> None:
        dose = self._dose
        if dose is None:
            return
        self._refresh_views(dose)
        if self._missing() is not None and (self._reader is None or self._reader.is_finished):
            self._reader = self.run_worker(self._read_planes(), group="planes", exit_on_error=False)

    def _show_reading(self, dose: BeamDose) -> None:
        if self._trouble:
            self._reading.show([(f" ! {one_line(self._trouble)}", Tone.BAD)])
            return
        if any(self._is_shown(kind) for kind in PlaneKind):
            self._reading.show(reading_line(dose, self._voxel, self._dose_at_cursor()))
        else:
            self._reading.show(maximum_line(dose))

    def _dose_at_cursor(self) -> float | None:
        """Gy, from any plane that goes through the cursor; None while none of them is read."""
        for kind, plane in self._planes.items():
            if plane.index == self._voxel[kind.normal]:
                row, column = (self._voxel[axis] for axis in kind.axes)
                return float(plane.dose_gy[row, column])
        return None

    def _missing(self) -> tuple[PlaneKind, int] | None:
        """A plane that is shown and not read, the one that the reader works in first."""
        for kind in sorted(PlaneKind, key=lambda kind: kind is not self._kind):
            plane, index = self._planes.get(kind), self._voxel[kind.normal]
            if self._is_shown(kind) and (plane is None or plane.index != index):
                return kind, index
        return None

    async def _read_planes(self) -> None:
        """Read until all that is shown is there; what was passed over meanwhile is never read."""
        while (dose := self._dose) is not None and (missing := self._missing()) is not None:
            try:
                plane = await self._inspector.plane(dose, *missing)
            except MqiError as error:
                self._give_up(dose, str(error))
                return
            except Exception as error:
                log.exception("defect in reading a plane of %s", dose.path)
                self._give_up(dose, f"{type(error).__name__}: {error}")
                return
            if dose is self._dose:
                self._planes[plane.kind] = plane
                self._refresh_views(dose)

    def _give_up(self, dose: BeamDose, trouble: str) -> None:
        if dose is self._dose:
            self._trouble = trouble
            self._show_reading(dose)

    def _refresh_views(self, dose: BeamDose) -> None:
        for kind, view in self._views.items():
            view.show(dose, self._planes.get(kind), self._voxel)
        self._show_reading(dose)
