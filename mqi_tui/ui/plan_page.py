"""The facts of a case's plan as a page of lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from mqi_tui.domain.snapshot import CaseView
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts
from mqi_tui.ui.case_beams import UNKNOWN
from mqi_tui.ui.language import _
from mqi_tui.ui.pages import fact, hanging, paragraph, table
from mqi_tui.ui.text import counted, cut_middle, one_line
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.workflow.case_plan import energy_words, gantry_words
from mqi_tui.workflow.inspection import CasePlan

_LONGEST_NAME = 20
_GAP = "   "


def plan_page(case: CaseView, found: CasePlan, letters: Mapping[str, str], width: int) -> list[Line]:
    """`letters`: of the case's beams, by beam id; they say whose logs hold which beam of the plan."""
    lines: list[Line] = []
    for warning in case.record.warnings:
        lines += hanging([("! ", Tone.WARNING)], warning, Tone.WARNING, width)
    plan = found.plan
    if plan is None:
        text = _("The plan cannot be read: {reason}").format(reason=found.problem)
        return [*lines, *hanging([("✗ ", Tone.BAD)], text, Tone.BAD, width), *_folder(case, width)]
    delivered: defaultdict[int | None, list[str]] = defaultdict(list)
    for beam_id, planned in found.beams.items():
        if planned.facts is not None:
            delivered[planned.facts.number].append(letters[beam_id])
    lines += [*_facts(plan, width), *_beams(plan.beams, delivered, width)]
    for beam_id, planned in found.beams.items():
        if planned.facts is None:
            text = _("Which beam of the plan {letter} is, is not known: {reason}").format(
                letter=letters[beam_id], reason=planned.problem
            )
            lines += hanging([("! ", Tone.WARNING)], text, Tone.WARNING, width)
    for oddity in plan.oddities:
        lines += hanging(
            [("! ", Tone.WARNING)], _("Odd in the plan: {oddity}").format(oddity=oddity), Tone.WARNING, width
        )
    return [*lines, *fact(_("plan file"), str(plan.path), width), *_folder(case, width)]


def _folder(case: CaseView, width: int) -> list[Line]:
    return fact(_("case folder"), str(case.record.case_path), width)


def _facts(plan: PlanFacts, width: int) -> list[Line]:
    """On one line if they fit there."""
    facts = {
        _("patient id"): plan.patient_id or _(UNKNOWN),
        _("plan label"): plan.label or _(UNKNOWN),
        _("machine"): ", ".join(plan.machines) or _(UNKNOWN),
        _("fractions"): _fractions(plan.fractions_planned),
    }
    parts: list[Part] = []
    for name, value in facts.items():
        parts += [(f"{name} ", Tone.MUTED), (f"{one_line(value)}{_GAP}", Tone.STRONG)]
    if sum(cell_len(text) for text, _ in parts) <= width:
        return [parts]
    return [line for name, value in facts.items() for line in fact(name, value, width)]


def _fractions(planned: Sequence[int | None]) -> str:
    told = [_(UNKNOWN) if number is None else str(number) for number in planned]
    return " + ".join(told) + (" " + _("(fraction groups)") if len(told) > 1 else "") or _(UNKNOWN)


def _beams(beams: Sequence[PlanBeamFacts], delivered: Mapping[int | None, Sequence[str]], width: int) -> list[Line]:
    if not beams:
        return paragraph(_("The plan has no beams."), Tone.WARNING, width)
    head = (_("logs"), _("beam of the plan"), _("machine"), _("gantry °"), _("energies MeV"), _("layers"))
    rows = [
        (
            " ".join(delivered.get(beam.number, ())) or "–",
            f"{_(UNKNOWN) if beam.number is None else beam.number} {cut_middle(beam.name or '', _LONGEST_NAME)}",
            cut_middle(beam.machine or _(UNKNOWN), _LONGEST_NAME),
            gantry_words(beam) or _(UNKNOWN),
            _("setup, not delivered") if beam.is_setup else energy_words(beam) or _(UNKNOWN),
            "–" if beam.is_setup else _(UNKNOWN) if beam.layers is None else str(beam.layers),
        )
        for beam in beams
    ]
    without = sum(not beam.is_setup and not delivered.get(beam.number) for beam in beams)
    lines = table(head, rows, width, left=3)
    if without:
        text = _("{beams} of the plan without logs in this case (–).").format(beams=counted(without, "beam"))
        lines += paragraph(text, Tone.MUTED, width)
    return lines
