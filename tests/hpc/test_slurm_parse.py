"""What Slurm's commands print, with the noise that real sites add: read right, or no answer at all."""

from __future__ import annotations

import string
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.hpc.protocols import JobRef, JobReport, JobState
from mqi_tui.hpc.slurm.parse import (
    SlurmAnswer,
    SlurmJob,
    comment_of,
    parse_accounting,
    parse_job_id,
    parse_queue,
    parse_shown_jobs,
    parse_time,
)
from mqi_tui.hpc.slurm.states import report_on

TOKEN = "0123456789abcdef"
OURS = JobRef("7", TOKEN, PurePosixPath("/hpc/x"))
LIVE_WORDS = ["PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED", "STAGE_OUT", "SPECIAL_EXIT"]
GONE_WORDS = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL"]
NO_WORDS = ["", "DREAMING", "RUN", "REVOKED", "slurm_load_jobs", "0", "COMPLETED?"]

SHOWN = (
    "JobId=7 JobName=moqui_a UserId=moqui(1000) Priority=1 JobState={state} Reason={reason} Dependency=(null) "
    "Requeue=0 ExitCode=0:15 Command=/hpc/x/job.sh mqi-job:{token} WorkDir=/hpc/x Comment=mqi-job:{token} A_1  "
    "StdErr=/hpc/x/job.out\n"
)


def row(state: str = "RUNNING", *, start: str = "N/A", reason: str = "None", beam: str = "A_1") -> str:
    return f"12|{state}|{start}|{reason}|/hpc/x|{comment_of(TOKEN, beam)}|moqui_A_1"


@pytest.mark.parametrize("word", LIVE_WORDS)
def test_a_live_job_is_never_gone(word: str) -> None:
    assert report_on(word).state in {JobState.PENDING, JobState.RUNNING}


@pytest.mark.parametrize("word", GONE_WORDS)
def test_a_job_that_is_over_is_gone(word: str) -> None:
    assert report_on(word).state is JobState.GONE


@pytest.mark.parametrize("word", NO_WORDS)
def test_a_word_that_is_not_known_says_nothing(word: str) -> None:
    assert report_on(word).state is JobState.UNKNOWN


@pytest.mark.parametrize(("text", "word"), [("CANCELLED by 1000", "CANCELLED"), ("CANCELLED+", "CANCELLED")])
def test_only_the_first_word_of_a_state_counts(text: str, word: str) -> None:
    assert report_on(text) == report_on(word)


@pytest.mark.parametrize(
    ("word", "says", "is_final"),
    [
        ("CANCELLED", "outside this program", True),
        ("TIMEOUT", "hpc.slurm.time_limit", True),
        ("OUT_OF_MEMORY", "hpc.slurm.memory", True),
        ("DEADLINE", "deadline", True),
        ("NODE_FAIL", "node failed", False),
        ("PREEMPTED", "another job", False),
        ("BOOT_FAIL", "did not boot", False),
    ],
)
def test_each_end_that_slurm_brings_has_its_own_sentence_and_class(word: str, says: str, is_final: bool) -> None:
    report = report_on(word)
    assert says in report.reason
    assert report.is_final is is_final


def test_a_job_that_ended_by_itself_is_explained_by_its_exit_record_alone() -> None:
    assert report_on("COMPLETED", "None") == report_on("FAILED", "NonZeroExitCode") == JobReport(JobState.GONE)


def test_a_script_that_never_ran_and_a_request_that_no_node_can_meet_are_said() -> None:
    assert "could not start" in report_on("FAILED", "JobLaunchFailure").reason
    assert report_on("FAILED", "BadConstraints").is_final


@pytest.mark.parametrize(
    "reason",
    [
        *("Resources", "Priority", "ReqNodeNotAvail, UnavailableNodes:node1", "launch failed requeued held"),
        *("(Nodes required for job are DOWN, DRAINED or reserved)", "a|b|c"),
    ],
)
def test_the_reason_for_waiting_and_the_expected_start_are_read(reason: str) -> None:
    (job,) = parse_queue(row("PENDING", start="2026-11-24T20:15:36", reason=reason))
    start = datetime(2026, 11, 24, 20, 15, 36, tzinfo=UTC)
    assert report_on(job.state, job.reason, job.expected_start) == JobReport(
        JobState.PENDING, reason, expected_start=start
    )


@pytest.mark.parametrize(
    "beam",
    [
        *(
            "DOE^JOHN [QA] 한글_1",
            "a|b||c",
            "x |mqi-job:other |moqui_x",
            "",
            " ",
            string.punctuation,
            string.ascii_letters,
        ),
        "line\u2028separator",
    ],
)
def test_a_beam_of_any_name_is_read_back(beam: str) -> None:
    assert parse_queue(row(beam=beam)) == [SlurmJob("12", TOKEN, "/hpc/x", "RUNNING", "None", None)]


@pytest.mark.parametrize("comment", ["(null)", "cost centre 12", "a|b", ""])
def test_a_job_whose_comment_a_plugin_replaced_is_read_with_its_folder(comment: str) -> None:
    answer = f"12|RUNNING|N/A|None|/hpc/x|{comment}|moqui_A_1\n"
    assert parse_queue(answer) == [SlurmJob("12", "", "/hpc/x", "RUNNING", "None", None)]


@pytest.mark.parametrize("folder", ["", "(null)", "/hpc/a|b", "/hpc/|mqi"])
def test_the_token_alone_makes_a_job_ours_whatever_folder_is_told(folder: str) -> None:
    answer = row().replace("|/hpc/x|", f"|{folder}|")
    assert parse_queue(answer) == [SlurmJob("12", TOKEN, folder, "RUNNING", "None", None)]


