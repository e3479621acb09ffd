"""Depth-dose curves as SVG, to stand inside a page whose style sheet (page_style.py) colours them.

A curve is known by its letter, which stands on it and in the legend, and by its dashes; colour only helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mqi_tui.moqui.dose import DepthDose, DoseSummary, distal_depth_mm
from mqi_tui.workflow.report.markup import Markup, escaped, joined, shortened
from mqi_tui.workflow.report.scale import Axis, ticks

COLOURS = 5
"""How many classes `curve-N` the style sheet has."""

_DASHES = ("", "9 4", "2 3", "12 3 2 3", "5 3")
_LETTER_LEVELS = (0.74, 0.60, 0.46, 0.32, 0.18)
"""Parts of the peak at which curves have their letters: different ones, since beams of a plan often have one range."""
_LEGEND_CELLS = 20
_MARK_WORDS = 110
"""Pixels for the words of a mark at the very end of a plot."""
_VISIBLE = 0.005
"""Less of the peak than this is no pixel above the axis."""
_BEYOND = 1.15
"""How much of the depth behind the last dose is drawn."""
_LEGEND_STEP = 22
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class NamedCurve:
    letter: str
    name: str
    curve: DepthDose


@dataclass(frozen=True, slots=True)
class _Frame:
    """A picture and its axes, in pixels."""

    width: int
    height: int
    x: Axis
    y: Axis
    scored_mm: float
    """The deepest voxel centre of all curves; `x` may end before it."""

    @classmethod
    def of(cls, size: tuple[int, int], right: int, curves: Sequence[DepthDose], y_end: float) -> _Frame:
        """`right` pixels beside the plot are left free."""
        width, height = size
        scored = max(curve.depth_mm[-1] for curve in curves)
        drawn = min(max(map(_end_of_dose, curves)) * _BEYOND, scored)
        return cls(width, height, Axis(drawn, 62, width - right), Axis(y_end, height - 46, 24), scored)

    def axes(self, y_ticks: Sequence[tuple[float, str]], y_title: str) -> Markup:
        left, right, bottom, top = self.x.first, self.x.last, self.y.first, self.y.last
        parts = [
            f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{self.y.at(value):.1f}" '
            f'y2="{self.y.at(value):.1f}"/><text class="tick" text-anchor="end" x="{left - 7:.1f}" '
            f'y="{self.y.at(value) + 4:.1f}">{escaped(label)}</text>'
            for value, label in y_ticks
        ]
        parts += [
            f'<line class="axis" x1="{self.x.at(value):.1f}" x2="{self.x.at(value):.1f}" y1="{bottom:.1f}" '
            f'y2="{bottom + 5:.1f}"/><text class="tick" text-anchor="middle" x="{self.x.at(value):.1f}" '
            f'y="{bottom + 18:.1f}">{value:g}</text>'
            for value in ticks(self.x.end, 9)
        ]
        parts.append(
            f'<path class="axis" d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}"/>'
            f'<text class="title" text-anchor="middle" x="{(left + right) / 2:.1f}" y="{self.height - 8}">'
            f"depth in mm; scored down to {self.scored_mm:g} mm</text>"
            f'<text class="title" x="4" y="13">{escaped(y_title)}</text>'
        )
        return Markup("\n".join(parts))

    def line(self, curve: DepthDose, factor: float, style: int) -> Markup:
        points = " ".join(
            f"{self.x.at(depth):.2f},{self.y.at(dose * factor):.2f}"
            for depth, dose in zip(curve.depth_mm, curve.integral_gy_mm2, strict=True)
            if depth <= self.x.end
        )
        return Markup(f'<polyline class="curve {_class(style)}"{_dashes(style)} points="{points}"/>')

    def whole(self, title: str, parts: Sequence[Markup]) -> Markup:
        return Markup(
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}">\n<title>{escaped(title)}</title>\n'
            f"{joined(parts)}\n</svg>"
        )


def overlaid_curves(curves: Sequence[NamedCurve]) -> Markup:
    """All curves (at least one), each in % of its own maximum: how much dose a beam gives, they do not compare."""
    height = max(400, 70 + _LEGEND_STEP * len(curves))
    frame = _Frame.of((860, height), 236, [named.curve for named in curves], 100.0)
    y_ticks = [(value, f"{value:g}") for value in ticks(100.0, 5)]
    parts = [frame.axes(y_ticks, "depth dose in % of each beam's own maximum")]
    for style, named in enumerate(curves):
        parts.append(frame.line(named.curve, 100.0 / max(named.curve.integral_gy_mm2), style))
    # After all lines, so that none runs through a letter.
    for style, named in enumerate(curves):
        parts += [_letter_on_curve(frame, style, named), _legend_line(frame, style, named)]
    return frame.whole("Depth-dose curves of all beams with a verified dose", parts)


def marked_curve(name: str, dose: DoseSummary) -> Markup:
    """One curve in Gy·mm² with its peak, R80 and R50."""
    curve = dose.depth_dose
    highest = max(curve.integral_gy_mm2)
    frame = _Frame.of((640, 270), _MARK_WORDS, [curve], highest * 1.04)
    steps = ticks(highest, 5)
    power = _power_of(steps[-1])
    y_ticks = [(value, f"{value / 10.0**power:.6g}") for value in steps]
    unit = "Gy·mm²" if power == 0 else f"10{str(power).translate(_SUPERSCRIPTS)} Gy·mm²"
    marks = [("peak", dose.peak_depth_mm, 1.0), ("R80", dose.r80_mm, 0.8), ("R50", dose.r50_mm, 0.5)]
    return frame.whole(
        f"Depth-dose curve of {name}",
        [
            frame.axes(y_ticks, f"depth dose in {unit}"),
            frame.line(curve, 1.0, 0),
            *(_mark(frame, what, depth, part * highest) for what, depth, part in marks if depth is not None),
        ],
    )


def _end_of_dose(curve: DepthDose) -> float:
    """The largest depth at which there is a visible part of the peak."""
    least = _VISIBLE * max(curve.integral_gy_mm2)
    return next(
        depth
        for depth, dose in zip(reversed(curve.depth_mm), reversed(curve.integral_gy_mm2), strict=True)
        if dose >= least
    )


def _mark(frame: _Frame, what: str, depth_mm: float, dose: float) -> Markup:
    x, y = frame.x.at(depth_mm), frame.y.at(dose)
    # The peak's words stand before it, the others behind the fall-off: so they meet neither the curve nor each other.
    anchor, gap = ("end", -9) if what == "peak" else ("start", 9)
    return Markup(
        f'<g class="mark" data-what="{what}" data-mm="{depth_mm!r}">'
        f'<line x1="{x:.2f}" x2="{x:.2f}" y1="{y:.2f}" y2="{frame.y.first:.1f}"/>'
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="3.5"/>'
        f'<text text-anchor="{anchor}" x="{x + gap:.1f}" y="{y + 4:.1f}">{what} {depth_mm:.1f} mm</text></g>'
    )


def _letter_on_curve(frame: _Frame, style: int, named: NamedCurve) -> Markup:
    level = _LETTER_LEVELS[style % len(_LETTER_LEVELS)]
    depth = distal_depth_mm(named.curve, level)
    if depth is None:
        # It leaves the grid higher than that: its letter stands where it ends.
        depth, level = named.curve.depth_mm[-1], named.curve.integral_gy_mm2[-1] / max(named.curve.integral_gy_mm2)
    return _letter(frame.x.at(depth), frame.y.at(100 * level), style, named.letter)


def _legend_line(frame: _Frame, style: int, named: NamedCurve) -> Markup:
    left, y = frame.x.last + 22, frame.y.last + 8 + _LEGEND_STEP * style
    return Markup(
        f'<g class="legend"><line class="curve {_class(style)}"{_dashes(style)} x1="{left}" x2="{left + 34}" '
        f'y1="{y}" y2="{y}"/>{_letter(left + 48, y, style, named.letter)}'
        f'<text x="{left + 62}" y="{y + 4}">{escaped(shortened(named.name, _LEGEND_CELLS))}</text></g>'
    )


def _letter(x: float, y: float, style: int, letter: str) -> Markup:
    return Markup(
        f'<g class="letter {_class(style)}"><circle cx="{x:.2f}" cy="{y:.2f}" r="8.5"/>'
        f'<text text-anchor="middle" x="{x:.2f}" y="{y + 4:.2f}">{escaped(letter)}</text></g>'
    )


def _class(style: int) -> str:
    return f"curve-{style % COLOURS}"


def _dashes(style: int) -> str:
    # Shifted each time the colours begin again: more curves than colours still differ.
    dashes = _DASHES[(style + style // COLOURS) % len(_DASHES)]
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def _power_of(value: float) -> int:
    """The multiple of 3 that leaves `value` (above 0) between 1 and 1000 when it is taken off as a power of ten."""
    power = 0
    while value >= 10.0 ** (power + 3):
        power += 3
    while value < 10.0**power:
        power -= 3
    return power
