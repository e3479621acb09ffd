"""The HPC as one object, over this machine's files and processes: what the workflow may rely on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.config import HpcSettings, RetrySettings, Settings
from mqi_tui.domain.errors import PermanentError
from mqi_tui.hpc.factory import open_hpc
from mqi_tui.hpc.job_script import render_job_script
from mqi_tui.hpc.protocols import JobRef, JobReport, JobState
from mqi_tui.hpc.remote_handler import RemoteHandler, job_name
from tests.support.jobs import TOKEN, is_alive, shell, until


@pytest.fixture
async def remote() -> AsyncIterator[RemoteHandler]:
    settings = Settings(
        hpc=HpcSettings(poll_interval_seconds=0.05, exit_record_grace_seconds=0.3),
        retry=RetrySettings(first_pause_seconds=0.05, longest_pause_seconds=0.1),
    )
    async with open_hpc(settings) as handler:
        yield handler


async def submit(remote: RemoteHandler, folder: Path, line: str, token: str = TOKEN) -> JobRef:
    run_folder = PurePosixPath(folder)
    script = render_job_script(token=token, run_folder=run_folder, command=shell(line), raw_pattern="*.raw")
    job_id = await remote.submit_simulation_job(
        "A_1", run_folder, token, 3, script=script, inputs={"moqui_tps.in": b"GPUID 3\n"}
    )
    return JobRef(job_id, token, run_folder)


async def test_a_job_is_submitted_with_its_inputs_and_followed_to_its_exit_record(
    remote: RemoteHandler, tmp_path: Path
) -> None:
    job = await submit(
        remote, tmp_path / "run-001", 'cat moqui_tps.in; printf 12345678 >dose.raw; echo "GPU $MQI_GPU_ID"'
    )
    record = (await remote.wait_for_job(job)).record
    assert record is not None
    assert (record.exit_code, record.raw_files, record.raw_size, record.gpu) == (0, ("dose.raw",), 8, "3")
    assert await remote.read_log(job.run_folder, 0, 100) == b"GPUID 3\nGPU 3\n"
    assert await remote.log_size(job.run_folder) == 14


async def test_submitting_again_finds_the_job_that_runs_or_ran_and_starts_no_second(
    remote: RemoteHandler, tmp_path: Path
) -> None:
    folder = tmp_path / "run-001"
    line = f"echo started >>{tmp_path}/starts; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
    first = await submit(remote, folder, line)
    assert await submit(remote, folder, line) == first
    (tmp_path / "go").touch()
    assert (await remote.wait_for_job(first)).record is not None
    assert await submit(remote, folder, line) == first
    assert (tmp_path / "starts").read_text() == "started\n"


async def test_a_job_that_was_killed_with_its_script_is_lost(remote: RemoteHandler, tmp_path: Path) -> None:
    job = await submit(remote, tmp_path / "run-001", "sleep 60")
    waiting = asyncio.create_task(remote.wait_for_job(job))
    await until(lambda: is_alive(int(job.job_id)), "the job runs")
    os.killpg(int(job.job_id), signal.SIGKILL)
    assert (await waiting).record is None


async def test_the_schedulers_word_comes_with_the_record_of_a_job_that_failed(
    remote: RemoteHandler, tmp_path: Path
) -> None:
    end = await remote.wait_for_job(await submit(remote, tmp_path / "run-001", "exit 3"))
    assert end.record is not None
    assert end.record.exit_code == 3
    assert end.report == JobReport(JobState.GONE)


async def test_it_is_known_where_a_job_computes(remote: RemoteHandler, tmp_path: Path) -> None:
    folder = PurePosixPath(tmp_path / "run-001")
    assert await remote.place(folder) is None
    await remote.wait_for_job(await submit(remote, tmp_path / "run-001", "true"))
    place = await remote.place(folder)
    assert place is not None
    assert str(place) == f"on {os.uname().nodename}, GPU 3"


async def test_a_cancelled_job_has_ended_and_left_no_process(remote: RemoteHandler, tmp_path: Path) -> None:
    job = await submit(remote, tmp_path / "run-001", f"touch {tmp_path}/up; sleep 60")
    await until((tmp_path / "up").exists, "the engine is up")
    await remote.cancel_job(job)
    record = (await remote.wait_for_job(job)).record
    assert record is not None
    assert record.exit_code == 143
    assert not is_alive(int(job.job_id))


async def test_an_exit_record_of_another_job_is_never_taken_for_ours(remote: RemoteHandler, tmp_path: Path) -> None:
    job = await submit(remote, tmp_path / "run-001", "true")
    assert (await remote.wait_for_job(job)).record is not None
    other = JobRef(job.job_id, "another-token", job.run_folder)
    with pytest.raises(PermanentError, match="is of another job"):
        await remote.wait_for_job(other)


async def test_a_folder_without_job_has_no_job_no_log_and_no_record(remote: RemoteHandler, tmp_path: Path) -> None:
    folder = PurePosixPath(tmp_path / "run-001")
    assert await remote.find_job("A_1", folder, TOKEN, 0) is None
    assert await remote.exit_record(folder) is None
    assert await remote.read_log(folder, 0, 10) == b""
    assert await remote.log_size(folder) == 0


async def test_inputs_are_published_whole_and_the_earlier_ones_are_kept_aside(
    remote: RemoteHandler, tmp_path: Path
) -> None:
    local, beam = tmp_path / "local", tmp_path / "hpc" / "A_1"
    local.mkdir()
    (local / "01_100.00MeV.csv").write_text("1,2,3,4,\n")
    (local / "02_110.00MeV.csv").write_text("1,2,3,5,\n")
    (local / "moqui_tps.in").write_text("GPUID 0\n")
    await remote.upload_beam({path.name: path for path in local.iterdir()}, PurePosixPath(beam))
    (beam / "run-001").mkdir()

    (local / "02_110.00MeV.csv").unlink()
    (local / "02_120.00MeV.csv").write_text("1,2,3,6,\n")
    sent = await remote.upload_beam({path.name: path for path in local.iterdir()}, PurePosixPath(beam))

    assert sent == len("1,2,3,6,\n")
    assert {path.name for path in beam.glob("*.csv")} == {"01_100.00MeV.csv", "02_120.00MeV.csv"}
    assert (beam / "run-001").is_dir()
    (kept,) = beam.glob("superseded-*/*.csv")
    assert (kept.name, kept.read_text()) == ("02_110.00MeV.csv", "1,2,3,5,\n")


async def test_one_file_can_be_published_and_brought_home(remote: RemoteHandler, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    far = PurePosixPath(tmp_path / "hpc" / "a")
    assert await remote.upload_file(tmp_path / "a", far) == 7
    digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    await remote.download_file(far, tmp_path / "home" / "a", size=7, sha256=digest)
    assert (tmp_path / "home" / "a").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("beam_id", "name"),
    [
        ("A_1", "moqui_A_1"),
        ("DOE^JOHN [QA] 한글_1", "moqui_DOE_JOHN__QA_____1"),
        ("x" * 300, "moqui_" + "x" * 194),
    ],
)
def test_a_jobs_name_holds_only_characters_that_every_batch_system_takes(beam_id: str, name: str) -> None:
    assert job_name(beam_id) == name
