"""Reports in Xero's shape, summed up from the lines of the general ledger.

As the lines are those of the journals, reports and journals agree to the cent.

Source: Xero, Reports; Xero's OpenAPI description 16.1.0, examples of the report operations. Of how
the profit and loss by tracking category looks the sources say only that each option is a column;
that what has no option follows as `Unassigned`, then the `Total`, and that `periods` is not heeded
then, is as in Xero's own report.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from xero_sandbox.reports import periods
from xero_sandbox.reports.account_types import (
    ASSETS,
    DIRECT,
    INCOME,
    LIABILITIES,
    OTHER_INCOME,
    OVERHEADS,
    RESULT,
    types_of,
)
from xero_sandbox.reports.executive_summary import executive_summary
from xero_sandbox.reports.general_ledger import BEGINNING, Amounts, GeneralLedger
from xero_sandbox.reports.layout import (
    Content,
    block,
    cell,
    header,
    row,
    section,
    summary,
    texts,
    totals_of,
)
from xero_sandbox.reports.parameters import Parameters
from xero_sandbox.stories.features import CURRENCY
from xero_sandbox.wire import decode, net_date_short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xero_sandbox.ledger.chart import Chart
    from xero_sandbox.reports.periods import Period
    from xero_sandbox.store import Store
    from xero_sandbox.stories.organisation import Organisation

_TRIAL = (
    ("Revenue", (*INCOME, *OTHER_INCOME)),
    ("Expenses", (*DIRECT, *OVERHEADS)),
    ("Assets", types_of(ASSETS)),
    ("Liabilities", types_of(LIABILITIES)),
    ("Equity", ("EQUITY",)),
)
_NO_ACCOUNT = "00000000-0000-0000-0000-000000000000"
"""What Xero puts where a row, the current year's earnings, is no account of the chart."""


def report(
    organisation: Organisation,
    store: Store,
    chart: Chart,
    name: str,
    query: Mapping[str, str],
    now: int,
) -> dict[str, Any]:
    """Return a report as an element of `Reports`.

    Args:
        organisation: Whose it is.
        store: Where the ledger and the documents are.
        chart: Its accounts.
        name: One of `REPORTS`.
        query: Query parameters; their names in any case.
        now: Milliseconds.

    Raises:
        LookupError: There is no such report.
        ValueError: A parameter cannot be read; the text says which.
    """
    if name not in REPORTS:
        raise LookupError(f"There is no report {name}; known are {', '.join(sorted(REPORTS))}.")
    today = periods.day_of(organisation.local_day(now))
    parameters = Parameters(query, today)
    cash = parameters.cash and name in _ON_CASH_BASIS
    ledger = GeneralLedger(organisation, store, chart, cash=cash)
    title, titles, rows = REPORTS[name](ledger, parameters)
    return {
        "ReportID": name,
        "ReportName": title,
        "ReportType": name,
        "ReportTitles": titles,
        "ReportDate": periods.long(today),
        "UpdatedDateUTC": net_date_short(now),
        "Fields": [],
        "Rows": rows,
    }


def _trial_balance(ledger: GeneralLedger, parameters: Parameters) -> Content:
    day = parameters.day("date", parameters.today)
    month = ledger.movements(day.replace(day=1), day)
    year = ledger.balances(day)
    rows = [header("Account", "Debit", "Credit", "YTD Debit", "YTD Credit")]
    totals = [0, 0, 0, 0]
    for title, types in _TRIAL:
        lines = []
        for account in ledger.accounts(types, month, year):
            code, _, name = ledger.chart.account(account)
            sides = [_sides(column.get(account, 0), title) for column in (month, year)]
            amounts = [*sides[0], *sides[1]]
            totals = [total + (amount or 0) for total, amount in zip(totals, amounts, strict=True)]
            values = ["" if amount is None else texts([amount])[0] for amount in amounts]
            lines.append(row(f"{name} ({code})" if code else name, values, account))
        if lines:
            rows.append(section(title, lines))
    rows.append(section("", [summary("Total", totals)]))
    titles = ["Trial Balance", ledger.organisation.name, f"As at {periods.long(day)}"]
    return "Trial Balance", titles, rows


def _sides(cents: int, title: str) -> tuple[int | None, int | None]:
    """Debit and credit of a balance, one of them empty; nil stands where the section's is."""
    debit = cents > 0 or (cents == 0 and title in ("Expenses", "Assets"))
    return (cents, None) if debit else (None, -cents)


