"""The facts of a case's plan as a page of lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from mqi_tui.domain.snapshot import CaseView
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts
from mqi_tui.ui.case_beams import UNKNOWN
from mqi_tui.ui.pages import fact, hanging, paragraph, table
from mqi_tui.ui.text import counted, cut_middle, one_line
from mqi_tui.ui.tones import Line, Part, Tone
from mqi_tui.workflow.case_plan import energy_words, gantry_words
from mqi_tui.workflow.inspection import CasePlan

_LONGEST_NAME = 20
_SETUP = "setup, not delivered"
_GAP = "   "


def plan_page(case: CaseView, found: CasePlan, letters: Mapping[str, str], width: int) -> list[Line]:
    """`letters`: of the case's beams, by beam id; they say whose logs hold which beam of the plan."""
    lines: list[Line] = []
    for warning in case.record.warnings:
        lines += hanging([("! ", Tone.WARNING)], warning, Tone.WARNING, width)
    plan = found.plan
    if plan is None:
        text = f"The plan cannot be read: {found.problem}"
        return [*lines, *hanging([("✗ ", Tone.BAD)], text, Tone.BAD, width), *_folder(case, width)]
    delivered: defaultdict[int | None, list[str]] = defaultdict(list)
    for beam_id, planned in found.beams.items():
        if planned.facts is not None:
            delivered[planned.facts.number].append(letters[beam_id])
    lines += [*_facts(plan, width), *_beams(plan.beams, delivered, width)]
    for beam_id, planned in found.beams.items():
        if planned.facts is None:
            text = f"Which beam of the plan {letters[beam_id]} is, is not known: {planned.problem}"
            lines += hanging([("! ", Tone.WARNING)], text, Tone.WARNING, width)
    for oddity in plan.oddities:
        lines += hanging([("! ", Tone.WARNING)], f"Odd in the plan: {oddity}", Tone.WARNING, width)
    return [*lines, *fact("plan file", str(plan.path), width), *_folder(case, width)]


def _folder(case: CaseView, width: int) -> list[Line]:
    return fact("case folder", str(case.record.case_path), width)


def _facts(plan: PlanFacts, width: int) -> list[Line]:
    """On one line if they fit there."""
    facts = {
        "patient id": plan.patient_id or UNKNOWN,
        "plan label": plan.label or UNKNOWN,
        "machine": ", ".join(plan.machines) or UNKNOWN,
        "fractions": _fractions(plan.fractions_planned),
    }
    parts: list[Part] = []
    for name, value in facts.items():
        parts += [(f"{name} ", Tone.MUTED), (f"{one_line(value)}{_GAP}", Tone.STRONG)]
    if sum(cell_len(text) for text, _ in parts) <= width:
        return [parts]
    return [line for name, value in facts.items() for line in fact(name, value, width)]


def _fractions(planned: Sequence[int | None]) -> str:
    told = [UNKNOWN if number is None else str(number) for number in planned]
    return " and ".join(told) + (" (fraction groups)" if len(told) > 1 else "") or UNKNOWN


def _beams(beams: Sequence[PlanBeamFacts], delivered: Mapping[int | None, Sequence[str]], width: int) -> list[Line]:
    if not beams:
        return paragraph("The plan has no beams.", Tone.WARNING, width)
    head = ("logs", "beam of the plan", "machine", "gantry °", "energies MeV", "layers")
    rows = [
        (
            " ".join(delivered.get(beam.number, ())) or "–",
            f"{UNKNOWN if beam.number is None else beam.number} {cut_middle(beam.name or '', _LONGEST_NAME)}",
            cut_middle(beam.machine or UNKNOWN, _LONGEST_NAME),
            gantry_words(beam) or UNKNOWN,
            _SETUP if beam.is_setup else energy_words(beam) or UNKNOWN,
            "–" if beam.is_setup else UNKNOWN if beam.layers is None else str(beam.layers),
        )
        for beam in beams
    ]
    without = sum(not beam.is_setup and not delivered.get(beam.number) for beam in beams)
    lines = table(head, rows, width, left=3)
    if without:
        text = f"{counted(without, 'beam')} of the plan without logs in this case (–)."
        lines += paragraph(text, Tone.MUTED, width)
    return lines
