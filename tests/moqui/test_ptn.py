"""A layer's log: its rows come back as they were written, and no damaged file is taken for a log."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.ptn import MAX_PTN_BYTES, PtnLog, read_ptn, write_ptn
from tests.moqui.support import read_or_none

rows = arrays.arrays(np.uint16, st.tuples(st.integers(1, 20), st.just(8)))


@settings(max_examples=40, deadline=None)
@given(rows=rows)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("ptn") / "a.ptn"
    write_ptn(path, PtnLog(rows))
    assert np.array_equal(read_ptn(path).rows, rows)


def test_rows_are_eight_big_endian_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.ptn"
    path.write_bytes(struct.pack(">16H", 1, 2, 3, 4, 5, 6, 7, 8, 0x1234, 258, 0, 0, 65535, 0, 0, 0))
    log = read_ptn(path)
    assert log.x.tolist() == [1, 0x1234]
    assert log.y.tolist() == [2, 258]
    assert log.dose1.tolist() == [5, 65535]
    assert log.rows.dtype == np.uint16


@settings(max_examples=40, deadline=None)
@given(noise=st.binary(max_size=200))
def test_noise_is_refused_unless_it_is_whole_rows(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("ptn") / "a.ptn"
    path.write_bytes(noise)
    log = read_or_none(read_ptn, path)
    assert (log is None) == (not noise or len(noise) % 16 != 0)
    assert log is None or log.rows.astype(">u2").tobytes() == noise


def test_a_log_that_is_cut_short_is_refused_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.ptn"
    path.write_bytes(b"\0" * 37)
    with pytest.raises(InputError, match=r"a\.ptn has 37 bytes.*cut short"):
        read_ptn(path)


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ptn"
    path.touch()
    with pytest.raises(InputError, match=r"a\.ptn is an empty log"):
        read_ptn(path)


def test_a_missing_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.ptn is missing"):
        read_ptn(tmp_path / "a.ptn")


def test_a_folder_or_pipe_with_the_name_of_a_log_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    (tmp_path / "folder.ptn").mkdir()
    os.mkfifo(tmp_path / "pipe.ptn")
    for name in ("folder.ptn", "pipe.ptn"):
        with pytest.raises(InputError, match=f"{name} is no file"):
            read_ptn(tmp_path / name)


def test_a_huge_log_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.ptn"
    path.touch()
    os.truncate(path, 10 * MAX_PTN_BYTES)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"a\.ptn is larger than 16 MiB"):
            read_ptn(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_PTN_BYTES
    finally:
        tracemalloc.stop()
