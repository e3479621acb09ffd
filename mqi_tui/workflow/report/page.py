"""A CaseReport as one HTML page: no scripts, nothing from elsewhere, every text from outside escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mqi_tui.workflow.report.beam_section import beam_section
from mqi_tui.workflow.report.charts import NamedCurve, overlaid_curves
from mqi_tui.workflow.report.markup import Markup, escaped, joined
from mqi_tui.workflow.report.model import BeamReport, CaseReport, letter_of
from mqi_tui.workflow.report.notices import notices
from mqi_tui.workflow.report.page_style import STYLE
from mqi_tui.workflow.report.plan_section import plan_section
from mqi_tui.workflow.report.tables import NOTHING, Cell, Column, count, facts, millimetres, moment, spanning, table

GENERATOR = "mqi-tui case report"

_DEFINITIONS = (
    "The depth dose is the dose integrated over the plane of each depth; depths are those of voxel centres, counted "
    "from the end of the grid at which the beam enters. Peak: where it is highest, the top of the parabola through "
    "the highest voxel and its neighbours. R80 and R50: the largest depths at which it has 80 % and 50 % of its "
    "peak, linear between voxel centres. The maximum is the largest dose of one voxel. All doses are as the engine "
    "has scored them. A dose is verified when its job ended with exit code 0 and left one file, the file has come "
    "home with the job's SHA-256, has the size of the grid, holds nothing but doses and is not zero everywhere."
)


def render_page(report: CaseReport) -> str:
    """The whole page, as text for UTF-8."""
    letters = {beam.record.beam_id: letter_of(number) for number, beam in enumerate(report.beams)}
    body = [
        _head(report),
        Markup(f'<div class="notice">{joined(Markup(f"<p>{escaped(told)}</p>") for told in notices(report))}</div>'),
        *(Markup(f'<p class="warning">{escaped(warning)}</p>') for warning in report.case.warnings),
        _overview(report, letters),
        _curves(report, letters),
        plan_section(report),
        *(beam_section(letters[beam.record.beam_id], beam) for beam in report.beams),
        Markup(f'<footer><p class="muted">{escaped(_DEFINITIONS)}</p></footer>'),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta name="generator" content="{GENERATOR} {escaped(report.version)}">',
            # A second lock: even if a text from outside became markup, nothing would be run or fetched.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="robots" content="noindex">',
            f"<title>{escaped(report.case.case_id)} - {GENERATOR}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            joined(body),
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(report: CaseReport) -> Markup:
    counts = Counter(beam.record.word for beam in report.beams)
    told = ", ".join(f"{count} {word}" for word, count in counts.items()) or "none"
    return Markup(
        f"<h1>{escaped(report.case.case_id)}</h1>\n"
        + facts(
            [
                ("Case", escaped(f"{report.status.value}; beams: {told}")),
                ("Folder", escaped(report.case.case_path)),
                ("This report", escaped(f"{moment(report.made_at)}, mqi-tui {report.version}")),
                ("Configuration", escaped(report.config_path)),
                ("Engine", escaped(f"profile {report.engine_profile.value}, {' '.join(report.engine_command)}")),
            ]
        )
    )


def _overview(report: CaseReport, letters: dict[str, str]) -> Markup:
    columns = [
        Column(""),
        Column("beam", "name"),
        Column("state"),
        Column("beam of the plan"),
        Column("R80 in mm", "number"),
        Column("R50 in mm", "number"),
        Column("peak in mm", "number"),
        Column("maximum in Gy", "number"),
        Column("histories asked", "number"),
        Column("histories run", "number"),
    ]
    rows = [_overview_row(letters[beam.record.beam_id], beam) for beam in report.beams]
    return Markup(f"<h2>Beams</h2>\n{table(columns, rows, 'overview')}")


def _overview_row(letter: str, beam: BeamReport) -> Sequence[Cell | Markup]:
    state = Markup(f'<span class="bad">{escaped(beam.state)}</span>') if beam.record.error else escaped(beam.state)
    planned = NOTHING if beam.plan_beam is None else escaped(f"{beam.plan_beam.number} {beam.plan_beam.name or ''}")
    name = [escaped(letter), escaped(beam.record.beam_name), state, planned]
    if beam.dose is None:
        return [*name, spanning(6, Markup(f"no verified dose: {escaped(beam.no_dose)}"))]
    summary, dose = beam.dose.summary, beam.dose.summary.dose
    return [
        *name,
        millimetres(dose.r80_mm),
        millimetres(dose.r50_mm),
        millimetres(dose.peak_depth_mm),
        escaped(f"{dose.maximum_gy:.4g}"),
        count(summary.histories_asked),
        count(summary.histories_done),
    ]


def _curves(report: CaseReport, letters: dict[str, str]) -> Markup:
    curves = [
        NamedCurve(letters[beam.record.beam_id], beam.record.beam_name, beam.dose.summary.dose.depth_dose)
        for beam in report.beams
        if beam.dose is not None
    ]
    picture = overlaid_curves(curves) if curves else Markup("<p>No beam of this case has a verified dose.</p>")
    return Markup(f"<h2>Depth doses</h2>\n{picture}")
