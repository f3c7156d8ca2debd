"""Flattening: every figure of a report becomes one row, whatever the report looks like."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_xero.reports.calendar import Period
from tap_xero.reports.calls import Call, Category
from tap_xero.reports.flatten import UnexpectedReportError, flatten, number
from tap_xero.reports.table import REPORTS

BY_STREAM = {report.stream: report for report in REPORTS}
SALES, BANK = "02439bca-5fdc-4b62-b281-0bdf9f16fd5b", "03f9cf1e-2deb-4bf1-b0a8-b57f08672eb8"
JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))
DECEMBER = Period(date(2025, 12, 1), date(2025, 12, 31))


def call(stream, *periods, category=None, basis="accrual"):
    return Call(BY_STREAM[stream], {}, periods or (JANUARY,), "MONTH", basis, category)


def cell(value=None, account=None, id="account"):  # noqa: A002
    made = {} if value is None else {"Value": value}
    return made if account is None else {**made, "Attributes": [{"Id": id, "Value": account}]}


def row(*values, account=None, kind="Row"):
    return {"RowType": kind, "Cells": [cell(value, account) for value in values]}


def report(*rows):
    return {"Rows": list(rows)}


def header(*heads):
    return row("", *heads, kind="Header")


def section(title, *rows):
    return {"RowType": "Section", "Title": title, "Rows": list(rows)}


def figures(rows):
    return {(each["PeriodEnd"], each["RowKey"], each["Measure"]): each["Amount"] for each in rows}


def test_a_column_for_each_period_gives_a_row_for_each():
    made = flatten(
        report(
            header("31 Jan 26", "31 Dec 25"),
            section(
                " Income",
                row("Sales", "9220.05", "-12.50", account=SALES),
                row("Total Income", "9220.05", "-12.50", kind="SummaryRow"),
            ),
            section("", row("Net Profit", "9220.05", "-12.50")),
        ),
        call("profit_and_loss", JANUARY, DECEMBER),
    )
    assert made[1] == {
        "PeriodEnd": "2025-12-31",
        "RowKey": SALES,
        "Measure": "Amount",
        "TrackingOption": "",
        "PeriodStart": "2025-12-01",
        "Report": "ProfitAndLoss",
        "Timeframe": "MONTH",
        "Basis": "accrual",
        "Position": 1,
        "RowType": "Row",
        "Section": "Income",
        "AccountID": SALES,
        "Account": "Sales",
        "TrackingCategoryID": None,
        "TrackingOptionID": None,
        "Amount": Decimal("-12.50"),
        "Value": "-12.50",
    }
    assert [each["RowKey"] for each in made[::2]] == [SALES, "Income/Total Income", "Net Profit"]
    assert [each["RowType"] for each in made[::2]] == ["Row", "SummaryRow", "Row"]


def test_the_year_before_and_the_variance_were_not_asked_for():
    sheet = report(header("31 Jan 2026", "31 Jan 2025"), section("Bank", row("Till", "1.00", "2")))
    assert figures(flatten(sheet, call("balance_sheet"))) == {
        ("2026-01-31", "Bank/Till", "Amount"): Decimal("1.00")
    }
    summary = report(
        header("Jan 2026", "Dec 2025", "Variance"), section("Cash", row("Spent", "3", "2", "50.0%"))
    )
    rows = flatten(summary, call("executive_summary", JANUARY, DECEMBER))
    assert [each["Amount"] for each in rows] == [3, 2]


def test_a_balance_has_no_first_day():
    sheet = report(header("31 Jan 2026"), section("Bank", row("Till", "1.00")))
    assert flatten(sheet, call("balance_sheet"))[0]["PeriodStart"] is None


def test_several_figures_of_a_period_are_told_apart_by_the_head_of_their_column():
    trial = report(
        row("Account", "Debit", "Credit", "YTD Debit", "YTD Credit", kind="Header"),
        section("Revenue", row("Sales (200)", None, "200.00", "", "1020.22", account=SALES)),
    )
    assert figures(flatten(trial, call("trial_balance"))) == {
        ("2026-01-31", SALES, "Debit"): None,
        ("2026-01-31", SALES, "Credit"): Decimal("200.00"),
        ("2026-01-31", SALES, "YTD Debit"): None,
        ("2026-01-31", SALES, "YTD Credit"): Decimal("1020.22"),
    }


def test_the_account_may_stand_on_any_cell_and_under_either_name():
    cells = [cell("Big City Bank", BANK, "accountID"), cell("0.00"), cell("110.00", BANK)]
    bank = report(
        row("Bank Accounts", "Opening Balance", "Cash Received", kind="Header"),
        section("", {"RowType": "Row", "Cells": cells}),
        section("", {"RowType": "Row", "Cells": [cell("Till"), cell("1"), cell("2", SALES)]}),
    )
    rows = flatten(bank, call("bank_summary"))
    assert [each["AccountID"] for each in rows] == [BANK, BANK, SALES, SALES]


@pytest.mark.parametrize(
    "account",
    [
        "00000000-0000-0000-0000-000000000000",
        "abababab-abab-abab-abab-abababababab",
        "FXGROUPID",
    ],
)
def test_a_line_that_is_no_account_of_the_chart_has_none(account):
    sheet = report(
        header("31 Jan 2026"), section("Equity", row("Current Year Earnings", "1", account=account))
    )
    (made,) = flatten(sheet, call("balance_sheet"))
    assert (made["AccountID"], made["RowKey"]) == (None, "Equity/Current Year Earnings")


def test_tracking_options_are_told_apart_and_their_total_is_left_out():
    category = Category("c-1", {"North": "o-1", "Total": "o-2"})
    profit = report(
        header("North", "Total", "Unassigned", "Total"),
        section("Income", row("Sales", "1", "2", "3", "6", account=SALES)),
    )
    rows = flatten(profit, call("profit_and_loss", category=category))
    assert [
        (each["TrackingOption"], each["TrackingOptionID"], each["Amount"]) for each in rows
    ] == [("North", "o-1", 1), ("Total", "o-2", 2), ("Unassigned", None, 3)]
    assert {each["TrackingCategoryID"] for each in rows} == {"c-1"}


@pytest.mark.parametrize("heads", [[], [17], [cell(""), None][:1]], ids=["none", "odd", "few"])
def test_kind_15_figures_without_heads_are_not_lost_without_a_word(heads):
    head = {"RowType": "Header", "Cells": heads}
    trial = report(head, section("Income", row("Sales", "", "5.00", account=SALES)))
    with pytest.raises(UnexpectedReportError, match="no heads"):
        flatten(trial, call("trial_balance"))
    profit = call("profit_and_loss", category=Category("c-1", {}))
    with pytest.raises(UnexpectedReportError, match="no heads"):
        flatten(trial, profit)


@pytest.mark.parametrize("odd", [None, 17, "5.00", []])
def test_kind_15_a_cell_that_is_none_moves_no_other_into_its_column(odd):
    line = row("Sales", "1.00", "2.00", account=SALES)
    line["Cells"][1] = odd
    made = flatten(report(header("Debit", "Credit"), line), call("trial_balance"))
    assert [each["Amount"] for each in made] == [None, Decimal("2.00")]


def test_lines_that_repeat_keep_keys_of_their_own():
    sheet = report(
        header("31 Jan 2026"),
        section("", row("Total", "1")),
        section("", row("Total", "2")),
        section("Bank", row("Till", "3", account=BANK), row("Till", "4", account=BANK)),
    )
    assert [each["RowKey"] for each in flatten(sheet, call("balance_sheet"))] == [
        "Total",
        "Total #2",
        BANK,
        f"{BANK} #2",
    ]


def test_renaming_an_account_changes_no_key():
    def keys(name):
        profit = report(header("31 Jan 26"), section("Income", row(name, "1", account=SALES)))
        return [each["RowKey"] for each in flatten(profit, call("profit_and_loss"))]

    assert keys("Sales") == keys("Sales of timber")


def test_sections_within_sections_and_unknown_rows_are_read_all_the_same():
    profit = report(
        header("31 Jan 26"),
        {"RowType": "Section", "Title": "Assets"},
        {"RowType": "Section", "Rows": None},
        section("Expenses", section("Travel", row("Rail", "1")), section("", row("Rent", "2"))),
        row("Loose", "3", kind="FutureRow"),
        {"RowType": "Note"},
        "not a row",
    )
    rows = flatten(profit, call("profit_and_loss"))
    assert [(each["Section"], each["Account"], each["RowType"]) for each in rows] == [
        ("Travel", "Rail", "Row"),
        ("Expenses", "Rent", "Row"),
        (None, "Loose", "FutureRow"),
    ]


def test_a_report_without_rows_or_heads_is_no_error():
    assert flatten({}, call("profit_and_loss")) == []
    assert flatten({"Rows": None}, call("trial_balance")) == []
    headless = report(section("Income", row("Sales", "1", "2")))
    rows = flatten(headless, call("profit_and_loss", JANUARY, DECEMBER))
    assert [each["PeriodEnd"] for each in rows] == ["2026-01-31", "2025-12-31"]


def test_cells_that_are_missing_are_empty_and_extra_ones_without_a_head_have_a_number():
    short = report(header("31 Jan 26", "31 Dec 25"), section("Income", row("Sales", "1")))
    rows = flatten(short, call("profit_and_loss", JANUARY, DECEMBER))
    assert [each["Amount"] for each in rows] == [1, None]
    odd = report(row("Account", "Debit", "", kind="Header"), section("", row("Sales", "1", "2")))
    assert [each["Measure"] for each in flatten(odd, call("trial_balance"))] == [
        "Debit",
        "Column 2",
    ]


@pytest.mark.parametrize(
    ("stream", "heads"),
    [
        ("profit_and_loss", ["31 Jan 26"]),
        ("profit_and_loss", ["31 Jan 26", "30 Dec 25"]),
        ("balance_sheet", ["31 Jan 2026", "30 Nov 2025"]),
        ("budget_summary", ["Jan-26", "Dec-24"]),
        ("executive_summary", ["Jan 2026", "November 2025"]),
    ],
)
def test_a_column_of_another_period_is_an_error(stream, heads):
    with pytest.raises(UnexpectedReportError, match=r"instead of|was asked for"):
        flatten(
            report(header(*heads), section("", row("Total", *("1" for _ in heads)))),
            call(stream, JANUARY, DECEMBER),
        )


@pytest.mark.parametrize(
    ("stream", "heads"),
    [
        ("profit_and_loss", ["31 Jan 26", "31 Dec 25"]),
        ("balance_sheet", ["31 January 2026", "31 Dec 2025"]),
        ("budget_summary", ["Jan-26", "Dec-25"]),
        ("executive_summary", ["Jan 2026", "Dec 2025"]),
        ("profit_and_loss", ["This month", "Last month"]),
        ("profit_and_loss", ["", ""]),
    ],
)
def test_heads_in_every_spelling_are_understood(stream, heads):
    rows = flatten(
        report(header(*heads), section("", row("Total", "1", "2"))),
        call(stream, JANUARY, DECEMBER),
    )
    assert [each["PeriodEnd"] for each in rows] == ["2026-01-31", "2025-12-31"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.00", "0.00"),
        ("-1850.00", "-1850.00"),
        ("(1,234.50)", "-1234.50"),
        ("1,234,567.8", "1234567.8"),
        (".5", "0.5"),
        ("(0.00)", "0.00"),
        ("7.3%", "7.3"),
        ("-413.5%", "-413.5"),
        ("12", "12"),
        ("-6.426484907497565725413826680", "-6.4265"),
    ],
)
def test_figures_keep_their_digits(text, expected):
    found = number(text, 4)
    assert str(found) == expected


@pytest.mark.parametrize("text", ["", "-", "n/a", "2019-03-05", "1.2.3", "()", "%", "NaN", "1e5"])
def test_what_is_no_figure_is_none(text):
    assert number(text, 4) is None


def test_the_figure_is_kept_as_xero_wrote_it_too():
    summary = report(
        header("Jan 2026"),
        section("Position", row("Average creditors days", "-6.426484907497565725413826680")),
        section("Performance", row("Gross profit margin", "100.0%"), row("Net", "")),
    )
    rows = flatten(summary, call("executive_summary"))
    assert [(each["Amount"], each["Value"]) for each in rows] == [
        (Decimal("-6.4264849075"), "-6.426484907497565725413826680"),
        (Decimal("100.0"), "100.0%"),
        (None, None),
    ]


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12
    )
)
def test_every_amount_survives(amount):
    assert number(f"{amount:,}", 4) == amount
    assert number(f"({abs(amount)})", 4) == -abs(amount)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["RowType", "Title", "Cells", "Rows", "Value", "Attributes", "Id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["trial_balance", "profit_and_loss", "executive_summary"]))
def test_no_shape_of_a_report_breaks_it(rows, stream):
    try:
        flat = flatten({"Rows": rows}, call(stream))
    except UnexpectedReportError:
        return  # figures without heads, as above
    keys = [(each["RowKey"], each["Measure"], each["PeriodEnd"]) for each in flat]
    assert len(keys) == len(set(keys))


def test_an_empty_cell_beyond_the_heads_is_no_figure():
    rows = [{"RowType": "Row", "Cells": [{"Value": "Rent"}, None, {"Value": ""}]}]
    assert flatten({"Rows": rows}, call("trial_balance")) == []
