"""The doctor's checks: each thing that a new site gets wrong is found, with a remedy, and none of them hangs."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.config import SshSettings
from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import CommandResult
from mqi_tui.repositories import database
from mqi_tui.workflow.doctor import Check, Outcome, check_up, checkup
from mqi_tui.workflow.doctor.check import Finding, Step, failed, ok, take_steps, warning
from mqi_tui.workflow.doctor.folders import PROBE, PROBE_NAME
from mqi_tui.workflow.doctor.patience import patiently
from mqi_tui.workflow.doctor.scheduler import count_gres
from mqi_tui.workflow.doctor.ssh_files import look_at_files
from tests.support.programs import in_front_of_path, put_program
from tests.support.site import Site

SMI = 'echo "0, GPU-12, 63, 11264, 24576, 61, 231.5"'


async def checks_of(site: Site) -> dict[str, Check]:
    return {check.name: check async for check in check_up(site.config_path)}


def a_step(name: str, finding: Finding | Exception, *needs: str, seconds: float = 5.0) -> Step:
    async def run() -> Finding:
        if isinstance(finding, Exception):
            raise finding
        return finding

    return Step(name, run, f"mend {name}", needs, seconds)


async def told(*steps: Step) -> list[tuple[str, str, str]]:
    return [(check.outcome.value, check.sentence, check.remedy) async for check in take_steps(steps)]


# How steps are taken


async def test_what_needs_a_failed_step_is_skipped_and_names_the_first_that_failed() -> None:
    steps = [
        a_step("ssh", failed("no route", "plug it in")),
        a_step("slurm", ok("there"), "ssh"),
        a_step("gres", ok("there"), "slurm"),
        a_step("local", ok("there")),
    ]
    assert await told(*steps) == [
        ("failed", "no route", "plug it in"),
        ("skipped", "not looked at: it needs ssh", ""),
        ("skipped", "not looked at: it needs ssh", ""),
        ("ok", "there", ""),
    ]


async def test_a_warning_lets_the_rest_go_on_unless_it_says_that_it_blocks() -> None:
    steps = [
        a_step("a", warning("slow", "wait")),
        a_step("b", warning("busy", "wait", blocks=True), "a"),
        a_step("c", ok("there"), "b"),
    ]
    assert [outcome for outcome, _, _ in await told(*steps)] == ["warning", "warning", "skipped"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TransientError("The HPC is away."), "The HPC is away"),
        (PermanentError("Refused."), "Refused"),
        (PermissionError(13, "Permission denied", "/scratch"), "/scratch: Permission denied"),
    ],
)
async def test_what_a_step_meets_outside_is_its_failure_with_its_remedy(error: Exception, sentence: str) -> None:
    assert await told(a_step("a", error)) == [("failed", sentence, "mend a")]


async def test_a_step_without_an_answer_is_given_up() -> None:
    async def for_ever() -> Finding:
        await asyncio.Event().wait()
        return ok("never")

    assert await told(Step("a", for_ever, "kick it", seconds=0.1)) == [("failed", "no answer within 0.1 s", "kick it")]


async def test_a_thread_held_up_by_a_dead_share_holds_up_nobody_else() -> None:
    share_is_back = threading.Event()

    async def look() -> Finding:
        await patiently(share_is_back.wait, 30.0)
        return ok("never")

    started = time.monotonic()
    assert await told(Step("a", look, "mount it", seconds=0.1)) == [("failed", "no answer within 0.1 s", "mount it")]
    assert time.monotonic() - started < 5
    share_is_back.set()


async def test_what_patient_work_raises_comes_out_where_it_is_awaited() -> None:
    with pytest.raises(FileNotFoundError):
        await patiently(os.listdir, "/no/such/folder")
    assert await patiently(max, 1, 2) == 2


# This machine


async def test_a_site_as_init_makes_it_has_nothing_to_mend(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(tmp_path / "bin", "nvidia-smi", f'[ "$1" = -L ] && echo "GPU 0: A100 (UUID: GPU-12)" || {SMI}')
    in_front_of_path(tmp_path / "bin", monkeypatch)
    site.configure(hpc={"gpu_count": 1})

    checks = await checks_of(site)

    assert {check.outcome for check in checks.values()} == {Outcome.OK}, checks
    assert not [check.remedy for check in checks.values() if check.remedy]
    assert "GPU readings" in checks
    assert "1 GPU" in checks["nvidia-smi"].sentence


async def test_only_the_probe_is_written_and_only_once(site: Site) -> None:
    site.results.mkdir(mode=0o700)
    await checks_of(site)
    await checks_of(site)

    written = sorted(str(path.relative_to(site.folder)) for path in site.folder.rglob("*") if path.is_file())
    assert written == ["config.yaml", f"hpc/{PROBE_NAME}", f"results/{PROBE_NAME}"]
    assert stat.S_IMODE((site.results / PROBE_NAME).stat().st_mode) == 0o600


async def test_a_config_that_cannot_be_used_is_all_that_is_told(site: Site) -> None:
    site.config_path.write_text("hpc: {transprot: ssh}\nmax_workers: 0\n")
    checks = [check async for check in check_up(site.config_path)]
    assert [(check.name, check.outcome) for check in checks] == [("config", Outcome.FAILED)] * 2
    assert "transprot" in checks[0].sentence


async def test_an_engine_parameter_that_the_profile_does_not_know_is_the_configs_fault(site: Site) -> None:
    site.configure(engine={"parameters": {"RandomSeeed": 1}})
    (check,) = [check async for check in check_up(site.config_path)]
    assert (check.name, check.outcome) == ("config", Outcome.FAILED)
    assert "RandomSeeed" in check.sentence


async def test_a_scorer_whose_values_are_no_dose_is_the_configs_fault(site: Site) -> None:
    site.configure(engine={"parameters": {"Scorer": "LETd"}})
    (check,) = [check async for check in check_up(site.config_path)]
    assert (check.name, check.outcome) == ("config", Outcome.FAILED)
    assert "engine.parameters.Scorer: found 'LETd', expected Dose: what the engine scores" in check.sentence


async def test_folders_that_are_not_there_are_told_apart(site: Site, tmp_path: Path) -> None:
    elsewhere = tmp_path / "share" / "cases"
    site.configure(scan_directory=str(elsewhere), result_path="/proc/mqi-results")
    checks = await checks_of(site)
    assert checks["scan_directory"].outcome is Outcome.FAILED
    assert "mount it" in checks["scan_directory"].remedy
    assert checks["result_path"].outcome in {Outcome.FAILED, Outcome.WARNING}
    assert checks["state_directory"].outcome is Outcome.OK
    assert "the program makes it" in checks["state_directory"].sentence


async def test_a_state_directory_on_a_network_share_is_refused_and_results_there_are_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_file_system_of", lambda _: "nfs4")
    checks = await checks_of(site)
    assert checks["state_directory"].outcome is Outcome.FAILED
    assert "nfs4" in checks["state_directory"].sentence
    assert checks["result_path"].outcome is Outcome.OK


async def test_results_that_everybody_may_read_are_warned_about(site: Site) -> None:
    site.results.mkdir()
    site.results.chmod(0o755)
    check = (await checks_of(site))["result_path"]
    assert check.outcome is Outcome.WARNING
    assert f"chmod o-rwx {site.results}" in check.remedy


async def test_little_room_is_warned_about_here_and_there(site: Site) -> None:
    site.configure(hpc={"storage": {"warn_below_gb": 10_000_000}})
    checks = await checks_of(site)
    for name in ("result_path", "remote disk"):
        assert checks[name].outcome is Outcome.WARNING
        assert "GB free" in checks[name].sentence


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["/nowhere/mqi_interpreter"], "/nowhere/mqi_interpreter is not there"),
        (["no-such-interpreter"], "no-such-interpreter is not there"),
        (["bin/mqi_interpreter"], "relative to a folder that changes with each beam"),
        (["{config_dir}/config.yaml"], "may not be executed"),
        (["{python}", "-m", "no_such_module"], "has no module no_such_module"),
        (["{python}", "{config_dir}/no_such.py"], "no_such.py is not there"),
    ],
)
async def test_an_interpreter_that_cannot_be_started_is_found_out(
    site: Site, command: Sequence[str], sentence: str
) -> None:
    site.configure(interpreter={"command": list(command)})
    check = (await checks_of(site))["interpreter"]
    assert check.outcome is Outcome.FAILED
    assert sentence in check.sentence
    assert check.remedy


async def test_a_sites_own_interpreter_with_the_example_calibration_is_warned_about(site: Site) -> None:
    program = put_program(site.folder / "bin", "mqi_interpreter", "exit 1")
    site.configure(interpreter={"command": [str(program), "{log_dir}"]}, postprocessing={"command": ["no-such"]})
    checks = await checks_of(site)
    assert checks["interpreter"].outcome is Outcome.OK
    assert checks["machines"].outcome is Outcome.WARNING
    assert "G1, G2" in checks["machines"].sentence
    assert checks["postprocessing"].outcome is Outcome.FAILED


async def test_machines_whose_names_hold_one_another_are_warned_about(site: Site) -> None:
    machine = {"gantry": 1, "time_gain_ms": 0.06, "x_offset": 0, "y_offset": 0, "x_gain_mm": 0.01, "y_gain_mm": 0.01}
    site.configure(machines={"G1": machine, "G10": dict(machine)})
    check = (await checks_of(site))["machines"]
    assert check.outcome is Outcome.WARNING
    assert "G10 would match G1" in check.sentence


# The HPC


def test_ssh_needs_configs_that_are_there_and_keys_of_its_user_alone(tmp_path: Path) -> None:
    key, hosts = tmp_path / "id", tmp_path / "known_hosts"
    settings = SshSettings(host="hpc", identity_files=(str(key),), known_hosts=str(hosts))
    assert look_at_files(settings) == failed(
        f"the key {key} is not there", "correct hpc.ssh.identity_files, or make a key with ssh-keygen"
    )
    key.touch(mode=0o644)
    assert look_at_files(settings).outcome is Outcome.WARNING
    key.chmod(0o600)
    assert "to be accepted" in look_at_files(settings).sentence
    hosts.touch()
    assert look_at_files(settings) == ok(f"keys and {hosts} are in order")
    settings = SshSettings(host="hpc", config_files=(str(tmp_path / "config"),))
    assert look_at_files(settings).outcome is Outcome.WARNING


class NoisyTransport(LocalTransport):
    """Prints a banner before everything."""

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        result = await super().run(arguments, timeout=timeout)
        return CommandResult(result.exit_status, f"Welcome to [hpc]!\n{result.stdout}", result.stderr)


class AwayTransport(LocalTransport):
    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:  # noqa: ARG002
        raise TransientError("hpc.clinic.example: no route to host.")


class AlteringTransport(LocalTransport):
    async def read(self, path: PurePosixPath, offset: int, limit: int) -> bytes:
        return (await super().read(path, offset, limit)).replace(b"\n", b"\r\n")


def _use(transport: LocalTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def open_transport(_: object) -> AsyncIterator[LocalTransport]:
        yield transport

    monkeypatch.setattr(checkup, "open_transport", open_transport)


async def test_an_hpc_out_of_reach_is_one_failure_and_the_rest_is_skipped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use(AwayTransport(), monkeypatch)
    checks = await checks_of(site)
    assert [check.name for check in checks.values() if check.outcome is Outcome.FAILED] == ["HPC connection"]
    assert "no route to host" in checks["HPC connection"].sentence
    skipped = [check for check in checks.values() if check.outcome is Outcome.SKIPPED]
    assert len(skipped) > 8
    assert {check.sentence for check in skipped} == {"not looked at: it needs HPC connection"}


async def test_noise_of_the_login_is_found_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(NoisyTransport(), monkeypatch)
    check = (await checks_of(site))["login noise"]
    assert check.outcome is Outcome.FAILED
    assert "Welcome" in check.sentence


async def test_a_disk_that_gives_back_something_else_is_found_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(AlteringTransport(), monkeypatch)
    check = (await checks_of(site))["remote_root"]
    assert check.outcome is Outcome.FAILED
    assert "comes back otherwise" in check.sentence


async def test_a_probe_left_aside_by_a_killed_doctor_is_taken_up_again(site: Site) -> None:
    site.remote.mkdir()
    (site.remote / f"{PROBE_NAME}.renamed").write_bytes(PROBE)
    assert (await checks_of(site))["remote_root"].outcome is Outcome.OK
    assert [path.name for path in site.remote.iterdir()] == [PROBE_NAME]


@pytest.mark.parametrize(("offset", "outcome"), [(-60, Outcome.WARNING), (-2, Outcome.OK), (60, Outcome.WARNING)])
async def test_a_clock_that_is_off_is_warned_about(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int, outcome: Outcome
) -> None:
    put_program(tmp_path / "bin", "date", f"echo $(($(/bin/date -u +%s) + {offset}))")
    in_front_of_path(tmp_path / "bin", monkeypatch)
    check = (await checks_of(site))["clock"]
    assert check.outcome is outcome
    if outcome is Outcome.WARNING:
        assert ("ahead of" if offset > 0 else "behind") in check.sentence


async def test_an_engine_that_is_not_there_is_found_out_where_jobs_run(site: Site) -> None:
    site.configure(engine={"command": ["no-such-engine", "{tps_file}"], "setup_lines": ["module load moqui"]})
    check = (await checks_of(site))["mqi_simulation"]
    assert check.outcome is Outcome.FAILED
    assert "no-such-engine is not found by a job" in check.sentence
    assert "module" in check.sentence
    assert "engine.setup_lines" in check.remedy


async def test_lines_that_prepare_the_environment_count_and_others_are_not_run(site: Site) -> None:
    put_program(site.folder / "bin", "moqui_here", "exit 1")
    site.configure(
        engine={
            "command": ["moqui_here", "{tps_file}"],
            "setup_lines": [
                f"touch {site.folder}/ran",
                f"export X=1; touch {site.folder}/ran",
                f'export PATH="{site.folder}/bin:$PATH" || exit 1',
            ],
        }
    )
    assert (await checks_of(site))["mqi_simulation"].outcome is Outcome.OK
    assert not (site.folder / "ran").exists()


async def test_a_machine_without_setsid_and_perl_cannot_run_jobs(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "true", "printf", "date", "ps", "df", "dirname"):
        (folder / name).symlink_to(Path("/bin") / name if (Path("/bin") / name).exists() else Path("/usr/bin") / name)
    monkeypatch.setenv("PATH", str(folder))
    checks = await checks_of(site)
    assert checks["job tools"].outcome is Outcome.FAILED
    assert "setsid or perl" in checks["job tools"].sentence
    assert checks["compute node"].sentence == "not looked at: it needs job tools"


@pytest.mark.parametrize(
    ("body", "outcome", "sentence"),
    [
        (SMI, Outcome.WARNING, "1 GPUs, and hpc.gpu_count is 8"),
        ("echo No devices were found", Outcome.WARNING, "tells of no GPU"),
        ("echo 'NVML: Driver/library version mismatch' >&2; exit 18", Outcome.WARNING, "version mismatch"),
    ],
)
async def test_what_the_driver_says_of_the_gpus_is_told(
    site: Site, tmp_path: Path, body: str, outcome: Outcome, sentence: str
) -> None:
    program = put_program(tmp_path / "bin", "nvidia-smi", body)
    site.configure(hpc={"gpu_readings": {"command": [str(program)]}})
    check = (await checks_of(site))["GPU readings"]
    assert (check.outcome, sentence in check.sentence) == (outcome, True), check


@pytest.mark.parametrize(
    ("body", "outcome", "sentence"),
    [
        (SMI, Outcome.OK, "tells a job of 1 GPU"),
        (f"{SMI}; {SMI.replace('0,', '1,')}", Outcome.OK, "tells a job of 2 GPUs"),
        ("echo No devices were found", Outcome.WARNING, "tells a job of no GPU"),
        ("exit 9", Outcome.WARNING, "tells a job of no GPU"),
    ],
)
async def test_where_jobs_read_the_gpus_a_job_is_looked_at(
    site: Site, tmp_path: Path, body: str, outcome: Outcome, sentence: str
) -> None:
    program = put_program(tmp_path / "bin", "driver", body)
    site.configure(hpc={"gpu_readings": {"command": [str(program)], "where": "job"}})
    checks = await checks_of(site)
    assert checks["GPU readings"].outcome is Outcome.OK
    assert "GPU readings of jobs" in checks["GPU readings"].sentence
    check = checks["GPU readings of jobs"]
    assert (check.outcome, sentence in check.sentence) == (outcome, True), check


# Slurm, by stand-ins for its commands; tests/cli looks at a real one


def _slurm(folder: Path, monkeypatch: pytest.MonkeyPatch, **bodies: str) -> None:
    usual = {
        "sbatch": 'echo "slurm 23.11.4"',
        "squeue": "exit 0",
        "scancel": "exit 0",
        "scontrol": 'echo "Slurmctld(primary) at head is UP"',
        "sacct": "exit 0",
        "sinfo": 'echo "main*|2|gpu:a100:4(S:0-1)"',
        "srun": 'while [ "$1" != sh ]; do shift; done; exec "$@"',
    }
    for name, body in (usual | bodies).items():
        put_program(folder / "bin", name, body)
    in_front_of_path(folder / "bin", monkeypatch)


@pytest.mark.parametrize(
    ("bodies", "name", "outcome", "sentence"),
    [
        ({"scontrol": 'echo "Slurmctld(primary) at head is DOWN"; exit 1'}, "Slurm controller", "failed", "DOWN"),
        ({"sacct": "echo Slurm accounting storage is disabled >&2; exit 1"}, "Slurm accounting", "warning", "disabled"),
        ({"sbatch": "echo invalid partition specified: x >&2; exit 1"}, "Slurm options", "failed", "invalid partition"),
        ({"sinfo": 'echo "main*|2|(null)"; echo "gpu|2|gpu:4"'}, "gres", "failed", "no node of the default partition"),
        ({"sinfo": 'echo "main*|1|gpu:4"'}, "gres", "warning", "has 4 of gpu:1, and hpc.gpu_count is 8"),
        ({}, "gres", "ok", "has 8 of gpu:1"),
        ({}, "compute node", "ok", "a job ran on"),
        (
            {"srun": "echo 'srun: error: Unable to allocate resources: Requested nodes are busy' >&2; exit 1"},
            "compute node",
            "warning",
            "no node was given",
        ),
        (
            {"srun": "echo 'slurmstepd: error: execve(): sh: Permission denied' >&2; exit 2"},
            "compute node",
            "failed",
            "execve",
        ),
    ],
)
async def test_what_is_wrong_with_slurm_is_told(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bodies: dict[str, str],
    name: str,
    outcome: str,
    sentence: str,
) -> None:
    _slurm(tmp_path, monkeypatch, **bodies)
    site.configure(hpc={"scheduler": "slurm"})
    check = (await checks_of(site))[name]
    assert (check.outcome.value, sentence in check.sentence) == (outcome, True), check
    assert bool(check.remedy) is (outcome != "ok")


async def test_the_options_are_asked_for_as_jobs_ask_for_them(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _slurm(tmp_path, monkeypatch, sbatch=f'echo "$*" >>"{tmp_path}/asked"; test -x "$(eval echo \\${{$#}})" || true')
    slurm = {"partition": "gpu", "account": "rad", "time_limit": "02:00:00", "extra_lines": ["--mail-type=FAIL"]}
    site.configure(hpc={"scheduler": "slurm", "slurm": slurm})
    await checks_of(site)
    asked = (tmp_path / "asked").read_text().splitlines()[-1].split()
    expected = {
        "--test-only",
        "--partition=gpu",
        "--account=rad",
        "--time=02:00:00",
        "--gres=gpu:1",
        "--mail-type=FAIL",
    }
    assert expected <= set(asked)
    assert str(site.remote / PROBE_NAME) in asked


async def test_without_sbatch_nothing_of_slurm_is_asked(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for name in ("sh", "true", "printf", "date", "df", "dirname"):
        put_program(tmp_path / "bin", name, f'PATH=/usr/bin:/bin exec /usr/bin/env {name} "$@"')
    put_program(tmp_path / "bin", "sh", 'exec /bin/sh "$@"')
    in_front_of_path(tmp_path / "bin", monkeypatch)
    site.configure(hpc={"scheduler": "slurm"})
    checks = await checks_of(site)
    assert checks["Slurm commands"].outcome is Outcome.FAILED
    assert "sbatch, squeue, scontrol, scancel not found" in checks["Slurm commands"].sentence
    for name in ("Slurm controller", "Slurm options", "gres", "compute node", "mqi_simulation"):
        assert checks[name].sentence == "not looked at: it needs Slurm commands"


@pytest.mark.parametrize(
    ("text", "asked", "count"),
    [
        ("main*|2|gpu:8", "gpu:1", 16),
        ("main*|2|gpu:8", "gpu:2", 8),
        ("main*|1|gpu:a100:4(S:0-1),gpu:h100:2,mps:400", "gpu:1", 6),
        ("main*|1|gpu:a100:4(S:0-1),gpu:h100:2", "gpu:h100:1", 2),
        ("main*|1|gpu:a100:4", "gpu:h100:1", 0),
        ("main*|1|gpu", "gpu", 1),
        ("main*|3|(null)", "gpu:1", 0),
        ("other|3|gpu:8\nmain*|1|gpu:2", "gpu:1", 2),
        ("", "gpu:1", 0),
        ("welcome | to | it", "gpu:1", 0),
    ],
)
def test_gres_are_counted(text: str, asked: str, count: int) -> None:
    assert count_gres(text, asked, default_only=True) == count
