"""The room on the HPC: what df, du and quota say, and nothing where they say nothing."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.domain.errors import TransientError
from mqi_tui.hpc import storage
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.storage import Disk, free_bytes, parse_free, parse_quota, parse_used, used_bytes
from tests.support.programs import in_front_of_path, put_program
from tests.support.transports import InterruptedTransport

DF = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n{row}\n"
QUOTA = """Disk quotas for user jkim (uid 1001):
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
fs1:/home  100000  0  0  0  11  0  0  0
fs1:/scratch  750000* 700000 1000000 1767225600  11  0  0  0
"""


@pytest.mark.parametrize(
    ("row", "disk"),
    [
        ("/dev/sda1  1000000 200000 800000 20% /", Disk("/dev/sda1", 800_000 * 1024)),
        ("fs1:/scratch 1000000 200000 800000 20% /scratch/with space", Disk("fs1:/scratch", 800_000 * 1024)),
        ("//nas/my share 1000000 200000 800000 20% /mnt/nas", Disk("//nas/my share", 800_000 * 1024)),
        ("/dev/full 1000000 1050000 -50000 105% /full", Disk("/dev/full", 0)),
        ("beegfs_nodev 100 20 80 - /beegfs", Disk("beegfs_nodev", 80 * 1024)),
        ("gpfs0 - - - - /gpfs", None),
        ("df: no file systems processed", None),
    ],
)
def test_the_free_space_is_that_of_dfs_row(row: str, disk: Disk | None) -> None:
    assert parse_free(DF.format(row=row)) == disk


@given(st.text(max_size=300))
def test_noise_is_no_free_space_below_zero(text: str) -> None:
    disk = parse_free(text)
    assert disk is None or disk.free_bytes >= 0


@pytest.mark.parametrize(
    ("text", "used"), [("12\t/hpc\n", 12 * 1024), ("", None), ("du: cannot access '/hpc'\n", None)]
)
def test_the_size_is_that_of_dus_row(text: str, used: int | None) -> None:
    assert parse_used(text) == used


def test_a_quota_counts_for_its_own_disk_and_by_its_lower_limit() -> None:
    assert parse_quota(QUOTA, "fs1:/scratch") == 0
    assert parse_quota(QUOTA.replace("750000*", "250000"), "fs1:/scratch") == 450_000 * 1024
    assert parse_quota(QUOTA, "fs1:/home") is None
    assert parse_quota(QUOTA, "/dev/sda1") is None
    assert parse_quota("", "/dev/sda1") is None


async def test_a_folder_is_measured_on_its_real_disk(tmp_path: Path) -> None:
    root = tmp_path / "hpc with space"
    root.mkdir()
    (root / "output.raw").write_bytes(b"x" * 3_000_000)

    used = await used_bytes(LocalTransport(), PurePosixPath(root))
    free = await free_bytes(LocalTransport(), PurePosixPath(root))

    assert used is not None
    assert 3_000_000 <= used < 3_200_000
    assert free is not None
    assert abs(free - shutil.disk_usage(tmp_path).free) < 1_000_000_000


async def test_a_folder_that_is_not_there_yet_holds_nothing_and_has_the_room_of_its_disk(tmp_path: Path) -> None:
    root = PurePosixPath(tmp_path / "not" / "yet")
    assert await used_bytes(LocalTransport(), root) == 0
    assert (await free_bytes(LocalTransport(), root) or 0) > 0


async def test_less_quota_than_disk_is_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_program(
        tmp_path / "bin", "df", f"cat <<'END'\n{DF.format(row='fs1:/scratch 9000000 1 8999999 1% /scratch')}END"
    )
    put_program(tmp_path / "bin", "quota", f"cat <<'END'\n{QUOTA.replace('750000*', '690000')}END\nexit 1")
    in_front_of_path(tmp_path / "bin", monkeypatch)
    assert await free_bytes(LocalTransport(), PurePosixPath(tmp_path)) == 10_000 * 1024


async def test_a_size_that_takes_too_long_to_count_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(tmp_path / "bin", "du", "exec sleep 60")
    in_front_of_path(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr(storage, "_USED_SECONDS", 0.3)
    assert await used_bytes(LocalTransport(), PurePosixPath(tmp_path)) is None


async def test_a_lost_connection_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="connection lost"):
        await free_bytes(InterruptedTransport(1, after=False), PurePosixPath(tmp_path))
