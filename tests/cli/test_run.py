"""`run`: without a screen, twice at once, and ended by a signal."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.cli.support import at, mqi_tui, refused, running_program, until
from tests.support.jobs import is_alive
from tests.workflow.support import COMPUTING, PREPROCESSING, QuickSite


def test_until_idle_ends_with_0_and_a_line_for_each_event_when_all_beams_are_completed(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    answer = quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stderr == ""
    lines = answer.stdout.splitlines()
    for beam_id in quick.beam_ids(case_id):
        own = [line.split(f"{beam_id}: ")[1] for line in lines if f"{beam_id}: " in line]
        assert [own[0], own[2], own[4]] == ["dispatched", "2 CSVs, 24 histories", own[4]]
        assert own[4].startswith("has GPU slot")
        assert own[-1].startswith("dose verified: maximum 1 Gy")
    assert lines[-1] == "2 beams: 2 completed"


def test_until_idle_without_dispatch_dispatches_nothing(quick: QuickSite) -> None:
    quick.add_case()
    answer = quick.site.run("run", "--headless", "--until-idle")
    assert answer.returncode == 1
    assert answer.stdout.endswith("1 beams: 1 new\n")


def test_until_idle_waits_for_a_folder_within_its_quiet_period(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (quick.site.cases / case_id / "_CASE_READY").unlink()
    answer = quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 0
    assert f"settling: {quick.site.cases / case_id}: waits until nothing has changed in it" in answer.stdout
    assert answer.stdout.endswith("1 beams: 1 completed\n")


def test_a_failed_beam_or_a_folder_that_needs_a_person_is_exit_code_1(quick: QuickSite) -> None:
    case_id = quick.add_case()
    quick.fail(PREPROCESSING)
    answer = quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 1
    assert f"✗ {quick.beam_ids(case_id)[0]}: failed while preprocessing: mqi_interpreter ended" in answer.stdout
    quick.mend(PREPROCESSING)
    assert at(quick, "retry", case_id).returncode == 0
    other = quick.site.cases / quick.add_case()
    (other / "_CASE_READY").unlink()
    next(other.glob("RP*.dcm")).unlink()
    answer = quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 1
    assert f"needs a person: {other}: no plan (RP*.dcm)" in answer.stdout


def test_a_scan_directory_that_cannot_be_read_is_said_and_is_not_all_well(quick: QuickSite) -> None:
    share = quick.site.folder.parent / "share"
    quick.configure(scan_directory=str(share))
    answer = quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert f"scan_directory {share} cannot be read" in answer.stdout
    assert answer.returncode == 1
    assert not share.exists()


def test_a_second_program_is_refused_with_the_name_of_the_first(quick: QuickSite) -> None:
    quick.add_case()
    with running_program(quick) as program:
        message = refused(mqi_tui("run", "--headless", folder=quick.site.folder))
        assert f"mqi-tui already runs here: process {program.process.pid} of " in message
        assert "`mqi-tui status` shows its beams" in message
        assert program.process.poll() is None
        assert program.end() == 1
    # And none is refused when it is gone.
    assert quick.site.run("run", "--headless", "--dispatch-all", "--until-idle").returncode == 0


def test_a_lock_left_by_a_killed_program_stops_nobody(quick: QuickSite) -> None:
    quick.add_case()
    with running_program(quick) as program:
        program.process.kill()
        program.process.wait()
    assert (quick.site.folder / "state" / "mqi-tui.lock.holder").exists()
    assert "does not run" in at(quick, "status").stdout
    assert quick.site.run("run", "--headless", "--dispatch-all", "--until-idle").returncode == 0


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_its_jobs_go_on(quick: QuickSite, by: signal.Signals) -> None:
    quick.add_case()
    quick.hold(COMPUTING)
    with running_program(quick, "--dispatch-all") as program:
        program.wait_for("is job")
        wait_until_started(quick)
        assert program.end(by) == 1
        assert program.output.splitlines()[-1] == (
            "mqi-tui: interrupted; running jobs go on and are picked up at the next start"
        )
        assert "Traceback" not in program.output
    ((_, pid),) = quick.runs(COMPUTING)
    assert is_alive(pid)
    assert "does not run" in at(quick, "status").stdout
    quick.let_go(COMPUTING)
    assert quick.site.run("run", "--headless", "--until-idle").returncode == 0
    assert quick.count(COMPUTING) == 1


def test_a_shells_background_job_ends_when_it_is_asked_to(quick: QuickSite) -> None:
    with running_program(quick, ignoring="INT") as program:
        assert program.end(signal.SIGTERM) == 1
        assert program.output.splitlines()[-1].startswith("mqi-tui: interrupted;")
        assert "Traceback" not in program.output


def test_a_signal_during_a_local_program_ends_that_too(quick: QuickSite) -> None:
    quick.add_case()
    quick.hold(PREPROCESSING)
    with running_program(quick, "--dispatch-all") as program:
        wait_until_started(quick, PREPROCESSING)
        assert program.end() == 1
        assert "Traceback" not in program.output
    ((_, pid),) = quick.runs(PREPROCESSING)
    assert not is_alive(pid)


def test_the_programs_own_files_are_for_its_user_alone(quick: QuickSite) -> None:
    quick.add_case()
    quick.site.run("run", "--headless", "--dispatch-all", "--until-idle")
    state = quick.site.folder / "state"
    assert state.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o777 for path in state.iterdir() if path.is_file()}
    assert files.keys() >= {"mqi-tui.db", "mqi-tui.log"}
    assert set(files.values()) == {0o600}
    results = [quick.site.results, *(path for path in quick.site.results.rglob("*") if path.is_dir())]
    assert len(results) == 3
    assert {path.stat().st_mode & 0o777 for path in results} == {0o700}


def test_a_reader_that_has_enough_is_no_defect(quick: QuickSite) -> None:
    for number in range(200):
        (quick.site.cases / f"folder {number} {'x' * 200}").mkdir()
    quick.site.run("run", "--headless", "--until-idle")
    with subprocess.Popen(quick.site.command("status"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def wait_until_started(quick: QuickSite, step: str = COMPUTING) -> None:
    until(lambda: quick.count(step) == 1, f"{step} has begun")
