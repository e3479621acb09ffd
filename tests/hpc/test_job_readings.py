"""Readings by the jobs themselves: taken by real shells while an engine runs, gone with it, and looked up at once."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.config import SlurmSettings
from mqi_tui.domain.errors import InputError
from mqi_tui.domain.readings import GpuReading
from mqi_tui.hpc.direct_scheduler import DirectScheduler
from mqi_tui.hpc.exit_record import parse_exit_record
from mqi_tui.hpc.job_readings import parse_job_readings, read_job_readings
from mqi_tui.hpc.job_script import render_job_script
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import JobState
from mqi_tui.hpc.slurm.scheduler import SlurmScheduler
from tests.cluster.cluster import Cluster
from tests.support.counting import CountingTransport
from tests.support.jobs import TOKEN, is_alive, reference, shell, until, until_it, write_job
from tests.support.programs import in_front_of_path, put_program

LINE = "0, GPU-12, 63, 11264, 24576, 61, 231.5"
READING = GpuReading(0, "GPU-12", 63.0, 11264.0, 24576.0, 61.0, 231.5)
TELLS = f'echo "{LINE}"'
HANGS = "trap '' TERM; touch asked; sleep 600 & sleep 600"
ENGINE = shell("touch up; while [ ! -e go ]; do sleep 0.05; done; exit 5")
NOW = 1_800_000_000


@pytest.fixture(params=[name for name in ("dash", "bash") if shutil.which(name)])
def interpreter(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shell that is `sh`, for the job script and for all that it starts."""
    found = shutil.which(request.param)
    assert found is not None
    (tmp_path / "shell").mkdir()
    (tmp_path / "shell" / "sh").symlink_to(found)
    in_front_of_path(tmp_path / "shell", monkeypatch)
    return "sh"


