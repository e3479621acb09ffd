"""`report`: where it is written and what it never replaces, and that what it says of a dose is proven now."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import at, refused, running_program, until
from tests.support.pages import Page
from tests.workflow.support import COMPUTING, GRAY, POSTPROCESSING, TINY_RAW_BYTES, QuickSite

# Falls along the depth: 2 Gy in the four voxels at high z, where the beam enters, then 1 Gy.
TWO_GRAY = r"printf '\000\000\000\000\000\000\000\100'"
FALLING = f"for voxel in 1 2 3 4; do {GRAY}; done; for voxel in 1 2 3 4; do {TWO_GRAY}; done"


@pytest.fixture
def done(quick: QuickSite) -> str:
    """A case whose two beams are completed."""
    case_id = quick.add_case(beams=2)
    run_all(quick)
    return case_id


def run_all(quick: QuickSite, *, code: int = 0) -> None:
    answer = quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == code, answer.stdout + answer.stderr


def told(quick: QuickSite, case_id: str) -> dict[str, Any]:
    answer = at(quick, "report", case_id, "--json")
    assert answer.returncode == 0, answer.stderr
    parsed: dict[str, Any] = json.loads(answer.stdout)
    return parsed


def raw_of(quick: QuickSite, beam_id: str) -> Path:
    return quick.site.results / beam_id.rpartition("_")[0] / beam_id / "output.raw"


# Where it goes


def test_it_is_written_beside_the_results_for_its_user_alone_and_replaced_by_the_next(
    quick: QuickSite, done: str
) -> None:
    path = quick.site.results / done / "report.html"
    for sentence in (f"wrote {path}", f"wrote {path}, in place of an earlier report"):
        answer = at(quick, "report", done)
        assert (answer.returncode, answer.stdout) == (0, f"{sentence}\n")
        assert path.stat().st_mode & 0o777 == 0o600
    assert done in Page(path.read_text(encoding="utf-8")).text
    assert sorted(entry.name for entry in path.parent.iterdir()) == [*quick.beam_ids(done), "report.html"]


def test_it_is_written_to_a_named_file_or_to_stdout(quick: QuickSite, done: str, tmp_path: Path) -> None:
    page, data = tmp_path / "page.html", tmp_path / "data.json"
    assert at(quick, "report", done, "--output", str(page)).returncode == 0
    for _ in range(2):
        assert at(quick, "report", done, "--json", "--output", str(data)).returncode == 0
    assert (page.stat().st_mode & 0o777, data.stat().st_mode & 0o777) == (0o600, 0o600)
    assert json.loads(data.read_text(encoding="utf-8"))["case_id"] == done
    answer = at(quick, "report", done, "--output", "-")
    assert answer.stdout.startswith("<!DOCTYPE html>")
    assert Page(answer.stdout).table("overview") == Page(page.read_text(encoding="utf-8")).table("overview")
    assert not (quick.site.results / done / "report.html").exists()


def test_nothing_but_a_report_is_ever_replaced(quick: QuickSite, done: str, tmp_path: Path) -> None:
    raw = raw_of(quick, quick.beam_ids(done)[0])
    report = tmp_path / "report.html"
    at(quick, "report", done, "--output", str(report))
    link = tmp_path / "link.html"
    link.symlink_to(report)
    empty = tmp_path / "empty"
    empty.touch()
    before = {path: path.read_bytes() for path in (raw, quick.site.config_path, report, empty)}
    for path in (raw, quick.site.config_path, link, tmp_path, empty):
        message = refused(at(quick, "report", done, "--output", str(path)))
        assert f"{path} is there and is no report" in message
    assert {path: path.read_bytes() for path in before} == before
    assert link.is_symlink()


def test_a_folder_that_is_not_there_is_not_made(quick: QuickSite, done: str, tmp_path: Path) -> None:
    message = refused(at(quick, "report", done, "--output", str(tmp_path / "typo" / "report.html")))
    assert f"{tmp_path / 'typo'} is no folder" in message
    assert not (tmp_path / "typo").exists()


def test_it_changes_nothing_else(quick: QuickSite, done: str) -> None:
    def files() -> dict[Path, bytes]:
        places = (quick.site.cases, quick.site.results, quick.site.remote)
        return {path: path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}

    before = files()
    at(quick, "report", done)
    (new,) = files().keys() - before.keys()
    assert new == quick.site.results / done / "report.html"
    assert files().items() >= before.items()


# Which case


def test_an_unknown_case_is_answered_with_the_names_that_are_close(quick: QuickSite, done: str) -> None:
    assert f"there is no case {done[:-1]}; close to it: {done}." in refused(at(quick, "report", done[:-1]))
    assert f"close to it: {done}." in refused(at(quick, "report", done.lower()[:4]))
    assert "no case has a name like it" in refused(at(quick, "report", "zzzz"))
    (beam_id, _) = quick.beam_ids(done)
    assert f"{beam_id} is a beam; its case is {done}." in refused(at(quick, "report", beam_id))


def test_a_folder_that_is_no_case_yet_says_why(quick: QuickSite) -> None:
    (quick.site.cases / "notes").mkdir()
    run_all(quick)
    assert "notes is no case yet" in refused(at(quick, "report", "notes"))


def test_before_the_first_start_there_is_no_case_and_nothing_is_made(quick: QuickSite) -> None:
    assert "has not run" in refused(at(quick, "report", "A"))
    assert not (quick.site.folder / "state").exists()


# What it says of a dose


def test_a_completed_beam_has_its_verified_dose_with_the_digest_of_its_file(quick: QuickSite) -> None:
    quick.configure(engine=f"({FALLING}) >dose.raw")
    case_id = quick.add_case()
    run_all(quick)
    (beam,) = told(quick, case_id)["beams"]
    raw = raw_of(quick, beam["beam_id"])
    dose = beam["dose"]
    assert (dose["raw_file"], dose["raw_size_bytes"]) == (str(raw), TINY_RAW_BYTES)
    assert dose["raw_sha256"] == hashlib.sha256(raw.read_bytes()).hexdigest()
    assert (dose["raw_problem"], beam["no_dose_reason"]) == (None, None)
    assert (dose["maximum_gy"], dose["depth_mm"], dose["depth_dose_gy_mm2"]) == (2.0, [1.0, 3.0], [288.0, 144.0])
    # Planes of four voxels of 36 mm²: from 288 at 1 mm to 144 at 3 mm, 80 % of 288 lie at 1.8 mm.
    assert dose["r80_mm"] == pytest.approx(1.8)
    assert not dose["is_by_builtin_engine"]


def test_an_attempt_is_told_with_the_place_that_its_job_has_recorded(quick: QuickSite, done: str) -> None:
    for beam in told(quick, done)["beams"]:
        (attempt,) = beam["attempts"]
        run_folder = Path(attempt["run_folder"])
        record = dict(line.split("=", 1) for line in (run_folder / "exit_record").read_text().splitlines())
        assert (attempt["host"], attempt["gpu"]) == (record["host"], record["gpu"])
        assert attempt["gpu"].split()[0] == str(attempt["gpu_slot"])
        assert (attempt["outcome"], attempt["exit_code"]) == ("succeeded", 0)
        assert attempt["begun_at"] <= attempt["submitted_at"] <= attempt["end_recorded_at"]


def test_a_dose_file_that_was_changed_is_no_verified_dose_any_more(quick: QuickSite, done: str) -> None:
    beam_id = quick.beam_ids(done)[0]
    raw = raw_of(quick, beam_id)
    raw.write_bytes(b"\1" + raw.read_bytes()[1:])
    first, second = told(quick, done)["beams"]
    assert first["dose"] is None
    assert "is not the file any more that was verified" in first["no_dose_reason"]
    assert second["dose"] is not None
    page = Page(at(quick, "report", done, "--output", "-").stdout)
    assert page.table("overview")[0]["R80 in mm"].startswith("no verified dose: ")


def test_a_dose_file_that_is_gone_is_said_to_be_beside_the_numbers(quick: QuickSite, done: str) -> None:
    raw = raw_of(quick, quick.beam_ids(done)[0])
    raw.unlink()
    (first, _) = told(quick, done)["beams"]
    assert first["dose"]["maximum_gy"] == 1.0
    assert f"{raw} cannot be read now" in first["dose"]["raw_problem"]
    assert first["warnings"] == [first["dose"]["raw_problem"]]


def test_a_summary_that_is_gone_or_of_another_attempt_is_no_dose(quick: QuickSite, done: str) -> None:
    summary = raw_of(quick, quick.beam_ids(done)[0]).with_name("summary.json")
    content = json.loads(summary.read_text())
    for key, value in (("attempt", 7), ("beam_id", "other"), ("case_id", "other")):
        summary.write_text(json.dumps(content | {key: value}))
        (first, _) = told(quick, done)["beams"]
        assert first["dose"] is None
        assert "not of attempt 1 of this beam" in first["no_dose_reason"]
    summary.unlink()
    (first, second) = told(quick, done)["beams"]
    assert first["dose"] is None
    assert f"{summary} is missing" in first["no_dose_reason"]
    assert second["dose"] is not None


def test_histories_that_are_missing_are_warned_of(quick: QuickSite, done: str) -> None:
    summary = raw_of(quick, quick.beam_ids(done)[0]).with_name("summary.json")
    content = json.loads(summary.read_text()) | {"histories_asked": 100, "histories_done": 99}
    summary.write_text(json.dumps(content))
    (first, _) = told(quick, done)["beams"]
    assert first["warnings"] == ["the engine was asked for 100 histories and says that it ran 99"]


def test_a_failed_beam_says_why_and_what_to_do_and_has_no_dose(quick: QuickSite) -> None:
    case_id = quick.add_case()
    quick.fail(COMPUTING)
    run_all(quick, code=1)
    (beam,) = told(quick, case_id)["beams"]
    assert (beam["status"], beam["state"], beam["dose"]) == ("failed", "failed while computing", None)
    assert "exit code 3" in beam["error"]
    assert beam["remedy"].startswith(f"mqi-tui retry {beam['beam_id']} goes on from waiting for GPU")
    assert beam["no_dose_reason"] == "the beam failed while computing"
    assert (beam["attempts"][0]["outcome"], beam["attempts"][0]["exit_code"]) == ("failed", 3)
    assert beam["attempts"][0]["host"]


def test_a_beam_that_only_the_sites_own_command_stopped_has_a_verified_dose(quick: QuickSite) -> None:
    case_id = quick.add_case()
    quick.fail(POSTPROCESSING)
    run_all(quick, code=1)
    (beam,) = told(quick, case_id)["beams"]
    assert beam["state"] == "failed while postprocessing"
    assert beam["dose"]["maximum_gy"] == 1.0
    page = Page(at(quick, "report", case_id, "--output", "-").stdout)
    assert page.table("overview")[0]["state"] == "failed while postprocessing"
    assert page.table("overview")[0]["maximum in Gy"] == "1"


def test_a_beam_that_is_computed_anew_has_no_dose_though_the_old_one_lies_there(quick: QuickSite) -> None:
    case_id = quick.add_case()
    run_all(quick)
    (beam_id,) = quick.beam_ids(case_id)
    quick.hold(COMPUTING)
    with running_program(quick):
        assert at(quick, "retry", beam_id, "--from-start").returncode == 0
        until(lambda: quick.count(COMPUTING) == 2, "it computes again")
        assert raw_of(quick, beam_id).exists()
        words = "it is still at work (computing)"
        until(lambda: told(quick, case_id)["beams"][0]["no_dose_reason"] == words, "its computing is seen")
        (beam,) = told(quick, case_id)["beams"]
        assert beam["dose"] is None
        assert [attempt["outcome"] for attempt in beam["attempts"]] == ["succeeded", None]
        assert beam["attempts"][1]["host"] is None
        page = Page(at(quick, "report", case_id, "--output", "-").stdout)
        assert page.table("attempts")[1]["how it ended"] == "open"
        quick.let_go(COMPUTING)


def test_a_case_that_was_not_dispatched_has_its_plan_and_no_doses(quick: QuickSite) -> None:
    case_id = quick.add_case()
    assert quick.site.run("run", "--headless", "--until-idle").returncode == 1
    report = told(quick, case_id)
    assert report["plan"]["patient_id"]
    (beam,) = report["beams"]
    assert (beam["no_dose_reason"], beam["remedy"], beam["attempts"]) == ("it has not been dispatched yet", None, [])
    assert beam["plan_beam_number"] == 2


# What is missing


def test_a_missing_plan_and_a_damaged_one_are_told_and_the_rest_is_there(quick: QuickSite, done: str) -> None:
    (plan,) = (quick.site.cases / done).glob("RP*.dcm")
    content = plan.read_bytes()
    plan.write_bytes(content[: len(content) // 2])
    assert "cut short" in told(quick, done)["plan_problem"]
    plan.unlink()
    report = told(quick, done)
    assert (report["plan"], "no plan (RP*.dcm)" in report["plan_problem"]) == (None, True)
    assert {beam["plan_beam_problem"] for beam in report["beams"]} == {"the plan could not be read"}
    assert all(beam["dose"] for beam in report["beams"])
    page = Page(at(quick, "report", done, "--output", "-").stdout)
    assert "The plan cannot be read: " in page.text
    assert len(page.pictures) == 3


def test_a_case_folder_that_was_moved_is_told_and_the_rest_is_there(quick: QuickSite, done: str) -> None:
    shutil.move(quick.site.cases / done, quick.site.folder / "elsewhere")
    report = told(quick, done)
    assert f"the case folder {quick.site.cases / done} is not there any more" in report["plan_problem"]
    assert all(beam["dose"] for beam in report["beams"])
    assert at(quick, "report", done).returncode == 0


def test_which_beam_of_the_plan_it_is_only_its_own_logs_say(quick: QuickSite, done: str) -> None:
    first, second = (quick.site.cases / done / beam_id.removeprefix(f"{done}_") for beam_id in quick.beam_ids(done))
    text = (first / "PlanInfo.txt").read_text()
    (first / "PlanInfo.txt").write_text(text.replace("DICOM_PATIENT_ID,", "DICOM_PATIENT_ID,NOT-"))
    (second / "PlanInfo.txt").unlink()
    one, two = told(quick, done)["beams"]
    assert (one["plan_beam_number"], two["plan_beam_number"]) == (None, None)
    assert "names patient NOT-" in one["plan_beam_problem"]
    assert "is missing" in two["plan_beam_problem"]
    (first / "PlanInfo.txt").write_text("DICOM_BEAM_NUMBER,1\n")
    (second / "PlanInfo.txt").write_text("DICOM_BEAM_NUMBER,77\n")
    one, two = told(quick, done)["beams"]
    assert "which is a setup beam" in one["plan_beam_problem"]
    assert "does not have exactly once" in two["plan_beam_problem"]


def test_names_from_outside_are_text_in_the_page_and_whole_in_the_json(quick: QuickSite) -> None:
    case = quick.site.cases / quick.add_case()
    name = "<b>A&B \"한글\" '1'"
    case.rename(case.with_name(name))
    run_all(quick)
    assert told(quick, name)["case_id"] == name
    answer = at(quick, "report", name)
    assert answer.stdout == f"wrote {quick.site.results / name / 'report.html'}\n"
    page = Page((quick.site.results / name / "report.html").read_text(encoding="utf-8"))
    assert page.all("h1")[0].text == name
    assert page.all("b") == []
