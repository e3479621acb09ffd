"""The tests' cluster itself: real jobs on real GRES, a real login, every fault and the way back, and a clean end."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from mqi_tui.config import load_config
from tests.cluster.cluster import Cluster, temporary_cluster
from tests.cluster.daemons import Daemon
from tests.cluster.demo import demo_settings
from tests.cluster.layout import ClusterError, ClusterOptions, Layout
from tests.support.jobs import is_alive, until

pytestmark = pytest.mark.cluster

FAULTY = (Daemon.CTLD, Daemon.SLURMD, Daemon.SSHD, Daemon.MUNGED)
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a cluster, whose path is short enough."""
    folder = Path(tempfile.mkdtemp(prefix="mqi-cluster-", dir="/tmp"))
    yield folder
    if Layout(folder).settings.exists():
        Cluster.open(folder).down()
    shutil.rmtree(folder)


def submit(cluster: Cluster, line: str, *options: str) -> str:
    """Submit a job with one GPU that runs a line of sh; returns its number."""
    command = ["sbatch", "--parsable", "--gres=gpu:1", "--output=/dev/null", *options, f"--wrap={line}"]
    return cluster.run(*command).stdout.strip()


def jobs(cluster: Cluster) -> dict[str, str]:
    """State and reason of each job that Slurm knows."""
    lines = cluster.run("squeue", "-h", "-t", "all", "-o", "%i %T %r").stdout.splitlines()
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}


async def until_it_has_run(cluster: Cluster, job: str) -> None:
    await until(lambda: jobs(cluster).get(job) == "COMPLETED None", f"job {job} has completed")


def connect(cluster: Cluster, **options: Any) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
    """An SSH connection that relies on nothing in anybody's ~/.ssh."""
    settings: dict[str, Any] = {
        "port": cluster.ssh_port,
        "username": cluster.ssh_user,
        "client_keys": [str(cluster.client_key)],
        "known_hosts": str(cluster.known_hosts),
        "config": None,
        "agent_path": None,
    }
    return asyncssh.connect(cluster.ssh_host, **(settings | options))


async def over_ssh(cluster: Cluster, command: str) -> bytes:
    async with connect(cluster) as connection:
        answer = await connection.run(command, encoding=None, check=True)
    assert isinstance(answer.stdout, bytes)
    return answer.stdout


async def test_eight_jobs_have_a_gpu_each_and_the_ninth_waits_for_one(cluster: Cluster, tmp_path: Path) -> None:
    line = f"echo $CUDA_VISIBLE_DEVICES >{tmp_path}/$SLURM_JOB_ID; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
    first = [submit(cluster, line) for _ in range(8)]
    ninth = submit(cluster, line)
    await until(lambda: len(list(tmp_path.iterdir())) == 8, "eight jobs are up")
    await until(lambda: jobs(cluster)[ninth] == "PENDING Resources", "the ninth waits")

    assert sorted((tmp_path / job).read_text().strip() for job in first) == [str(number) for number in range(8)]

    (tmp_path / "go").touch()
    await until(lambda: {jobs(cluster)[job] for job in (*first, ninth)} == {"COMPLETED None"}, "all have run")


async def test_the_client_key_lets_in_and_slurms_commands_are_there(cluster: Cluster) -> None:
    answer = await over_ssh(cluster, "echo $USER; sinfo -h -o '%P %D %G'")

    assert answer.decode().splitlines() == [cluster.ssh_user, "main* 1 gpu:8", "short 1 gpu:8"]


async def test_another_host_key_than_the_clusters_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    known = tmp_path / "known_hosts"
    known.write_text(f"[{cluster.ssh_host}]:{cluster.ssh_port} {stranger}")

    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with connect(cluster, known_hosts=str(known)):
            pass


async def test_another_key_than_the_clients_is_not_let_in(cluster: Cluster) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        async with connect(cluster, client_keys=[asyncssh.generate_private_key("ssh-ed25519")]):
            pass


async def test_commands_of_users_are_counted_and_those_of_the_test_are_not(cluster: Cluster) -> None:
    began = time.time()
    cluster.run("squeue")
    await over_ssh(cluster, "squeue -h; squeue --name='a\nb'; scontrol ping")
    await (await asyncio.create_subprocess_exec("squeue", "-h", env=cluster.environment)).wait()

    seen = [(command.name, command.arguments) for command in cluster.commands_seen(since=began)]
    assert seen == [("squeue", "-h"), ("squeue", "--name=a b"), ("scontrol", "ping"), ("squeue", "-h")]
    assert [command.arguments for command in cluster.commands_seen("scontrol", since=began)] == ["ping"]


