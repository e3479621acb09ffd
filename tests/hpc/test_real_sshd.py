"""The transport against OpenSSH's own server: noise, cut connections, full disks, and jobs that outlive them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.direct_scheduler import DirectScheduler
from mqi_tui.hpc.download import download
from mqi_tui.hpc.protocols import JobState
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.ssh.transport import BLOCK, SshTransport
from mqi_tui.hpc.upload import publish
from tests.cluster.cluster import Cluster, temporary_cluster
from tests.cluster.daemons import Daemon
from tests.cluster.layout import ClusterOptions
from tests.support.jobs import is_alive, reference, shell, until, until_it, write_job
from tests.support.sshd import CuttingProxy, ssh_settings

pytestmark = pytest.mark.cluster

CUTS = 10
OVERHEAD = 1.02
"""What SSH and SFTP put around the bytes of a file."""

# As start-up files that print whatever is started, the SFTP server of the subsystem included.
_NOISY_LOGIN = """\
#!/bin/csh
printf 'Welcome to the \\377 cluster\\n\\n'
printf 'stty: standard input: Inappropriate ioctl for device\\n' >/dev/stderr
if ("$SSH_ORIGINAL_COMMAND" =~ internal-sftp*) exec /usr/lib/openssh/sftp-server
exec /bin/csh -c "$SSH_ORIGINAL_COMMAND:q"
"""


@pytest.fixture
async def transport(cluster: Cluster) -> AsyncIterator[SshTransport]:
    transport = SshTransport(ssh_settings(cluster), QuestionBoard())
    yield transport
    await transport.aclose()


@pytest.fixture(scope="module")
def noisy_cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="mqi-login-") as folder:
        login = Path(folder, "login")
        login.write_bytes(_NOISY_LOGIN.encode())
        login.chmod(0o755)
        with temporary_cluster(options=ClusterOptions(sshd_lines=("Match all", f"  ForceCommand {login}"))) as cluster:
            yield cluster


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", folder], check=True)


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def fill(path: Path) -> None:
    """Leave no room on the disk."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


# Noise.


async def test_a_csh_that_prints_whatever_is_started_changes_no_answer(noisy_cluster: Cluster, tmp_path: Path) -> None:
    transport = SshTransport(ssh_settings(noisy_cluster), QuestionBoard())
    words = [
        "a b",
        "it's",
        "!history",
        "$HOME `id` $(id)",
        "line\nbreak",
        "back\\slash",
        "한글",
        "\udcff",
        "*",
        "",
        "-n",
    ]

    printed = await transport.run(["printf", "%s\\0", *words])
    script = await transport.run(["sh", "-c", "echo 'it''s one'\nexit 7"])
    empty = await transport.run(["true"])

    assert printed.stdout.split("\0")[:-1] == [word.replace("\udcff", "�") for word in words]
    assert (script.exit_status, script.stdout, script.stderr) == (7, "its one\n", "")
    assert (empty.exit_status, empty.stdout, empty.stderr) == (0, "", "")
    await transport.aclose()


async def test_files_travel_past_a_csh_that_prints_whatever_is_started(noisy_cluster: Cluster, tmp_path: Path) -> None:
    transport = SshTransport(ssh_settings(noisy_cluster), QuestionBoard())
    (tmp_path / "a.csv").write_bytes(b"x" * 100_000)
    beam = PurePosixPath(tmp_path / "hpc" / "beam")

    await publish(transport, {"a.csv": tmp_path / "a.csv"}, beam, replaces=lambda _: True)
    await transport.get_file(beam / "a.csv", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == b"x" * 100_000
    await transport.aclose()


async def test_sftp_that_start_up_files_have_spoilt_works_before_any_command_was_run(
    noisy_cluster: Cluster, tmp_path: Path
) -> None:
    settings = ssh_settings(noisy_cluster).model_copy(update={"connect_timeout_seconds": 3.0})
    transport = SshTransport(settings, QuestionBoard())

    assert await transport.stat(PurePosixPath(tmp_path / "missing")) is None
    await transport.aclose()


# Cut connections.


async def test_200_commands_at_once_are_all_answered(transport: SshTransport) -> None:
    answers = await asyncio.gather(*(transport.run(["echo", str(number)]) for number in range(200)))

    assert [answer.stdout for answer in answers] == [f"{number}\n" for number in range(200)]


async def test_a_command_whose_connection_is_killed_is_an_error_and_ends(
    cluster: Cluster, transport: SshTransport, tmp_path: Path
) -> None:
    line = f"echo $$ > {tmp_path}/pid; echo half an answer; exec sleep 60"
    command = asyncio.create_task(transport.run(["sh", "-c", line]))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "the command runs")

    cluster.drop_connections()

    with pytest.raises(TransientError, match="HPC unreachable"):
        await command
    assert (await transport.run(["echo", "back"])).stdout == "back\n"
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: not is_alive(pid), "the command does not live on")