def _balance_sheet(ledger: GeneralLedger, parameters: Parameters) -> Content:
    day = periods.month_end(parameters.day("date", parameters.today))
    number = parameters.number("periods", 11)
    # Unless told otherwise Xero compares with the year before.
    days = periods.compared(day, number or 1, parameters.timeframe if number else "YEAR")
    parameter_options = (parameters.text("trackingOptionID1"), parameters.text("trackingOptionID2"))
    options = [option for option in parameter_options if option]
    columns = [ledger.balances(end, options) for end in days]
    rows = [header("", *map(periods.short, days))]
    sides = []
    for side, blocks, sign in (("Assets", ASSETS, 1), ("Liabilities", LIABILITIES, -1)):
        rows.append(section(side, []))
        total = [0] * len(columns)
        for title, types in blocks:
            sections, amounts = block(ledger, title, types, columns, sign)
            rows += sections
            total = totals_of(total, amounts)
        rows.append(section("", [summary(f"Total {side}", total)]))
        sides.append(total)
    net = [assets - liabilities for assets, liabilities in zip(*sides, strict=True)]
    rows.append(section("", [row("Net Assets", texts(net))]))
    earnings = [-ledger.total(RESULT, column) for column in columns]
    equity, capital = block(ledger, "Equity", ("EQUITY",), columns, -1)
    lines = equity[0]["Rows"][:-1] if equity else []
    lines = [row("Current Year Earnings", texts(earnings), _NO_ACCOUNT), *lines]
    rows.append(section("Equity", [*lines, summary("Total Equity", totals_of(capital, earnings))]))
    titles = ["Balance Sheet", ledger.organisation.name, f"As at {periods.long(day)}"]
    return "Balance Sheet", titles, rows


def _profit_and_loss(ledger: GeneralLedger, parameters: Parameters) -> Content:
    span = parameters.span()
    if parameters.text("trackingCategoryID"):
        heads, columns = _by_option(ledger, parameters, span)
    elif parameters.text("trackingOptionID"):
        raise ValueError("TrackingCategoryID1 must be provided if a TrackingOptionID1 is provided.")
    else:
        spans = periods.compared_periods(
            span, parameters.number("periods", 11), parameters.timeframe
        )
        columns = [ledger.movements(*each) for each in spans]
        heads = [periods.shorter(each.last) for each in spans]
    rows = [header("", *heads)]
    income, earned = block(ledger, "Income", INCOME, columns, -1)
    direct, cost = block(ledger, "Less Cost of Sales", DIRECT, columns, 1)
    other, besides = block(ledger, "Plus Other Income", OTHER_INCOME, columns, -1)
    overheads, spent = block(ledger, "Less Operating Expenses", OVERHEADS, columns, 1)
    gross = [a - b for a, b in zip(earned, cost, strict=True)]
    net = [g + o - s for g, o, s in zip(gross, besides, spent, strict=True)]
    rows += [
        *income,
        *direct,
        section("", [row("Gross Profit", texts(gross))]),
        *other,
        *overheads,
        section("", [row("Net Profit", texts(net))]),
    ]
    days = f"{periods.long(span.first)} to {periods.long(span.last)}"
    return "Profit and Loss", ["Profit & Loss", ledger.organisation.name, days], rows


def _by_option(
    ledger: GeneralLedger, parameters: Parameters, span: Period
) -> tuple[list[str], list[Amounts]]:
    """Heads and sums of the columns of a profit and loss by tracking category, or two of them.

    An option that was archived is shown where it has figures.
    """
    first = _options(ledger, parameters, "")
    second = _options(ledger, parameters, "2")
    pairs = [[one, other] for one in first for other in second] or [[one] for one in first]
    sums = [
        ledger.movements(*span, [option["TrackingOptionID"] for option in pair]) for pair in pairs
    ]
    shown = [
        (pair, column)
        for pair, column in zip(pairs, sums, strict=True)
        if any(column.values()) or all(option["Status"] == "ACTIVE" for option in pair)
    ]
    heads = [" ".join(option["Name"] for option in pair) for pair, _ in shown]
    columns = [column for _, column in shown]
    if not parameters.text("trackingOptionID"):
        total = ledger.movements(*span)
        rest = {
            account: cents - sum(column.get(account, 0) for column in columns)
            for account, cents in total.items()
        }
        heads += ["Unassigned", "Total"]
        columns += [rest, total]
    return heads, columns


