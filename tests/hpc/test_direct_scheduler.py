"""The direct scheduler with real processes: one job per token, proven ends, nothing left over."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.direct_scheduler import NEVER_RAN, DirectScheduler
from mqi_tui.hpc.exit_record import parse_exit_record
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import CommandResult, JobRef, JobReport, JobSpec, JobState
from tests.support.jobs import TOKEN, is_alive, reference, shell, until, until_it, write_job

WAIT_FOR_GO = "touch up; while [ ! -e go ]; do sleep 0.05; done"


class CountingTransport(LocalTransport):
    """Counts the commands that are run."""

    def __init__(self) -> None:
        self.commands: list[Sequence[str]] = []

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        self.commands.append(arguments)
        return await super().run(arguments, timeout=timeout)


class FixedTableTransport(LocalTransport):
    """Shows a process table of our choice."""

    def __init__(self, table: str, exit_status: int = 0) -> None:
        self.result = CommandResult(exit_status, table, "no table" if exit_status else "")

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        if "mqi-processes" in arguments:
            return self.result
        return await super().run(arguments, timeout=timeout)


@pytest.fixture
async def scheduler() -> DirectScheduler:
    return DirectScheduler(LocalTransport(), kill_grace=0.5)


@pytest.fixture(autouse=True)
async def end_jobs(tmp_path: Path) -> AsyncIterator[None]:
    """Ends the jobs that a failed test has left behind."""
    yield
    for claim in tmp_path.rglob("claim/pid"):
        for process in processes_of_session(int(claim.read_text())):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def processes_of_session(session: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[3] == str(session) and words[0] != "Z":
            found.append(int(stat.parent.name))
    return found


async def state_of(scheduler: DirectScheduler, job: JobRef) -> JobState:
    return (await scheduler.poll([job]))[job.token].state


async def until_gone(scheduler: DirectScheduler, job: JobRef) -> None:
    async def gone() -> bool:
        return await state_of(scheduler, job) is JobState.GONE

    await until_it(gone, "the job is gone")


async def test_a_job_runs_and_is_gone_when_it_has_ended(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path, shell(WAIT_FOR_GO))

    ref = reference(job, await scheduler.submit(job))

    assert await scheduler.poll([ref]) == {TOKEN: JobReport(JobState.RUNNING)}
    (tmp_path / "go").touch()
    await until_gone(scheduler, ref)
    assert parse_exit_record((tmp_path / "exit_record").read_bytes(), job.run_folder).exit_code == 0


async def test_the_job_id_is_the_process_that_made_the_claim(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path, shell(WAIT_FOR_GO))

    job_id = await scheduler.submit(job)

    assert (tmp_path / "claim" / "pid").read_text() == f"{job_id}\n"
    assert int(job_id) in processes_of_session(int(job_id))


async def test_the_job_is_told_its_gpu(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path, shell("true"))

    await until_gone(scheduler, reference(job, await scheduler.submit(job)))

    assert parse_exit_record((tmp_path / "exit_record").read_bytes(), job.run_folder).gpu == "3"


async def test_submitting_a_token_again_gives_the_same_job_and_computes_once(
    tmp_path: Path, scheduler: DirectScheduler
) -> None:
    job = write_job(tmp_path, shell(f"echo computed >> count; {WAIT_FOR_GO}"))

    first = await scheduler.submit(job)
    while_running = await scheduler.submit(job)
    (tmp_path / "go").touch()
    await until_gone(scheduler, reference(job, first))
    after_its_end = await scheduler.submit(job)

    assert first == while_running == after_its_end
    assert (tmp_path / "count").read_text() == "computed\n"


async def test_ten_submissions_at_once_are_one_job(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path, shell("echo computed >> count"))

    job_ids = await asyncio.gather(*(scheduler.submit(job) for _ in range(10)))

    assert len(set(job_ids)) == 1
    await until_gone(scheduler, reference(job, job_ids[0]))
    assert (tmp_path / "count").read_text() == "computed\n"


async def test_a_job_outlives_the_program_that_submitted_it(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path, shell(f"{WAIT_FOR_GO}; printf dose > a.raw"))
    program = (
        "import asyncio, sys, time\n"
        "from pathlib import PurePosixPath\n"
        "from mqi_tui.hpc.direct_scheduler import DirectScheduler\n"
        "from mqi_tui.hpc.local_transport import LocalTransport\n"
        "from mqi_tui.hpc.protocols import JobSpec\n"
        "job = JobSpec('moqui_x', sys.argv[1], PurePosixPath(sys.argv[2]), PurePosixPath(sys.argv[3]), 0)\n"
        "asyncio.run(DirectScheduler(LocalTransport()).submit(job))\n"
        "print('submitted', flush=True)\n"
        "time.sleep(60)\n"
    )
    arguments = [sys.executable, "-c", program, job.token, str(job.run_folder), str(job.script)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, start_new_session=True) as submitter:
        assert submitter.stdout is not None
        assert await asyncio.to_thread(submitter.stdout.readline) == b"submitted\n"
        os.killpg(submitter.pid, signal.SIGKILL)

    job_id = await scheduler.find(job)

    assert job_id is not None
    ref = reference(job, job_id)
    assert await state_of(scheduler, ref) is JobState.RUNNING
    (tmp_path / "go").touch()
    await until_gone(scheduler, ref)
    assert parse_exit_record((tmp_path / "exit_record").read_bytes(), job.run_folder).raw_files == ("a.raw",)


async def test_a_job_that_has_not_made_its_claim_yet_is_found_by_its_token(
    tmp_path: Path, scheduler: DirectScheduler
) -> None:
    job = write_job(tmp_path, shell("true"))
    slow_start = JobSpec(job.name, job.token, job.run_folder, PurePosixPath(tmp_path / "slow.sh"), 0)
    (tmp_path / "slow.sh").write_text(f'touch up; sleep 0.5; . "{job.script}"\n')
    process = subprocess.Popen(["setsid", "sh", str(slow_start.script), f"mqi-job:{TOKEN}"], cwd=tmp_path)
    await until((tmp_path / "up").exists, "the job is up")

    assert await scheduler.find(job) == str(process.pid)

    assert process.wait(timeout=10) == 0


async def test_a_job_that_was_never_started_is_not_found(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path / "run", shell("true"))
    elsewhere = JobSpec(job.name, job.token, PurePosixPath(tmp_path / "missing"), job.script, 0)

    assert await scheduler.find(job) is None
    assert await scheduler.find(elsewhere) is None


async def test_a_claim_without_a_process_id_is_a_job_that_is_gone(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path, shell("true"))
    (tmp_path / "claim").mkdir()

    assert await scheduler.find(job) == NEVER_RAN
    assert await state_of(scheduler, reference(job, NEVER_RAN)) is JobState.GONE


async def test_another_process_with_the_jobs_number_is_not_the_job(tmp_path: Path, scheduler: DirectScheduler) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        job = JobRef(str(stranger.pid), TOKEN, PurePosixPath(tmp_path))

        assert await state_of(scheduler, job) is JobState.GONE
        await scheduler.cancel(job)

        assert stranger.poll() is None
        stranger.kill()


async def test_strangers_in_a_session_of_the_jobs_number_are_left_alone(
    tmp_path: Path, scheduler: DirectScheduler
) -> None:
    # A daemon: its session's leader has ended, and the number may once have been a job's.
    leader = subprocess.Popen(
        ["setsid", "sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"], stdout=subprocess.PIPE, text=True
    )
    daemon = int(leader.communicate(timeout=10)[0])
    job = JobRef(str(leader.pid), TOKEN, PurePosixPath(tmp_path))

    assert await state_of(scheduler, job) is JobState.GONE
    await scheduler.cancel(job)

    assert is_alive(daemon)
    os.kill(daemon, signal.SIGKILL)


async def test_forty_jobs_are_polled_with_one_command(tmp_path: Path) -> None:
    transport = CountingTransport()
    scheduler = DirectScheduler(transport)
    running = write_job(tmp_path / "live", shell(WAIT_FOR_GO))
    live = reference(running, await scheduler.submit(running))
    gone = [JobRef(str(2**22 + number), f"token{number}", PurePosixPath(tmp_path)) for number in range(39)]
    transport.commands.clear()

    reports = await scheduler.poll([*gone, live])

    assert len(transport.commands) == 1
    assert reports.pop(live.token).state is JobState.RUNNING
    assert {report.state for report in reports.values()} == {JobState.GONE}
    assert len(reports) == 39


async def test_the_process_table_is_read_without_ps_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "setsid", "tr", "grep", "sleep", "touch", "mkdir", "mv", "date", "uname", "wc", "sha256sum"):
        (programs / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(programs))
    scheduler = DirectScheduler(LocalTransport())
    job = write_job(tmp_path / "run 1", shell(WAIT_FOR_GO))

    ref = reference(job, await scheduler.submit(job))

    assert await state_of(scheduler, ref) is JobState.RUNNING
    os.kill(int(ref.job_id), signal.SIGKILL)
    await until_gone(scheduler, ref)
    assert processes_of_session(int(ref.job_id)) == []


async def test_perl_stands_in_where_setsid_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "perl", "ps", "sleep", "touch", "mkdir", "mv", "date", "uname", "wc", "sha256sum"):
        (programs / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(programs))
    scheduler = DirectScheduler(LocalTransport())
    job = write_job(tmp_path / "run", shell(WAIT_FOR_GO))

    job_id = await scheduler.submit(job)

    assert os.getsid(int(job_id)) == int(job_id)


async def test_without_setsid_and_perl_the_message_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "ps"):
        (programs / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(programs))

    with pytest.raises(PermanentError, match="neither setsid nor perl"):
        await DirectScheduler(LocalTransport()).submit(write_job(tmp_path / "run", shell("true")))


async def test_a_job_that_cannot_begin_is_an_error_with_its_own_words(
    tmp_path: Path, scheduler: DirectScheduler
) -> None:
    job = write_job(tmp_path, shell("true"))
    Path(job.script).unlink()

    with pytest.raises(PermanentError, match=r"ended before it began.*job\.sh"):
        await scheduler.submit(job)


@pytest.mark.parametrize("answer", [("", 0), ("", 1), ("1 1 1 S init\n", 1)])
async def test_a_process_table_that_cannot_be_read_says_nothing_about_jobs(
    tmp_path: Path, answer: tuple[str, int]
) -> None:
    scheduler = DirectScheduler(FixedTableTransport(*answer))

    with pytest.raises(TransientError, match="process table"):
        await scheduler.poll([JobRef("1", TOKEN, PurePosixPath(tmp_path))])


async def test_a_process_that_waits_to_be_collected_is_no_running_job(tmp_path: Path) -> None:
    table = f"1 1 1 Ss init\n77 77 77 Z sh job.sh mqi-job:{TOKEN}\n"

    reports = await DirectScheduler(FixedTableTransport(table)).poll([JobRef("77", TOKEN, PurePosixPath(tmp_path))])

    assert reports[TOKEN].state is JobState.GONE


async def test_cancel_ends_the_whole_tree_and_the_record_is_written(tmp_path: Path) -> None:
    scheduler = DirectScheduler(LocalTransport())
    job = write_job(tmp_path, shell("sh -c 'sleep 60 & sleep 61' & sleep 62 & touch up; wait"))
    ref = reference(job, await scheduler.submit(job))
    await until((tmp_path / "up").exists, "the engine is up")

    await scheduler.cancel(ref)

    assert await state_of(scheduler, ref) is JobState.GONE
    assert processes_of_session(int(ref.job_id)) == []
    assert parse_exit_record((tmp_path / "exit_record").read_bytes(), job.run_folder).exit_code == 143


async def test_cancel_ends_an_engine_that_ignores_term_and_its_record_says_killed(
    tmp_path: Path, scheduler: DirectScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqi_tui.hpc.direct_scheduler._RECORD_GRACE", 30.0)
    job = write_job(tmp_path, shell("trap '' TERM INT HUP; touch up; while :; do sleep 0.1; done"))
    ref = reference(job, await scheduler.submit(job))
    await until((tmp_path / "up").exists, "the engine is up")

    await scheduler.cancel(ref)

    assert await state_of(scheduler, ref) is JobState.GONE
    assert processes_of_session(int(ref.job_id)) == []
    assert parse_exit_record((tmp_path / "exit_record").read_bytes(), job.run_folder).exit_code == 137


async def test_cancel_of_a_job_that_has_ended_does_nothing(tmp_path: Path, scheduler: DirectScheduler) -> None:
    job = write_job(tmp_path, shell("true"))
    ref = reference(job, await scheduler.submit(job))
    await until_gone(scheduler, ref)

    await scheduler.cancel(ref)

    assert parse_exit_record((tmp_path / "exit_record").read_bytes(), job.run_folder).exit_code == 0


async def test_an_engine_whose_job_script_was_killed_is_ended_before_the_job_counts_as_gone(
    tmp_path: Path, scheduler: DirectScheduler
) -> None:
    job = write_job(tmp_path, shell("echo $$ > up; exec sleep 60"))
    ref = reference(job, await scheduler.submit(job))
    await until(lambda: (tmp_path / "up").exists() and (tmp_path / "up").read_text() != "", "the engine is up")
    engine = int((tmp_path / "up").read_text())
    os.kill(int(ref.job_id), signal.SIGKILL)
    await until(lambda: not is_alive(int(ref.job_id)), "the job script is dead")

    first = (await scheduler.poll([ref]))[TOKEN]

    assert first.state is JobState.RUNNING
    assert "job script is gone" in first.reason
    await until_gone(scheduler, ref)
    assert not is_alive(engine)
    assert not (tmp_path / "exit_record").exists()


@pytest.mark.parametrize("name", ["with space", 'it\'s "quoted"', "DOE^JOHN [QA] 한글", "$(touch x) `y`; #"])
async def test_run_folders_with_strange_names_work(tmp_path: Path, scheduler: DirectScheduler, name: str) -> None:
    job = write_job(tmp_path / name, shell("printf dose > a.raw"))

    await until_gone(scheduler, reference(job, await scheduler.submit(job)))

    record = parse_exit_record((tmp_path / name / "exit_record").read_bytes(), job.run_folder)
    assert record.raw_files == ("a.raw",)