async def test_a_frozen_server_is_noticed_by_the_missing_signs_of_life(cluster: Cluster) -> None:
    settings = ssh_settings(cluster).model_copy(update={"keepalive_seconds": 0.2, "connect_timeout_seconds": 3.0})
    transport = SshTransport(settings, QuestionBoard())

    async def answers() -> bool:
        # On a busy machine the signs of life of one that works may be as late.
        with suppress(TransientError):
            return (await transport.run(["true"])).exit_status == 0
        return False

    await until_it(answers, "the server answers")
    cluster.freeze(Daemon.SSHD)
    try:
        with pytest.raises(TransientError, match="HPC unreachable"):
            await transport.run(["true"])
        since = transport.unreachable_since
        assert since is not None
        with pytest.raises(TransientError, match="HPC unreachable"):
            await transport.read(PurePosixPath("/etc/hostname"), 0, 10)
        assert transport.unreachable_since == since
    finally:
        cluster.thaw(Daemon.SSHD)

    # Nobody asks for it: it comes back by itself.
    await until(lambda: transport.unreachable_since is None, "the connection stands again")
    await transport.aclose()


async def test_an_upload_whose_connection_is_killed_publishes_nothing_and_ends_right_when_called_again(
    cluster: Cluster, transport: SshTransport, tmp_path: Path
) -> None:
    content = os.urandom(1_000_000)
    (tmp_path / "source").write_bytes(content)
    files = {f"{number:02d}.csv": tmp_path / "source" for number in range(60)}
    hpc, beam = tmp_path / "hpc", tmp_path / "hpc" / "beam"
    for count in (5, 30):
        sending = asyncio.create_task(publish(transport, files, PurePosixPath(beam), replaces=lambda _: True))
        await until(lambda: len(list(hpc.glob(".incoming-*/*"))) >= count, "files arrive")  # noqa: B023
        cluster.drop_connections()
        with pytest.raises(TransientError, match="HPC unreachable"):
            await sending
        assert not beam.exists()

    sent = await publish(transport, files, PurePosixPath(beam), replaces=lambda _: True)

    assert 0 < sent <= (60 - 29) * len(content)
    assert sorted(path.name for path in hpc.iterdir()) == ["beam"]
    assert {path.read_bytes() for path in beam.iterdir()} == {content}
    assert len(list(beam.iterdir())) == 60


async def test_a_download_cut_ten_times_at_random_bytes_goes_on_where_it_stopped(
    cluster: Cluster, tmp_path: Path
) -> None:
    size = 12 * BLOCK + 12_345
    content = os.urandom(size)
    (tmp_path / "raw").write_bytes(content)
    chance = random.Random(7)
    async with CuttingProxy(cluster.ssh_host, cluster.ssh_port).running() as proxy:
        settings = ssh_settings(cluster, port=proxy.port, known_hosts=tmp_path / "known_hosts")
        transport = SshTransport(settings, QuestionBoard())
        cuts = 0
        while cuts <= CUTS:
            await transport.stat(PurePosixPath(tmp_path / "raw"))
            if cuts < CUTS:
                proxy.cut_after(chance.randrange(1, size // CUTS))
            try:
                await download(
                    transport,
                    PurePosixPath(tmp_path / "raw"),
                    tmp_path / "output.raw",
                    size=size,
                    sha256=hashlib.sha256(content).hexdigest(),
                )
                break
            except TransientError:
                cuts += 1
                assert not (tmp_path / "output.raw").exists()
        await transport.aclose()
        sent = proxy.from_server

    assert cuts == CUTS
    assert (tmp_path / "output.raw").read_bytes() == content
    assert not (tmp_path / "output.raw.part").exists()
    assert sent <= (size + CUTS * BLOCK) * OVERHEAD


@pytest.mark.parametrize("times", [1, 2])
async def test_a_command_that_is_cancelled_before_its_start_is_confirmed_is_ended(
    cluster: Cluster, tmp_path: Path, times: int
) -> None:
    async with CuttingProxy(cluster.ssh_host, cluster.ssh_port).running() as proxy:
        settings = ssh_settings(cluster, port=proxy.port, known_hosts=tmp_path / "known_hosts")
        transport = SshTransport(settings, QuestionBoard())
        await transport.run(["true"])
        proxy.delay_seconds = 0.3
        command = asyncio.create_task(transport.run(["sh", "-c", f"echo $$ > '{tmp_path}/pid'; exec sleep 60"]))
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "the command runs")

        for _ in range(times):
            command.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await command

        pid = int((tmp_path / "pid").read_text())
        await until(lambda: not is_alive(pid), "the command has ended")
        await transport.aclose()


async def test_a_file_that_changes_on_the_way_is_fetched_anew_and_one_that_changed_at_rest_is_refused(
    transport: SshTransport, tmp_path: Path
) -> None:
    content = os.urandom(2 * BLOCK)
    raw, part = tmp_path / "raw", tmp_path / "output.raw.part"
    raw.write_bytes(content)
    part.write_bytes(os.urandom(BLOCK))

    async def fetch() -> None:
        digest = hashlib.sha256(content).hexdigest()
        await download(transport, PurePosixPath(raw), tmp_path / "output.raw", size=len(content), sha256=digest)

    await fetch()
    assert (tmp_path / "output.raw").read_bytes() == content

    (tmp_path / "output.raw").unlink()
    raw.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PermanentError, match="is not the file that the job wrote"):
        await fetch()
    assert not (tmp_path / "output.raw").exists()


