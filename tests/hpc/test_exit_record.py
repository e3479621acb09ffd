"""The exit record: what a sound one says, and that no damaged one is believed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import PermanentError
from mqi_tui.hpc.exit_record import parse_exit_record
from mqi_tui.hpc.protocols import ExitRecord

PATH = PurePosixPath("/hpc/case/beam/run-001/exit_record")
SHA256 = "ab" * 32
SOUND = (
    "token=t1\nexit_code=0\nstarted_at=2026-03-01T10:00:00Z\nended_at=2026-03-01T10:01:30Z\nhost=node1\ngpu=3\n"
    f"raw_file=G1:한글 x_Dose.raw\nraw_size=5040000\nraw_sha256={SHA256}\nend=ok\n"
)


def test_a_sound_record_is_read_in_full() -> None:
    assert parse_exit_record(SOUND.encode(), PATH) == ExitRecord(
        token="t1",
        exit_code=0,
        started_at=datetime(2026, 3, 1, 10, 0, 0, tzinfo=UTC),
        ended_at=datetime(2026, 3, 1, 10, 1, 30, tzinfo=UTC),
        host="node1",
        gpu="3",
        raw_files=("G1:한글 x_Dose.raw",),
        raw_size=5040000,
        raw_sha256=SHA256,
    )


def test_a_run_without_a_raw_file_has_no_size_and_no_digest() -> None:
    text = SOUND.replace("raw_file=G1:한글 x_Dose.raw\n", "")
    text = text.replace("raw_size=5040000\n", "").replace(f"raw_sha256={SHA256}\n", "")

    record = parse_exit_record(text.encode(), PATH)

    assert (record.raw_files, record.raw_size, record.raw_sha256) == ((), None, None)


def test_a_file_name_with_an_equals_sign_is_read_whole() -> None:
    record = parse_exit_record(SOUND.replace("G1:한글 x_Dose", "a=b=c").encode(), PATH)

    assert record.raw_files == ("a=b=c.raw",)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("end=ok\n", "", "does not end with 'end=ok'"),
        ("end=ok\n", "end=ok", "does not end with 'end=ok'"),
        ("token=t1\n", "", "token missing"),
        ("exit_code=0", "exit_code=", "exit_code is ''"),
        ("exit_code=0", "exit_code=256", "exit_code is '256'"),
        ("exit_code=0", "exit_code=-1", "exit_code is '-1'"),
        ("exit_code=0\n", "exit_code=0\nexit_code=1\n", "a second time"),
        ("host=node1", "hots=node1", "line 5"),
        ("host=node1\n", "host=node1\n\n", "line 6"),
        ("started_at=2026-03-01T10:00:00Z", "started_at=yesterday", "started_at is 'yesterday'"),
        ("started_at=2026-03-01T10:00:00Z", "started_at=2026-03-01T10:00:00", "no time in UTC"),
        ("started_at=2026-03-01T10:00:00Z", "started_at=2026-03-01T10:00:00+09:00", "no time in UTC"),
        ("raw_size=5040000\n", "", "lists 1 raw files"),
        ("raw_size=5040000", "raw_size=5e6", "raw_size is '5e6'"),
        (f"raw_sha256={SHA256}", "raw_sha256=abc", "raw_sha256 is 'abc'"),
        ("raw_file=G1:한글 x_Dose.raw\n", "raw_file=a.raw\nraw_file=b.raw\n", "lists 2 raw files"),
    ],
)
def test_a_damaged_record_is_refused_with_what_is_wrong(old: str, new: str, complaint: str) -> None:
    assert old in SOUND

    with pytest.raises(PermanentError, match="damaged") as caught:
        parse_exit_record(SOUND.replace(old, new).encode(), PATH)

    assert complaint in str(caught.value)
    assert str(PATH) in str(caught.value)


@given(st.integers(min_value=0, max_value=len(SOUND.encode()) - 1))
@settings(deadline=None)
def test_a_record_cut_short_anywhere_is_refused(length: int) -> None:
    with pytest.raises(PermanentError):
        parse_exit_record(SOUND.encode()[:length], PATH)


@given(st.binary())
@settings(deadline=None)
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(PermanentError):
        parse_exit_record(noise, PATH)
