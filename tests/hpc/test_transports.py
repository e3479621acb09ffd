"""What every transport does alike: programs with time limits, files with clear errors, on this machine and over SSH."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import RemoteFile, Transport
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.ssh.transport import BLOCK, SshTransport
from tests.cluster.cluster import Cluster
from tests.support.jobs import is_alive, until
from tests.support.ssh_server import Behaviour, ssh_server
from tests.support.sshd import ssh_settings

NOISE = b"Welcome to the cluster\xff\n\n0 \n"


@pytest.fixture(
    params=["local", "ssh", "ssh with noise", pytest.param("sshd", marks=pytest.mark.cluster)],
    ids=["local", "ssh", "noise", "sshd"],
)
async def transport(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Transport]:
    if request.param == "local":
        yield LocalTransport()
        return
    if request.param == "sshd":
        cluster: Cluster = request.getfixturevalue("cluster")
        transport = SshTransport(ssh_settings(cluster), QuestionBoard())
        yield transport
        await transport.aclose()
        return
    behaviour = Behaviour(noise=NOISE if "noise" in request.param else b"")
    async with ssh_server(tmp_path.with_name("ssh-server"), behaviour) as server:
        server.trust()
        transport = SshTransport(server.settings(), QuestionBoard())
        yield transport
        await transport.aclose()


def remote(path: Path) -> PurePosixPath:
    return PurePosixPath(path)


async def test_a_program_runs_without_a_shell(transport: Transport) -> None:
    result = await transport.run(["printf", "%s|", "a b", "$HOME", "it's"])

    assert (result.exit_status, result.stdout) == (0, "a b|$HOME|it's|")


async def test_a_non_zero_exit_is_a_result(transport: Transport) -> None:
    result = await transport.run(["sh", "-c", "echo out; echo err >&2; exit 3"])

    assert (result.exit_status, result.stdout, result.stderr) == (3, "out\n", "err\n")


async def test_output_larger_than_a_pipe_does_not_block(transport: Transport) -> None:
    result = await transport.run(["sh", "-c", "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero"])

    assert (len(result.stdout), len(result.stderr)) == (3_000_000, 3_000_000)


async def test_bytes_that_are_no_text_are_shown_replaced(transport: Transport) -> None:
    assert (await transport.run(["printf", r"\377ok"])).stdout == "�ok"


async def test_a_time_out_ends_the_whole_process_group(transport: Transport, tmp_path: Path) -> None:
    line = f"sleep 60 & echo $! > '{tmp_path}/part'; mv '{tmp_path}/part' '{tmp_path}/child'; wait"

    for seconds in (2, 8, 32):  # a busy machine may need longer until there is a grandchild
        with pytest.raises(TransientError, match=rf"sh gave no answer within {seconds} s"):
            await transport.run(["sh", "-c", line], timeout=seconds)
        if (tmp_path / "child").exists():
            break

    child = int((tmp_path / "child").read_text())
    await until(lambda: not is_alive(child), "the grandchild has ended")


async def test_cancelling_a_command_ends_it(
    transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("mqi_tui.hpc.cancellation", "mqi_tui.hpc.ssh.shell"):
        monkeypatch.setattr(f"{module}.END_SECONDS", 30.0)  # however slow the machine is
    command = asyncio.create_task(transport.run(["sh", "-c", f"echo $$ > '{tmp_path}/pid'; exec sleep 60"]))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "the command runs")

    command.cancel()
    with pytest.raises(asyncio.CancelledError):
        await command

    assert not is_alive(int((tmp_path / "pid").read_text()))


async def test_a_missing_program_is_named(transport: Transport) -> None:
    with pytest.raises(PermanentError, match=r"no-such-program.*install it"):
        await transport.run(["no-such-program"])


async def test_read_gives_the_part_asked_for(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"0123456789")

    assert await transport.read(remote(tmp_path / "log"), 3, 4) == b"3456"
    assert await transport.read(remote(tmp_path / "log"), 8, 4) == b"89"
    assert await transport.read(remote(tmp_path / "log"), 10, 4) == b""
    assert await transport.read(remote(tmp_path / "log"), 99, 4) == b""
    assert await transport.read(remote(tmp_path / "missing"), 0, 4) == b""


async def test_write_replaces_a_file_whole_and_for_its_user_alone(transport: Transport, tmp_path: Path) -> None:
    target = tmp_path / "한글 [1].in"
    target.write_text("older and longer")

    await transport.write(remote(target), b"new")

    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


async def test_a_folder_is_written_with_small_files_and_again(transport: Transport, tmp_path: Path) -> None:
    folder = tmp_path / "hpc" / "run [1]"
    await transport.write_folder(remote(folder), {"한글.in": b"first, and longer", "empty": b""})
    await transport.write_folder(remote(folder), {"한글.in": b"second", "job.sh": b"x" * 1024})

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "한글.in": b"second",
        "empty": b"",
        "job.sh": b"x" * 1024,
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())


async def test_a_file_in_the_way_of_a_written_folder_is_named(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    with pytest.raises(PermanentError, match=f"{tmp_path}/a.*move it away"):
        await transport.write_folder(remote(tmp_path / "a" / "b"), {"job.sh": b""})


async def test_write_keeps_a_name_of_255_bytes(transport: Transport, tmp_path: Path) -> None:
    target = tmp_path / ("가" * 85)

    await transport.write(remote(target), b"x")

    assert target.read_bytes() == b"x"


async def test_write_into_a_missing_folder_says_so(transport: Transport, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"Cannot write .*missing/file"):
        await transport.write(remote(tmp_path / "missing" / "file"), b"x")


async def test_stat_tells_files_folders_and_nothing_apart(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123")

    file, folder = await transport.stat(remote(tmp_path / "file")), await transport.stat(remote(tmp_path))

    assert file == RemoteFile("file", 3, is_folder=False)
    assert folder is not None
    assert folder.is_folder
    assert await transport.stat(remote(tmp_path / "missing")) is None
    assert await transport.stat(remote(tmp_path / "file" / "below")) is None


async def test_a_folder_is_listed_by_name(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"1")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")

    listed = await transport.list_folder(remote(tmp_path))

    assert [(file.name, file.is_folder) for file in listed] == [("a folder", True), ("b.csv", False)]
    assert await transport.list_folder(remote(tmp_path / "missing")) == []


async def test_folders_are_made_with_their_parents_for_their_user_alone(transport: Transport, tmp_path: Path) -> None:
    await transport.make_folder(remote(tmp_path / "a" / "b"))
    await transport.make_folder(remote(tmp_path / "a" / "b"))

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


async def test_a_file_in_the_way_of_a_folder_is_named(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    with pytest.raises(PermanentError, match=f"{tmp_path}/a.*move it away"):
        await transport.make_folder(remote(tmp_path / "a" / "b"))


async def test_rename_does_not_replace(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")

    with pytest.raises(PermanentError, match="there is something by that name"):
        await transport.rename(remote(tmp_path / "new"), remote(tmp_path / "old"))
    await transport.rename(remote(tmp_path / "new"), remote(tmp_path / "other"))

    assert (tmp_path / "old").read_text() == "old"
    assert (tmp_path / "other").read_text() == "new"


async def test_files_are_put_under_the_names_given(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * (BLOCK + 1))

    await transport.put_files({"한글 1.csv": tmp_path / "source"}, remote(tmp_path / "hpc" / "beam"))

    arrived = tmp_path / "hpc" / "beam" / "한글 1.csv"
    assert arrived.read_bytes() == b"x" * (BLOCK + 1)
    assert stat.S_IMODE(arrived.stat().st_mode) == 0o600


async def test_digests_leave_out_what_is_missing(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"abc")
    there, missing = remote(tmp_path / "there"), remote(tmp_path / "missing")

    assert await transport.sha256([there, missing]) == {there: hashlib.sha256(b"abc").hexdigest()}


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
async def test_a_file_of_any_size_comes_whole(transport: Transport, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "remote").write_bytes(content)

    await transport.get_file(remote(tmp_path / "remote"), tmp_path / "local")

    assert (tmp_path / "local").read_bytes() == content


async def test_getting_a_file_goes_on_where_it_stopped_and_reports(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "remote").write_bytes(b"0123456789")
    (tmp_path / "local").write_bytes(b"abc")
    seen: list[int] = []

    await transport.get_file(remote(tmp_path / "remote"), tmp_path / "local", on_progress=seen.append)

    assert (tmp_path / "local").read_bytes() == b"abc3456789"
    assert seen[-1] == 10
