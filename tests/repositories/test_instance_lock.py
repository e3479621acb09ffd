"""The instance lock: one program a database, and a name for whoever holds it."""

from __future__ import annotations

import getpass
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mqi_tui.repositories import instance_lock
from mqi_tui.repositories.instance_lock import InstanceLock, InstanceLockedError, holder

HOLD = """
import sys
from pathlib import Path
from mqi_tui.repositories.instance_lock import InstanceLock
with InstanceLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_program(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until it is killed or its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(instance_lock, "_WAIT_SECONDS", 0.1)
    return tmp_path / "mqi-tui.lock"


def test_a_second_program_is_told_who_holds_the_lock(lock: Path) -> None:
    with another_program(lock) as process:
        with pytest.raises(InstanceLockedError, match=f"process {process.pid} of {getpass.getuser()} on "):
            InstanceLock(lock).__enter__()
        found = holder(lock)
        assert found is not None
        assert found.pid == process.pid


def test_the_lock_of_a_killed_program_is_free(lock: Path) -> None:
    with another_program(lock) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert holder(lock) is None
        with InstanceLock(lock):
            found = holder(lock)
            assert found is not None
            assert found.pid == os.getpid()


def test_looking_at_the_lock_leaves_it_as_it_is(lock: Path) -> None:
    assert holder(lock) is None
    assert not lock.exists()
    with InstanceLock(lock):
        pass
    assert holder(lock) is None
    with InstanceLock(lock):
        assert holder(lock) is not None
        assert holder(lock) is not None


def test_a_holder_that_has_not_said_its_name_is_a_holder_all_the_same(lock: Path) -> None:
    with InstanceLock(lock):
        for note in ("", "[]", '{"pid": 1}'):
            lock.with_name("mqi-tui.lock.holder").write_text(note)
            assert holder(lock) is not None


def test_only_the_user_may_read_the_lock(lock: Path) -> None:
    with InstanceLock(lock):
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in lock.parent.iterdir()} == {0}


def test_a_place_where_no_lock_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InstanceLockedError, match=r"file/mqi-tui\.lock cannot be locked"):
        InstanceLock(tmp_path / "file" / "mqi-tui.lock").__enter__()
