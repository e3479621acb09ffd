"""The beams of a case side by side: rows made of what is known of each, and what is said of one in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.marks import mark_of, state_words
from mqi_tui.ui.text import one_line, percent
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.workflow.case_plan import energy_words, gantry_words
from mqi_tui.workflow.inspection import BeamDose, DoseAbsence, NoDose, PlannedBeam
from mqi_tui.workflow.report.model import letter_of

UNKNOWN = N_("unknown")
NONE_YET = N_("none yet")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What could not be read, and why."""

    reason: str


Found = BeamDose | NoDose | Unreadable | None
"""What reading a beam's dose has brought; None while it is not read."""


@dataclass(frozen=True, slots=True)
class CaseBeamRow:
    beam: BeamRecord
    letter: str
    """Names the beam here, on its curve, and in the report."""
    planned: PlannedBeam | None
    """None while the plan is not read."""
    found: Found

    @property
    def key(self) -> str:
        return f"beam {self.beam.beam_id}"

    @property
    def dose(self) -> BeamDose | None:
        """The verified dose of the beam's latest attempt; None if there is none, or it is not read."""
        found, beam = self.found, self.beam
        is_checked = beam.status is BeamStatus.COMPLETED or beam.stage is BeamStatus.POSTPROCESSING
        return found if isinstance(found, BeamDose) and is_checked and found.attempt == beam.attempt else None

    @property
    def dose_word(self) -> str:
        """`verified`, or in a word or two why there is no verified dose."""
        match self.found:
            case None:
                return "…"
            case Unreadable():
                return N_("unreadable")
            case BeamDose():
                return N_("verified") if self.dose is not None else N_("earlier run")
            case NoDose(absence):
                return _ABSENCE_WORDS.get(absence, N_("gone") if self.beam.status is BeamStatus.COMPLETED else NONE_YET)


_ABSENCE_WORDS = {DoseAbsence.REFUSED: N_("refused"), DoseAbsence.UNCHECKED: N_("not checked")}


def case_beam_rows(
    case: CaseView, planned: Mapping[str, PlannedBeam] | None, found: Mapping[str, Found]
) -> list[CaseBeamRow]:
    """All beams of the case; `planned` is None while the plan is not read, `found` holds what was read, by beam id."""
    return [
        CaseBeamRow(
            beam,
            letter_of(place),
            None if planned is None else planned.get(beam.beam_id),
            found.get(beam.beam_id),
        )
        for place, beam in enumerate(case.beams)
    ]


def maximum_place(dose: BeamDose) -> str:
    """`-17.0, 5.0, -101.0`: x, y and z of the maximum in mm."""
    return ", ".join(f"{position:.1f}" for position in dose.summary.maximum_at_mm)


def range_words(depth_mm: float | None) -> str:
    """A range in mm; a curve that leaves the grid before it falls that low has none."""
    return _("off grid") if depth_mm is None else f"{depth_mm:.1f}"


def count_words(count: int | None) -> str:
    return _(UNKNOWN) if count is None else f"{count:,}"


def case_beam_details(row: CaseBeamRow, actions: Actions) -> Sequence[Line]:
    """All that the row has no room for."""
    beam, mark = row.beam, mark_of(row.beam)
    how_far = f"  {percent(beam.progress)}" if beam.status.is_active else ""
    lines: list[Line] = [
        [
            (f"{row.letter}  {one_line(beam.beam_id)}  ", Tone.STRONG),
            (f"{mark.glyph} {state_words(beam)}{how_far}", mark.tone),
            (f"  {_planned_words(row.planned)}", Tone.MUTED),
        ]
    ]
    if beam.error:
        lines.append([(one_line(beam.error), Tone.BAD)])
    elif beam.detail:
        lines.append([(one_line(beam.detail), Tone.NORMAL)])
    if beam.status is BeamStatus.FAILED:
        lines.append([(_("{key}: retry from this step").format(key=actions.way_to("retry_beam")), Tone.MUTED)])
    dose = row.dose
    if dose is None:
        return [*lines, [(_("no verified dose: {reason}").format(reason=_why_no_dose(row)), Tone.MUTED)]]
    summary, asked, done = dose.summary, dose.histories_asked, dose.histories_done
    lines += [
        [
            (
                _("verified: maximum {dose} Gy at x, y, z {place} mm").format(
                    dose=f"{summary.maximum_gy:.4g}", place=maximum_place(dose)
                ),
                Tone.NORMAL,
            ),
        ],
        [
            (
                _("depth dose: peak {peak}, R80 {r80}, R50 {r50} mm; histories asked {asked}, run {done}").format(
                    peak=f"{summary.peak_depth_mm:.1f}",
                    r80=range_words(summary.r80_mm),
                    r50=range_words(summary.r50_mm),
                    asked=count_words(asked),
                    done=count_words(done),
                ),
                Tone.NORMAL,
            ),
        ],
    ]
    if asked is not None and done is not None and asked != done:
        lines.append([("! " + _("the engine did not run as many histories as it was asked for"), Tone.WARNING)])
    return lines


def _planned_words(planned: PlannedBeam | None) -> str:
    if planned is None:
        return ""
    facts = planned.facts
    if facts is None:
        return _("beam of the plan unknown: {reason}").format(reason=one_line(planned.problem))
    name = f"{facts.number} {one_line(facts.name or '')}".rstrip()
    energies = f"{energy_words(facts)} MeV" if energy_words(facts) else _("energies unknown")
    gantry = f"{gantry_words(facts)}°" if gantry_words(facts) else _(UNKNOWN)
    return _("plan beam {name} · gantry {gantry} · {energies}").format(name=name, gantry=gantry, energies=energies)


def _why_no_dose(row: CaseBeamRow) -> str:
    match row.found:
        case None:
            return _("it is being looked for …")
        case Unreadable(reason):
            return _("it cannot be read now: {reason}").format(reason=one_line(reason))
        case BeamDose(attempt=attempt):
            text = _("the dose at home is that of attempt {attempt}, of an earlier run; the beam is {state} now")
            return text.format(attempt=attempt, state=_(row.beam.word))
        case NoDose(absence, path):
            return _absence_sentence(row.beam, absence, one_line(str(path)))


def _absence_sentence(beam: BeamRecord, absence: DoseAbsence, path: str) -> str:
    if absence is DoseAbsence.REFUSED:
        return _("its check refused the file, which is kept as {path}").format(path=path)
    if absence is DoseAbsence.UNCHECKED:
        return _("no check of {path} is finished").format(path=path)
    if beam.status is BeamStatus.COMPLETED:
        return _("the file is gone; it was {path}").format(path=path)
    return _("the beam is {state}").format(state=_(beam.word))
