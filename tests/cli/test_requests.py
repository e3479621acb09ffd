"""`dispatch`, `retry` and `cancel`: carried out by the program that runs, or by themselves when none does."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess

import pytest

from tests.cli.support import at, beams_of, refused, running_program, until
from tests.support.jobs import is_alive
from tests.workflow.support import COMPUTING, POSTPROCESSING, PREPROCESSING, QuickSite

# With a running program


def test_the_running_program_carries_them_out_and_answers(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    first, second = quick.beam_ids(case_id)
    quick.hold(COMPUTING)
    with running_program(quick) as program:
        program.wait_for("found with 2 beams")
        answer = at(quick, "dispatch", case_id, "--beam", first)
        assert (answer.returncode, answer.stdout) == (0, f"dispatched 1 beam of {case_id}\n")
        program.wait_for("is job")
        answer = at(quick, "cancel", first)
        assert (answer.returncode, answer.stdout) == (0, f"cancelling {first}\n")
        program.wait_for(f"{first}: cancelled")
        quick.let_go(COMPUTING)
        answer = at(quick, "retry", first)
        assert (answer.returncode, answer.stdout) == (0, f"{first} goes on from waiting for GPU\n")
        until(lambda: beams_of(quick)[first]["status"] == "completed", "completed")
        answer = at(quick, "retry", "--from-start", first)
        assert (answer.returncode, answer.stdout) == (0, f"{first} runs again from its beginning\n")
        assert program.process.poll() is None
    assert beams_of(quick)[second]["status"] == "new"


def test_the_running_programs_refusal_is_exit_code_2_and_its_reason(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    with running_program(quick) as program:
        program.wait_for("found with 1 beams")
        assert f"there is no case NOBODY; known cases: {case_id}" in refused(at(quick, "dispatch", "NOBODY"))
        assert f"{beam_id} is new: only a failed or cancelled beam" in refused(at(quick, "retry", beam_id))
        assert f"{beam_id} is new: only a beam that has ended" in refused(at(quick, "retry", beam_id, "--from-start"))
        assert f"no beam of {case_id} is at work" in refused(at(quick, "cancel", case_id))
        assert "no such beam: TYPO" in refused(at(quick, "dispatch", case_id, "--beam", "TYPO"))
    assert quick.count(PREPROCESSING) == 0


# Without one


def test_dispatch_alone_waits_for_the_folder_does_the_work_and_ends(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=2)
    (quick.site.cases / case_id / "_CASE_READY").unlink()  # so that it is still settling at the first look
    answer = at(quick, "dispatch", case_id)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    lines = answer.stdout.splitlines()
    assert f"dispatched 2 beams of {case_id}" in lines
    assert lines[-1] == "2 beams: 2 completed"
    assert answer.stderr == ""


def test_dispatch_of_one_case_is_well_when_that_case_is_whatever_the_others_are(quick: QuickSite) -> None:
    case_id, other = quick.add_case(), quick.add_case()
    answer = at(quick, "dispatch", case_id)
    beams = beams_of(quick)
    assert beams[quick.beam_ids(other)[0]]["status"] == "new"
    assert beams[quick.beam_ids(case_id)[0]]["status"] == "completed"
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_failure_is_exit_code_1_and_a_retry_alone_goes_on_with_the_earlier_results(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.fail(POSTPROCESSING)
    answer = at(quick, "dispatch", case_id)
    assert answer.returncode == 1
    assert "no luck while postprocessing" in answer.stdout
    assert answer.stdout.endswith("1 beams: 1 failed\n")
    quick.mend(POSTPROCESSING)
    answer = at(quick, "retry", case_id)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{beam_id} goes on from postprocessing" in answer.stdout
    assert quick.count(COMPUTING) == 1
    answer = at(quick, "retry", case_id, "--from-start")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert quick.count(COMPUTING) == 2


def test_cancel_alone_ends_the_job_and_starts_nothing_else(quick: QuickSite) -> None:
    quick.add_case(beams=2)
    quick.configure(hpc={"gpu_count": 1})
    quick.hold(COMPUTING)
    with running_program(quick, "--dispatch-all") as program:
        program.wait_for("is job")
        until(lambda: quick.count(COMPUTING) == 1, "the job computes")
    # The program was killed; its job goes on.
    (running,) = [beam for beam in beams_of(quick).values() if beam["status"] == "hpc_running"]
    ((_, pid),) = quick.runs(COMPUTING)
    assert is_alive(pid)
    answer = at(quick, "cancel", running["beam_id"])
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"cancelling {running['beam_id']}" in answer.stdout
    assert not is_alive(pid)
    beams = beams_of(quick)
    assert beams[running["beam_id"]]["status"] == "cancelled"
    assert [beam["status"] for beam in beams.values()].count("cancelled") == 1
    assert quick.count(COMPUTING) == 1


@pytest.mark.parametrize("command", ["dispatch", "retry", "cancel"])
def test_what_cannot_be_carried_out_alone_is_refused_too(quick: QuickSite, command: str) -> None:
    case_id = quick.add_case()
    assert quick.site.run("run", "--headless", "--dispatch-all", "--until-idle").returncode == 0
    answer = at(quick, command, case_id)
    assert answer.returncode == 2
    assert f"of {case_id} is" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_program_that_could_not_answer_carries_it_out_as_soon_as_it_can(quick: QuickSite) -> None:
    """As of a laptop that sleeps: the program stands still while it is asked."""
    case_id = quick.add_case()
    with running_program(quick) as program:
        program.wait_for("found with 1 beams")
        _stop_between_two_writes(program.process, quick)
        with subprocess.Popen(quick.site.command("dispatch", case_id), stderr=subprocess.PIPE) as asking:
            until(lambda: _requests(quick) == 1, "the request is there")
            asking.send_signal(signal.SIGINT)
            assert asking.stderr is not None
            assert b"Traceback" not in asking.stderr.read()
        assert asking.returncode == 1
        program.process.send_signal(signal.SIGCONT)
        program.wait_for("dose verified")


def _stop_between_two_writes(process: subprocess.Popen[str], quick: QuickSite) -> None:
    """Stopped in the middle of one, it would keep everybody else from writing."""

    def is_stopped_and_holds_nothing() -> bool:
        process.send_signal(signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(quick.site.config.settings.database_path, timeout=0.2)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                return False
            return True

    until(is_stopped_and_holds_nothing, "the program stands still between two writes")


def _requests(quick: QuickSite) -> int:
    with contextlib.closing(sqlite3.connect(quick.site.config.settings.database_path)) as database:
        (count,) = database.execute("SELECT COUNT(*) FROM requests").fetchone()
        return int(count)


# Priority


def test_a_priority_is_changed_by_the_running_program_and_without_one(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    with running_program(quick) as program:
        program.wait_for("found with 1 beams")
        answer = at(quick, "priority", beam_id, "+1")
        assert (answer.returncode, answer.stdout) == (0, f"{beam_id}: priority 0 -> 1\n")
        assert "there is no beam NOBODY" in refused(at(quick, "priority", "NOBODY", "-1"))
    assert ", priority +1" in at(quick, "status").stdout
    assert beams_of(quick)[beam_id]["priority"] == 1
    answer = at(quick, "priority", case_id, "-3")
    assert (answer.returncode, answer.stdout) == (0, f"{beam_id}: priority 1 -> -2\n")
    assert (beams_of(quick)[beam_id]["priority"], beams_of(quick)[beam_id]["status"]) == (-2, "new")
    assert "expected +1, -1" in at(quick, "priority", beam_id, "0").stderr
    assert quick.count(PREPROCESSING) == 0
