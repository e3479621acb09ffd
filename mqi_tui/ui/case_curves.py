"""The depth doses of a case's beams as curves of one plot, in one of three units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mqi_tui.ui.case_beams import CaseBeamRow
from mqi_tui.ui.language import N_
from mqi_tui.ui.tones import Tone
from mqi_tui.workflow.inspection import BeamDose

_TONES = (Tone.ACTIVE, Tone.WARNING, Tone.GOOD, Tone.NORMAL, Tone.WAITING)


class CurveScale(StrEnum):
    """What the curves show; the value says it in the title."""

    INTEGRAL = N_("laterally integrated, Gy·mm² over mm")
    SHARE = N_("laterally integrated, % of each maximum")
    AXIS = N_("along z through each maximum, Gy over mm")

    @property
    def unit(self) -> str:
        return _UNITS[self]

    @property
    def following(self) -> CurveScale:
        scales = list(CurveScale)
        return scales[(scales.index(self) + 1) % len(scales)]


_UNITS = {CurveScale.INTEGRAL: "Gy·mm²", CurveScale.SHARE: "%", CurveScale.AXIS: "Gy"}


@dataclass(frozen=True, slots=True)
class LetteredCurve:
    letter: str
    name: str
    tone: Tone
    depth_mm: Sequence[float]
    """Of voxel centres, from the entrance inwards."""
    dose: Sequence[float]
    """In the unit of the plot; at least one is above 0."""


def curves_of(rows: Sequence[CaseBeamRow], scale: CurveScale) -> list[LetteredCurve]:
    """One for each beam with a verified dose; a beam keeps its tone whichever others have one."""
    return [
        LetteredCurve(row.letter, row.beam.beam_name, _TONES[place % len(_TONES)], *_curve(row.dose, scale))
        for place, row in enumerate(rows)
        if row.dose is not None
    ]


def _curve(dose: BeamDose, scale: CurveScale) -> tuple[Sequence[float], Sequence[float]]:
    if scale is CurveScale.AXIS:
        return dose.axis.depth_mm, dose.axis.dose_gy
    curve = dose.summary.depth_dose
    if scale is CurveScale.INTEGRAL:
        return curve.depth_mm, curve.integral_gy_mm2
    highest = max(curve.integral_gy_mm2)
    return curve.depth_mm, [100.0 * value / highest for value in curve.integral_gy_mm2]
