"""What is said of a beam's dose in words: why there is none, whose it is, what the numbers are."""

from __future__ import annotations

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus, retry_at
from mqi_tui.moqui.dose import depth_of_plane_mm, voxel_centres_mm
from mqi_tui.moqui.dose_planes import PlaneKind, Voxel
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.pages import hanging, heading, paragraph
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.workflow.inspection import BeamDose, DoseAbsence, NoDose

NOT_FOR_DIAGNOSIS = N_("NOT FOR DIAGNOSIS")

AXIS_NAMES = "xyz"


def no_dose_page(beam: BeamRecord, none: NoDose, width: int, *, actions: Actions) -> list[Line]:
    """Why there is no dose to look at, and what comes next."""
    if none.absence is DoseAbsence.REFUSED:
        lines: list[Line] = [
            heading(_("The dose was refused")),
            *paragraph(_("Its check found that the file cannot be a dose, so it is not shown."), Tone.BAD, width),
            *hanging([(_("kept as") + " ", Tone.MUTED)], str(none.path), Tone.NORMAL, width),
        ]
    elif none.absence is DoseAbsence.UNCHECKED:
        lines = [
            heading(_("The dose is not checked")),
            *paragraph(_("A file is here, but no check of it is finished, so it is not shown."), Tone.WARNING, width),
            *hanging([(_("file") + " ", Tone.MUTED)], str(none.path), Tone.NORMAL, width),
        ]
    else:
        lines = [heading(_("No dose yet") if beam.status is not BeamStatus.COMPLETED else _("The dose file is gone"))]
        if beam.status is BeamStatus.COMPLETED:
            lines += hanging([(_("it was") + " ", Tone.MUTED)], str(none.path), Tone.NORMAL, width)
    if beam.status is BeamStatus.FAILED:
        lines += hanging([("✗ ", Tone.BAD)], beam.error or "", Tone.BAD, width)
    return [*lines, (), *paragraph(_what_comes_next(beam, actions), Tone.NORMAL, width)]


def _what_comes_next(beam: BeamRecord, actions: Actions) -> str:
    goes_on, state = _(retry_at(beam.stage).word), _(beam.stage.word)
    dispatch, retry, rerun = (actions.way_to(name) for name in ("dispatch_target", "retry_beam", "rerun_beam"))
    words = {
        BeamStatus.NEW: _("The beam is new: {dispatch} in the beam list starts it.").format(dispatch=dispatch),
        BeamStatus.FAILED: _("{retry} goes on from {stage}; {rerun} runs the beam again from its beginning.").format(
            retry=retry, stage=goes_on, rerun=rerun
        ),
        BeamStatus.CANCELLED: _("The beam was cancelled while {state}. {retry} goes on from {stage}.").format(
            state=state, retry=retry, stage=goes_on
        ),
        BeamStatus.CANCELLING: _("The beam is being cancelled."),
        BeamStatus.COMPLETED: _(
            "{rerun} computes it again; a copy of the file may also be put back to its place."
        ).format(rerun=rerun),
    }
    still = _("The beam is {state}: its dose is shown here as soon as it is at home and checked.").format(
        state=_(beam.word)
    )
    return words.get(beam.status, still)


def notice_of(beam: BeamRecord, dose: BeamDose, actions: Actions) -> str:
    """Whose dose it is, where that is not plain; empty for the dose of a completed beam's latest attempt."""
    same = dose.attempt == beam.attempt
    if same and beam.status is BeamStatus.COMPLETED:
        return ""
    if same and beam.stage is BeamStatus.POSTPROCESSING:
        return _("The dose is checked, but the beam is {state}: see the overview ({key}).").format(
            state=_(beam.word), key=actions.way_to("show_overview")
        )
    return _("This is the dose of attempt {attempt}, of an earlier run: the beam is {state} now.").format(
        attempt=dose.attempt, state=_(beam.word)
    )


