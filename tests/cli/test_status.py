"""`status`: what it says to a person and to a program, with and without a running program."""

from __future__ import annotations

import json

import pytest

from mqi_tui.cli.status import print_table
from mqi_tui.domain.text import printable
from tests.cli.support import at, mqi_tui, running_program, status_of
from tests.support.outside import BEAM, CASE, ERROR, FOLDER, NASTY, REASON, WARNING, an_outside_snapshot, harmless
from tests.support.site import Site
from tests.workflow.support import COMPUTING, PREPROCESSING, QuickSite

CASE_KEYS = ["case_id", "status", "path", "beams"]
BEAM_KEYS = ["beam_id", "beam_name", "status", "progress", "gpu_id", "hpc_job_id", "attempt", "error", "result_path"]


def test_before_the_first_start_there_is_nothing_and_nothing_is_made(site: Site) -> None:
    site.configure(hpc={"gpu_count": 2})
    assert site.status() == {"cases": [], "gpus": [{"gpu_id": 0, "beam_id": None}, {"gpu_id": 1, "beam_id": None}]}
    assert site.run("status").stdout.startswith("0 cases, 0 beams, 0 of 2 GPUs busy\n")
    assert sorted(path.name for path in site.folder.iterdir()) == ["cases", "config.yaml"]


def test_the_json_has_exactly_the_keys_that_were_agreed_while_another_process_runs_the_engine(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    quick.hold(COMPUTING)
    with running_program(quick, "--dispatch-all") as program:
        program.wait_for("is job")
        program.wait_for("has GPU slot 1")
        status = status_of(quick)
    assert list(status) == ["cases", "gpus"]
    (case,) = status["cases"]
    assert list(case) == CASE_KEYS
    assert (case["case_id"], case["status"], case["path"]) == (case_id, "processing", str(quick.site.cases / case_id))
    assert [list(beam) for beam in case["beams"]] == [BEAM_KEYS] * 2
    for beam in case["beams"]:
        assert beam["beam_id"] == f"{case_id}_{beam['beam_name']}"
        assert beam["status"] == "hpc_running"
        assert 0 < beam["progress"] < 1
        assert beam["gpu_id"] in {0, 1}
        assert (beam["error"], beam["result_path"]) == (None, None)
    assert status["gpus"] == [
        {"gpu_id": beam["gpu_id"], "beam_id": beam["beam_id"]}
        for beam in sorted(case["beams"], key=lambda beam: int(beam["gpu_id"]))
    ]
    quick.let_go(COMPUTING)

    # The same after the program has done the rest.
    assert quick.site.run("run", "--headless", "--until-idle").returncode == 0
    (case,) = status_of(quick)["cases"]
    assert case["status"] == "completed"
    for beam in case["beams"]:
        assert list(beam) == BEAM_KEYS
        assert (beam["status"], beam["progress"], beam["gpu_id"], beam["attempt"]) == ("completed", 1.0, None, 1)
        assert isinstance(beam["hpc_job_id"], str)
        assert beam["result_path"] == str(quick.site.results / case_id / beam["beam_id"] / "output.raw")


def test_a_person_reads_words_errors_and_the_folders_that_wait(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=1)
    quick.fail(PREPROCESSING)
    (quick.site.cases / "notes").mkdir()
    assert quick.site.run("run", "--headless", "--dispatch-all", "--until-idle").returncode == 1
    text = at(quick, "status").stdout
    lines = text.splitlines()
    assert lines[0] == f"{case_id}: failed"
    assert lines[1].split() == [quick.beam_ids(case_id)[0].removeprefix(f"{case_id}_"), "failed", "2%"]
    assert "no luck while preprocessing" in lines[2]
    assert lines[3] == f"{quick.site.cases / 'notes'}: passed over: empty"
    assert lines[4] == "1 cases, 1 beams, 0 of 2 GPUs busy"
    assert lines[5].startswith("the program does not run")
    with running_program(quick) as program:
        assert f"the program runs: process {program.process.pid} of " in at(quick, "status").stdout


def test_names_from_outside_are_shown_as_they_are_and_never_as_control_codes(quick: QuickSite) -> None:
    case = quick.site.cases / quick.add_case()
    case.rename(case.with_name("DOE^JOHN [QA] 한글"))
    (quick.site.cases / "\x1b[31mred\x07").mkdir()
    (quick.site.cases / "\u202ereversed").mkdir()
    answer = quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    for text in (answer.stdout, at(quick, "status").stdout):
        assert "DOE^JOHN [QA] 한글" in text
        assert not set(text) & {"\x1b", "\x07", "\u202e"}
        assert "�[31mred�" in text
    answer = at(quick, "status", "--json")
    assert json.loads(answer.stdout)["cases"][0]["case_id"] == "DOE^JOHN [QA] 한글"


@pytest.mark.parametrize("what", NASTY)
def test_whatever_comes_from_outside_a_line_stays_a_line(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = an_outside_snapshot(NASTY[what])
    print_table(list(snapshot.cases), list(snapshot.gpus), list(snapshot.folders))
    lines = capsys.readouterr().out.split("\n")
    assert all(printable(line) == line for line in lines)
    for sign in (CASE, BEAM, WARNING, ERROR, FOLDER, REASON):
        told = [line.partition(sign)[2] for line in lines if sign in line]
        assert told
        assert all(harmless(one).startswith(harmless(NASTY[what])) for one in told)


def test_a_file_that_is_no_database_is_said_to_be_none(quick: QuickSite) -> None:
    path = quick.site.config.settings.database_path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all, but long enough for a header of one. " * 20)
    for command in (["status"], ["run", "--headless"], ["dispatch", "A"]):
        answer = mqi_tui(*command, folder=quick.site.folder)
        assert answer.returncode == 2
        assert f"{path} is damaged or no database" in answer.stderr
        assert "Traceback" not in answer.stderr