# Full disks.


async def test_a_full_disk_over_there_is_told_and_the_upload_goes_on_when_there_is_room(
    transport: SshTransport, small_disk: Path, tmp_path: Path
) -> None:
    beam = small_disk / "beam"
    (tmp_path / "a.csv").write_bytes(b"x" * 600_000)
    (small_disk / "other").write_bytes(b"x" * 700_000)

    with pytest.raises(TransientError, match=rf"Cannot write in {small_disk}/.*: .* \(0\.00 GB free there\)"):
        await publish(transport, {"a.csv": tmp_path / "a.csv"}, PurePosixPath(beam), replaces=lambda _: True)
    (small_disk / "other").unlink()
    await publish(transport, {"a.csv": tmp_path / "a.csv"}, PurePosixPath(beam), replaces=lambda _: True)

    assert (beam / "a.csv").stat().st_size == 600_000


async def test_a_full_disk_is_told_for_small_files_too_and_the_older_one_stays(
    transport: SshTransport, small_disk: Path
) -> None:
    (small_disk / "job.sh").write_text("older")
    fill(small_disk / "other")

    with pytest.raises(TransientError, match=rf"Cannot write {small_disk}/job\.sh: .*\(0\.00 GB free there\)"):
        await transport.write(PurePosixPath(small_disk / "job.sh"), b"x" * 10_000)

    assert (small_disk / "job.sh").read_text() == "older"


async def test_a_read_only_disk_is_told(transport: SshTransport, small_disk: Path) -> None:
    mount("-o", "remount,ro", str(small_disk))

    with pytest.raises(
        TransientError, match=rf"Cannot make the folder {small_disk}/hpc: Read-only file system \(0\.00 GB"
    ):
        await transport.make_folder(PurePosixPath(small_disk / "hpc"))


# Jobs.


async def test_a_job_outlives_the_connection_that_started_it(
    cluster: Cluster, transport: SshTransport, tmp_path: Path
) -> None:
    scheduler = DirectScheduler(transport)
    job = write_job(tmp_path / "run-001", shell("while [ ! -e go ]; do sleep 0.05; done; echo dose > output.raw"))
    job_id = await scheduler.submit(job)

    cluster.drop_connections()

    async def answers() -> bool:
        try:
            return (await scheduler.poll([reference(job, job_id)]))[job.token].state is JobState.RUNNING
        except TransientError:
            return False

    await until_it(answers, "the job is seen over a new connection")
    assert await scheduler.submit(job) == job_id
    (tmp_path / "run-001" / "go").touch()

    async def is_gone() -> bool:
        return (await scheduler.poll([reference(job, job_id)]))[job.token].state is JobState.GONE

    await until_it(is_gone, "the job has ended")
    assert "exit_code=0" in (tmp_path / "run-001" / "exit_record").read_text()


async def test_a_job_over_ssh_can_be_cancelled(transport: SshTransport, tmp_path: Path) -> None:
    scheduler = DirectScheduler(transport)
    job = write_job(tmp_path / "run-001", shell("exec sleep 60"))
    job_id = await scheduler.submit(job)

    await scheduler.cancel(reference(job, job_id))

    assert (await scheduler.poll([reference(job, job_id)]))[job.token].state is JobState.GONE
