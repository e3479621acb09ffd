"""One beam in the report's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.records import AttemptRecord
from mqi_tui.workflow.case_plan import energy_words, gantry_words
from mqi_tui.workflow.report.charts import marked_curve
from mqi_tui.workflow.report.markup import Markup, escaped, joined
from mqi_tui.workflow.report.model import BeamReport, DoseReport
from mqi_tui.workflow.report.tables import NOTHING, Cell, Column, count, facts, millimetres, moment, or_none, table

_ATTEMPTS = [
    Column("attempt", "number"),
    Column("how it ended"),
    Column("exit code", "number"),
    Column("job"),
    Column("GPU slot", "number"),
    Column("host"),
    Column("GPU"),
    Column("begun (UTC)", "word"),
    Column("submitted (UTC)", "word"),
    Column("end recorded (UTC)", "word"),
]


def beam_section(letter: str, beam: BeamReport) -> Markup:
    record = beam.record
    parts = [
        Markup(f"<h2>{escaped(letter)}. {escaped(record.beam_name)}</h2>"),
        facts(_facts(beam)),
    ]
    if record.error:
        parts.append(Markup(f'<p class="error">{escaped(record.error)}</p>'))
    if beam.remedy:
        parts.append(Markup(f"<p>What to do: {escaped(beam.remedy)}.</p>"))
    parts += [Markup(f'<p class="warning">{escaped(warning)}</p>') for warning in beam.warnings]
    if beam.dose is None:
        parts.append(Markup(f"<p>No verified dose: {escaped(beam.no_dose)}.</p>"))
    else:
        curve, found = marked_curve(record.beam_name, beam.dose.summary.dose), _found(beam.dose)
        parts.append(Markup(f'<div class="pair">\n{curve}\n{found}\n</div>'))
        parts.append(_file(beam.dose))
    parts.append(_attempts(beam))
    return Markup(f'<section class="beam" data-beam="{escaped(record.beam_id)}">\n{joined(parts)}\n</section>')


def _facts(beam: BeamReport) -> list[tuple[str, Markup]]:
    record, planned = beam.record, beam.plan_beam
    told = [("Beam id", escaped(record.beam_id)), ("State", escaped(beam.state))]
    if record.detail:
        told.append(("Now", escaped(record.detail)))
    told.append(("Logs", escaped(record.beam_path)))
    if planned is None:
        told.append(("Beam of the plan", escaped(f"not known: {beam.plan_beam_problem}")))
    else:
        told += [
            ("Beam of the plan", escaped(f"{planned.number} {planned.name or ''}")),
            ("Machine", or_none(planned.machine)),
            ("Gantry in °", or_none(gantry_words(planned))),
            ("Energies in MeV", or_none(energy_words(planned))),
            ("Layers", or_none(planned.layers)),
        ]
    return told


def _found(dose: DoseReport) -> Markup:
    summary, found = dose.summary, dose.summary.dose
    x, y, z = found.maximum_at_mm
    return facts(
        [
            ("R80 in mm", millimetres(found.r80_mm)),
            ("R50 in mm", millimetres(found.r50_mm)),
            ("Peak in mm", millimetres(found.peak_depth_mm)),
            ("Maximum in Gy", escaped(f"{found.maximum_gy:.4g}")),
            ("at x, y, z in mm", escaped(f"{x:g}, {y:g}, {z:g}")),
            ("Histories asked", count(summary.histories_asked)),
            ("Histories run", count(summary.histories_done)),
        ]
    )


def _file(dose: DoseReport) -> Markup:
    summary, grid = dose.summary, dose.summary.grid
    unit = " x ".join(f"{size:g}" for size in grid.unit_mm)
    enters = summary.beam_enters.replace("-", " ")
    checked = "not compared" if dose.raw_problem else "compared"
    return facts(
        [
            ("Verified", escaped(f"{moment(summary.written_at)}, attempt {summary.attempt}")),
            ("Grid", escaped(f"{grid.nx} x {grid.ny} x {grid.nz} voxels of {unit} mm, the beam enters at {enters}")),
            ("Dose file", escaped(f"{dose.raw_file}, {dose.raw_size:,} bytes")),
            ("SHA-256", Markup(f"<code>{escaped(dose.raw_sha256)}</code> ({checked} with the file for this report)")),
        ]
    )


def _attempts(beam: BeamReport) -> Markup:
    if not beam.attempts:
        return Markup("<p>No attempt at computing it has begun.</p>")
    return Markup(f"<h3>Attempts</h3>\n{table(_ATTEMPTS, map(_attempt, beam.attempts), 'attempts')}")


def _attempt(attempt: AttemptRecord) -> Sequence[Cell | Markup]:
    return [
        escaped(attempt.attempt),
        escaped("open" if attempt.outcome is None else attempt.outcome.value),
        NOTHING if attempt.exit_code is None else escaped(attempt.exit_code),
        NOTHING if attempt.hpc_job_id is None else escaped(attempt.hpc_job_id),
        escaped(attempt.gpu_id),
        NOTHING if attempt.host is None else escaped(attempt.host),
        _gpu(attempt),
        _time(attempt.created_at),
        _time(attempt.submitted_at),
        _time(attempt.ended_at),
    ]


def _time(time: datetime | None) -> Markup:
    return NOTHING if time is None else escaped(f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}")


def _gpu(attempt: AttemptRecord) -> Markup:
    if attempt.gpu is None:
        return NOTHING
    return escaped(JobPlace(attempt.host or "", attempt.gpu, "").gpu_name or "none")
