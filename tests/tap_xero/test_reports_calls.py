"""Periods of reports, and the calls that show them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_xero.reports.calendar import MONTHS, Period, YearEnd, months_later, periods
from tap_xero.reports.calls import Category, calls
from tap_xero.reports.table import REPORTS, Options

BY_STREAM = {report.stream: report for report in REPORTS}
DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
YEAR_ENDS = st.builds(YearEnd, st.integers(1, 12), st.integers(1, 31))


def planned(stream, today, year_end=None, category=None, **options):
    return calls(BY_STREAM[stream], Options(**options), today, year_end or YearEnd(), category)


@given(DAYS, st.sampled_from(list(MONTHS)), YEAR_ENDS, st.integers(1, 30), st.integers(0, 12))
def test_periods_follow_each_other_without_a_gap_and_the_right_one_has_today(
    today, timeframe, year_end, back, ahead
):
    found = periods(today, timeframe, year_end, back=back, ahead=ahead)
    assert len(found) == back + ahead
    for later, earlier in itertools.pairwise(found):
        assert earlier.last + timedelta(days=1) == later.first
    assert found[ahead].first <= today <= found[ahead].last


@pytest.mark.parametrize(
    ("timeframe", "year_end", "first", "last"),
    [
        ("MONTH", YearEnd(), "2026-02-01", "2026-02-28"),
        ("QUARTER", YearEnd(), "2026-01-01", "2026-03-31"),
        ("YEAR", YearEnd(), "2026-01-01", "2026-12-31"),
        ("YEAR", YearEnd(6, 30), "2025-07-01", "2026-06-30"),
        ("QUARTER", YearEnd(4, 30), "2026-02-01", "2026-04-30"),
        ("YEAR", YearEnd(2, 28), "2025-03-01", "2026-02-28"),
        ("YEAR", YearEnd(4, 5), "2025-04-06", "2026-04-05"),
    ],
)
def test_quarters_and_years_are_those_of_the_organisation(timeframe, year_end, first, last):
    (found,) = periods(date(2026, 2, 14), timeframe, year_end, back=1)
    assert found == Period(date.fromisoformat(first), date.fromisoformat(last))


def test_a_year_that_ends_in_february_ends_on_its_last_day():
    (found,) = periods(date(2024, 2, 29), "YEAR", YearEnd(2, 28), back=1)
    assert found == Period(date(2023, 3, 1), date(2024, 2, 29))


def test_a_month_of_30_days_is_asked_for_alone_and_the_eleven_before_it_together():
    made = planned("profit_and_loss", date(2026, 11, 23), periods=12)
    assert [call.params for call in made] == [
        {"standardLayout": "true", "fromDate": "2026-11-01", "toDate": "2026-11-30"},
        {
            "standardLayout": "true",
            "fromDate": "2026-10-01",
            "toDate": "2026-10-31",
            "periods": "10",
            "timeframe": "MONTH",
        },
    ]
    assert [len(call.periods) for call in made] == [1, 11]


@given(DAYS, st.sampled_from(list(MONTHS)), YEAR_ENDS, st.integers(1, 60))
def test_whatever_xero_shows_in_a_comparison_is_the_period_asked_for(
    today, timeframe, year_end, back
):
    """The rule of Xero's documentation: every column has the days of the first."""
    made = planned("profit_and_loss", today, year_end, periods=back, timeframe=timeframe)
    shown = []
    for call in made:
        first, last = (date.fromisoformat(call.params[name]) for name in ("fromDate", "toDate"))
        assert (last - first).days <= 365
        compared = int(call.params.get("periods", 0))
        assert compared <= 11
        for column in range(compared + 1):
            months = -MONTHS[timeframe] * column
            shown.append(Period(months_later(first, months), months_later(last, months)))
        assert call.periods == tuple(shown[-len(call.periods) :])
    assert shown == periods(today, timeframe, year_end, back=back)


@pytest.mark.parametrize(
    ("stream", "wanted", "expected"),
    [
        ("trial_balance", 12, 12),
        ("profit_and_loss", 12, 2),
        ("profit_and_loss", 60, 6),
        ("balance_sheet", 12, 1),
        ("balance_sheet", 13, 2),
        ("bank_summary", 3, 3),
        ("budget_summary", 12, 1),
        ("executive_summary", 12, 6),
        ("executive_summary", 3, 2),
    ],
)
def test_as_few_calls_as_the_periods_fit_in(stream, wanted, expected):
    made = planned(stream, date(2026, 11, 23), periods=wanted)
    assert len(made) == expected
    assert sum(len(call.periods) for call in made) == wanted


def test_budgets_are_asked_for_from_the_oldest_period_on():
    (made,) = planned(
        "budget_summary", date(2026, 2, 14), YearEnd(4, 5), periods=2, ahead=1, timeframe="QUARTER"
    )
    assert made.params == {"date": "2025-11-01", "periods": "3", "timeframe": "3"}
    assert [period.last for period in made.periods] == [
        date(2026, 1, 31),
        date(2026, 4, 30),
        date(2026, 7, 31),
    ]


def test_a_balance_sheet_ends_with_a_month_also_where_the_year_does_not():
    (made,) = planned(
        "balance_sheet", date(2026, 2, 14), YearEnd(4, 5), periods=2, timeframe="YEAR"
    )
    assert made.params["date"] == "2026-04-30"
    assert [period.last for period in made.periods] == [date(2026, 4, 30), date(2025, 4, 30)]


def test_cash_basis_and_tracking_are_asked_for():
    category = Category("c-1", {})
    made = planned("profit_and_loss", date(2026, 1, 31), category=category, periods=2, basis="cash")
    assert [call.params["trackingCategoryID"] for call in made] == ["c-1", "c-1"]
    assert [call.params["paymentsOnly"] for call in made] == ["true", "true"]
    # By tracking category the columns are options, so a call shows one period.
    assert all("periods" not in call.params for call in made)
    (bank,) = planned("bank_summary", date(2026, 1, 31), periods=1)
    assert (bank.basis, bank.params) == ("", {"fromDate": "2026-01-01", "toDate": "2026-01-31"})


@pytest.mark.parametrize("stream", ["trial_balance", "profit_and_loss", "balance_sheet"])
def test_a_report_on_cash_basis_is_a_stream_beside_the_one_on_accrual_basis(stream):
    day = date(2026, 1, 15)
    (accrual,), (cash,) = planned(stream, day, periods=1), planned(f"{stream}_cash", day, periods=1)
    assert (accrual.basis, cash.basis) == ("accrual", "cash")
    assert cash.params == accrual.params | {"paymentsOnly": "true"}
    assert "basis" not in BY_STREAM[f"{stream}_cash"].allowed
