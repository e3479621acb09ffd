"""What a snapshot says of the whole: what holds up the engine, and whether all is done."""

from __future__ import annotations

from mqi_tui.domain.status import BeamStatus
from tests.support.scripted_engine import NOW, a_beam, a_case, a_snapshot

DONE = a_case("alpha", a_beam("alpha", "b1", BeamStatus.COMPLETED))


def test_nothing_holds_up_the_engine_while_all_is_well() -> None:
    assert a_snapshot(DONE).notice == ""
    assert a_snapshot(DONE).all_completed


def test_an_outage_after_the_last_beam_takes_nothing_from_it() -> None:
    snapshot = a_snapshot(DONE, unreachable_since=NOW)
    assert snapshot.notice == "HPC unreachable since 10:41:07 UTC; running jobs go on, nothing fails for it"
    assert snapshot.all_completed


def test_folders_that_cannot_be_looked_at_may_hold_beams_that_are_not_completed() -> None:
    snapshot = a_snapshot(DONE, scan_trouble="it cannot be read", unreachable_since=NOW)
    assert snapshot.notice.startswith("it cannot be read; HPC unreachable since ")
    assert not snapshot.all_completed
