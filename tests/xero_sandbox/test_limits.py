"""Rate limits as Xero has them, on a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from xero_sandbox.clock import ManualClock
from xero_sandbox.limits import Allowance, Limits, Refusal

START = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def calls_that_pass(limits: Limits, tenant: str, attempts: int) -> int:
    passed = 0
    for _ in range(attempts):
        if limits.enter(tenant) is None:
            limits.leave(tenant)
            passed += 1
    return passed


def test_sixty_calls_pass_in_a_minute_and_the_rest_wait_for_the_window(clock: ManualClock) -> None:
    limits = Limits(clock)
    assert calls_that_pass(limits, "one", 70) == 60
    refusal = limits.enter("one")
    assert refusal is not None
    assert refusal.problem == "minute"
    assert refusal.retry_after is not None
    assert 1 <= refusal.retry_after <= 60
    clock.advance(refusal.retry_after)
    assert calls_that_pass(limits, "one", 70) == 60


def test_one_organisation_does_not_use_up_another(clock: ManualClock) -> None:
    limits = Limits(clock)
    assert calls_that_pass(limits, "one", 60) == 60
    assert calls_that_pass(limits, "two", 60) == 60


def test_the_sixth_call_in_flight_is_refused_without_retry_after(clock: ManualClock) -> None:
    limits = Limits(clock)
    assert [limits.enter("one") for _ in range(6)] == [None] * 5 + [Refusal("concurrent")]
    limits.leave("one")
    assert limits.enter("one") is None


def test_the_day_limit_outlasts_the_minutes(clock: ManualClock) -> None:
    limits = Limits(clock, Allowance(day=100))
    passed = 0
    for _ in range(4):
        passed += calls_that_pass(limits, "one", 60)
        clock.advance(60)
    assert passed == 100
    refusal = limits.enter("one")
    assert refusal is not None
    assert refusal.problem == "day"
    assert refusal.retry_after is not None
    clock.advance(refusal.retry_after)
    assert limits.enter("one") is None


def test_the_app_minute_counts_all_organisations(clock: ManualClock) -> None:
    limits = Limits(clock, Allowance(app_minute=100))
    assert calls_that_pass(limits, "one", 60) + calls_that_pass(limits, "two", 60) == 100
    assert limits.enter("two") == Refusal("appminute")


def test_remaining_counts_down_and_a_refused_call_uses_nothing(clock: ManualClock) -> None:
    limits = Limits(clock, Allowance(minute=3))
    before = limits.remaining("one")
    calls_that_pass(limits, "one", 9)
    after = limits.remaining("one")
    assert (before.minute, after.minute) == (3, 0)
    assert before.day - after.day == 3
    assert before.app_minute - after.app_minute == 3


def test_without_limits_everything_passes_and_nothing_counts_down(clock: ManualClock) -> None:
    limits = Limits(clock, enforced=False)
    assert calls_that_pass(limits, "one", 200) == 200
    assert limits.remaining("one") == limits.remaining(None)
