"""The local transport, and what an error of this machine's files means to the user."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.hpc.local_files import file_errors, in_thread
from tests.support.jobs import until


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.ESTALE, errno.EDQUOT])
def test_what_a_person_mends_outside_is_transient_and_names_the_free_space(tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(TransientError, match=rf"Cannot write {tmp_path}/f: {os.strerror(number)} \(.* GB free there\)"),
        file_errors(tmp_path / "f", "write"),
    ):
        raise OSError(number, os.strerror(number))


def test_a_full_disk_is_transient(tmp_path: Path) -> None:
    with (
        pytest.raises(TransientError, match="/dev/full: No space left on device"),
        file_errors(Path("/dev/full"), "write"),
    ):
        Path("/dev/full").write_text("x")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "give this user the right"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "put it back"),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "shorten the case's name"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links"), "look at that path"),
    ],
)
def test_the_rest_is_permanent_and_says_what_to_do(tmp_path: Path, error: OSError, remedy: str) -> None:
    with pytest.raises(PermanentError, match=f"{tmp_path}/f.*{remedy}"), file_errors(tmp_path / "f", "read"):
        raise error


async def test_cancelled_file_work_has_ended_when_the_cancelling_is_through(tmp_path: Path) -> None:
    is_cancelled = threading.Event()

    def slow_work(finish: Callable[[], object]) -> None:
        (tmp_path / "started").touch()
        is_cancelled.wait(10)
        time.sleep(0.2)
        finish()

    work = asyncio.create_task(in_thread(slow_work, (tmp_path / "finished").touch))
    await until((tmp_path / "started").exists, "the work has started")

    work.cancel()
    is_cancelled.set()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert (tmp_path / "finished").exists()
