"""Clocks, and the spellings of dates and decimals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xero_sandbox import wire
from xero_sandbox.clock import ManualClock, OffsetClock, SystemClock

MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_system_clock_is_aware_and_in_utc():
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_an_offset_clock_runs_on_from_its_start():
    clock = OffsetClock(MOMENT)
    first = clock.now()
    assert MOMENT <= first <= clock.now() < MOMENT + timedelta(minutes=1)


def test_a_manual_clock_moves_only_when_told():
    clock = ManualClock(MOMENT)
    assert clock.now() == MOMENT
    assert clock.advance(90, days=1) == MOMENT + timedelta(days=1, seconds=90)
    assert clock.set(MOMENT) == clock.now() == MOMENT


def test_a_clock_refuses_a_time_without_zone():
    with pytest.raises(ValueError, match="without zone"):
        ManualClock(MOMENT.replace(tzinfo=None))


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_both_spellings_of_a_date_mean_the_same(ms):
    assert wire.parse_net_date(wire.net_date(ms)) == ms
    assert wire.parse_net_date(wire.net_date_short(ms)) == ms
    assert wire.to_ms(wire.to_datetime(ms)) == ms
    assert wire.iso_second(ms) == wire.to_datetime(ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_is_no_date_is_refused():
    with pytest.raises(ValueError, match="not a date"):
        wire.parse_net_date("2026-01-01")


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_money_keeps_its_digits_both_ways(amount):
    document = {"Total": wire.money(amount), "UnitAmount": wire.fine(amount)}
    text = wire.encode(document)
    assert wire.decode(text) == document
    assert wire.encode(wire.decode(text)) == text
    assert wire.cents(wire.money(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "expected"), [("0.005", 1), ("-0.005", -1), ("1.004999", 100), (Decimal("2.5"), 250)]
)
def test_cents_are_rounded_half_away_from_zero(amount, expected):
    assert wire.cents(amount) == expected


def test_what_json_cannot_say_is_refused():
    with pytest.raises(TypeError):
        wire.encode({"Total": object()})
