"""Downloads: only the right content ever gets the final name."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.download import download
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import Transport
from tests.support.transports import DamagingTransport

CONTENT = os.urandom(10_000)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    path = tmp_path / "hpc" / "G1:1 한글_Dose.raw"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return tmp_path / "results" / "DOE^JOHN [QA]" / "output.raw"


async def bring(
    remote: Path, local: Path, transport: Transport | None = None, progress: list[int] | None = None
) -> None:
    await download(
        transport or LocalTransport(),
        PurePosixPath(remote),
        local,
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        on_progress=None if progress is None else progress.append,
    )


def part_of(local: Path) -> Path:
    return local.with_name("output.raw.part")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1234] ^= 1
    path.write_bytes(content)


async def test_a_file_comes_home_whole_and_for_its_user_alone(remote: Path, local: Path) -> None:
    progress: list[int] = []

    await bring(remote, local, progress=progress)

    assert local.read_bytes() == CONTENT
    assert remote.read_bytes() == CONTENT
    assert progress[-1] == len(CONTENT)
    assert list(local.parent.iterdir()) == [local]
    assert stat.S_IMODE(local.stat().st_mode) == 0o600
    assert stat.S_IMODE(local.parent.stat().st_mode) == 0o700


async def test_a_file_that_is_at_home_already_is_not_fetched_again(remote: Path, local: Path) -> None:
    await bring(remote, local)
    transport = DamagingTransport(truncate, times=0)

    await bring(remote, local, transport)

    assert transport.gets == 0


async def test_a_download_goes_on_at_the_byte_where_it_stopped(remote: Path, local: Path) -> None:
    local.parent.mkdir(parents=True)
    part_of(local).write_bytes(CONTENT[:4321])
    progress: list[int] = []
    transport = DamagingTransport(truncate, times=0)

    await bring(remote, local, transport, progress)

    assert local.read_bytes() == CONTENT
    assert transport.gets == 1
    assert progress == [len(CONTENT)]


@pytest.mark.parametrize("part", [b"x" * 4321, b"x" * len(CONTENT), CONTENT + b"x"], ids=["wrong", "full", "too long"])
async def test_a_part_that_cannot_be_right_is_thrown_away_and_fetched_anew(
    remote: Path, local: Path, part: bytes
) -> None:
    local.parent.mkdir(parents=True)
    part_of(local).write_bytes(part)

    await bring(remote, local)

    assert local.read_bytes() == CONTENT
    assert not part_of(local).exists()


@pytest.mark.parametrize("damage", [truncate, flip_a_bit])
async def test_one_damaged_arrival_is_fetched_anew(remote: Path, local: Path, damage: object) -> None:
    await bring(remote, local, DamagingTransport(truncate if damage is truncate else flip_a_bit, times=1))

    assert local.read_bytes() == CONTENT


@pytest.mark.parametrize("damage", [truncate, flip_a_bit])
async def test_a_file_that_arrives_damaged_twice_is_refused(remote: Path, local: Path, damage: object) -> None:
    with pytest.raises(TransientError, match="arrived damaged twice"):
        await bring(remote, local, DamagingTransport(truncate if damage is truncate else flip_a_bit, times=2))

    assert list(local.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [(truncate, "has 9992 bytes, the job's exit record says 10000"), (flip_a_bit, "its sha256 is")],
)
async def test_a_file_that_was_changed_on_the_hpc_is_refused_and_an_older_good_one_stays(
    remote: Path, local: Path, damage: object, complaint: str
) -> None:
    local.parent.mkdir(parents=True)
    local.write_bytes(b"older result")
    (truncate if damage is truncate else flip_a_bit)(remote)

    with pytest.raises(PermanentError, match=complaint):
        await bring(remote, local)

    assert local.read_bytes() == b"older result"


async def test_an_older_file_is_replaced_once_the_new_one_is_verified(remote: Path, local: Path) -> None:
    local.parent.mkdir(parents=True)
    local.write_bytes(b"older result")

    await bring(remote, local)

    assert local.read_bytes() == CONTENT


async def test_a_missing_remote_file_is_named(remote: Path, local: Path) -> None:
    remote.unlink()

    with pytest.raises(PermanentError, match=r"한글_Dose\.raw is not there any more"):
        await bring(remote, local)


async def test_an_empty_file_can_come_home(tmp_path: Path) -> None:
    (tmp_path / "remote").touch()
    empty = hashlib.sha256(b"").hexdigest()

    await download(LocalTransport(), PurePosixPath(tmp_path / "remote"), tmp_path / "local", size=0, sha256=empty)

    assert (tmp_path / "local").read_bytes() == b""