@pytest.mark.parametrize("fault", [Cluster.stop, Cluster.kill])
@pytest.mark.parametrize("daemon", FAULTY)
async def test_a_daemon_that_has_ended_is_started_again(cluster: Cluster, daemon: Daemon, fault: Any) -> None:
    fault(cluster, daemon)

    assert daemon not in cluster.alive
    assert not cluster.answers(daemon)

    cluster.start(daemon)

    assert cluster.alive == cluster.daemons
    await until_it_has_run(cluster, submit(cluster, "true"))
    assert await over_ssh(cluster, "echo in") == b"in\n"


@pytest.mark.parametrize("daemon", FAULTY)
async def test_a_daemon_that_is_frozen_does_not_answer_until_it_is_thawed(cluster: Cluster, daemon: Daemon) -> None:
    cluster.freeze(daemon)

    assert daemon in cluster.alive
    assert not cluster.answers(daemon, 0.5)

    cluster.thaw(daemon)

    assert cluster.answers(daemon)
    await until_it_has_run(cluster, submit(cluster, "true"))
    assert await over_ssh(cluster, "echo in") == b"in\n"


async def test_a_submission_to_a_frozen_controller_is_carried_out_after_the_thaw(cluster: Cluster) -> None:
    cluster.freeze(Daemon.CTLD)
    sbatch = ["sbatch", "--job-name=late", "--output=/dev/null", "--wrap=true"]
    client = subprocess.Popen(sbatch, env=cluster.environment, stdout=subprocess.PIPE, text=True)
    await asyncio.sleep(0.3)
    assert client.poll() is None

    cluster.thaw(Daemon.CTLD)

    answer = client.communicate(timeout=20)[0]
    await until_it_has_run(cluster, answer.split()[-1])


async def test_a_frozen_server_freezes_its_connections_too(cluster: Cluster) -> None:
    async with connect(cluster) as connection:
        # Its process is the final one once a command has been run: while it logs in there is another one.
        await connection.run("true", check=True)
        cluster.freeze(Daemon.SSHD)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.run("true"), 0.5)

        cluster.thaw(Daemon.SSHD)

        assert (await connection.run("echo on", check=True)).stdout == "on\n"


async def test_dropped_connections_are_lost_and_what_ran_in_them_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    async with connect(cluster) as first, connect(cluster) as second:
        # Its process is the final one once a command has been run: while it logs in there is another one.
        await second.run("true", check=True)
        await first.create_process(f"echo $$ >{tmp_path}/pid; exec sleep 60", stdin=asyncssh.DEVNULL)
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "the command is up")

        # At least: what looked just before whether the server answers may hold one still.
        assert cluster.drop_connections() >= 2

        for connection in (first, second):
            await asyncio.wait_for(connection.wait_closed(), 5)
    command = int((tmp_path / "pid").read_text())
    assert is_alive(command)
    assert command in cluster.processes()
    assert await over_ssh(cluster, f"kill {command}; echo in") == b"in\n"


