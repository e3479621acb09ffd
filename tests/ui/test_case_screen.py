"""The case screen: what it says of plan, beams and doses, that it follows the case, and that it never waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import Static

from mqi_tui.domain.errors import InputError, RequestRefusedError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.domain.text import printable
from mqi_tui.moqui.plan_facts import PlanBeamFacts, PlanFacts
from mqi_tui.ui.screens.beam import BeamScreen
from mqi_tui.ui.screens.case import CaseScreen
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.help import HelpScreen
from mqi_tui.ui.widgets.case_beam_list import CaseBeamList
from mqi_tui.ui.widgets.depth_plot import OverlaidPlot
from mqi_tui.ui.widgets.detail_pane import DetailPane
from mqi_tui.ui.widgets.page_view import PageView
from mqi_tui.workflow.inspection import BeamDose, CasePlan, DoseAbsence, NoDose, PlannedBeam
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, lines_of, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, a_beam, a_case, a_folder, a_snapshot
from tests.support.scripted_inspector import a_dose, a_dose_array

SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])

NAMES = [f"202504240144{number}000" for number in range(5)]
ERROR = "PlanRange.txt: line 7 names 01_024921.ptn, which is not there [/tmp/x]."


def a_plan_beam(number: int) -> PlanBeamFacts:
    return PlanBeamFacts(number, f"F{number}", "G1", False, (90.0 * (number % 4),), 12, 101.5, 150.25, 123.5, "MU")


def a_plan(*beams: BeamRecord) -> CasePlan:
    """A setup beam, then one beam for each of `beams`."""
    setup = PlanBeamFacts(1, "SETUP", "G1", True, (0.0,), None, None, None, None, "MU")
    own = [a_plan_beam(number) for number, _ in enumerate(beams, start=2)]
    plan = PlanFacts(Path("/data/cases/alpha/RP.1.dcm"), "2.999", "PAT-7 [QA]", "Prostate", (30,), (setup, *own), ())
    planned = {beam.beam_id: PlannedBeam(facts, "") for beam, facts in zip(beams, own, strict=True)}
    return CasePlan(plan, "", planned)


def five_beams() -> list[BeamRecord]:
    """Three completed, one failed, one that computes."""
    return [
        *(a_beam("alpha", name, BeamStatus.COMPLETED, attempt=1) for name in NAMES[:3]),
        a_beam("alpha", NAMES[3], BeamStatus.FAILED, stage=BeamStatus.PREPROCESSING, error=ERROR),
        a_beam("alpha", NAMES[4], BeamStatus.HPC_RUNNING, gpu_id=3, attempt=2),
    ]


def a_snapshot_of(beams: list[BeamRecord]) -> EngineSnapshot:
    return a_snapshot(a_case("alpha", *beams))


def an_engine(beams: list[BeamRecord] | None = None) -> ScriptedEngine:
    beams = beams or five_beams()
    engine = ScriptedEngine(a_snapshot_of(beams))
    engine.inspector.plan = a_plan(*beams)
    for number, beam in enumerate(beams):
        if beam.status is BeamStatus.COMPLETED:
            engine.inspector.doses[beam.beam_id] = a_dose(a_dose_array() * (1 + 0.3 * number))
    return engine


def the_list(stage: Stage) -> CaseBeamList:
    return stage.app.screen.query_one(CaseBeamList)


@asynccontextmanager
async def on_case_screen(engine: ScriptedEngine, size: tuple[int, int] = MIDDLE) -> AsyncIterator[Stage]:
    async with on_stage(engine, size) as stage:
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, CaseScreen))
        yield stage


async def until_read(stage: Stage) -> None:
    await stage.until(lambda: "…" not in "".join(lines_of(the_list(stage))) and "Reading" not in plan_of(stage))


def row_of(stage: Stage, place: int) -> str:
    """The line of the beam at this place, from 0."""
    return lines_of(the_list(stage))[1 + place]


def plan_of(stage: Stage) -> str:
    return stage.app.screen.query_one("#case-plan", PageView).text


def detail_of(stage: Stage) -> str:
    return stage.app.screen.query_one("#case-detail", DetailPane).text


def drawn(stage: Stage) -> str:
    """What the pane of the curves shows: title, legend and plot."""
    lines = stage.lines
    begin = next((number for number, line in enumerate(lines) if "Depth doses:" in line), len(lines))
    return "\n".join(lines[begin:-1])


@SIZES
async def test_enter_on_a_case_opens_it_and_esc_goes_back_to_the_tree(size: tuple[int, int]) -> None:
    async with on_case_screen(an_engine(), size) as stage:
        for word in ("alpha", "► processing", "5 beams", "NOT FOR DIAGNOSIS"):
            assert word in stage.lines[0]
        await stage.press("escape")
        assert stage.app.screen is stage.main
        assert stage.cases.has_focus


async def test_in_the_tree_enter_opens_a_beam_too_and_folds_the_folders() -> None:
    snapshot = a_snapshot(a_case("alpha", *five_beams()), folders=[a_folder("x", FolderState.INCOMPLETE, "no plan")])
    async with on_stage(ScriptedEngine(snapshot)) as stage:
        await stage.press("end", "up")
        assert "folder not taken" in stage.text
        rows = len(stage.cases.rows)
        await stage.press("enter")
        assert len(stage.cases.rows) == rows - 1
        await stage.press("home", "right", "down", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, BeamScreen) and "[1 Overview]" in stage.text)


async def test_the_case_of_a_beam_can_be_opened_from_the_list_of_all_beams() -> None:
    async with on_stage(an_engine(), SMALL) as stage:
        await stage.press("a", "C")
        assert isinstance(stage.app.screen, CaseScreen)


@SIZES
async def test_the_plan_tells_its_facts_and_whose_logs_hold_which_beam(size: tuple[int, int]) -> None:
    async with on_case_screen(an_engine(), size) as stage:
        await until_read(stage)
        await stage.press("2")
        for words in ("patient id PAT-7 [QA]", "plan label Prostate", "machine G1", "fractions 30"):
            assert words in stage.text
        lines = plan_of(stage).splitlines()
        assert next(line for line in lines if "SETUP" in line).split() == [
            *("–", "1", "SETUP", "G1", "0", "setup,", "not", "delivered", "–")
        ]
        assert next(line for line in lines if "F3" in line).split() == [
            *("B", "3", "F3", "G1", "270", "101.5", "to", "150.25", "12")
        ]


@SIZES
async def test_beams_stand_side_by_side_with_what_is_known_of_each(size: tuple[int, int]) -> None:
    async with on_case_screen(an_engine(), size) as stage:
        await until_read(stage)
        first, failed, running = row_of(stage, 0), row_of(stage, 3), row_of(stage, 4)
        for word in ("A", NAMES[0], "✓ completed", "verified", " 2 ", "100.7"):
            assert word in first
        assert "✗ failed" in failed
        assert "none yet" in failed
        assert "► computing" in running
        assert running.split()[4] == "2", "the attempt"
        if size is not SMALL:
            for word in ("3.0, -1.0, -98.0", "369,938", "369,930"):
                assert word in first
        assert "maximum 2 Gy at x, y, z 3.0, -1.0, -98.0 mm" in detail_of(stage)
        assert "peak 96.9, R80 100.7, R50 104.7 mm; histories asked 369,938, run 369,930" in detail_of(stage)
        await stage.press("down", "down", "down")
        for words in ("D  alpha_", "✗ failed while preprocessing", "plan beam 5 F5 · gantry 90°", ERROR, "r: retry"):
            assert words in detail_of(stage)
        await stage.press("down")
        assert "57%" in detail_of(stage)
        assert "no verified dose: the beam is computing" in detail_of(stage)


async def test_what_is_not_known_of_a_verified_dose_is_said_to_be_unknown() -> None:
    engine = an_engine()
    dose = a_dose()
    engine.inspector.doses[f"alpha_{NAMES[0]}"] = replace(
        dose,
        histories_asked=None,
        histories_done=None,
        summary=replace(dose.summary, r80_mm=None),
    )
    async with on_case_screen(engine) as stage:
        await until_read(stage)
        assert row_of(stage, 0).split()[-2:] == ["unknown", "unknown"]
        assert "off grid" in row_of(stage, 0)
        assert "histories asked unknown, run unknown" in detail_of(stage)


@SIZES
async def test_the_curves_of_all_verified_doses_are_drawn_with_their_letters(size: tuple[int, int]) -> None:
    async with on_case_screen(an_engine(), size) as stage:
        await until_read(stage)
        await stage.press("3")
        await stage.until(lambda: "⠤" in drawn(stage))
        title, *below = drawn(stage).splitlines()
        assert "laterally integrated, Gy·mm² over mm · NOT FOR DIAGNOSIS" in title
        for name, letter in zip(NAMES[:3], "ABC", strict=True):
            assert f"{letter} {name}" in "".join(below[:2])
            assert sum(line.count(letter) for line in below[3:]) >= 3, f"{letter} stands on its curve"
        assert "no curve: D failed" in "".join(below[:3])
        assert "E computing" in "".join(below[:3])
        assert "Gy·mm²" in drawn(stage)


async def test_the_unit_of_the_curves_changes_in_turn() -> None:
    async with on_case_screen(an_engine(), SMALL) as stage:
        await until_read(stage)
        await stage.press("3")
        await stage.until(lambda: "Gy·mm² " in drawn(stage))
        for words, unit in (
            ("% of each maximum", " % "),
            ("along z through each maximum", " Gy "),
            ("laterally", "Gy·mm²"),
        ):
            await stage.press("u")
            await stage.until(lambda: words in stage.text and unit in drawn(stage).partition("\n")[2])  # noqa: B023


async def test_nothing_is_drawn_as_long_as_there_is_no_dose() -> None:
    engine = an_engine([a_beam("alpha", NAMES[0])])
    async with on_case_screen(engine) as stage:
        await until_read(stage)
        assert "no curve: A new" in drawn(stage)
        assert not stage.app.screen.query("#case-plot")


async def test_a_beam_that_completes_appears_with_its_numbers_and_its_curve() -> None:
    engine = an_engine()
    async with on_case_screen(engine) as stage:
        await until_read(stage)
        await stage.until(lambda: "C" in drawn(stage).partition("no curve")[2])
        done = replace(a_beam("alpha", NAMES[4], BeamStatus.COMPLETED, attempt=2), updated_at=NOW + timedelta(hours=1))
        engine.inspector.doses[done.beam_id] = a_dose(a_dose_array() * 1.15, attempt=2)
        engine.publish(a_snapshot_of([*five_beams()[:4], done]))
        await stage.until(lambda: "verified" in row_of(stage, 4) and f"E {NAMES[4]}" in drawn(stage))
        await stage.until(lambda: sum(line.count("E") for line in drawn(stage).splitlines()[3:]) >= 3)
        assert "4 completed" in stage.lines[0]
        assert "✗ partly failed" in stage.lines[0]


async def test_progress_alone_is_no_reason_to_read_anything_again() -> None:
    engine = an_engine()
    async with on_case_screen(engine) as stage:
        await until_read(stage)
        calls = len(engine.inspector.asked)
        running = a_beam("alpha", NAMES[4], BeamStatus.HPC_RUNNING, gpu_id=3, attempt=2, progress=0.8)
        engine.publish(a_snapshot_of([*five_beams()[:4], running]))
        await stage.press("end")
        await stage.until(lambda: "80%" in detail_of(stage))
        assert len(engine.inspector.asked) == calls


@pytest.mark.parametrize(
    ("found", "word", "sentence"),
    [
        (NoDose(DoseAbsence.NONE, Path("/out/output.raw")), "gone", "the file is gone; it was /out/output.raw"),
        (NoDose(DoseAbsence.UNCHECKED, Path("/out/o")), "not checked", "no check of /out/o is finished"),
        (NoDose(DoseAbsence.REFUSED, Path("/out/o.refused")), "refused", "kept as /out/o.refused"),
        (a_dose(attempt=7), "earlier run", "that of attempt 7, of an earlier run"),
        (InputError("the share is lost [/x]"), "unreadable", "it cannot be read now: the share is lost [/x]"),
        (ValueError("[/red]"), "unreadable", "a defect in mqi-tui (ValueError: [/red]); please report it"),
    ],
    ids=["gone", "unchecked", "refused", "earlier", "unreadable", "defect"],
)
async def test_a_dose_that_is_not_verified_is_not_shown_and_says_why(
    found: BeamDose | NoDose | Exception, word: str, sentence: str
) -> None:
    engine = an_engine()
    engine.inspector.doses[f"alpha_{NAMES[0]}"] = found
    async with on_case_screen(engine) as stage:
        await until_read(stage)
        assert word in row_of(stage, 0)
        assert "verified" not in row_of(stage, 0)
        assert "100.7" not in row_of(stage, 0)
        assert sentence in detail_of(stage)
        await stage.until(lambda: f"A completed (dose {word})" in drawn(stage))
        assert "verified" in row_of(stage, 1), "the others are shown all the same"


async def test_a_plan_that_cannot_be_read_says_why_and_the_doses_are_shown() -> None:
    engine = an_engine()
    problem = "the case folder /data/cases/alpha is not there any more (moved, or its share is lost)"
    engine.inspector.plan = CasePlan(
        None, problem, {beam.beam_id: PlannedBeam(None, "the plan could not be read") for beam in five_beams()}
    )
    async with on_case_screen(engine, SMALL) as stage:
        await until_read(stage)
        assert "verified" in row_of(stage, 0)
        assert "beam of the plan unknown: the plan could not be read" in detail_of(stage)
        await stage.press("2")
        await stage.until(lambda: f"The plan cannot be read: {problem}" in " ".join(plan_of(stage).split()))


async def test_oddities_and_beams_that_match_no_plan_beam_are_told() -> None:
    engine = an_engine()
    plan = a_plan(*five_beams())
    assert plan.plan is not None
    odd = replace(plan.plan, oddities=("beam 3: its BeamName is odd",), patient_id=None, fractions_planned=())
    lost = {**plan.beams, f"alpha_{NAMES[1]}": PlannedBeam(None, "PlanInfo.txt names beam 9")}
    engine.inspector.plan = CasePlan(odd, "", lost)
    async with on_case_screen(engine) as stage:
        await until_read(stage)
        words = " ".join(plan_of(stage).split())
        assert "! Odd in the plan: beam 3: its BeamName is odd" in words
        assert "! Which beam of the plan B is, is not known: PlanInfo.txt names beam 9" in words
        assert "1 beam of the plan without logs in this case" in words
        assert "patient id unknown" in words
        assert "fractions unknown" in words


async def test_enter_opens_the_beam_and_esc_comes_back_to_it() -> None:
    async with on_case_screen(an_engine()) as stage:
        await stage.press("down", "enter")
        assert isinstance(stage.app.screen, BeamScreen)
        assert stage.app.screen.beam.beam_name == NAMES[1]
        await stage.press("escape")
        assert isinstance(stage.app.screen, CaseScreen)
        row = the_list(stage).cursor_row
        assert row is not None
        assert row.beam.beam_name == NAMES[1]
        assert the_list(stage).has_focus


async def test_the_report_is_saved_and_its_path_told() -> None:
    engine = an_engine()
    engine.answers["save_report"] = "wrote /data/results/alpha/report.html, in place of an earlier report"
    async with on_case_screen(engine) as stage:
        await stage.press("s")
        await stage.until(lambda: any("in place of an earlier report" in toast for toast in stage.toasts))
        assert engine.commands == [("save_report", "alpha")]
        engine.answers["save_report"] = RequestRefusedError("[/x] is there and is no report of mqi-tui")
        await stage.press("s")
        await stage.until(lambda: any("[/x] is there and is no report" in toast for toast in stage.toasts))


async def test_retry_and_cancel_go_to_the_engine_and_what_ends_something_asks() -> None:
    engine = an_engine()
    async with on_case_screen(engine) as stage:
        await stage.press("R")
        await stage.until(lambda: engine.commands == [("retry", f"alpha_{NAMES[3]}")])
        await stage.press("r")
        await stage.until(lambda: any("only a failed or cancelled beam" in toast for toast in stage.toasts))
        await stage.press("c")
        assert isinstance(stage.app.screen, ConfirmScreen)
        await stage.press("y")
        await stage.until(lambda: engine.commands[1:] == [("cancel_case", "alpha")])
        engine.publish(a_snapshot_of(five_beams()[:4]))
        await stage.until(lambda: "4 beams" in stage.lines[0])
        await stage.press("c")
        await stage.until(lambda: any("nothing to cancel" in toast for toast in stage.toasts))


async def test_a_slow_disk_keeps_no_key_waiting_and_parts_appear_as_they_are_known() -> None:
    engine = an_engine()
    engine.inspector.gate = asyncio.Event()
    async with on_case_screen(engine) as stage:
        assert "…" in row_of(stage, 0)
        assert "✓ completed" in row_of(stage, 0)
        assert "Reading the plan …" in plan_of(stage)
        await stage.press("down", "3", "u", "1")
        assert "it is being looked for …" in detail_of(stage)
        engine.inspector.gate.set()
        await until_read(stage)
        engine.inspector.gate = asyncio.Event()
        await stage.press("enter", "escape", "escape")
        assert stage.app.screen is stage.main
        engine.inspector.gate.set()


async def test_on_a_narrow_screen_one_tab_is_shown_at_a_time_and_can_be_clicked() -> None:
    async with on_case_screen(an_engine(), SMALL) as stage:
        await until_read(stage)
        assert "[1 Beams]" in stage.lines[1]
        assert "patient id" not in stage.text
        await stage.press("right")
        assert "[2 Plan]" in stage.lines[1]
        assert "patient id" in stage.text
        await stage.pilot.click("#case-tabs", offset=(stage.lines[1].index("Depth"), 0))
        await stage.until(lambda: "[3 Depth doses]" in stage.lines[1] and "no curve" in stage.text)
        await stage.press("left", "left")
        assert "[1 Beams]" in stage.lines[1]
        assert the_list(stage).has_focus


async def test_on_a_wide_screen_of_few_rows_the_curves_have_them_all_too() -> None:
    async with on_case_screen(an_engine(), (110, 30)) as stage:
        await until_read(stage)
        await stage.press("3")
        await stage.until(lambda: "⠤" in drawn(stage))
        assert "[3 Depth doses]" in stage.lines[1]
        assert stage.app.screen.query_one(OverlaidPlot).size.height > 20


async def test_the_pane_with_the_keys_is_the_tab_that_stays_when_the_screen_gets_narrow() -> None:
    async with on_case_screen(an_engine()) as stage:
        await until_read(stage)
        await stage.press("tab", "tab")
        assert stage.app.focused is stage.app.screen.query_one("#case-curves")
        await stage.pilot.resize_terminal(*SMALL)
        await stage.until(
            lambda: "[3 Depth doses]" in stage.lines[1] and "no curve" in stage.text and "patient id" not in stage.text
        )
        assert stage.app.focused is stage.app.screen.query_one("#case-curves")
        await stage.press("left")
        assert "[2 Plan]" in stage.lines[1]
        await stage.pilot.resize_terminal(*MIDDLE)
        await stage.until(lambda: "no curve" in stage.text and "patient id" in stage.text and "max Gy" in stage.text)


async def test_a_pane_without_rows_has_its_own_help_too() -> None:
    async with on_case_screen(an_engine()) as stage:
        await stage.press("3", "question_mark")
        assert isinstance(stage.app.screen, HelpScreen)
        assert any("Each curve bears the letter" in str(text.render()) for text in stage.app.screen.query(Static))
        await stage.press("escape")
        assert isinstance(stage.app.screen, CaseScreen)


async def test_a_double_click_on_a_case_opens_it() -> None:
    async with on_stage(an_engine()) as stage:
        await stage.pilot.click("#cases", offset=(8, 1), times=2)
        await stage.until(lambda: isinstance(stage.app.screen, CaseScreen))


async def test_a_case_screen_that_is_too_small_to_use_does_not_end_the_program() -> None:
    async with on_stage(an_engine(), (20, 5)) as stage:
        await stage.press("enter", "1", "2", "3", "u", "right")
        assert stage.app.is_running


async def test_nothing_is_told_by_colour_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_case_screen(an_engine()) as stage:
        await until_read(stage)
        await stage.until(lambda: "⠤" in drawn(stage))
        assert all(sum(line.count(letter) for line in drawn(stage).splitlines()[3:]) >= 3 for letter in "ABC")
        assert "verified" in row_of(stage, 0)


async def test_more_beams_than_letters_still_have_names_of_their_own() -> None:
    beams = [a_beam("alpha", f"b{number:02}", BeamStatus.COMPLETED, attempt=1) for number in range(28)]
    async with on_case_screen(an_engine(beams), LARGE) as stage:
        await until_read(stage)
        await stage.press("end", "3")
        await stage.until(lambda: "B2" in drawn(stage).partition("┏")[2] or "B2" in "".join(stage.lines[35:]))
        assert the_list(stage).rows[27].letter == "B2"


NASTY = st.sampled_from(
    ["[/tmp/x]", "[red]", "\x1b[2J", "\x9b31m", "\u202eabc", "a\\[b", "]", "$x", "한 🙂", "x" * 300]
)


@given(NASTY, NASTY)
@settings(max_examples=6)
async def test_no_text_from_outside_crashes_a_pane_or_reaches_the_terminal_raw(one: str, other: str) -> None:
    beam = a_beam("alpha", f"1{one}", BeamStatus.FAILED, attempt=1, error=f"error {other}")
    done = a_beam("alpha", other, BeamStatus.COMPLETED, attempt=1)
    engine = ScriptedEngine(a_snapshot(a_case("alpha", beam, done, warnings=(f"warning {one}",))))
    facts = replace(a_plan_beam(2), name=one, machine=other)
    plan = PlanFacts(Path("/in") / other.replace("/", "_"), "2", one, other, (None,), (facts,), (f"odd {one}",))
    engine.inspector.plan = CasePlan(
        plan, "", {beam.beam_id: PlannedBeam(None, f"problem {other}"), done.beam_id: PlannedBeam(facts, "")}
    )
    engine.inspector.doses = {beam.beam_id: InputError(f"trouble {one}"), done.beam_id: a_dose()}
    async with on_case_screen(engine, LARGE) as stage:
        await stage.until(lambda: "odd" in plan_of(stage))
        await stage.until(lambda: "unreadable" in row_of(stage, 0))
        shown = [*lines_of(the_list(stage)), *plan_of(stage).split("\n"), *detail_of(stage).split("\n")]
        assert all(printable(line) == line for line in shown)
        assert "\x1b" not in stage.text