class Job:
    """A job script at work whose driver is a script of the test's."""

    def __init__(
        self, folder: Path, driver: str, *, command: list[str] = ENGINE, setup_lines: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder / "run"
        program = put_program(folder, "driver", driver)
        spec = write_job(self.folder, command, setup_lines=setup_lines, readings_command=[str(program)])
        self.process = subprocess.Popen(["sh", str(spec.script)], start_new_session=True)

    @property
    def file(self) -> Path:
        return self.folder / "gpu_readings"

    async def until_up(self, *names: str) -> None:
        for name in ("up", *names):
            await until((self.folder / name).exists, f"{name} is there")

    def end(self) -> tuple[int, float]:
        """(exit code, seconds that the job took to its end) when the engine is told to end."""
        began = time.monotonic()
        (self.folder / "go").touch()
        return self.process.wait(timeout=30), time.monotonic() - began

    @property
    def recorded_code(self) -> int:
        return parse_exit_record((self.folder / "exit_record").read_bytes(), PurePosixPath(self.folder)).exit_code

    @property
    def log(self) -> str:
        return (self.folder / "simulation.log").read_text()

    async def until_alone(self, seconds: float = 15.0) -> None:
        await until(lambda: not processes_in(self.folder), f"nothing of the job is left: {self.folder}", seconds)


def processes_in(folder: Path) -> list[int]:
    """The processes that work in the folder, as every one of a job does."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and (process / "cwd").readlink() == folder and is_alive(int(process.name)):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def has_word(pid: int, word: str) -> bool:
    try:
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False  # it has ended


# The job's side


async def test_while_the_engine_runs_its_job_reads_the_gpu(tmp_path: Path, interpreter: str) -> None:
    job = Job(tmp_path, TELLS)
    await job.until_up("gpu_readings")
    first = job.file.read_text()
    assert stat.S_IMODE(job.file.stat().st_mode) == 0o600
    assert parse_job_readings(first, int(time.time())) == (READING,)
    await until(lambda: job.file.read_text() != first, "the next reading is there")

    assert job.end()[0] == 5
    assert job.recorded_code == 5
    assert job.log == ""
    await job.until_alone()


@pytest.mark.parametrize("driver", [TELLS, HANGS], ids=["driver tells", "driver hangs"])
@pytest.mark.parametrize("end", ["by itself", "TERM to the job", "TERM to all of it", "KILL to the engine"])
async def test_however_the_job_ends_its_end_is_its_own_and_nothing_is_left(
    tmp_path: Path, interpreter: str, driver: str, end: str
) -> None:
    job = Job(tmp_path, driver, command=shell("echo $$ >pid; touch up; while [ ! -e go ]; do sleep 0.05; done; exit 5"))
    await job.until_up("asked" if driver == HANGS else "gpu_readings")
    began = time.monotonic()
    match end:
        case "by itself":
            (job.folder / "go").touch()
        case "TERM to the job":
            job.process.terminate()
        case "TERM to all of it":
            os.killpg(job.process.pid, signal.SIGTERM)
        case _:
            os.kill(int((job.folder / "pid").read_text()), signal.SIGKILL)

    code = job.process.wait(timeout=30)
    # Below the ten seconds that a driver is given.
    assert time.monotonic() - began < 8
    assert code == {"by itself": 5, "KILL to the engine": 137}.get(end, 143)
    assert job.recorded_code == code
    assert "gpu" not in job.log.lower()
    await job.until_alone(5)


async def test_a_term_that_the_engine_survives_does_not_end_the_readings(tmp_path: Path, interpreter: str) -> None:
    job = Job(tmp_path, TELLS, command=["sh", "-c", f"trap '' TERM; {ENGINE[2]}"])
    await job.until_up("gpu_readings")
    os.killpg(job.process.pid, signal.SIGTERM)
    after = job.file.read_text()
    await until(lambda: job.file.read_text() != after, "a later reading is there")
    assert job.end()[0] == 5
    await job.until_alone()


async def test_the_readings_end_with_a_job_script_that_is_killed(tmp_path: Path, interpreter: str) -> None:
    job = Job(tmp_path, TELLS)
    await job.until_up("gpu_readings")
    job.process.kill()
    job.process.wait(timeout=10)
    (job.folder / "go").touch()
    await job.until_alone()


async def test_a_job_whose_script_is_killed_is_over_for_the_scheduler_whatever_the_driver_does(tmp_path: Path) -> None:
    program = put_program(tmp_path, "driver", HANGS)
    spec = write_job(tmp_path / "run", shell("touch up; sleep 600"), readings_command=[str(program)])
    scheduler = DirectScheduler(LocalTransport())
    job = reference(spec, await scheduler.submit(spec))
    await until((tmp_path / "run" / "asked").exists, "the driver is asked")
    os.kill(int(job.job_id), signal.SIGKILL)

    async def is_gone() -> bool:
        return (await scheduler.poll([job]))[TOKEN].state is JobState.GONE

    # Before the ten seconds are over that the driver is given.
    await until_it(is_gone, "the job is gone", 5)
    await until(lambda: not processes_in(tmp_path / "run"), "the driver is given up", 20)


async def test_a_cancelled_job_leaves_nothing(tmp_path: Path) -> None:
    program = put_program(tmp_path, "driver", HANGS)
    spec = write_job(tmp_path / "run", shell("touch up; sleep 600"), readings_command=[str(program)])
    scheduler = DirectScheduler(LocalTransport())
    job = reference(spec, await scheduler.submit(spec))
    await until((tmp_path / "run" / "asked").exists, "the driver is asked")
    await scheduler.cancel(job)
    assert (await scheduler.poll([job]))[TOKEN].state is JobState.GONE
    await until(lambda: not processes_in(tmp_path / "run"), "nothing of the job is left", 5)


async def test_a_driver_that_is_not_there_costs_its_reading_alone(tmp_path: Path, interpreter: str) -> None:
    spec = write_job(tmp_path / "run", ENGINE, readings_command=["no-nvidia-smi"])
    job = subprocess.Popen(["sh", str(spec.script)], start_new_session=True)
    await until((tmp_path / "run" / "up").exists, "the engine is up")
    assert not [pid for pid in processes_in(tmp_path / "run") if has_word(pid, "mqi-gpu-readings")]
    (tmp_path / "run" / "go").touch()
    assert job.wait(timeout=10) == 5
    assert (tmp_path / "run" / "simulation.log").read_text() == ""
    assert not (tmp_path / "run" / "gpu_readings").exists()


async def test_a_driver_that_fails_is_no_reading(tmp_path: Path, interpreter: str) -> None:
    job = Job(tmp_path, f"{TELLS}; echo broken >&2; exit 9")
    await job.until_up("gpu_readings")
    assert "GPU-12" in job.file.read_text()
    assert parse_job_readings(job.file.read_text(), int(time.time())) is None
    assert job.end()[0] == 5
    assert job.log == ""


async def test_a_driver_that_hangs_for_once_is_asked_again(tmp_path: Path) -> None:
    job = Job(tmp_path, f"if [ ! -e asked ]; then {HANGS}; fi; {TELLS}")
    await job.until_up("asked")
    await until(job.file.exists, "it was given up, and asked again", 20)
    await until(lambda: parse_job_readings(job.file.read_text(), int(time.time())) is not None, "it has told", 20)
    job.end()
    await job.until_alone()


async def test_without_timeout_a_driver_that_hangs_holds_nothing_up_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("sh", "cat", "date", "mkdir", "mv", "sed", "sleep", "touch", "uname", "wc", "sha256sum"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    job = Job(tmp_path, "touch asked; exec sleep 600")
    await job.until_up("asked")
    code, seconds = job.end()
    assert code == 5
    assert seconds < 8
    await job.until_alone(5)


async def test_setup_lines_that_spoil_the_shell_do_not_spoil_the_readings(tmp_path: Path, interpreter: str) -> None:
    lines = ("sleep 0.1 & wait", "set -euf", "IFS=/0", "trap - USR1", f"PATH={tmp_path}/shell:/nowhere")
    engine = ["/bin/sh", "-c", f"PATH=/usr/bin:/bin; {ENGINE[2]}"]
    job = Job(tmp_path, TELLS, command=engine, setup_lines=lines)
    await job.until_up("gpu_readings")
    assert parse_job_readings(job.file.read_text(), int(time.time())) == (READING,)
    assert job.end()[0] == 5
    await job.until_alone()


@pytest.mark.parametrize("name", ["with space", 'it\'s "q" $(x) `y` ${Z}', "@NAME@ @COMMAND@ 한글", "back\\slash*"])
async def test_strange_names_pass_unharmed(tmp_path: Path, interpreter: str, name: str) -> None:
    driver = put_program(tmp_path, "driver", f'printf "%s" "$1" >word; {TELLS}')
    folder = tmp_path / name
    spec = write_job(folder, ENGINE, readings_command=[str(driver), name])
    job = subprocess.Popen(["sh", str(spec.script)], start_new_session=True)
    await until((folder / "gpu_readings").exists, "a reading is there")
    assert (folder / "word").read_text() == name
    assert await read_job_readings(LocalTransport(), [PurePosixPath(folder)]) == {PurePosixPath(folder): (READING,)}
    (folder / "go").touch()
    assert job.wait(timeout=10) == 5


def test_a_command_with_a_line_break_is_refused() -> None:
    with pytest.raises(InputError, match="GPU readings"):
        render_job_script(
            token=TOKEN,
            run_folder=PurePosixPath("/r"),
            command=["engine"],
            raw_pattern="*.raw",
            readings_command=["nvidia-smi\n"],
        )


# Our side


def put_readings(folder: Path, age: int, *lines: str, interval: int = 5, end: str = "\nend\n") -> PurePosixPath:
    """A run folder with the readings that a job took so many seconds ago."""
    folder.mkdir()
    (folder / "gpu_readings").write_text("\n".join([f"{int(time.time()) - age} {interval}", *lines]) + "\n" + end)
    return PurePosixPath(folder)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"{NOW} 5\n{LINE}\nend\n", 1),
        (f"{NOW - 15} 5\n{LINE}\nend\n", 1),
        (f"{NOW - 16} 5\n{LINE}\nend\n", None),
        (f"{NOW - 16} 6\n{LINE}\nend\n", 1),
        (f"{NOW + 15} 5\n{LINE}\nend\n", 1),
        (f"{NOW + 16} 5\n{LINE}\nend\n", None),
        (f"{NOW} 5\nend\n", 0),
        (f"{NOW} 5\nNo devices were found\nend\n", 0),
        (f"{NOW} 5\n{LINE}\n", None),
        (f"{NOW} 5\n{LINE}\nend", None),
        (f"{NOW} 5\n{LINE}end\n", None),
        (f"%s 5\n{LINE}\nend\n", None),
        (f"{NOW}\n{LINE}\nend\n", None),
        (f"{LINE}\nend\n", None),
        ("", None),
    ],
)
def test_only_a_whole_reading_of_late_is_one(text: str, count: int | None) -> None:
    readings = parse_job_readings(text, NOW)
    assert (None if readings is None else len(readings)) == count


@given(st.text(alphabet="0123456789, \nendGPU-", max_size=200))
def test_noise_is_no_reading_or_one_in_its_form(text: str) -> None:
    for reading in parse_job_readings(text, 0) or ():
        assert reading.utilisation_percent is None or 0 <= reading.utilisation_percent <= 100


async def test_all_jobs_are_looked_up_with_one_command_and_each_keeps_its_own(tmp_path: Path) -> None:
    transport = CountingTransport()
    fresh = [put_readings(tmp_path / f"job {n}", n, LINE.replace("GPU-12", f"GPU-{n}")) for n in range(6)]
    none = [
        put_readings(tmp_path / "old", 20, LINE),
        put_readings(tmp_path / "ahead", -20, LINE),
        put_readings(tmp_path / "cut", 0, LINE, end=""),
        put_readings(tmp_path / "too long", 0, *[LINE] * 2000),
        PurePosixPath(tmp_path / "none"),
    ]
    found = await read_job_readings(transport, [none[0], *fresh[:3], *none[1:], *fresh[3:]])
    assert len(transport.commands) == 1
    assert {folder: [one.uuid for one in readings] for folder, readings in found.items()} == {
        folder: [f"GPU-{n}"] for n, folder in enumerate(fresh)
    }


async def test_a_file_cannot_speak_for_another_one(tmp_path: Path) -> None:
    noise = put_readings(tmp_path / "noise", 0, "\n0123456789abcdef\n", f"{int(time.time())} 5", LINE, end="\n\n\n")
    other = put_readings(tmp_path / "other", 0, LINE)
    assert await read_job_readings(LocalTransport(), [noise, other]) == {other: (READING,)}


async def test_very_many_jobs_are_looked_up_by_the_hundred(tmp_path: Path) -> None:
    transport = CountingTransport()
    last = put_readings(tmp_path / "last", 0, LINE)
    folders = [PurePosixPath(tmp_path / f"{n}") for n in range(120)]
    assert await read_job_readings(transport, [*folders, last]) == {last: (READING,)}
    assert len(transport.commands) == 2


async def test_without_jobs_nothing_is_asked() -> None:
    transport = CountingTransport()
    assert await read_job_readings(transport, []) == {}
    assert not transport.commands


# With a batch system


@pytest.mark.cluster
@pytest.mark.parametrize("driver", [TELLS, HANGS], ids=["driver tells", "driver hangs"])
@pytest.mark.parametrize("signals", [[], ["--signal=KILL", "--full"]], ids=["cancelled", "killed"])
async def test_a_job_that_slurm_ends_leaves_nothing(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, driver: str, signals: list[str]
) -> None:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    program = put_program(tmp_path, "driver", driver)
    spec = write_job(
        tmp_path / "run",
        shell("touch up; sleep 600"),
        token=secrets.token_hex(8),
        readings_command=[str(program)],
    )
    scheduler = SlurmScheduler(LocalTransport(), SlurmSettings())
    job = reference(spec, await scheduler.submit(spec))
    asked = "asked" if driver == HANGS else "gpu_readings"
    await until((tmp_path / "run" / asked).exists, "the driver is asked", 30)
    cluster.run("scancel", *signals, job.job_id)

    async def is_gone() -> bool:
        return (await scheduler.poll([job]))[job.token].state is JobState.GONE

    await until_it(is_gone, "the job is gone", 30)
    if not signals:
        record = parse_exit_record((tmp_path / "run" / "exit_record").read_bytes(), job.run_folder)
        assert record.exit_code == 143
    await until(lambda: not processes_in(tmp_path / "run"), "nothing of the job is left", 15)