def _options(ledger: GeneralLedger, parameters: Parameters, which: str) -> list[dict[str, Any]]:
    """The tracking options that a request names: those of a category, or one of them."""
    category_id = parameters.text(f"trackingCategoryID{which}")
    option_id = parameters.text(f"trackingOptionID{which}")
    if category_id is None:
        return []
    text = ledger.store.get(ledger.organisation.tenant_id, "TrackingCategories", category_id)
    if text is None:
        raise ValueError(f"There is no tracking category {category_id}.")
    return [
        option
        for option in decode(text)["Options"]
        if option_id == option["TrackingOptionID"]
        or (option_id is None and option["Status"] != "DELETED")
    ]


def _bank_summary(ledger: GeneralLedger, parameters: Parameters) -> Content:
    first, last = parameters.span()
    opening = ledger.movements(BEGINNING, first - timedelta(days=1))
    flows = ledger.flows(first, last)
    closing = ledger.movements(BEGINNING, last)
    gains = CURRENCY in ledger.organisation.features
    rows, totals = [], [0] * (5 if gains else 4)
    for account in ledger.accounts(("BANK",), opening, dict.fromkeys(flows, 1)):
        received, paid = flows.get(account, (0, 0))
        before, after = opening.get(account, 0), closing.get(account, 0)
        gain = [after - before - received + paid] if gains else []
        amounts = [before, received, paid, *gain, after]
        totals = totals_of(totals, amounts)
        opened, cash_in, cash_out, *rest = texts(amounts)
        cells = [
            cell(ledger.chart.account(account).name, account, "accountID"),
            cell(opened),
            cell(cash_in, account),
            cell(cash_out, account),
            *map(cell, rest),
        ]
        rows.append({"RowType": "Row", "Cells": cells})
    measures = ["Opening Balance", "Cash Received", "Cash Spent", "FX Gain", "Closing Balance"]
    head = header("Bank Accounts", *(name for name in measures if gains or name != "FX Gain"))
    span = f"From {periods.long(first)} to {periods.long(last)}"
    titles = ["Bank Summary", ledger.organisation.name, span]
    return "Bank Summary", titles, [head, section("", [*rows, summary("Total", totals)])]


def _budget_summary(ledger: GeneralLedger, parameters: Parameters) -> Content:
    count = parameters.number("periods", 12) or 12
    spans = periods.ahead(parameters.day("date", parameters.today), count, parameters.budget_months)
    organisation = ledger.organisation
    text = ledger.store.get(organisation.tenant_id, "Budgets", organisation.id_of("budget", 0))
    budget = {"BudgetLines": []} if text is None else decode(text)
    columns: list[Amounts] = [{} for _ in spans]
    for line in budget["BudgetLines"]:
        for column, span in zip(columns, spans, strict=True):
            first, last = f"{span.first:%Y-%m}", f"{span.last:%Y-%m}"
            planned = (
                int(balance["Amount"] * 100)
                for balance in line["BudgetBalances"]
                if first <= balance["Period"] <= last
            )
            column[line["AccountID"]] = sum(planned)
    # A period is called by its last month.
    rows = [header("Account", *(f"{span.last:%b-%y}" for span in spans))]
    income, earned = block(ledger, "Income", (*INCOME, *OTHER_INCOME), columns, 1)
    direct, cost = block(ledger, "Less Cost of Sales", DIRECT, columns, 1)
    overheads, spent = block(ledger, "Less Operating Expenses", OVERHEADS, columns, 1)
    gross = [a - b for a, b in zip(earned, cost, strict=True)]
    net = [a - b for a, b in zip(gross, spent, strict=True)]
    rows += [
        *income,
        *direct,
        section("", [summary("Gross Profit", gross)]),
        *overheads,
        section("", [summary("Net Profit", net)]),
    ]
    days = f"{spans[0].first:%B %Y} to {spans[-1].last:%B %Y}"
    titles = ["Overall Budget", "Budget Summary", organisation.name, days]
    return "Budget Summary", titles, rows


REPORTS: dict[str, Callable[[GeneralLedger, Parameters], Content]] = {
    "BalanceSheet": _balance_sheet,
    "BankSummary": _bank_summary,
    "BudgetSummary": _budget_summary,
    "ExecutiveSummary": executive_summary,
    "ProfitAndLoss": _profit_and_loss,
    "TrialBalance": _trial_balance,
}
_ON_CASH_BASIS = ("BalanceSheet", "ProfitAndLoss", "TrialBalance")
"""Reports that heed `paymentsOnly`."""
