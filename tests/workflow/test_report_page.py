"""The report's page and JSON, made of a report by hand: numbers, pictures, and text from outside that is only text."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings

from mqi_tui.domain.engine_formats import EngineProfile
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord, BeamRecord, CaseRecord
from mqi_tui.domain.status import BeamStatus, case_status
from mqi_tui.domain.text import printable
from mqi_tui.moqui.dose import DepthDose, DoseSummary, Profile, distal_depth_mm, peak_depth_mm
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts
from mqi_tui.workflow.report.json_form import render_json
from mqi_tui.workflow.report.markup import shortened
from mqi_tui.workflow.report.model import BeamReport, CaseReport, DoseReport
from mqi_tui.workflow.report.page import render_page
from mqi_tui.workflow.report.scale import tick_step, ticks
from mqi_tui.workflow.stored_summary import StoredSummary
from tests.support.outside import NASTY, nasty_text
from tests.support.pages import SVG, Page

NOW = datetime(2026, 11, 24, 19, 30, 5, tzinfo=UTC)
PLAN_BEAM = PlanBeamFacts(2, "1S150", "G1", False, (90.0, 270.5), 12, 101.5, 150.25, 123.5, "MU")
EVIL = [
    "<script>alert(1)</script>",
    "a & b &amp; c",
    "\"quoted\" 'text' ><img src=x onerror=alert(1)>",
    "환자 이름",
    "\x1b[31mred\x07\u202eback\x00",
    "two\nlines\u2028more",
    "--><style>*{display:none}</style></svg></title>",
    "]]><!-- {python} %s",
]


def curve_of(range_mm: float, scale: float = 1.0) -> DepthDose:
    """A made-up curve that falls off at about `range_mm`, in steps of 2 mm."""
    depth = tuple(2.0 * number + 1.0 for number in range(100))
    rise = [0.3 + 0.7 * math.exp(-(((d - range_mm) / 6) ** 2)) for d in depth]
    fall = [math.exp(-((d - range_mm) ** 2) / 9) for d in depth]
    dose = (up if d < range_mm else down for d, up, down in zip(depth, rise, fall, strict=True))
    return DepthDose(depth, tuple(scale * value for value in dose))


def dose_of(beam_id: str, curve: DepthDose, *, by_builtin_engine: bool = False) -> DoseReport:
    found = DoseSummary(
        maximum_gy=0.0123456,
        maximum_index=(1, 2, 3),
        maximum_at_mm=(-17.0, 5.0, -101.0),
        peak_depth_mm=peak_depth_mm(curve),
        r80_mm=distal_depth_mm(curve, 0.8),
        r50_mm=distal_depth_mm(curve, 0.5),
        depth_dose=curve,
        profile_x=Profile((0.0,), (1.0,)),
        profile_y=Profile((0.0,), (1.0,)),
    )
    grid = DoseGrid(60, 60, 100, (2.0, 2.0, 2.0), (-60.0, -60.0, -200.0))
    summary = StoredSummary("C", beam_id, 1, NOW, 12_345, 12_345, "high-z", grid, found)
    return DoseReport(summary, Path("/results/output.raw"), 2_880_000, "ab" * 32, "", by_builtin_engine)


def attempt_of(beam_id: str, **changes: object) -> AttemptRecord:
    attempt = AttemptRecord(
        *(beam_id, 1, "t", "/hpc/run-001", 3, "4711", NOW, NOW, NOW, AttemptOutcome.SUCCEEDED, 0),
        *("/hpc/run-001/dose.raw", 2_880_000, "ab" * 32, "node3", "2 GPU-aaaa"),
    )
    return replace(attempt, **changes)  # type: ignore[arg-type]


def beam_of(name: str, status: BeamStatus = BeamStatus.COMPLETED, **changes: object) -> BeamReport:
    beam_id = f"C_{name}"
    record = BeamRecord(
        *(beam_id, "C", name, Path("/cases/C") / name, status, BeamStatus.HPC_RUNNING, 1.0, "", None, "4711", 1),
        *(("no luck" if status is BeamStatus.FAILED else None), None, None, NOW, NOW),
    )
    report = BeamReport(
        record=record,
        attempts=(attempt_of(beam_id),),
        plan_beam=PLAN_BEAM,
        plan_beam_problem="",
        dose=dose_of(beam_id, curve_of(100.0)) if status is BeamStatus.COMPLETED else None,
        no_dose="" if status is BeamStatus.COMPLETED else "the beam failed while computing",
        remedy="" if status is BeamStatus.COMPLETED else "mqi-tui retry it",
        warnings=(),
    )
    return replace(report, **changes)  # type: ignore[arg-type]


def report_of(*beams: BeamReport, **changes: object) -> CaseReport:
    setup = PlanBeamFacts(1, "SETUP", "G1", True, (0.0,), None, None, None, None, "MU")
    report = CaseReport(
        made_at=NOW,
        version="1.2.3",
        config_path=Path("/site/config.yaml"),
        engine_profile=EngineProfile.LOGFORK,
        engine_command=("mqi_simulation", "{tps_file}"),
        builtin_programs=(),
        case=CaseRecord("C", Path("/cases/C"), (), NOW, NOW),
        status=case_status(beam.record.status for beam in beams),
        plan=PlanFacts(Path("/cases/C/RP.1.dcm"), "2.999.1", "P1", "QA", (30,), (setup, PLAN_BEAM), ()),
        plan_problem="",
        beams=beams,
    )
    return replace(report, **changes)  # type: ignore[arg-type]


# What it tells


def test_the_beams_stand_side_by_side_with_their_numbers_and_units() -> None:
    good, bad = beam_of("good"), beam_of("bad", BeamStatus.FAILED)
    rows = Page(render_page(report_of(good, bad))).table("overview")
    assert good.dose is not None
    found = good.dose.summary.dose
    assert rows[0] == {
        "": "A",
        "beam": "good",
        "state": "completed",
        "beam of the plan": "2 1S150",
        "R80 in mm": f"{found.r80_mm:.1f}",
        "R50 in mm": f"{found.r50_mm:.1f}",
        "peak in mm": f"{found.peak_depth_mm:.1f}",
        "maximum in Gy": "0.01235",
        "histories asked": "12,345",
        "histories run": "12,345",
    }
    assert (rows[1]["state"], rows[1]["R80 in mm"]) == (
        "failed while computing",
        "no verified dose: the beam failed while computing",
    )


def test_the_plans_facts_and_what_it_does_not_say() -> None:
    silent = PlanBeamFacts(None, None, None, False, (), None, None, None, None, None)
    plan = PlanFacts(Path("/cases/C/RP.1.dcm"), None, None, "QA", (30, None), (PLAN_BEAM, silent), ("beam 3: odd",))
    page = Page(render_page(report_of(beam_of("1"), plan=plan)))
    assert page.table("plan")[0] == {
        "number": "2",
        "name": "1S150",
        "machine": "G1",
        "gantry in °": "90, 270.5",
        "energies in MeV": "101.5 to 150.25",
        "layers": "12",
        "meterset": "123.5 MU",
    }
    assert set(page.table("plan")[1].values()) == {"not in the plan"}
    told = dict(zip([e.text for e in page.all("dt")], [e.text for e in page.all("dd")], strict=True))
    assert (told["Patient id"], told["Plan label"]) == ("not in the plan", "QA")
    assert told["Fractions planned"] == "30 and not in the plan (fraction groups)"
    assert "Odd in the plan: beam 3: odd" in page.text


def test_a_setup_beam_of_the_plan_is_said_not_to_be_delivered() -> None:
    (row, _) = Page(render_page(report_of(beam_of("1")))).table("plan")
    assert (row["name"], row["energies in MeV"], row["layers"]) == ("SETUP", "setup, not delivered", "–")


def test_attempts_errors_remedies_and_warnings_are_told() -> None:
    lost = attempt_of("C_1", outcome=AttemptOutcome.LOST, exit_code=None, host=None, gpu=None, hpc_job_id=None)
    beam = beam_of("1", BeamStatus.FAILED, attempts=(lost, attempt_of("C_1", attempt=2)), warnings=("12 of 13",))
    page = Page(render_page(report_of(beam)))
    first, second = page.table("attempts")
    assert (first["how it ended"], first["exit code"], first["host"], first["GPU"], first["job"]) == (
        *("lost", "–", "–", "–", "–"),
    )
    assert (second["attempt"], second["exit code"], second["job"], second["GPU slot"]) == ("2", "0", "4711", "3")
    assert (second["host"], second["GPU"], second["begun (UTC)"]) == ("node3", "2", "2026-11-24 19:30:05")
    assert [error.text for error in page.all("p", "error")] == ["no luck"]
    assert "What to do: mqi-tui retry it." in page.text
    assert [warning.text for warning in page.all("p", "warning")] == ["12 of 13"]


def test_a_plan_that_cannot_be_read_is_said_so_and_the_beams_are_told_all_the_same() -> None:
    beam = beam_of("1", plan_beam=None, plan_beam_problem="the plan could not be read")
    page = Page(render_page(report_of(beam, plan=None, plan_problem="/cases/C: it is gone")))
    assert "The plan cannot be read: /cases/C: it is gone" in page.text
    assert page.table("overview")[0]["beam of the plan"] == "–"
    assert "not known: the plan could not be read" in page.text


def test_a_case_without_any_dose_has_no_curves_and_says_so() -> None:
    page = Page(render_page(report_of(beam_of("1", BeamStatus.FAILED))))
    assert page.pictures == []
    assert "No beam of this case has a verified dose." in page.text


@pytest.mark.parametrize("as_json", [False, True])
def test_the_built_in_engine_is_said_to_be_no_clinical_engine_where_it_was_used(as_json: bool) -> None:
    def text_of(report: CaseReport) -> str:
        return render_json(report) if as_json else Page(render_page(report)).text

    site = report_of(beam_of("1"))
    assert "not for diagnosis" in text_of(site)
    assert "built-in" not in text_of(site)
    named = replace(site, builtin_programs=("interpreter", "dose engine"))
    assert "The built-in engine is no clinical engine, and engine.command" in text_of(named)
    assert "The built-in interpreter is no clinical program" in text_of(named)
    # The config of today may name another engine than the one that computed.
    computed = report_of(beam_of("1"), beam_of("2", dose=dose_of("C_2", curve_of(90), by_builtin_engine=True)))
    assert "it has computed the doses of these beams: 2." in text_of(computed)
    assert computed.is_by_builtin_engine
    assert named.is_by_builtin_engine
    assert not site.is_by_builtin_engine


# The pictures


def test_every_curve_is_drawn_at_its_numbers_and_known_by_letter_and_dashes() -> None:
    beams = [beam_of(str(n), dose=dose_of(f"C_{n}", curve_of(60.0 + 9 * n, scale=10.0**n))) for n in range(7)]
    overlay = Page(render_page(report_of(*beams))).pictures[0]
    lines = overlay.findall(f"{SVG}polyline")
    assert len(lines) == 7
    looks = {(line.get("class"), line.get("stroke-dasharray")) for line in lines}
    assert len(looks) == 7
    on_curves = [text.text for text in overlay.iterfind(f"./{SVG}g/{SVG}text") if text.get("text-anchor") == "middle"]
    in_legend = [text.text for text in overlay.iterfind(f"./{SVG}g/{SVG}g/{SVG}text")]
    assert on_curves == in_legend == list("ABCDEFG")
    # Each has its highest point at 100 %, whatever its dose: the same height, the top of the axis.
    tops = {min(float(point.split(",")[1]) for point in (line.get("points") or "").split()) for line in lines}
    assert len(tops) == 1
    assert [g.find(f"{SVG}text").text for g in overlay.iterfind(f"{SVG}g[@class='legend']")] == list("0123456")  # type: ignore[union-attr]


def test_peak_r80_and_r50_are_marked_where_the_axis_says() -> None:
    beam = beam_of("1", dose=dose_of("C_1", curve_of(123.0)))
    assert beam.dose is not None
    found = beam.dose.summary.dose
    picture = Page(render_page(report_of(beam))).pictures[1]
    marks = {g.get("data-what"): g for g in picture.iterfind(f"{SVG}g[@class='mark']")}
    assert {what: float(g.get("data-mm") or "") for what, g in marks.items()} == {
        "peak": found.peak_depth_mm,
        "R80": found.r80_mm,
        "R50": found.r50_mm,
    }
    # The ticks are drawn at whole numbers of mm: between two of them the marks must lie where their numbers say.
    at = {
        float(text.text or ""): float(text.get("x") or "")
        for text in picture.iterfind(f"{SVG}text[@class='tick'][@text-anchor='middle']")
    }
    first, last = min(at), max(at)
    assert first == 0.0
    for group in marks.values():
        circle = group.find(f"{SVG}circle")
        assert circle is not None
        expected = at[first] + (at[last] - at[first]) * float(group.get("data-mm") or "") / (last - first)
        assert float(circle.get("cx") or "") == pytest.approx(expected, abs=0.1)
        words = group.find(f"{SVG}text")
        assert words is not None
        assert words.text == f"{group.get('data-what')} {float(group.get('data-mm') or ''):.1f} mm"


def test_a_curve_that_leaves_the_grid_has_no_r80_and_is_drawn_to_its_end() -> None:
    curve = DepthDose((1.0, 3.0, 5.0), (1.0, 2.0, 3.0))
    page = Page(render_page(report_of(beam_of("1", dose=dose_of("C_1", curve)))))
    assert page.table("overview")[0]["R80 in mm"] == "not in the grid"
    whole, single = page.pictures
    for picture in (whole, single):
        line = picture.find(f"{SVG}polyline")
        assert line is not None
        assert len((line.get("points") or "").split()) == 3
    assert [g.get("data-what") for g in single.iterfind(f"{SVG}g[@class='mark']")] == ["peak"]


def test_a_curve_of_one_voxel_and_doses_of_any_size_are_drawn() -> None:
    for scale in (1e-12, 1.0, 3e7):
        for curve in (DepthDose((1.0,), (scale,)), curve_of(50.0, scale)):
            page = Page(render_page(report_of(beam_of("1", dose=dose_of("C_1", curve)))))
            assert len(page.pictures) == 2
            assert "nan" not in page.html
            assert "inf" not in page.html.replace("information", "")


@pytest.mark.parametrize(
    ("end", "most", "expected"),
    [
        (100.0, 5, (0, 20, 40, 60, 80, 100)),
        (349.0, 9, (0, 50, 100, 150, 200, 250, 300)),
        (0.7, 5, (0, 0.2, 0.4, 0.6)),
        (1.0, 10, (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
        (3e-7, 3, (0, 1e-7, 2e-7, 3e-7)),
    ],
)
def test_ticks_are_round(end: float, most: int, expected: tuple[float, ...]) -> None:
    assert ticks(end, most) == pytest.approx(expected)


@pytest.mark.parametrize("span", [10.0**power * digit for power in range(-12, 13) for digit in (1.0, 1.01, 4.99, 9.7)])
def test_there_are_never_more_ticks_than_asked_for(span: float) -> None:
    mantissa = tick_step(span, 8) / 10.0 ** math.floor(math.log10(tick_step(span, 8)) + 1e-9)
    assert round(mantissa, 6) in {1.0, 2.0, 5.0}
    assert 3 <= len(ticks(span, 8)) <= 9


# Text from outside


@pytest.mark.parametrize("evil", [*EVIL, *(pytest.param(text, id=what) for what, text in NASTY.items())])
def test_text_from_outside_stays_text(evil: str) -> None:
    _assert_stays_text(evil)


@given(nasty_text)
@settings(deadline=None, max_examples=40, derandomize=True)
def test_any_text_from_outside_stays_text(evil: str) -> None:
    _assert_stays_text(evil)


def _assert_stays_text(evil: str) -> None:
    beam = beam_of("1", BeamStatus.FAILED)
    path = Path("/cases") / evil.replace("\0", "")
    record = replace(beam.record, beam_id=evil, beam_name=evil, error=evil, detail=evil, beam_path=path)
    attempt = attempt_of(evil, hpc_job_id=evil, host=evil, gpu=evil)
    failed = replace(
        beam, record=record, attempts=(attempt,), remedy=evil, no_dose=evil, warnings=(evil,), plan_beam_problem=evil
    )
    done = beam_of("2", dose=replace(dose_of("C_2", curve_of(80)), raw_problem=evil, raw_file=path))
    done = replace(done, record=replace(done.record, beam_name=evil), plan_beam=replace(PLAN_BEAM, name=evil))
    plan = PlanFacts(Path("RP.dcm"), evil, evil, evil, (1,), (replace(PLAN_BEAM, name=evil, machine=evil),), (evil,))
    report = report_of(failed, done, plan=plan, engine_command=(evil,), config_path=path)
    report = replace(report, case=replace(report.case, case_id=evil, warnings=(evil,)))
    harmless = Page(render_page(report_of(beam_of("1", BeamStatus.FAILED), beam_of("2"))))
    page = Page(render_page(report))

    assert {element.tag for element in page.elements} <= {element.tag for element in harmless.elements} | {"p"}
    names = {name for element in page.elements for name in element.attributes}
    assert names <= {name for element in harmless.elements for name in element.attributes}
    assert not names & {"src", "href", "style"}
    assert not any(name.startswith("on") for name in names)
    assert all(printable(line) == line for line in page.html.split("\n"))
    assert len(page.pictures) == 2
    if evil and evil.isprintable() and printable(evil) == evil:
        assert page.all("h1")[0].text == evil
        assert page.all("p", "error")[0].text == evil
        assert page.table("attempts")[0]["host"] == evil

    told = json.loads(render_json(report))
    assert (told["case_id"], told["beams"][0]["error"], told["beams"][0]["attempts"][0]["host"]) == (evil, evil, evil)


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    page = Page(render_page(report_of(beam_of("1"))))
    tags = {element.tag for element in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "a", "form"}
    (policy,) = (e for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'")
    assert "@import" not in page.html
    assert "url(" not in page.html
    assert "@media print" in page.html
    assert "prefers-color-scheme: dark" in page.html


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("2025042401440800", 24, "2025042401440800"),
        ("abcdefghij", 5, "ab…ij"),
        ("가나다라마바", 7, "가나…바"),
        ("", 3, ""),
        ("가나", 2, "…"),
    ],
)
def test_a_long_name_is_shortened_in_its_middle(text: str, cells: int, expected: str) -> None:
    assert shortened(text, cells) == expected


# JSON


def test_the_json_has_the_documented_keys_and_exact_numbers() -> None:
    good = beam_of("good")
    told = json.loads(render_json(report_of(good, beam_of("bad", BeamStatus.FAILED))))
    documented = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    assert told["format"] == "mqi-tui case report 1"
    assert [key for key in _keys(told) if f"`{key}`" not in documented] == []
    first, second = told["beams"]
    assert good.dose is not None
    found = good.dose.summary.dose
    assert (first["dose"]["r80_mm"], first["dose"]["peak_depth_mm"]) == (found.r80_mm, found.peak_depth_mm)
    assert first["dose"]["depth_dose_gy_mm2"] == list(found.depth_dose.integral_gy_mm2)
    assert (second["dose"], second["no_dose_reason"]) == (None, "the beam failed while computing")
    assert told["made_at"] == "2026-11-24T19:30:05+00:00"


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for part in value.values() for key in _keys(part)}
    if isinstance(value, list):
        return {key for part in value for key in _keys(part)}
    return set()