def test_a_long_row_of_another_job_is_passed_over_at_once() -> None:
    began = time.process_time()
    assert parse_queue(f"12|RUNNING|N/A|None|/home/else|{'|/' * 20_000}|other\n" * 20) == []
    # Some milliseconds; many seconds, if each part were tried at each place.
    assert time.process_time() - began < 1.0


def test_what_stands_around_the_answer_is_passed_over() -> None:
    answer = "\n".join(
        [
            "*** Welcome to the cluster! | Maintenance|on|Monday ***",
            "CLUSTER: lab",
            "11|RUNNING|N/A|None|/home/else|(null)|somebody else's",
            row(),
            "13|RUNNING|N/A|None|/home/else|a comment\nwith|a|line|break|x",
            "14|RUNN",
            "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
            "",
        ]
    )
    assert [job.job_id for job in parse_queue(answer)] == ["12"]


@pytest.mark.parametrize("answer", ["", "\n", "\x00", "\ufffd\ufffd", "squeue: error: Invalid user: x"])
def test_no_answer_holds_no_job(answer: str) -> None:
    assert parse_queue(answer) == []
    assert parse_accounting(answer) == {}
    assert parse_shown_jobs(answer, {"7": OURS}) == {}
    assert parse_job_id(answer) is None


@pytest.mark.parametrize(
    ("answer", "job_id"),
    [
        ("12\n", "12"),
        ("12;lab\n", "12"),
        ("Welcome!\n12\n", "12"),
        ("12\n12\n", "12"),
        ("12\n13\n", None),
        ("Submitted batch job 12", None),
        ("sbatch: 12", None),
        ("-12", None),
        ("١٢", None),
    ],
)
def test_an_id_is_one_number_on_a_line_of_its_own(answer: str, job_id: str | None) -> None:
    assert parse_job_id(answer) == job_id


def test_scontrol_tells_state_and_reason_of_the_job_with_our_token() -> None:
    shown = "mqi-asked 7\n" + SHOWN.format(state="NODE_FAIL", reason="NodeDown, maybe", token=TOKEN)
    assert parse_shown_jobs(shown, {"7": OURS}) == {TOKEN: SlurmAnswer(False, "NODE_FAIL", "NodeDown, maybe")}


def test_an_id_that_was_given_to_another_job_is_unknown() -> None:
    shown = "mqi-asked 7\n" + SHOWN.format(state="RUNNING", reason="None", token=TOKEN + "0")
    ours = replace(OURS, run_folder=PurePosixPath("/hpc"))
    assert parse_shown_jobs(shown, {"7": ours}) == {TOKEN: SlurmAnswer(is_unknown=True, is_anothers=True)}


def test_a_job_in_our_run_folder_is_ours_whatever_a_plugin_made_of_its_comment() -> None:
    shown = "mqi-asked 7\n" + SHOWN.format(state="RUNNING", reason="None", token="cost centre 12")
    assert parse_shown_jobs(shown, {"7": OURS}) == {TOKEN: SlurmAnswer(False, "RUNNING", "None")}


def test_only_the_controllers_own_word_makes_an_id_unknown() -> None:
    shown = (
        "mqi-asked 7\nslurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"
        "mqi-asked 8\nslurm_load_jobs error: Invalid job id specified\nmqi-asked 9\n"
    )
    jobs = {job_id: replace(OURS, token=token) for job_id, token in [("7", "a"), ("8", "b"), ("9", "c")]}
    assert parse_shown_jobs(shown, jobs) == {"b": SlurmAnswer(is_unknown=True)}


def test_accounting_is_read_by_id_and_folder() -> None:
    answer = "7|CANCELLED by 1000|/hpc/a|b c\n7.batch|FAILED|/x\nbad line\n8|COMPLETED|/hpc/d\n"
    assert parse_accounting(answer) == {("7", "/hpc/a|b c"): "CANCELLED by 1000", ("8", "/hpc/d"): "COMPLETED"}


@pytest.mark.parametrize("text", ["", "N/A", "Unknown", "None", "2026-13-01T00:00:00", "now"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


@given(st.text(), st.text(), st.text())
def test_no_text_at_all_breaks_the_reading_or_ends_a_job(state: str, reason: str, answer: str) -> None:
    report = report_on(state, reason)
    known_end = state.split()[:1] and state.split(maxsplit=1)[0].rstrip("+").upper() in {*GONE_WORDS, "DEADLINE"}
    assert report.state is not JobState.GONE or known_end
    assert all(job.token != TOKEN for job in parse_queue(answer))
    parse_job_id(answer)
    parse_time(answer)
    parse_accounting(answer)
    assert parse_shown_jobs(f"mqi-asked 7\n{answer}", {"7": OURS}) == {}


@given(
    st.sampled_from([*LIVE_WORDS, *GONE_WORDS]),
    st.text(st.characters(exclude_characters="\n")),
    st.text(st.characters(exclude_characters="\n")),
    st.lists(st.text(st.characters(exclude_characters="\n"))),
)
def test_whatever_stands_around_it_the_state_of_our_job_is_read_right(
    word: str, reason: str, beam: str, noise: list[str]
) -> None:
    reason = reason.replace("|/", "").replace("|mqi-job:", "")
    answer = "\n".join([*noise, row(word, reason=reason, beam=beam), *noise])
    assert [(job.state, job.reason) for job in parse_queue(answer) if job.token == TOKEN] == [(word, reason)]
