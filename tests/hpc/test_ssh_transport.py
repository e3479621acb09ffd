"""The transport over SSH: no answer is taken for another, and nothing is lost or repeated when the connection is."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

import asyncssh
import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.download import download
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.ssh.command import LONGEST_COMMAND, command_line, cut_out
from mqi_tui.hpc.ssh.shell import COMMANDS_AT_ONCE
from mqi_tui.hpc.ssh.transport import SshTransport
from mqi_tui.hpc.upload import publish
from tests.support.jobs import until
from tests.support.programs import in_front_of_path, put_program
from tests.support.ssh_server import Behaviour, SshServer, ssh_server

ODD_NAMES = [
    "a b.csv",
    "-x.csv",
    'it\'s "quoted".csv',
    "line\nbreak.csv",
    "back\\slash.csv",
    "한글.csv",
    "\udcff.csv",
    "$(x);#*.csv",
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SshServer]:
    async with ssh_server(tmp_path / "server") as server:
        server.trust()
        yield server


@pytest.fixture
async def transport(server: SshServer) -> AsyncIterator[SshTransport]:
    transport = SshTransport(server.settings(), QuestionBoard())
    yield transport
    await transport.aclose()


# Commands.


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        b"motd\n",
        b"motd\n\nMARK\nhalf of it",
        b"\nMARK\nall of it but the code\nMARK",
        b"\nMARK\nall of it but the rest of the code\nMARK 1",
        b"\nMARK\nall of it but the rest of the word\nMARK miss",
        b"\nOTHER\nanother's\nOTHER 0\n",
    ],
)
def test_an_answer_that_is_not_whole_is_none(stdout: bytes) -> None:
    assert cut_out(stdout, b"", "MARK") is None


def test_what_looks_like_an_answer_inside_one_belongs_to_it() -> None:
    answer = cut_out(b"motd\n\nMARK\nx\nMARK 0\nx\n\nMARK 3\nbye\n", b"noise\n\nMARK\nerr\n\nMARK\nmore noise", "MARK")

    assert answer is not None
    assert (answer.exit_status, answer.stdout, answer.stderr) == (3, b"x\nMARK 0\nx\n", b"err\n")
    assert answer.noise == b"motd\n"


def test_the_line_for_the_login_shell_holds_nothing_that_a_shell_could_take_for_its_own() -> None:
    line = command_line(["printf", "%s", "!x\n'\\\udcff가\x07"], mark="MARK", timeout=5)

    assert line.isascii()
    assert line.isprintable()
    assert "!" not in line
    assert line.count("'") == 4


async def test_a_command_that_is_too_long_is_refused_before_it_is_sent(transport: SshTransport) -> None:
    with pytest.raises(PermanentError, match="echo is too long"):
        await transport.run(["echo", "x" * LONGEST_COMMAND])


async def test_an_answer_that_was_cut_off_is_an_error_and_the_next_one_is_whole(
    server: SshServer, transport: SshTransport
) -> None:
    await transport.run(["true"])
    server.behaviour.cut_in_commands = True

    with pytest.raises(TransientError, match=r"HPC unreachable: the connection to physicist@127\.0\.0\.1 was lost"):
        await transport.run(["echo", "jobs"])
    assert (await transport.run(["echo", "jobs"])).stdout == "jobs\n"
    assert transport.unreachable_since is None


async def test_a_login_shell_that_runs_nothing_is_quoted(server: SshServer, transport: SshTransport) -> None:
    server.behaviour.refusal = b"This account is \x1b[1mnot available.\n"

    with pytest.raises(PermanentError, match=r"did not run echo: exit code 1, it says: This account is �\[1mnot avail"):
        await transport.run(["echo"])


async def test_a_login_shell_that_has_run_commands_before_will_again(
    server: SshServer, transport: SshTransport
) -> None:
    await transport.run(["true"])
    server.behaviour.refusal = b"fork: retry: Resource temporarily unavailable\n"

    with pytest.raises(TransientError, match="fork: retry"):
        await transport.run(["true"])


async def test_never_more_commands_run_at_once_than_a_server_allows(server: SshServer, transport: SshTransport) -> None:
    answers = await asyncio.gather(*(transport.run(["echo", str(number)]) for number in range(40)))

    assert [int(answer.stdout) for answer in answers] == list(range(40))
    assert server.behaviour.most_running == COMMANDS_AT_ONCE


async def test_programs_that_only_login_files_know_are_found(
    transport: SshTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(tmp_path / "slurm", "mqi-sbatch", "echo submitted")
    (tmp_path / ".bash_profile").write_text(f"echo Welcome\nPATH=$PATH:{tmp_path}/slurm\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert (await transport.run(["mqi-sbatch"])).stdout == "submitted\n"


# Files.


async def test_any_name_travels_and_is_verified(transport: SshTransport, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"content")
    beam = PurePosixPath(tmp_path / "hpc" / "it's a beam")

    sent = await publish(transport, dict.fromkeys(ODD_NAMES, tmp_path / "source"), beam, replaces=lambda _: True)

    assert sent == 7 * len(ODD_NAMES)
    assert sorted(path.name for path in Path(beam).iterdir()) == sorted(ODD_NAMES)
    assert [file.name for file in await transport.list_folder(beam)] == sorted(ODD_NAMES)
    assert await publish(transport, dict.fromkeys(ODD_NAMES, tmp_path / "source"), beam, replaces=lambda _: True) == 0


async def test_files_that_differ_are_moved_aside_over_ssh_too(transport: SshTransport, tmp_path: Path) -> None:
    beam = tmp_path / "hpc" / "beam"
    for content in ("one", "two"):
        (tmp_path / "source").write_text(content)
        await publish(transport, {"a.csv": tmp_path / "source"}, PurePosixPath(beam), replaces=lambda _: True)

    assert (beam / "a.csv").read_text() == "two"
    assert [path.read_text() for path in beam.glob("superseded-*/a.csv")] == ["one"]


async def test_a_file_that_cannot_be_read_there_is_named(transport: SshTransport, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=rf"Cannot read {tmp_path}: Is a directory"):
        await transport.sha256([PurePosixPath(tmp_path)])


async def test_without_a_checksum_tool_there_is_an_error(
    transport: SshTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sh", "printf", "timeout", "xargs"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PermanentError, match="neither sha256sum nor shasum"):
        await transport.sha256([PurePosixPath(tmp_path / "sh")])


_NO_FORK = "xargs: cannot fork: Resource temporarily unavailable"


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (f"cat >/dev/null; echo '{_NO_FORK}' >&2; exit 1", "xargs: cannot fork: Resource temporarily unavailable"),
        ("cat >/dev/null; exit 1", "exit code 1, 0 of"),
        ("cat >/dev/null; echo missing; exit 1", "exit code 1"),
    ],
)
async def test_checksums_that_the_hpc_could_not_compute_are_asked_for_later(
    transport: SshTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, tool: str, said: str
) -> None:
    put_program(tmp_path / "bin", "xargs", tool)
    in_front_of_path(tmp_path / "bin", monkeypatch)
    paths = [PurePosixPath(tmp_path / f"{number}.csv") for number in range(count)]
    for path in paths:
        Path(path).write_text("x")

    with pytest.raises(TransientError, match=f"The HPC does not compute all checksums now: {said}"):
        await transport.sha256(paths)


async def test_a_file_that_cannot_be_read_is_told_though_its_name_has_lines(
    transport: SshTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is a short one
    with socket.socket(socket.AF_UNIX) as unreadable:
        unreadable.bind("two\nlines")

        with pytest.raises(PermanentError, match="No such device or address"):
            await transport.sha256([PurePosixPath(tmp_path / "two\nlines")])


async def test_a_local_file_that_is_gone_ends_the_upload(transport: SshTransport, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"x" * 3_000_000)
    files = {"here": tmp_path / "here", "gone": tmp_path / "gone"}

    with pytest.raises(PermanentError, match=f"Cannot read {tmp_path}/gone"):
        await transport.put_files(files, PurePosixPath(tmp_path / "hpc"))
    assert (await transport.run(["echo", "on"])).stdout == "on\n"


async def test_a_full_disk_in_an_upload_is_told_with_the_free_space(
    transport: SshTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (
        "cat >/dev/null\necho 'tar: a.csv: Cannot write: No space left on device' >&2\necho 'tar: Exiting' >&2\nexit 2"
    )
    put_program(tmp_path / "bin", "tar", body)
    in_front_of_path(tmp_path / "bin", monkeypatch)
    (tmp_path / "a.csv").write_text("x")

    with pytest.raises(
        TransientError, match=rf"Cannot write in {tmp_path}/hpc: No space left on device \([\d.]+ GB free there\)"
    ):
        await transport.put_files({"a.csv": tmp_path / "a.csv"}, PurePosixPath(tmp_path / "hpc"))


async def test_a_bare_failure_in_writing_is_told_with_the_free_space(
    server: SshServer, transport: SshTransport, tmp_path: Path
) -> None:
    (tmp_path / "job.sh").write_text("older")
    server.behaviour.is_full = True

    with pytest.raises(TransientError, match=rf"Cannot write {tmp_path}/job\.sh: .*'Failure' \([\d.]+ GB free there\)"):
        await transport.write(PurePosixPath(tmp_path / "job.sh"), b"new")
    assert (tmp_path / "job.sh").read_text() == "older"


async def test_a_folder_in_place_of_a_file_is_no_full_disk(transport: SshTransport, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(PermanentError, match="is a directory; something else is there by that name; move it away"):
        await transport.write(PurePosixPath(tmp_path / "folder"), b"new")


async def test_a_log_is_read_on_over_lost_connections_with_nothing_lost_or_repeated(
    server: SshServer, transport: SshTransport, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    seen = b""
    for number in range(20):
        with log.open("ab") as file:
            file.write(f"line {number}\n".encode())
        if number % 5 == 3:
            server.cut()
        while len(seen) < log.stat().st_size:
            try:
                seen += await transport.read(PurePosixPath(log), len(seen), 4)
            except TransientError:
                assert transport.unreachable_since is not None

    assert seen == log.read_bytes()


async def test_a_remote_file_that_was_cut_short_is_never_a_result(transport: SshTransport, tmp_path: Path) -> None:
    content = os.urandom(100_000)
    (tmp_path / "raw").write_bytes(content[:-1])

    with pytest.raises(PermanentError, match="has 99999 bytes"):
        await download(
            transport,
            PurePosixPath(tmp_path / "raw"),
            tmp_path / "output.raw",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
    assert not (tmp_path / "output.raw").exists()


@pytest.mark.cluster
async def test_without_an_sftp_subsystem_its_program_is_run_as_a_command(tmp_path: Path) -> None:
    async with ssh_server(tmp_path / "server", Behaviour(has_sftp=False, noise=b"Welcome\n")) as server:
        server.trust()
        transport = SshTransport(server.settings(), QuestionBoard())
        await transport.write(PurePosixPath(tmp_path / "file"), b"written")

        assert await transport.read(PurePosixPath(tmp_path / "file"), 0, 99) == b"written"
        await transport.aclose()


async def test_a_server_without_any_sftp_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqi_tui.hpc.ssh.sftp._SERVER", "exit 1")
    async with ssh_server(tmp_path / "server", Behaviour(has_sftp=False)) as server:
        server.trust()
        transport = SshTransport(server.settings(connect_timeout_seconds=2), QuestionBoard())

        with pytest.raises(PermanentError, match=r"offers no SFTP .*administrator"):
            await transport.stat(PurePosixPath(tmp_path))
        await transport.aclose()


async def test_sftp_that_worked_and_does_not_start_again_may_come_back(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(link: object) -> asyncssh.SFTPClient:
        raise asyncssh.SFTPOpUnsupported("the request is refused")

    transport = SshTransport(server.settings(connect_timeout_seconds=2), QuestionBoard())
    assert await transport.stat(PurePosixPath(tmp_path)) is not None
    server.cut()
    with pytest.raises(TransientError, match="was lost"):
        await transport.run(["true"])
    with monkeypatch.context() as patched:
        patched.setattr("mqi_tui.hpc.ssh.sftp._SERVER", "exit 1")
        patched.setattr("mqi_tui.hpc.ssh.sftp._by_subsystem", refused)
        with pytest.raises(TransientError, match="starts no SFTP"):
            await transport.stat(PurePosixPath(tmp_path))
    assert await transport.stat(PurePosixPath(tmp_path)) is not None
    await transport.aclose()


async def test_a_file_that_is_being_opened_for_somebody_who_goes_away_is_closed(
    server: SshServer, transport: SshTransport, tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(b"line\n")
    assert await transport.read(PurePosixPath(tmp_path / "log"), 0, 5) == b"line\n"

    for ticks in range(20):
        reading = asyncio.create_task(transport.read(PurePosixPath(tmp_path / "log"), 0, 5))
        for _ in range(ticks):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    await until(lambda: server.behaviour.open_files == 0, "every file is closed")


async def test_an_sftp_server_that_does_not_answer_holds_no_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqi_tui.hpc.ssh.sftp._SERVER", "cat >/dev/null")
    async with ssh_server(tmp_path / "server", Behaviour(has_sftp=False)) as server:
        server.trust()
        transport = SshTransport(server.settings(connect_timeout_seconds=0.5), QuestionBoard())
        for _ in range(3):
            with pytest.raises(PermanentError, match="offers no SFTP"):
                await transport.stat(PurePosixPath(tmp_path))

        await until(lambda: server.behaviour.running == 0, "no program is left there")
        await transport.aclose()


async def test_closing_leaves_no_task_and_no_process(server: SshServer, tmp_path: Path) -> None:
    transport = SshTransport(server.settings(), QuestionBoard())
    before = asyncio.all_tasks()
    await transport.stat(PurePosixPath(tmp_path))
    command = asyncio.create_task(transport.run(["sleep", "60"]))
    await until(lambda: server.behaviour.running == 1, "the command runs")

    await transport.aclose()

    with pytest.raises(TransientError, match="HPC unreachable"):
        await command
    await until(lambda: server.behaviour.running == 0, "the command has ended")
    await until(lambda: not {task for task in asyncio.all_tasks() - before if not task.done()}, "no task is left")