def reading_line(dose: BeamDose, voxel: Voxel, dose_gy: float | None) -> Line:
    """Position, index and dose of a voxel; `dose_gy` is None while it is not read."""
    place = [f"{name} {centre_mm(dose, axis, voxel[axis]):.1f}" for axis, name in enumerate(AXIS_NAMES)]
    value = "… Gy" if dose_gy is None else f"{dose_gy:.4g} Gy"
    share = ""
    if dose_gy is not None:
        share = " " + _("({percent} of max)").format(percent=f"{dose_gy / dose.summary.maximum_gy:.1%}")
    depth = depth_of_plane_mm(voxel[2], dose.grid, dose.beam_enters)
    return [
        (f" {_('cursor')} ", Tone.MUTED),
        (value, Tone.STRONG),
        (share, Tone.MUTED),
        (f"  {'  '.join(place)} mm", Tone.NORMAL),
        _depth(depth),
        (f"  {_('index')} {voxel[0]}, {voxel[1]}, {voxel[2]}", Tone.MUTED),
    ]


def maximum_line(dose: BeamDose) -> Line:
    """The maximum and where it is."""
    at = ", ".join(f"{position:.1f}" for position in dose.summary.maximum_at_mm)
    depth = depth_of_plane_mm(dose.summary.maximum_index[2], dose.grid, dose.beam_enters)
    return [
        (f" {_('maximum')} {dose.summary.maximum_gy:.4g} Gy", Tone.STRONG),
        ("  " + _("at {position} mm").format(position=at), Tone.NORMAL),
        _depth(depth),
    ]


def _depth(depth_mm: float) -> Part:
    return ("  " + _("depth {depth} mm").format(depth=f"{depth_mm:.1f}"), Tone.MUTED)


def facts_line(dose: BeamDose) -> Line:
    """That it is not for diagnosis, the histories, whose dose it is, and the maximum."""
    histories = _("histories asked {asked}, run {done}").format(
        asked=_number(dose.histories_asked), done=_number(dose.histories_done)
    )
    return [
        (f" {_(NOT_FOR_DIAGNOSIS)}", Tone.WARNING),
        (f"  {histories}", Tone.NORMAL),
        ("  " + _("attempt {number}").format(number=dose.attempt), Tone.MUTED),
        (f" {maximum_line(dose)[0][0]}", Tone.MUTED),
    ]


def ranges_line(peak_mm: float, r80_mm: float | None, r50_mm: float | None) -> Line:
    """The depths that are marked on a curve, with the signs that mark them."""
    parts: list[Part] = [(f"{PEAK} {_('peak')} {peak_mm:.1f}", Tone.GOOD)]
    for sign, name, depth in ((R80, "R80", r80_mm), (R50, "R50", r50_mm)):
        text = _("not in the grid") if depth is None else f"{depth:.1f}"
        parts += [("  ", Tone.NORMAL), (f"{sign} {name} {text}", Tone.WARNING)]
    return [*parts, (" mm", Tone.MUTED)]


PEAK, R80, R50 = "◆", "▲", "■"


def plane_title(dose: BeamDose, kind: PlaneKind, index: int) -> str:
    """`coronal, y = 1.0 mm: x →, z ↑, beam ↓`."""
    position = f"{_(kind.value)}, {AXIS_NAMES[kind.normal]} = {centre_mm(dose, kind.normal, index):.1f} mm"
    rows, columns = (AXIS_NAMES[axis] for axis in kind.axes)
    arrow = "↑" if is_upwards(dose, kind) else "↓"
    enters = "" if kind is PlaneKind.TRANSVERSE else f", {_('beam')} ↓"
    return f"{position}: {columns} →, {rows} {arrow}{enters}"


def is_upwards(dose: BeamDose, kind: PlaneKind) -> bool:
    """Whether the rows' axis grows upwards in the picture: y does, and the beam always enters at the top."""
    return kind is PlaneKind.TRANSVERSE or dose.beam_enters == "high-z"


def centre_mm(dose: BeamDose, axis: int, index: int) -> float:
    """Of the voxels with this index on the axis, in the grid's coordinates."""
    return voxel_centres_mm(dose.grid, axis)[index]


def _number(count: int | None) -> str:
    return _("not known") if count is None else f"{count:,}"
