"""The job script, run by real shells: claim, log, exit code, exit record."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.domain.errors import InputError
from mqi_tui.hpc.exit_record import parse_exit_record
from mqi_tui.hpc.job_script import DUPLICATE_EXIT_CODE, render_job_script
from mqi_tui.hpc.protocols import ExitRecord
from tests.support.jobs import TOKEN, is_alive, shell, until, write_job

STRANGE_NAMES = [
    "with space",
    'it\'s "quoted"',
    "DOE^JOHN [QA] 한글",
    "$(touch hacked) `x` ${HOME}",
    "-n --help",
    "back\\slash",
    "*?[a-z]!",
    "@TOKEN@ @COMMAND@",
    "semi;colon & pipe | <in >out #no",
]


@pytest.fixture(params=[shell for shell in ("sh", "bash") if shutil.which(shell)])
def interpreter(request: pytest.FixtureRequest) -> str:
    """sh is dash on Debian; bash differs from it in `wait` and traps."""
    name: str = request.param
    return name


def run_job(
    run_folder: Path,
    *command: str,
    interpreter: str = "sh",
    raw_pattern: str = "*.raw",
    setup_lines: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    job = write_job(run_folder, command, raw_pattern=raw_pattern, setup_lines=setup_lines)
    return subprocess.run(
        [interpreter, str(job.script), f"mqi-job:{TOKEN}"], capture_output=True, text=True, check=False, timeout=30
    )


def start_job(run_folder: Path, *command: str, interpreter: str = "sh") -> subprocess.Popen[bytes]:
    job = write_job(run_folder, command)
    return subprocess.Popen([interpreter, str(job.script)], start_new_session=True)


def record_in(run_folder: Path) -> ExitRecord:
    path = run_folder / "exit_record"
    return parse_exit_record(path.read_bytes(), PurePosixPath(path))


def test_a_sound_run_leaves_log_and_record_with_the_raw_files_size_and_digest(tmp_path: Path, interpreter: str) -> None:
    done = run_job(tmp_path, *shell("echo progress; printf dose > 'G1:1 한글_Dose.raw'"), interpreter=interpreter)

    record = record_in(tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "simulation.log").read_text() == "progress\n"
    assert (record.token, record.exit_code) == (TOKEN, 0)
    assert record.raw_files == ("G1:1 한글_Dose.raw",)
    assert record.raw_size == 4
    assert record.raw_sha256 == hashlib.sha256(b"dose").hexdigest()
    assert record.started_at <= record.ended_at
    assert record.host == os.uname().nodename


def test_the_log_holds_output_and_errors_in_their_order(tmp_path: Path) -> None:
    run_job(tmp_path, *shell("echo one; echo two >&2; echo three"))

    assert (tmp_path / "simulation.log").read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize("code", [1, 3, 126, 127, 134, 255])
def test_the_engines_exit_code_is_recorded_and_is_the_jobs_own(tmp_path: Path, interpreter: str, code: int) -> None:
    done = run_job(tmp_path, *shell(f"exit {code}"), interpreter=interpreter)

    assert record_in(tmp_path).exit_code == code
    assert done.returncode == code


def test_an_engine_that_does_not_exist_is_exit_127_with_a_word_in_the_log(tmp_path: Path) -> None:
    run_job(tmp_path, "no-such-engine")

    assert record_in(tmp_path).exit_code == 127
    assert "no-such-engine" in (tmp_path / "simulation.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_an_engine_killed_by_a_signal_is_128_plus_its_number(
    tmp_path: Path, interpreter: str, number: signal.Signals
) -> None:
    run_job(tmp_path, *shell(f"kill -{number.value} $$"), interpreter=interpreter)

    assert record_in(tmp_path).exit_code == 128 + number.value


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_job_reaches_the_engine_and_the_record_is_still_written(
    tmp_path: Path, interpreter: str, number: signal.Signals
) -> None:
    engine = shell("trap 'kill $!; echo asked to end; exit 9' TERM; sleep 60 & echo $$ > up; wait")
    job = start_job(tmp_path, *engine, interpreter=interpreter)
    await until((tmp_path / "up").exists, "the engine is up")

    job.send_signal(number)

    assert job.wait(timeout=10) == 9
    assert record_in(tmp_path).exit_code == 9
    assert (tmp_path / "simulation.log").read_text() == "asked to end\n"
    assert not is_alive(int((tmp_path / "up").read_text()))


async def test_signals_that_the_engine_ignores_do_not_end_the_job_before_it(tmp_path: Path, interpreter: str) -> None:
    engine = shell("trap '' TERM; touch up; while [ ! -e go ]; do sleep 0.05; done; exit 5")
    job = start_job(tmp_path, *engine, interpreter=interpreter)
    await until((tmp_path / "up").exists, "the engine is up")

    for _ in range(3):
        job.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        job.wait(timeout=0.3)
    (tmp_path / "go").touch()

    assert job.wait(timeout=10) == 5
    assert record_in(tmp_path).exit_code == 5


async def test_a_signal_during_the_setup_lines_starts_no_engine(tmp_path: Path, interpreter: str) -> None:
    spec = write_job(
        tmp_path, ["touch", "computed"], setup_lines=["touch up", "while [ ! -e go ]; do sleep 0.05; done"]
    )
    job = subprocess.Popen([interpreter, str(spec.script)], start_new_session=True)
    await until((tmp_path / "up").exists, "the setup lines run")

    job.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()

    assert job.wait(timeout=10) == 143
    assert record_in(tmp_path).exit_code == 143
    assert not (tmp_path / "computed").exists()


def test_a_second_job_of_the_attempt_computes_nothing_and_leaves_the_first_ones_record(tmp_path: Path) -> None:
    engine = shell("echo computed >> count; printf x > a.raw")
    run_job(tmp_path, *engine)
    record = (tmp_path / "exit_record").read_bytes()

    second = run_job(tmp_path, *engine)

    assert second.returncode == DUPLICATE_EXIT_CODE
    assert "computes nothing" in second.stderr
    assert (tmp_path / "count").read_text() == "computed\n"
    assert (tmp_path / "exit_record").read_bytes() == record


def test_of_twenty_jobs_started_at_once_one_computes(tmp_path: Path) -> None:
    job = write_job(tmp_path, shell("echo computed >> count"))

    jobs = [subprocess.Popen(["sh", str(job.script)], stderr=subprocess.DEVNULL) for _ in range(20)]

    assert sorted(job.wait(timeout=30) for job in jobs) == [0] + [DUPLICATE_EXIT_CODE] * 19
    assert (tmp_path / "count").read_text() == "computed\n"


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_strange_names_pass_unharmed_through_folder_words_and_pattern(
    tmp_path: Path, interpreter: str, name: str
) -> None:
    run_folder = tmp_path / name / "run-001"

    run_job(run_folder, "sh", "-c", 'printf %s "$1" > dose.raw', "sh", name, interpreter=interpreter)

    assert record_in(run_folder).raw_files == ("dose.raw",)
    assert (run_folder / "dose.raw").read_text() == name
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.parametrize("name", ["a b.raw", "G1:1_Dose.raw", "한글 [1].raw", "it's.raw", "-rf.raw", "$x.raw"])
def test_strange_raw_file_names_are_recorded_as_they_are(tmp_path: Path, interpreter: str, name: str) -> None:
    run_job(tmp_path, "sh", "-c", 'printf x > "./$1"', "sh", name, interpreter=interpreter)

    record = record_in(tmp_path)
    assert record.raw_files == (name,)
    assert record.raw_size == 1


def test_the_pattern_may_hold_spaces_and_choices(tmp_path: Path) -> None:
    run_job(tmp_path, *shell("touch 'my dose.raw' 'my dose.mhd' mydose.raw"), raw_pattern="my dose.[rs]aw")

    assert record_in(tmp_path).raw_files == ("my dose.raw",)


def test_no_raw_file_or_several_are_listed_without_size_and_digest(tmp_path: Path) -> None:
    run_job(tmp_path / "none", *shell("mkdir folder.raw"))
    run_job(tmp_path / "two", *shell("touch b.raw a.raw"))

    none, two = record_in(tmp_path / "none"), record_in(tmp_path / "two")
    assert (none.raw_files, none.raw_size, none.raw_sha256) == ((), None, None)
    assert (two.raw_files, two.raw_size, two.raw_sha256) == (("a.raw", "b.raw"), None, None)


def test_setup_lines_prepare_the_engines_environment(tmp_path: Path, interpreter: str) -> None:
    run_job(
        tmp_path,
        *shell('echo "$MODULE $PWD"'),
        interpreter=interpreter,
        setup_lines=("export MODULE='cuda 12'", "cd /", "set -eu", "echo set up"),
    )

    assert (tmp_path / "simulation.log").read_text() == f"set up\ncuda 12 {tmp_path}\n"


@pytest.mark.parametrize("line", ["exit 4", "set -e; (exit 4); true"])
def test_a_setup_line_that_ends_the_job_is_recorded(tmp_path: Path, interpreter: str, line: str) -> None:
    run_job(tmp_path, "touch", "computed", interpreter=interpreter, setup_lines=(line,))

    assert record_in(tmp_path).exit_code == 4
    assert not (tmp_path / "computed").exists()


def test_setup_lines_that_spoil_path_and_field_separators_do_not_spoil_the_record(
    tmp_path: Path, interpreter: str
) -> None:
    run_job(
        tmp_path,
        *("/bin/sh", "-c", "echo x > 'a b.raw'"),
        interpreter=interpreter,
        setup_lines=("IFS=a", "set -f", "PATH=/nowhere"),
    )

    assert record_in(tmp_path).raw_files == ("a b.raw",)


ONE_GPU = "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa-0)\n"
TWO_GPUS = f"""\
{ONE_GPU}  MIG 1g.5gb Device 0: (UUID: MIG-bbbb)
GPU 3: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa-3)
"""


@pytest.mark.parametrize(
    ("environment", "listed", "gpu"),
    [
        ({"MQI_GPU_ID": "3", "SLURM_JOB_GPUS": "1"}, TWO_GPUS, "3 GPU-aaaa-3"),
        ({"SLURM_JOB_GPUS": "3", "CUDA_VISIBLE_DEVICES": "0"}, TWO_GPUS, "3 GPU-aaaa-3"),
        # Slurm shows the job its own device alone, as number 0.
        ({"SLURM_JOB_GPUS": "5", "CUDA_VISIBLE_DEVICES": "0"}, ONE_GPU, "5 GPU-aaaa-0"),
        ({"CUDA_VISIBLE_DEVICES": "0"}, "", "0"),
        ({"MQI_GPU_ID": "7"}, TWO_GPUS, "7"),
        ({}, TWO_GPUS, ""),
        ({}, ONE_GPU, "0 GPU-aaaa-0"),
        ({"MQI_GPU_ID": "1"}, "NVIDIA-SMI has failed because it could not communicate with the driver.", "1"),
    ],
)
def test_the_gpu_is_recorded_by_number_and_uuid(
    tmp_path: Path, interpreter: str, environment: dict[str, str], listed: str, gpu: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(f"#!/bin/sh\ncat <<'END'\n{listed}END\n")
    (programs / "nvidia-smi").chmod(0o755)
    job = write_job(tmp_path / "run", shell('echo "${CUDA_VISIBLE_DEVICES-none}" >seen'))
    path = f"{programs}:{os.environ['PATH']}"
    subprocess.run(
        [interpreter, str(job.script)], env={"PATH": path, **environment}, check=True, timeout=30, capture_output=True
    )
    record = record_in(tmp_path / "run")
    assert record.gpu == gpu
    assert (tmp_path / "run/claim/place").read_text() == f"host={record.host}\ngpu={gpu}\njob=\n"
    assert (tmp_path / "run/seen").read_text() == environment.get("CUDA_VISIBLE_DEVICES", "none") + "\n"


def test_what_a_job_makes_is_for_its_user_alone(tmp_path: Path) -> None:
    run_job(tmp_path, *shell("touch a.raw"))

    for name in ("simulation.log", "exit_record", "a.raw", "claim/pid"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "claim").stat().st_mode) == 0o700


async def test_lines_reach_the_log_while_the_engine_runs(tmp_path: Path) -> None:
    # cut buffers its output when it is no terminal, as the engines do.
    job = start_job(tmp_path, *shell("(echo first; touch up; while [ ! -e go ]; do sleep 0.05; done) | cut -c 1-"))
    await until((tmp_path / "up").exists, "the engine is up")

    await until(lambda: (tmp_path / "simulation.log").read_text() == "first\n", "the first line is in the log")

    (tmp_path / "go").touch()
    assert job.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("run_folder", "command", "raw_pattern", "setup_lines", "what"),
    [
        ("/a\nb", ["engine"], "*.raw", [], "run folder"),
        ("/r", ["engine", "a\nb"], "*.raw", [], "engine command's word"),
        ("/r", ["a\0b"], "*.raw", [], "engine command's word"),
        ("/r", ["engine"], "*.raw\n", [], "raw pattern"),
        ("/r", ["engine"], "*.raw", ["a\rb"], "setup line"),
    ],
)
def test_line_breaks_and_nul_are_refused(
    run_folder: str, command: list[str], raw_pattern: str, setup_lines: list[str], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        render_job_script(
            token=TOKEN,
            run_folder=PurePosixPath(run_folder),
            command=command,
            raw_pattern=raw_pattern,
            setup_lines=setup_lines,
        )


def test_a_token_that_needs_quoting_is_refused() -> None:
    with pytest.raises(ValueError, match="token"):
        render_job_script(token="a b", run_folder=PurePosixPath("/r"), command=["engine"], raw_pattern="*.raw")
