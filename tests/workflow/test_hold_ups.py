"""What is known of the beams that something outside is in the way of."""

from __future__ import annotations

import pytest

from mqi_tui.workflow.hold_ups import HoldUps
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hold_ups(clock: Clock) -> HoldUps:
    return HoldUps(clock)


def test_a_beam_is_held_up_since_its_first_trouble_for_its_latest_reason(hold_ups: HoldUps, clock: Clock) -> None:
    since = hold_ups.note("a", "the disk is full", in_outage=False)
    clock.now = 120.0
    hold_ups.let_go("a")
    assert hold_ups.note("a", "the disk is read-only", in_outage=False) == since
    clock.now = 160.0
    assert [(beam, one.since, one.reason) for beam, one in hold_ups.lasting.items()] == [
        ("a", since, "the disk is read-only")
    ]


def test_a_trouble_that_passes_within_a_minute_never_lasts(hold_ups: HoldUps, clock: Clock) -> None:
    hold_ups.note("a", "the disk is full", in_outage=False)
    clock.now = 115.0
    hold_ups.let_go("a")
    for clock.now in (115.0, 160.0, 165.0, 175.0, 1100.0):
        assert not hold_ups.lasting


def test_a_trouble_lasts_without_news_until_the_beam_has_been_at_work_for_a_while(
    hold_ups: HoldUps, clock: Clock
) -> None:
    hold_ups.note("a", "the disk is full", in_outage=False)
    clock.now = 159.0
    assert not hold_ups.lasting
    for clock.now in (160.0, 1100.0):
        assert "a" in hold_ups.lasting
    hold_ups.let_go("a")
    clock.now = 1190.0
    assert "a" in hold_ups.lasting
    clock.now = 1190.5
    assert not hold_ups.lasting


def test_what_takes_a_minute_to_fail_each_time_is_one_trouble_that_lasts(hold_ups: HoldUps, clock: Clock) -> None:
    since = hold_ups.note("a", "no answer within 60 s", in_outage=False)
    for _ in range(10):
        clock.now += 1.0
        hold_ups.let_go("a")
        clock.now += 61.0
        assert not hold_ups.has_gone_on("a")
        assert hold_ups.note("a", "no answer within 60 s", in_outage=False) == since
        assert "a" in hold_ups.lasting


def test_an_outage_is_no_trouble_of_the_beam_and_what_follows_it_is_a_new_one(hold_ups: HoldUps, clock: Clock) -> None:
    first = hold_ups.note("a", "unreachable", in_outage=False)
    assert hold_ups.is_known("a", in_outage=True)
    assert hold_ups.note("a", "unreachable", in_outage=True) == first
    clock.now = 200.0
    assert not hold_ups.lasting
    hold_ups.let_go("a")
    clock.now = 210.0
    assert not hold_ups.is_known("a", in_outage=False)
    assert hold_ups.note("a", "the disk is full", in_outage=False) > first
    assert not hold_ups.lasting
    clock.now = 270.0
    assert "a" in hold_ups.lasting


def test_a_trouble_after_some_work_is_another_one(hold_ups: HoldUps, clock: Clock) -> None:
    assert hold_ups.has_gone_on("a")
    hold_ups.note("a", "the disk is full", in_outage=False)
    clock.now = 1100.0
    assert not hold_ups.has_gone_on("a")
    hold_ups.let_go("a")
    clock.now = 1400.0
    assert not hold_ups.has_gone_on("a")
    clock.now = 1400.5
    assert hold_ups.has_gone_on("a")


def test_nothing_is_kept_of_a_beam_that_went_on(hold_ups: HoldUps, clock: Clock) -> None:
    hold_ups.note("a", "the disk is full", in_outage=False)
    hold_ups.drop("a")
    hold_ups.drop("a")
    clock.now = 200.0
    assert not hold_ups.lasting
    assert not hold_ups.is_known("a", in_outage=False)