async def test_jobs_outlive_a_killed_slurmd_and_a_killed_controller(cluster: Cluster, tmp_path: Path) -> None:
    job = submit(cluster, f"touch {tmp_path}/up; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
    await until((tmp_path / "up").exists, "the job is up")
    # What slurmctld has not saved yet is lost with it; a stop saves.
    cluster.stop(Daemon.CTLD)
    cluster.start(Daemon.CTLD)
    cluster.kill(Daemon.SLURMD)
    cluster.kill(Daemon.CTLD)

    cluster.heal()

    assert jobs(cluster)[job] == "RUNNING None"
    (tmp_path / "go").touch()
    await until_it_has_run(cluster, job)


async def test_a_cluster_beside_it_with_a_chatty_login_and_csh_keeps_to_itself(cluster: Cluster) -> None:
    options = ClusterOptions(login_shell="/bin/csh", login_lines=r"printf 'Welcome \377\n'", gpus=2)
    with temporary_cluster(options=options) as other:
        job = submit(other, "true")
        await until_it_has_run(other, job)

        assert await over_ssh(other, "set word = csh; echo $word") == b"Welcome \xff\ncsh\n"
        async with connect(other) as connection, connection.start_sftp_client() as sftp:
            assert await sftp.exists(str(other.slurm_conf))
        assert other.run("sinfo", "-h", "-o", "%G").stdout == "gpu:2\n"
        assert other.settings.name != cluster.settings.name
        assert not other.processes() & cluster.processes()
        cluster.kill(Daemon.CTLD)
        assert other.answers(Daemon.CTLD)
    cluster.start(Daemon.CTLD)
    assert cluster.alive == cluster.daemons


async def test_down_leaves_no_process_whatever_runs_and_whatever_is_frozen(folder: Path, tmp_path: Path) -> None:
    stubborn = f"trap '' TERM INT HUP; echo $$ >{tmp_path}/NAME.new; mv {tmp_path}/NAME.new {tmp_path}/NAME; sleep 600"
    with Cluster.up(folder) as cluster:
        submit(cluster, f"setsid sh -c {shlex.quote(stubborn.replace('NAME', 'apart'))} & sleep 600")
        submit(cluster, stubborn.replace("NAME", "job"))
        async with connect(cluster) as connection:
            await connection.create_process(stubborn.replace("NAME", "ssh"), stdin=asyncssh.DEVNULL)
            await until(lambda: {p.name for p in tmp_path.iterdir()} == {"apart", "job", "ssh"}, "all are up")
            before = cluster.processes()
            cluster.freeze(Daemon.MUNGED)
            cluster.freeze(Daemon.SLURMD)
            cluster.kill(Daemon.CTLD)

            cluster.down()

    stubborn_ones = {int(path.read_text()) for path in tmp_path.iterdir()}
    assert stubborn_ones < before
    assert [pid for pid in before if is_alive(pid)] == []
    assert [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if str(folder) in read(path)] == []


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


async def test_a_cluster_whose_owner_is_killed_goes_with_it() -> None:
    script = """
from tests.cluster.cluster import temporary_cluster
with temporary_cluster() as cluster:
    print(cluster.folder, flush=True)
    input()
"""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    folder = Path((await owner.stdout.readline()).decode().strip())
    processes = Cluster.open(folder).processes()
    assert len(processes) >= 4

    owner.kill()
    await owner.communicate()

    await until(lambda: not any(map(is_alive, processes)), "the cluster is down")
    await until(lambda: not folder.exists(), "its folder is gone")


async def test_the_demos_config_is_one_that_the_program_takes(cluster: Cluster, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(demo_settings(cluster, tmp_path / "hpc")))

    settings = load_config(config).settings

    assert (settings.hpc.transport, settings.hpc.scheduler) == ("ssh", "slurm")
    assert settings.hpc.ssh.port == cluster.ssh_port


async def test_with_accounting_sacct_knows_what_has_run(folder: Path) -> None:
    with Cluster.up(folder, accounting=True) as cluster:
        job = submit(cluster, "exit 3", "--comment=token")
        ask = ["sacct", "-X", "-n", "-P", "-j", job, "-o", "State,ExitCode,Comment"]

        await until(lambda: cluster.run(*ask).stdout == "FAILED|3:0|token\n", "sacct has the job's end", 20)


def test_the_command_line_brings_up_breaks_mends_and_takes_down(folder: Path) -> None:
    def command(verb: str, *arguments: str) -> tuple[int, str]:
        words = [sys.executable, "-m", "tests.cluster", verb, str(folder), *arguments]
        answer = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
        return answer.returncode, answer.stdout + answer.stderr

    assert command("status") == (1, f"cluster: no cluster was brought up in {folder}\n")
    code, said = command("up")
    assert (code, said.startswith("up in ")) == (0, True), said
    assert command("up") == (1, f"cluster: a cluster is up in {folder}: take it down first\n")
    assert f"export SLURM_CONF={folder}/etc/slurm.conf\n" in command("env")[1]
    assert command("kill", "slurmd") == (0, "")
    assert command("status") == (
        1,
        "munged    answers\nsshd      answers\nctld      answers\nslurmd    is down\n",
    )
    assert command("start", "slurmd") == (0, "")
    assert command("drop") == (0, "connections cut: 0\n")
    assert command("status")[0] == 0
    assert command("down") == (0, "")
    assert Cluster.open(folder).processes() == set()
    assert command("down") == (0, "")


def test_taken_up_again_in_its_folder_it_still_knows_its_jobs(folder: Path) -> None:
    with Cluster.up(folder) as cluster:
        job = submit(cluster, "true", "--hold")
        cluster.stop(Daemon.CTLD)

    with Cluster.up(folder) as cluster:
        assert job in jobs(cluster)


def test_a_daemon_that_cannot_start_is_an_error_with_its_own_words_and_nothing_runs(folder: Path) -> None:
    with pytest.raises(ClusterError, match=r"ctld has ended(.|\n)*NoSuchKey"):
        Cluster.up(folder, options=ClusterOptions(slurm_lines=("NoSuchKey=1",)))

    assert Cluster.open(folder).processes() == set()
