"""How far a download is and how fast, in words."""

from __future__ import annotations

import pytest

from mqi_tui.domain.status import BeamStatus, overall_progress
from mqi_tui.workflow.context import ProgressBoard
from mqi_tui.workflow.states import download


def test_bytes_and_rate_are_told_and_what_an_earlier_try_brought_counts_for_no_speed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("mqi_tui.workflow.states.download.time.monotonic", lambda: now[0])
    board = ProgressBoard()
    rate = download._Rate("A_1", 10_000_000, board)
    rate.tell(4_000_000)
    (told,) = board.take().values()
    assert (told.stage, told.detail) == (BeamStatus.DOWNLOADING, "4.0 of 10.0 MB")
    now[0] += 2.0
    rate.tell(7_000_000)
    (told,) = board.take().values()
    assert told.progress == overall_progress(BeamStatus.DOWNLOADING, 0.7)
    assert told.detail == "7.0 of 10.0 MB, 1.5 MB/s"
