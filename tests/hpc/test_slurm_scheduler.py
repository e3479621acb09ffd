"""The Slurm scheduler on a real cluster: jobs and their ends, and a controller that is away, frozen or killed."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqi_tui.config import SlurmSettings
from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.hpc.exit_record import parse_exit_record
from mqi_tui.hpc.job_monitor import JobMonitor
from mqi_tui.hpc.job_place import parse_place
from mqi_tui.hpc.job_script import DUPLICATE_EXIT_CODE
from mqi_tui.hpc.protocols import ExitRecord, JobRef, JobReport, JobSpec, JobState
from mqi_tui.hpc.slurm.scheduler import SlurmScheduler
from tests.cluster.cluster import Cluster
from tests.cluster.daemons import Daemon
from tests.support.counting import CountingTransport
from tests.support.jobs import reference, shell, until, until_it, write_job

pytestmark = pytest.mark.cluster

COMPUTE = "echo computed >>computed; echo dose >dose.raw"


@dataclass
class Bench:
    """A scheduler on the cluster, and run folders to work in."""

    cluster: Cluster
    folder: Path
    transport: CountingTransport
    scheduler: SlurmScheduler

    def job(self, name: str, line: str) -> JobSpec:
        # A token of its own: the cluster remembers the jobs of other tests.
        spec = write_job(self.folder / name, shell(line), token=secrets.token_hex(8))
        return replace(spec, name=f"moqui_{name}", beam_id=f"{name} [한글]|x")

    async def report(self, job: JobSpec, job_id: str = "0") -> JobReport:
        return (await self.scheduler.poll([reference(job, job_id)]))[job.token]

    async def until_state(self, job: JobSpec, state: JobState, seconds: float = 30.0) -> JobReport:
        async def is_reached() -> bool:
            return (await self.report(job)).state is state

        await until_it(is_reached, f"{job.name} is {state}", seconds)
        return await self.report(job)

    def record(self, job: JobSpec) -> ExitRecord:
        path = Path(job.run_folder) / "exit_record"
        return parse_exit_record(path.read_bytes(), job.run_folder)

    def place(self, job: JobSpec) -> JobPlace | None:
        path = Path(job.run_folder) / "claim" / "place"
        return parse_place(path.read_bytes()) if path.exists() else None

    def told(self, job_id: str) -> str:
        return self.cluster.run("scontrol", "show", "job", "-o", job_id).stdout

    def jobs_of(self, job: JobSpec) -> int:
        """How many jobs of this attempt Slurm has or had."""
        return self.cluster.run("squeue", "-h", "-t", "all", "-o", "%k").stdout.count(job.token)

    def computed(self, job: JobSpec) -> str:
        path = Path(job.run_folder) / "computed"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def bench(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    transport = CountingTransport()
    scheduler = SlurmScheduler(
        transport, SlurmSettings(), settle_seconds=2.0, sbatch_grace_seconds=2.0, absence_seconds=3.0
    )
    return Bench(cluster, tmp_path, transport, scheduler)


async def test_a_job_runs_and_is_known_by_name_and_comment(bench: Bench) -> None:
    job = bench.job("a", f"{COMPUTE}; cat go; while [ ! -e go ]; do sleep 0.05; done")
    job_id = await bench.scheduler.submit(job)
    await bench.until_state(job, JobState.RUNNING)
    shown = bench.cluster.run("squeue", "-h", "-o", "%A|%k|%j").stdout
    assert shown == f"{job_id}|mqi-job:{job.token} {job.beam_id}|moqui_a\n"
    assert await bench.scheduler.find(job) == job_id
    assert await bench.scheduler.submit(job) == job_id

    (Path(job.run_folder) / "go").touch()
    assert await bench.until_state(job, JobState.GONE) == JobReport(JobState.GONE)
    record = bench.record(job)
    assert (record.token, record.exit_code, record.raw_files, record.host) == (job.token, 0, ("dose.raw",), "node1")
    assert bench.place(job) == JobPlace("node1", record.gpu, job_id)
    assert record.gpu in {str(number) for number in range(8)}
    assert await bench.scheduler.find(job) == job_id
    assert bench.computed(job) == "computed\n"


async def test_a_job_whose_comment_was_replaced_is_known_by_its_run_folder(bench: Bench) -> None:
    job = bench.job("a", "sleep 60")
    job_id = await bench.scheduler.submit(job)
    await bench.until_state(job, JobState.RUNNING)
    bench.cluster.run("scontrol", "update", f"JobId={job_id}", "Comment=cost centre 12")
    assert bench.jobs_of(job) == 0
    assert (await bench.report(job)).state is JobState.RUNNING
    assert await bench.scheduler.submit(job) == job_id
    await bench.scheduler.cancel(reference(job, job_id))
    await bench.until_state(job, JobState.GONE)


async def test_the_jobs_own_exit_code_is_its_own_affair(bench: Bench) -> None:
    job = bench.job("a", "exit 3")
    await bench.scheduler.submit(job)
    assert await bench.until_state(job, JobState.GONE) == JobReport(JobState.GONE)
    assert bench.record(job).exit_code == 3


async def test_eight_jobs_have_eight_devices_and_a_ninth_says_what_it_waits_for(bench: Bench) -> None:
    jobs = [bench.job(f"j{number}", "sleep 60") for number in range(8)]
    for job in jobs:
        await bench.scheduler.submit(job)
    await until(lambda: all(bench.place(job) for job in jobs), "all eight compute")
    assert {place.gpu for job in jobs if (place := bench.place(job))} == {str(number) for number in range(8)}

    ninth = bench.job("ninth", "true")
    await bench.scheduler.submit(ninth)

    async def is_explained() -> bool:
        report = await bench.report(ninth)
        return report.reason in {"Resources", "Priority"} and report.expected_start is not None

    await until_it(is_explained, "the ninth says why it waits and until when")
    start = (await bench.report(ninth)).expected_start
    assert start is not None
    # The eight have an hour each: the partition's default.
    assert 3000 < (start - datetime.now(UTC)).total_seconds() < 3700


@pytest.mark.parametrize("line", ["sleep 60", "trap '' TERM; while :; do sleep 0.1; done"])
async def test_a_cancelled_job_ends_and_no_other_one_does(bench: Bench, line: str) -> None:
    job, other = bench.job("a", line), bench.job("b", "sleep 60")
    job_id, other_id = await bench.scheduler.submit(job), await bench.scheduler.submit(other)
    await until(lambda: bool(bench.place(job) and bench.place(other)), "both compute")
    # The other job's id under this job's token: what an id that was given out again looks like.
    await bench.scheduler.cancel(JobRef(other_id, "token-x", job.run_folder))
    await bench.scheduler.cancel(reference(job, job_id))
    await bench.until_state(job, JobState.GONE)
    assert (await bench.report(other)).state is JobState.RUNNING


async def test_a_job_that_a_person_cancels_says_so(bench: Bench) -> None:
    job = bench.job("a", "sleep 60")
    job_id = await bench.scheduler.submit(job)
    await until(lambda: bench.place(job) is not None, "it computes")
    bench.cluster.run("scancel", job_id)
    report = await bench.until_state(job, JobState.GONE)
    assert "outside this program" in report.reason
    assert report.is_final
    assert bench.record(job).exit_code == 143


async def test_a_job_over_its_time_limit_says_so(bench: Bench) -> None:
    job = bench.job("a", "sleep 60")
    job_id = await bench.scheduler.submit(job)
    await until(lambda: bench.place(job) is not None, "it computes")
    bench.cluster.run("scontrol", "update", f"jobid={job_id}", "TimeLimit=0")
    report = await bench.until_state(job, JobState.GONE, 60.0)
    assert "hpc.slurm.time_limit" in report.reason
    assert report.is_final


async def test_a_job_whose_node_failed_may_have_another_attempt(bench: Bench) -> None:
    job = bench.job("a", "sleep 60")
    await bench.scheduler.submit(job)
    await until(lambda: bench.place(job) is not None, "it computes")
    bench.cluster.run("scontrol", "update", "nodename=node1", "state=down", "reason=test")
    report = await bench.until_state(job, JobState.GONE)
    assert "node failed" in report.reason
    assert not report.is_final


async def test_a_job_whose_script_was_killed_may_have_another_attempt(bench: Bench) -> None:
    job = bench.job("a", "kill -9 $PPID; sleep 60")
    await bench.scheduler.submit(job)
    report = await bench.until_state(job, JobState.GONE)
    assert "killed on its node" in report.reason
    assert not report.is_final
    assert not (Path(job.run_folder) / "exit_record").exists()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (SlurmSettings(partition="nowhere"), "Invalid partition name"),
        (SlurmSettings(gres="gpu:99"), "Requested node configuration is not available"),
        (SlurmSettings(constraint="golden"), "Invalid feature"),
        (SlurmSettings(extra_lines=("--frobnicate",)), "unrecognized option"),
        (SlurmSettings(time_limit="soon"), "Invalid --time"),
    ],
)
async def test_what_slurm_refuses_is_said_in_its_words_and_leaves_no_job(
    bench: Bench, settings: SlurmSettings, says: str
) -> None:
    scheduler = SlurmScheduler(bench.transport, settings)
    job = bench.job("a", "true")
    with pytest.raises(PermanentError, match=says):
        await scheduler.submit(job)
    assert await scheduler.find(job) is None


async def test_a_second_job_of_an_attempt_computes_nothing_and_does_not_end_it(bench: Bench) -> None:
    job = bench.job("a", f"{COMPUTE}; while [ ! -e go ]; do sleep 0.05; done")
    await bench.scheduler.submit(job)
    await until(lambda: bench.computed(job) == "computed\n", "it computes")
    (Path(job.run_folder) / "submission").unlink()
    second = await bench.scheduler.submit(job)
    await until(
        lambda: f"JobId={second} " in (told := bench.told(second)) and "JobState=FAILED" in told, "it has ended"
    )
    assert f"ExitCode={DUPLICATE_EXIT_CODE}:0" in bench.told(second)
    assert (await bench.report(job, second)).state is JobState.RUNNING
    (Path(job.run_folder) / "go").touch()
    assert await bench.until_state(job, JobState.GONE) == JobReport(JobState.GONE)
    assert bench.computed(job) == "computed\n"
    assert bench.record(job).exit_code == 0


async def test_while_the_controller_is_away_nothing_is_known_and_nothing_ends(bench: Bench) -> None:
    job, never = bench.job("a", f"{COMPUTE}; sleep 1"), bench.job("never", "true")
    await bench.scheduler.submit(job)
    await until(lambda: bench.computed(job) == "computed\n", "it computes")
    bench.cluster.stop(Daemon.CTLD)
    questions = (bench.report(job), bench.scheduler.find(job), bench.scheduler.submit(never))
    answers = await asyncio.gather(*questions, return_exceptions=True)
    assert [type(answer) for answer in answers] == [TransientError] * 3
    await until((Path(job.run_folder) / "exit_record").exists, "the job has ended meanwhile")
    bench.cluster.start(Daemon.CTLD)
    assert await bench.until_state(job, JobState.GONE) == JobReport(JobState.GONE)
    # It was not taken while nobody was there; it is now, and computes once.
    await bench.scheduler.submit(never)
    await bench.until_state(never, JobState.GONE)
    assert bench.jobs_of(never) == 1


async def test_what_a_frozen_controller_was_given_is_found_when_it_goes_on(bench: Bench) -> None:
    jobs = [bench.job(f"j{number}", COMPUTE) for number in range(4)]
    bench.cluster.freeze(Daemon.CTLD)
    answers = await asyncio.gather(*map(bench.scheduler.submit, jobs), return_exceptions=True)
    assert [type(answer) for answer in answers] == [TransientError] * 4
    bench.cluster.thaw(Daemon.CTLD)
    await asyncio.gather(*map(bench.scheduler.submit, jobs))
    for job in jobs:
        await bench.until_state(job, JobState.GONE)
        assert bench.computed(job) == "computed\n"
        assert bench.jobs_of(job) == 1


async def test_an_sbatch_that_was_killed_is_looked_up_before_another(bench: Bench) -> None:
    job = bench.job("a", COMPUTE)
    bench.cluster.freeze(Daemon.CTLD)
    submitting = asyncio.create_task(bench.scheduler.submit(job))
    await until(lambda: any("sbatch" in words for words in bench.transport.commands), "sbatch was started")
    await until((Path(job.run_folder) / "submission").exists, "its submission is noted")
    submitting.cancel()
    await asyncio.wait({submitting})
    bench.cluster.thaw(Daemon.CTLD)
    await bench.scheduler.submit(job)
    await bench.until_state(job, JobState.GONE)
    assert bench.computed(job) == "computed\n"


async def test_a_job_that_a_killed_controller_lost_is_never_taken_for_another_with_its_id(bench: Bench) -> None:
    # Now and then the controller saves its jobs just in between.
    for number in range(5):
        lost = bench.job(f"lost{number}", "sleep 60")
        lost_id = await bench.scheduler.submit(lost)
        bench.cluster.kill(Daemon.CTLD)
        bench.cluster.start(Daemon.CTLD)
        if bench.jobs_of(lost) == 0:
            break
    else:
        raise AssertionError("the controller had saved the job each time before it was killed")
    # It gives out the ids again that it had not saved yet.
    for number in range(50):
        other = bench.job(f"other{number}", "sleep 60")
        if await bench.scheduler.submit(other) == lost_id:
            break
    else:
        raise AssertionError(f"the id {lost_id} was not given out again")
    report = await bench.until_state(lost, JobState.GONE)
    assert "does not know it any more" in report.reason
    assert not report.is_final
    assert (await bench.report(other)).state in {JobState.RUNNING, JobState.PENDING}


async def test_one_fifty_and_two_hundred_live_jobs_cost_the_same_status_commands(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll, rounds = bench.scheduler.poll, 0

    async def counted(jobs: Sequence[JobRef]) -> dict[str, JobReport]:
        nonlocal rounds
        rounds += 1
        return await poll(jobs)

    monkeypatch.setattr(bench.scheduler, "poll", counted)
    counts = []
    live: list[JobRef] = []
    for wanted in (1, 50, 200):
        while len(live) < wanted:
            job = bench.job(f"j{len(live)}", "sleep 600")
            live.append(reference(job, await bench.scheduler.submit(job)))
        async with JobMonitor(bench.scheduler, interval=0.5, first_pause=1, longest_pause=1) as monitor:
            waiting = [asyncio.create_task(monitor.wait_for_end(job)) for job in live]
            await until(lambda: all(monitor.report(job.token) for job in live), "every job has a report")
            since, rounds = time.time(), 0
            await asyncio.sleep(5.0)
            seen = [command for command in bench.cluster.commands_seen(since=since) if command.name != "sbatch"]
            counts.append((len(seen), rounds))
            for one in waiting:
                one.cancel()
    # Two a second at most; how many rounds there are in the time depends on how quickly Slurm answers.
    assert all(0 < seen <= 10 and abs(seen - rounds) <= 1 for seen, rounds in counts), counts
