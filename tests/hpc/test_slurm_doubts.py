"""The Slurm scheduler in doubt: no answer, a wrong answer, a job that nobody knows. Slurm's side is scripted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.config import SlurmSettings
from mqi_tui.domain.errors import ConfigError, PermanentError, TransientError
from mqi_tui.hpc.protocols import CommandResult, JobRef, JobReport, JobSpec, JobState
from mqi_tui.hpc.slurm.scheduler import SlurmScheduler
from tests.support.jobs import TOKEN, reference, shell, until, write_job
from tests.support.scripted_slurm import CONNECT_FAILURE, TIMED_OUT, ScriptedJob, ScriptedSlurm, lost


@pytest.fixture
def slurm() -> ScriptedSlurm:
    return ScriptedSlurm()


@pytest.fixture
def job(tmp_path: Path) -> JobSpec:
    return replace(write_job(tmp_path / "run-001", shell("true")), beam_id="A_1")


def scheduler(slurm: ScriptedSlurm, settings: SlurmSettings | None = None, **seconds: float) -> SlurmScheduler:
    """One whose pauses are short unless a test says otherwise."""
    pauses = {"settle_seconds": 0.05, "sbatch_grace_seconds": 0.05, "absence_seconds": 0.0}
    return SlurmScheduler(slurm, settings or SlurmSettings(), **{**pauses, **seconds})


def a_job(token: str, job_id: str = "1", state: str = "RUNNING", reason: str = "None") -> ScriptedJob:
    return ScriptedJob(job_id, f"mqi-job:{token} A_1", "/hpc/run-001", state, reason)


def a_reference(token: str, job_id: str = "1") -> JobRef:
    return JobRef(job_id, token, PurePosixPath("/hpc/run-001"))


async def test_a_job_that_was_never_handed_over_is_none_without_asking(slurm: ScriptedSlurm, job: JobSpec) -> None:
    assert await scheduler(slurm).find(job) is None
    assert slurm.commands == []


async def test_a_submitted_job_is_found_by_its_token(slurm: ScriptedSlurm, job: JobSpec) -> None:
    assert await scheduler(slurm).submit(job) == "1"
    assert await scheduler(slurm).find(job) == "1"
    assert await scheduler(slurm).submit(job) == "1"
    assert slurm.commands.count("sbatch") == 1


@pytest.mark.parametrize(
    "answer", [TIMED_OUT, CommandResult(0, "", ""), CommandResult(0, "Submitted batch job x", ""), lost()]
)
async def test_without_an_id_the_job_is_looked_up_before_another_try(
    slurm: ScriptedSlurm, job: JobSpec, answer: CommandResult | Exception
) -> None:
    slurm.answers["sbatch"] = answer
    with pytest.raises(TransientError):
        await scheduler(slurm).submit(job)
    del slurm.answers["sbatch"]
    assert await scheduler(slurm).submit(job) == "1"
    assert slurm.commands.count("sbatch") == 1


async def test_a_job_that_slurm_has_not_taken_is_submitted_again_after_two_looks(
    slurm: ScriptedSlurm, job: JobSpec
) -> None:
    slurm.answers["sbatch"], slurm.takes_job = TIMED_OUT, False
    with pytest.raises(TransientError, match="not known"):
        await scheduler(slurm).submit(job)
    del slurm.answers["sbatch"]
    slurm.takes_job = True
    slurm.commands.clear()
    assert await scheduler(slurm).submit(job) == "1"
    assert slurm.commands.count("squeue") >= 2
    assert slurm.commands.count("sbatch") == 1


async def test_a_job_that_comes_late_is_found_by_the_second_look(slurm: ScriptedSlurm, job: JobSpec) -> None:
    slurm.answers["sbatch"] = TIMED_OUT
    one = scheduler(slurm, settle_seconds=2.0)
    with pytest.raises(TransientError):
        await one.submit(job)
    slurm.jobs[0].is_shown = False
    finding = asyncio.create_task(one.find(job))
    await until(lambda: "sacct" in slurm.commands, "the first look is over")
    slurm.jobs[0].is_shown = True
    assert await finding == "1"


async def test_looks_that_fail_between_two_that_were_answered_do_not_begin_the_wait_anew(
    slurm: ScriptedSlurm, job: JobSpec
) -> None:
    one = scheduler(slurm, settle_seconds=1.0)
    slurm.answers["sbatch"], slurm.takes_job = TIMED_OUT, False
    with pytest.raises(TransientError):
        await one.submit(job)
    finding = asyncio.create_task(one.find(job))
    await until(lambda: "sacct" in slurm.commands, "the first look is over")
    slurm.answers["squeue"] = CONNECT_FAILURE
    with pytest.raises(TransientError):
        await finding
    await asyncio.sleep(1.0)
    del slurm.answers["squeue"]
    slurm.commands.clear()
    assert await one.find(job) is None
    assert slurm.commands.count("squeue") == 1


async def test_after_a_kill_an_sbatch_that_may_still_be_at_work_is_waited_for(
    slurm: ScriptedSlurm, job: JobSpec
) -> None:
    slurm.takes_job = False
    slurm.answers["sbatch"] = lost()
    with pytest.raises(TransientError):
        await scheduler(slurm).submit(job)
    finding = asyncio.create_task(scheduler(slurm, sbatch_grace_seconds=30.0).find(job))
    await until(lambda: slurm.commands.count("squeue") >= 2, "it has looked twice")
    assert not finding.done()
    finding.cancel()


@pytest.mark.parametrize("answer", [CONNECT_FAILURE, lost(), CommandResult(127, "", "env: 'squeue': No such file")])
async def test_no_answer_is_never_no_job(slurm: ScriptedSlurm, job: JobSpec, answer: CommandResult | Exception) -> None:
    one = scheduler(slurm)
    await one.submit(job)
    slurm.answers["squeue"] = answer
    for question in (one.find(job), one.submit(job), one.cancel(reference(job, "1"))):
        with pytest.raises(TransientError):
            await question
    with pytest.raises(TransientError):
        await one.poll([reference(job, "1")])
    assert slurm.commands.count("sbatch") == 1


async def test_a_job_that_slurm_forgot_but_that_took_its_claim_was_started(slurm: ScriptedSlurm, job: JobSpec) -> None:
    await scheduler(slurm).submit(job)
    slurm.jobs.clear()
    claim = Path(job.run_folder) / "claim"
    claim.mkdir()
    assert await scheduler(slurm).find(job) == "unknown"
    (claim / "place").write_text("host=node1\ngpu=3\njob=17\n")
    assert await scheduler(slurm).find(job) == "17"


async def test_accounting_knows_a_job_that_the_queue_forgot(slurm: ScriptedSlurm, job: JobSpec) -> None:
    await scheduler(slurm).submit(job)
    slurm.jobs.clear()
    slurm.accounting = f"3|COMPLETED|/elsewhere\n4|FAILED|{job.run_folder}\n"
    assert await scheduler(slurm).find(job) == "4"


async def test_the_note_of_another_attempt_in_the_folder_is_not_ours(slurm: ScriptedSlurm, job: JobSpec) -> None:
    await scheduler(slurm).submit(job)
    slurm.commands.clear()
    assert await scheduler(slurm).find(replace(job, token="fedcba9876543210")) is None
    assert slurm.commands == []


@pytest.mark.parametrize(
    "text",
    [
        "sbatch: error: Batch job submission failed: Invalid partition name specified",
        "sbatch: error: Batch job submission failed: Requested node configuration is not available",
        "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
        "sbatch: error: Batch job submission failed: Invalid qos specification",
        "sbatch: error: Batch job submission failed: Invalid feature specification",
        "sbatch: error: Invalid generic resource (gres) specification",
        "sbatch: error: Memory specification can not be satisfied",
        "sbatch: error: Invalid --time specification",
        "sbatch: unrecognized option '--frob'\nTry \"sbatch --help\" for more information",
    ],
)
async def test_what_slurm_refuses_fails_at_once_in_its_own_words(slurm: ScriptedSlurm, job: JobSpec, text: str) -> None:
    slurm.answers["sbatch"] = CommandResult(1, "", text)
    with pytest.raises(PermanentError, match="refuses") as error:
        await scheduler(slurm).submit(job)
    assert text.split("\n", maxsplit=1)[0] in str(error.value)
    slurm.commands.clear()
    assert await scheduler(slurm).find(job) is None
    assert slurm.commands == []


@pytest.mark.parametrize(
    "text",
    [
        "sbatch: error: Batch job submission failed: Invalid authentication credential",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
        "sbatch: error: QOSMaxSubmitJobPerUserLimit",
        "",
    ],
)
async def test_whatever_else_sbatch_says_leaves_it_open(slurm: ScriptedSlurm, job: JobSpec, text: str) -> None:
    slurm.answers["sbatch"] = CommandResult(1, "", text)
    with pytest.raises(TransientError):
        await scheduler(slurm).submit(job)


async def test_a_missing_sbatch_is_said(slurm: ScriptedSlurm, job: JobSpec) -> None:
    slurm.answers["sbatch"] = CommandResult(127, "", "env: 'sbatch': No such file or directory")
    with pytest.raises(PermanentError, match="sbatch"):
        await scheduler(slurm).submit(job)


async def test_the_settings_reach_sbatch_and_no_line_of_the_site_takes_the_jobs_identity(
    slurm: ScriptedSlurm, job: JobSpec
) -> None:
    settings = SlurmSettings(
        partition="gpu",
        time_limit="02:00:00",
        memory="16G",
        cpus=4,
        extra_lines=("--job-name=other", "#SBATCH --mail-user='a b' # why", "--requeue"),
    )
    await scheduler(slurm, settings).submit(job)
    words = slurm.last_sbatch
    assert {"--partition=gpu", "--time=02:00:00", "--mem=16G", "--cpus-per-task=4", "--gres=gpu:1"} <= set(words)
    assert "--mail-user=a b" in words
    assert not [word for word in words if word.startswith(("--account", "--qos", "--constraint", "--reservation"))]
    assert words.index("--job-name=other") < words.index("--job-name=moqui_case_beam")
    assert words.index("--requeue") < words.index("--no-requeue")
    assert words[-2:] == [str(job.script), f"mqi-job:{TOKEN}"]
    assert f"--comment=mqi-job:{TOKEN} A_1" in words


def test_an_extra_line_that_cannot_be_read_is_refused_at_the_start(slurm: ScriptedSlurm) -> None:
    with pytest.raises(ConfigError, match="extra_lines"):
        scheduler(slurm, SlurmSettings(extra_lines=("--comment='open",)))


async def test_slots_are_the_gpus_and_those_that_may_wait_and_each_device_is_the_first(slurm: ScriptedSlurm) -> None:
    one = scheduler(slurm, SlurmSettings(queue_ahead=3))
    assert one.slots(8) == 11
    assert {one.device_index(slot) for slot in range(11)} == {0}


@pytest.mark.parametrize("count", [1, 50, 200])
async def test_the_state_of_all_jobs_is_one_command(slurm: ScriptedSlurm, count: int) -> None:
    slurm.jobs = [a_job(f"t{number}", str(number)) for number in range(count)]
    jobs = [a_reference(f"t{number}", str(number)) for number in range(count)]
    reports = await scheduler(slurm).poll(jobs)
    assert reports == {job.token: JobReport(JobState.RUNNING) for job in jobs}
    assert slurm.commands == ["squeue"]


async def test_many_who_ask_at_once_share_the_answer_or_the_error(slurm: ScriptedSlurm) -> None:
    one = scheduler(slurm)
    await asyncio.gather(*(one.poll([a_reference(f"t{number}")]) for number in range(200)))
    assert slurm.commands.count("squeue") <= 2
    slurm.commands.clear()
    slurm.answers["squeue"] = CONNECT_FAILURE
    errors = await asyncio.gather(*(one.poll([]) for _ in range(200)), return_exceptions=True)
    assert {type(error) for error in errors} == {TransientError}
    assert slurm.commands.count("squeue") <= 2


async def test_an_id_alone_proves_nothing(slurm: ScriptedSlurm) -> None:
    slurm.jobs = [a_job("another", "1", "COMPLETED")]
    one = scheduler(slurm, absence_seconds=60.0)
    assert await one.poll([a_reference("ours", "1")]) == {"ours": JobReport(JobState.UNKNOWN)}


async def test_an_invented_state_is_unknown_for_its_job_alone(slurm: ScriptedSlurm) -> None:
    slurm.jobs = [a_job("a", "1", "DREAMING"), a_job("b", "2", "CANCELLED by 1000")]
    reports = await scheduler(slurm).poll([a_reference("a", "1"), a_reference("b", "2")])
    assert (reports["a"].state, reports["b"].state) == (JobState.UNKNOWN, JobState.GONE)


async def test_while_one_job_of_an_attempt_lives_the_attempt_does(slurm: ScriptedSlurm) -> None:
    slurm.jobs = [a_job("a", "1", "FAILED", reason="NonZeroExitCode"), a_job("a", "2", "PENDING", reason="Priority")]
    one = scheduler(slurm)
    assert (await one.poll([a_reference("a", "1")]))["a"] == JobReport(JobState.PENDING, "Priority")
    await one.cancel(a_reference("a", "1"))
    assert slurm.cancelled == ["2"]


async def test_a_job_that_squeue_does_not_show_is_not_gone_before_its_time(slurm: ScriptedSlurm) -> None:
    one = scheduler(slurm, absence_seconds=60.0)
    for _ in range(3):
        assert await one.poll([a_reference("a")]) == {"a": JobReport(JobState.UNKNOWN)}
    assert set(slurm.commands) == {"squeue"}


async def test_a_job_that_nobody_knows_is_gone_for_a_reason_that_allows_another_attempt(slurm: ScriptedSlurm) -> None:
    report = (await scheduler(slurm).poll([a_reference("a")]))["a"]
    assert (report.state, report.is_final) == (JobState.GONE, False)
    assert "does not know it any more" in report.reason


async def test_a_job_that_only_scontrol_shows_lives(slurm: ScriptedSlurm) -> None:
    slurm.jobs = [a_job("a")]
    slurm.answers["squeue"] = CommandResult(0, "", "")
    assert (await scheduler(slurm).poll([a_reference("a")]))["a"].state is JobState.RUNNING


async def test_accounting_says_how_a_forgotten_job_ended(slurm: ScriptedSlurm) -> None:
    slurm.accounting = "1|TIMEOUT|/hpc/run-001\n2|RUNNING|/hpc/run-001\n3|COMPLETED|/other\n"
    jobs = [a_reference("a", "1"), a_reference("b", "2"), a_reference("c", "3")]
    reports = await scheduler(slurm).poll(jobs)
    assert {report.state for report in reports.values()} == {JobState.GONE}
    assert "time limit" in reports["a"].reason
    # Accounting keeps a job running for ever when its controller lost it, and ids are given out again.
    assert "does not know" in reports["b"].reason
    assert "does not know" in reports["c"].reason


async def test_a_job_whose_comment_the_site_replaces_is_followed_to_its_end(slurm: ScriptedSlurm, job: JobSpec) -> None:
    slurm.keeps_comments = False
    slurm.accounting = f"1|RUNNING|{job.run_folder}\n"
    one = scheduler(slurm)
    ours = reference(job, await one.submit(job))
    assert (await one.poll([ours]))[TOKEN].state is JobState.RUNNING
    slurm.jobs[0].state = "COMPLETED"
    assert (await one.poll([ours]))[TOKEN] == JobReport(JobState.GONE)
    assert slurm.commands.count("sbatch") == 1


async def test_a_job_whose_comment_the_site_replaces_is_found_when_the_answer_of_sbatch_was_lost(
    slurm: ScriptedSlurm, job: JobSpec
) -> None:
    slurm.keeps_comments = False
    slurm.answers["sbatch"] = lost()
    one = scheduler(slurm)
    with pytest.raises(TransientError):
        await one.submit(job)
    del slurm.answers["sbatch"]
    assert await one.submit(job) == "1"
    assert slurm.commands.count("sbatch") == 1


async def test_a_job_whose_comment_the_site_replaces_can_be_cancelled(slurm: ScriptedSlurm, job: JobSpec) -> None:
    slurm.keeps_comments = False
    one = scheduler(slurm)
    ours = reference(job, await one.submit(job))
    await one.cancel(ours)
    assert slurm.cancelled == ["1"]
    assert "mqi-show" not in slurm.commands
    slurm.jobs[0].state = "CANCELLED"
    await one.cancel(ours)
    assert slurm.cancelled == ["1"]


async def test_a_cancel_is_tried_again_while_nothing_says_whether_the_job_lives(
    slurm: ScriptedSlurm, job: JobSpec
) -> None:
    one = scheduler(slurm)
    ours = reference(job, await one.submit(job))
    slurm.answers["squeue"] = CommandResult(0, "", "")
    slurm.answers["mqi-show"] = CommandResult(1, "mqi-asked 1\nUnable to contact slurm controller\n", "")
    with pytest.raises(TransientError, match="does not say whether job 1 lives"):
        await one.cancel(ours)
    del slurm.answers["mqi-show"]
    await one.cancel(ours)
    assert slurm.cancelled == ["1"]


async def test_an_id_that_is_anothers_now_is_never_cancelled(slurm: ScriptedSlurm) -> None:
    slurm.jobs = [ScriptedJob("1", "somebody else's", "/home/else")]
    await scheduler(slurm).cancel(a_reference("a"))
    assert slurm.cancelled == []


async def test_a_job_that_lives_in_accounting_is_not_gone_for_what_the_controller_shows_of_its_id(
    slurm: ScriptedSlurm,
) -> None:
    slurm.jobs = [ScriptedJob("1", "a comment of the site", "/moved/by/a/plugin")]
    slurm.accounting = "1|RUNNING|/hpc/run-001\n"
    assert await scheduler(slurm).poll([a_reference("a")]) == {"a": JobReport(JobState.UNKNOWN)}
    slurm.accounting = "1|RUNNING|/moved/by/a/plugin\n"
    assert (await scheduler(slurm).poll([a_reference("a")]))["a"].state is JobState.GONE


async def test_a_controller_that_does_not_answer_scontrol_ends_nothing(slurm: ScriptedSlurm) -> None:
    slurm.answers["mqi-show"] = CommandResult(1, "mqi-asked 1\nUnable to contact slurm controller\n", "")
    assert await scheduler(slurm).poll([a_reference("a")]) == {"a": JobReport(JobState.UNKNOWN)}


@pytest.mark.parametrize("count", [1, 200])
async def test_forgotten_jobs_cost_no_more_commands_for_being_many(slurm: ScriptedSlurm, count: int) -> None:
    one = scheduler(slurm)
    jobs = [a_reference(f"t{number}", str(number + 1)) for number in range(count)]
    await one.poll(jobs)
    assert slurm.commands == ["squeue", "mqi-show", "sacct"]
    await one.poll(jobs)
    # There is no accounting: it is not asked again.
    assert slurm.commands[3:] == ["squeue", "mqi-show"]


async def test_a_job_that_is_over_is_not_cancelled(slurm: ScriptedSlurm) -> None:
    slurm.jobs = [a_job("a", "1", "COMPLETED"), a_job("another", "1")]
    await scheduler(slurm).cancel(a_reference("a", "1"))
    assert slurm.cancelled == []


async def test_a_cancel_that_slurm_did_not_take_is_tried_again_later(slurm: ScriptedSlurm) -> None:
    slurm.jobs = [a_job("a")]
    slurm.answers["scancel"] = CommandResult(8, "", "scancel: error: Unable to contact slurm controller")
    with pytest.raises(TransientError, match="Unable to contact"):
        await scheduler(slurm).cancel(a_reference("a"))
