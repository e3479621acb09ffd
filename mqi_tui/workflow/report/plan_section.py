"""The plan's facts in the report's page."""

from __future__ import annotations

from collections.abc import Sequence

from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts
from mqi_tui.workflow.case_plan import energy_words, gantry_words
from mqi_tui.workflow.report.markup import Markup, escaped, joined
from mqi_tui.workflow.report.model import CaseReport
from mqi_tui.workflow.report.tables import NOT_IN_PLAN, NOTHING, Cell, Column, facts, or_none, table


def plan_section(report: CaseReport) -> Markup:
    if report.plan is None:
        return Markup(f'<h2>Plan</h2>\n<p class="warning">The plan cannot be read: {escaped(report.plan_problem)}</p>')
    plan = report.plan
    odd = [Markup(f'<p class="warning">Odd in the plan: {escaped(oddity)}</p>') for oddity in plan.oddities]
    columns = [
        Column("number", "number"),
        Column("name"),
        Column("machine"),
        Column("gantry in °"),
        Column("energies in MeV"),
        Column("layers", "number"),
        Column("meterset", "number"),
    ]
    told = facts(
        [
            ("Patient id", or_none(plan.patient_id)),
            ("Plan label", or_none(plan.label)),
            ("Treatment machine", or_none(", ".join(plan.machines))),
            ("Fractions planned", or_none(_fractions(plan))),
            ("Plan file", escaped(plan.path)),
            ("Plan UID", or_none(plan.uid)),
        ]
    )
    return Markup(
        f'<h2>Plan</h2>\n<p class="muted">As the plan file in the case folder reads now.</p>\n{told}\n'
        f"{table(columns, [_plan_row(beam) for beam in plan.beams], 'plan')}\n{joined(odd)}"
    )


def _fractions(plan: PlanFacts) -> str:
    told = [NOT_IN_PLAN if number is None else str(number) for number in plan.fractions_planned]
    return told[0] if len(told) == 1 else " and ".join(told) + " (fraction groups)" * bool(told)


def _plan_row(beam: PlanBeamFacts) -> Sequence[Cell | Markup]:
    name = escaped(beam.name or NOT_IN_PLAN)
    if beam.is_setup:
        setup = escaped("setup, not delivered")
        return [or_none(beam.number), name, or_none(beam.machine), or_none(gantry_words(beam)), setup, NOTHING, NOTHING]
    meterset = None if beam.meterset is None else f"{beam.meterset:g} {beam.meterset_unit or ''}"
    return [
        or_none(beam.number),
        name,
        or_none(beam.machine),
        or_none(gantry_words(beam)),
        or_none(energy_words(beam)),
        or_none(beam.layers),
        or_none(meterset),
    ]
