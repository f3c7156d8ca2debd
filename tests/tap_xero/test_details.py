"""Single GETs: which months of a budget are asked for, and how the answers become one row."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_xero.api.errors import NotFoundError
from tap_xero.models.resources import BY_STREAM
from tap_xero.sync.details import BUDGET_MONTHS, budget_requests, merged
from tap_xero.sync.readings import reading_of
from tap_xero.sync.window import Window


def days(request):
    return date.fromisoformat(request["DateFrom"]), date.fromisoformat(request["DateTo"])


def month(day):
    return day.year * 12 + day.month


@given(first=st.dates(date(2000, 1, 1), date(2040, 12, 31)), length=st.integers(0, 5000))
def test_months_are_asked_for_once_each_and_no_more_than_xero_gives(first, length):
    last = first + timedelta(days=length)
    spans = [days(request) for request in budget_requests(first, last)]
    assert spans[0][0] == first.replace(day=1)
    assert month(spans[-1][1]) == month(last)
    for start, end in spans:
        assert start.day == 1
        assert (end + timedelta(days=1)).day == 1
        assert 1 <= month(end) - month(start) + 1 <= BUDGET_MONTHS
    for (_, end), (start, _) in pairwise(spans):
        assert start == end + timedelta(days=1)
    assert len(spans) == -(-(month(last) - month(first) + 1) // BUDGET_MONTHS)


def line(account, *periods, amount=1, **more):
    balances = [{"Period": period, "Amount": amount} for period in periods]
    return {"AccountID": account, "AccountCode": account, "BudgetBalances": balances, **more}


def budget(*lines):
    return {"BudgetID": "b", "Type": "OVERALL", "BudgetLines": list(lines)}


@pytest.mark.parametrize(
    ("answers", "lines"),
    [
        (
            [budget(line("sales", "2025-12")), budget(line("sales", "2026-01", "2026-02"))],
            [line("sales", "2025-12", "2026-01", "2026-02")],
        ),
        (
            [budget(line("sales", "2025-12")), budget(line("rent", "2026-01"))],
            [line("sales", "2025-12"), line("rent", "2026-01")],
        ),
        (
            [budget(line("sales", "2025-11", "2025-12")), budget(line("sales", "2025-12"))],
            [line("sales", "2025-11", "2025-12")],
        ),
        ([budget(line("sales")), budget(line("sales", "2026-01"))], [line("sales", "2026-01")]),
        ([budget(), budget()], []),
        ([{"BudgetID": "b"}, budget(line("sales", "2026-01"))], [line("sales", "2026-01")]),
        (
            [budget({"AccountID": "sales", "BudgetBalances": None}), budget()],
            [{"AccountID": "sales", "BudgetBalances": []}],
        ),
    ],
    ids=[
        "months of one account",
        "an account that begins later",
        "a month in two answers",
        "nothing in the first years",
        "an empty budget",
        "no lines in an answer",
        "no balances in a line",
    ],
)
def test_the_answers_about_a_budget_are_one_row_with_one_line_an_account(answers, lines):
    assert merged(answers)["BudgetLines"] == lines
    assert merged(answers)["BudgetID"] == "b"


def test_what_one_answer_says_twice_of_an_account_is_kept_twice():
    twice = budget(line("sales", "2026-01"), line("sales", "2026-01", amount=2))
    assert merged([twice]) == twice
    (whole,) = merged([twice, budget(line("sales", "2026-01", amount=3))])["BudgetLines"]
    assert [each["Amount"] for each in whole["BudgetBalances"]] == [1, 2]


def test_rows_are_completed_in_their_order_and_a_vanished_one_stays_as_listed():
    asked = []

    def fetch(path, params, since):
        asked.append((path, params.get("DateFrom")))
        if path == "Budgets":
            return lambda: {"Budgets": [{"BudgetID": each, "Listed": True} for each in "axb"]}
        if path == "Budgets/x":

            def missing():
                raise NotFoundError("gone")

            return missing
        year = params["DateFrom"][:4]
        return lambda: {"Budgets": {"BudgetID": path[-1], "BudgetLines": [line("sales", year)]}}

    requests = budget_requests(date(2024, 1, 1), date(2026, 12, 31))
    reading = reading_of(
        fetch,
        BY_STREAM["budgets"],
        Window(),
        params={},
        detail=requests,
        now=lambda: "now",
        ahead=lambda: 3,
    )
    (page,) = reading.pages()
    lines = [line("sales", "2024", "2026")]
    assert page.rows == [
        {"BudgetID": "a", "Listed": True, "BudgetLines": lines},
        {"BudgetID": "x", "Listed": True},
        {"BudgetID": "b", "Listed": True, "BudgetLines": lines},
    ]
    assert asked[1:] == [
        (f"Budgets/{each}", f"{year}-01-01") for each in "axb" for year in (2024, 2026)
    ]
    assert page.at == "now"
