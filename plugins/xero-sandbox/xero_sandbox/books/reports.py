"""Reports in Xero's shape, summed up from the lines of the general ledger.

A report is rows in rows: a Header, Sections with Rows and a SummaryRow; every cell is text, and
cells that belong to an account carry its id as an attribute. As the lines are those of the
journals, reports and journals agree to the cent.

Source: Xero's OpenAPI description 16.1.0, examples of the report operations.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from xero_sandbox.books import periods
from xero_sandbox.books.periods import Period
from xero_sandbox.books.sums import (
    BEGINNING,
    DIRECT,
    INCOME,
    OTHER_INCOME,
    OVERHEADS,
    RESULT,
    Ledger,
    Sums,
)
from xero_sandbox.wire import decode, money, net_date_short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ASSETS = (
    ("Bank", ("BANK",)),
    ("Current Assets", ("CURRENT", "INVENTORY", "PREPAYMENT")),
    ("Fixed Assets", ("FIXED",)),
    ("Non-current Assets", ("NONCURRENT",)),
)
_LIABILITIES = (
    ("Current Liabilities", ("CURRLIAB", "LIABILITY", "PAYG")),
    ("Non-Current Liabilities", ("TERMLIAB",)),
)
_TRIAL = (
    ("Revenue", (*INCOME, *OTHER_INCOME)),
    ("Expenses", (*DIRECT, *OVERHEADS)),
    ("Assets", tuple(kind for _, kinds in _ASSETS for kind in kinds)),
    ("Liabilities", tuple(kind for _, kinds in _LIABILITIES for kind in kinds)),
    ("Equity", ("EQUITY",)),
)

Row = dict[str, Any]


def report(ledger: Ledger, name: str, parameters: Mapping[str, str], now: int) -> dict[str, Any]:
    """Return a report as an element of `Reports`.

    Args:
        ledger: The organisation's ledger.
        name: One of `REPORTS`.
        parameters: Query parameters; their names in any case.
        now: Milliseconds.

    Raises:
        LookupError: There is no such report.
        ValueError: A parameter cannot be read; the text says which.
    """
    if name not in REPORTS:
        raise LookupError(f"There is no report {name}; known are {', '.join(sorted(REPORTS))}.")
    today = periods.day_of(ledger.organisation.local_day(now))
    asked = _Asked({key.lower(): value for key, value in parameters.items()}, today)
    title, titles, rows = REPORTS[name](ledger, asked)
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


class _Asked:
    """The parameters of a request for a report."""

    def __init__(self, values: Mapping[str, str], today: date) -> None:
        self._values, self.today = values, today

    def day(self, name: str, default: date) -> date:
        text = self._values.get(name.lower())
        if not text:
            return default
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            raise ValueError(f"The parameter {name} is not a date: '{text}'.") from None

    def number(self, name: str, highest: int) -> int:
        text = self._values.get(name.lower(), "0")
        if not text.isdigit() or int(text) > highest:
            raise ValueError(f"The parameter {name} must be from 1 to {highest}, not '{text}'.")
        return int(text)

    @property
    def timeframe(self) -> str:
        text = self._values.get("timeframe", "MONTH").upper()
        if text not in ("MONTH", "QUARTER", "YEAR"):
            raise ValueError(f"The parameter timeframe is MONTH, QUARTER or YEAR, not '{text}'.")
        return text

    def options(self, *names: str) -> list[str]:
        found = (self._values.get(name.lower()) for name in names)
        return [option.lower() for option in found if option]


def _cell(value: str, account: str | None = None, attribute: str = "account") -> Row:
    if account is None:
        return {"Value": value}
    return {"Value": value, "Attributes": [{"Value": account, "Id": attribute}]}


def _header(*values: str) -> Row:
    return {"RowType": "Header", "Cells": [_cell(value) for value in values]}


def _row(label: str, values: Sequence[str], account: str | None = None) -> Row:
    cells = [_cell(label, account), *(_cell(value, account) for value in values)]
    return {"RowType": "Row", "Cells": cells}


def _summary(label: str, amounts: Sequence[int]) -> Row:
    cells = [_cell(label), *(_cell(str(money(amount))) for amount in amounts)]
    return {"RowType": "SummaryRow", "Cells": cells}


def _section(title: str, rows: list[Row]) -> Row:
    return {"RowType": "Section", "Title": title, "Rows": rows}


def _amounts(amounts: Sequence[int]) -> list[str]:
    return [str(money(amount)) for amount in amounts]


def _trial_balance(ledger: Ledger, asked: _Asked) -> tuple[str, list[str], list[Row]]:
    day = asked.day("date", asked.today)
    month = ledger.sums(day.replace(day=1), day)
    year = ledger.position(day)
    rows = [_header("Account", "Debit", "Credit", "YTD Debit", "YTD Credit")]
    totals = [0, 0, 0, 0]
    for title, kinds in _TRIAL:
        lines = []
        for account in ledger.of(kinds, month, year):
            code, _, name = ledger.face(account)
            values = []
            for place, cents in ((0, month.get(account, 0)), (2, year.get(account, 0))):
                debit, credit = max(cents, 0), max(-cents, 0)
                totals[place] += debit
                totals[place + 1] += credit
                values += [str(money(debit)) if debit else "", str(money(credit))]
                if debit:
                    values[-1] = ""
            lines.append(_row(f"{name} ({code})" if code else name, values, account))
        if lines:
            rows.append(_section(title, lines))
    rows.append(_section("", [_summary("Total", totals)]))
    titles = ["Trial Balance", ledger.organisation.name, f"As at {periods.long(day)}"]
    return "Trial Balance", titles, rows


def _block(
    ledger: Ledger, title: str, kinds: Sequence[str], columns: Sequence[Sums], sign: int
) -> tuple[list[Row], list[int]]:
    """Return a section with its accounts and total, nothing where there is no account."""
    accounts = ledger.of(kinds, *columns)
    totals = [sign * ledger.total(kinds, column) for column in columns]
    if not accounts:
        return [], totals
    rows = [
        _row(
            ledger.face(account)[2],
            _amounts([sign * column.get(account, 0) for column in columns]),
            account,
        )
        for account in accounts
    ]
    name = title.removeprefix("Less ").removeprefix("Plus ")
    return [_section(title, [*rows, _summary(f"Total {name}", totals)])], totals


def _added(*columns: Sequence[int]) -> list[int]:
    return [sum(amounts) for amounts in zip(*columns, strict=True)]


def _balance_sheet(ledger: Ledger, asked: _Asked) -> tuple[str, list[str], list[Row]]:
    day = asked.day("date", periods.month_end(asked.today))
    number = asked.number("periods", 11)
    # Unless told otherwise Xero compares with the year before.
    days = periods.compared(day, number or 1, asked.timeframe if number else "YEAR")
    options = asked.options("trackingOptionID1", "trackingOptionID2")
    columns = [ledger.position(end, options) for end in days]
    rows = [_header("", *map(periods.short, days))]
    sides = []
    for side, blocks, sign in (("Assets", _ASSETS, 1), ("Liabilities", _LIABILITIES, -1)):
        rows.append(_section(side, []))
        total = [0] * len(columns)
        for title, kinds in blocks:
            section, amounts = _block(ledger, title, kinds, columns, sign)
            rows += section
            total = _added(total, amounts)
        rows.append(_section("", [_summary(f"Total {side}", total)]))
        sides.append(total)
    net = [assets - liabilities for assets, liabilities in zip(*sides, strict=True)]
    rows.append(_section("", [_row("Net Assets", _amounts(net))]))
    earnings = [-ledger.total(RESULT, column) for column in columns]
    equity, capital = _block(ledger, "Equity", ("EQUITY",), columns, -1)
    lines = equity[0]["Rows"][:-1] if equity else []
    lines = [_row("Current Year Earnings", _amounts(earnings)), *lines]
    rows.append(_section("Equity", [*lines, _summary("Total Equity", _added(capital, earnings))]))
    titles = ["Balance Sheet", ledger.organisation.name, f"As at {periods.long(day)}"]
    return "Balance Sheet", titles, rows


def _profit_and_loss(ledger: Ledger, asked: _Asked) -> tuple[str, list[str], list[Row]]:
    last = asked.day("toDate", periods.month_end(asked.today))
    first = asked.day("fromDate", last.replace(day=1))
    if first > last:
        raise ValueError("The parameter fromDate must not be after toDate.")
    spans = periods.compared_periods(
        Period(first, last), asked.number("periods", 11), asked.timeframe
    )
    options = asked.options("trackingOptionID", "trackingOptionID2")
    columns = [ledger.sums(*span, options) for span in spans]
    heads = [f"{periods.short(a)} to {periods.short(b)}" for a, b in spans]
    rows = [_header("", *heads)]
    income, earned = _block(ledger, "Income", INCOME, columns, -1)
    direct, cost = _block(ledger, "Less Cost of Sales", DIRECT, columns, 1)
    other, besides = _block(ledger, "Plus Other Income", OTHER_INCOME, columns, -1)
    overheads, spent = _block(ledger, "Less Operating Expenses", OVERHEADS, columns, 1)
    gross = [a - b for a, b in zip(earned, cost, strict=True)]
    net = [g + o - s for g, o, s in zip(gross, besides, spent, strict=True)]
    rows += [
        *income,
        *direct,
        _section("", [_row("Gross Profit", _amounts(gross))]),
        *other,
        *overheads,
        _section("", [_row("Net Profit", _amounts(net))]),
    ]
    span = f"{periods.long(first)} to {periods.long(last)}"
    return "Profit and Loss", ["Profit & Loss", ledger.organisation.name, span], rows


def _bank_summary(ledger: Ledger, asked: _Asked) -> tuple[str, list[str], list[Row]]:
    last = asked.day("toDate", periods.month_end(asked.today))
    first = asked.day("fromDate", last.replace(day=1))
    opening = ledger.sums(BEGINNING, first - timedelta(days=1))
    flows = ledger.flows(first, last)
    rows, totals = [], [0, 0, 0, 0]
    for account in ledger.of(("BANK",), opening, dict.fromkeys(flows, 1)):
        came, went = flows.get(account, (0, 0))
        before = opening.get(account, 0)
        amounts = [before, came, went, before + came - went]
        totals = _added(totals, amounts)
        texts = _amounts(amounts)
        cells = [
            _cell(ledger.face(account)[2], account, "accountID"),
            _cell(texts[0]),
            _cell(texts[1], account),
            _cell(texts[2], account),
            _cell(texts[3]),
        ]
        rows.append({"RowType": "Row", "Cells": cells})
    head = _header(
        "Bank Accounts", "Opening Balance", "Cash Received", "Cash Spent", "Closing Balance"
    )
    span = f"From {periods.long(first)} to {periods.long(last)}"
    titles = ["Bank Summary", ledger.organisation.name, span]
    return "Bank Summary", titles, [head, _section("", [*rows, _summary("Total", totals)])]


def _budget_summary(ledger: Ledger, asked: _Asked) -> tuple[str, list[str], list[Row]]:
    start = asked.day("date", asked.today).replace(day=1)
    count = asked.number("periods", 12) or 12
    ends = [periods.months_before(start, -number) for number in range(count)]
    organisation = ledger.organisation
    text = ledger.store.get(organisation.tenant_id, "Budgets", organisation.id_of("budget", 0))
    budget = {"BudgetLines": []} if text is None else decode(text)
    columns: list[Sums] = [{} for _ in ends]
    for line in budget["BudgetLines"]:
        planned = {item["Period"]: item["Amount"] for item in line["BudgetBalances"]}
        for column, month in zip(columns, ends, strict=True):
            column[line["AccountID"]] = int(planned.get(f"{month:%Y-%m}", 0) * 100)
    rows = [_header("Account", *(f"{month:%b-%y}" for month in ends))]
    income, earned = _block(ledger, "Income", (*INCOME, *OTHER_INCOME), columns, 1)
    direct, cost = _block(ledger, "Less Cost of Sales", DIRECT, columns, 1)
    overheads, spent = _block(ledger, "Less Operating Expenses", OVERHEADS, columns, 1)
    gross = [a - b for a, b in zip(earned, cost, strict=True)]
    net = [a - b for a, b in zip(gross, spent, strict=True)]
    rows += [
        *income,
        *direct,
        _section("", [_summary("Gross Profit", gross)]),
        *overheads,
        _section("", [_summary("Net Profit", net)]),
    ]
    span = f"{ends[0]:%B %Y} to {ends[-1]:%B %Y}"
    titles = ["Overall Budget", "Budget Summary", organisation.name, span]
    return "Budget Summary", titles, rows


def _executive_summary(ledger: Ledger, asked: _Asked) -> tuple[str, list[str], list[Row]]:
    month = asked.day("date", asked.today).replace(day=1)
    before = periods.months_before(month, 1)
    facts = [_month_facts(ledger, first) for first in (month, before)]
    rows = [_header("", f"{month:%b %Y}", f"{before:%b %Y}", "Variance")]
    for title, names in _EXECUTIVE:
        lines = []
        for name in names:
            here, there = facts[0][name], facts[1][name]
            change = (here - there) * 100 / abs(there) if there else 0
            values = [*_amounts([here, there]), f"{change:.1f}%"]
            lines.append(_row(name, values))
        rows.append(_section(title, lines))
    span = f"For the month of {month:%B %Y}"
    return "Executive Summary", ["Executive Summary", ledger.organisation.name, span], rows


_EXECUTIVE = (
    ("Cash", ("Cash received", "Cash spent", "Cash surplus (deficit)", "Closing bank balance")),
    (
        "Profitability",
        (
            "Income",
            "Direct costs",
            "Gross profit (loss)",
            "Other Income",
            "Expenses",
            "Profit (loss)",
        ),
    ),
    ("Balance Sheet", ("Debtors", "Creditors", "Net assets")),
)


def _month_facts(ledger: Ledger, first: date) -> dict[str, int]:
    last = periods.month_end(first)
    result, position = ledger.sums(first, last), ledger.position(last)
    flows = ledger.flows(first, last)
    banks = [account for account in flows if ledger.face(account)[1] == "BANK"]
    came, went = (sum(flows[account][side] for account in banks) for side in (0, 1))
    income, direct = -ledger.total(INCOME, result), ledger.total(DIRECT, result)
    other, spent = -ledger.total(OTHER_INCOME, result), ledger.total(OVERHEADS, result)
    accounts = ledger.organisation.accounts
    assets = ledger.total(_TRIAL[2][1], position)
    liabilities = -ledger.total(_TRIAL[3][1], position)
    return {
        "Cash received": came,
        "Cash spent": went,
        "Cash surplus (deficit)": came - went,
        "Closing bank balance": ledger.total(("BANK",), position),
        "Income": income,
        "Direct costs": direct,
        "Gross profit (loss)": income - direct,
        "Other Income": other,
        "Expenses": spent,
        "Profit (loss)": income - direct + other - spent,
        "Debtors": position.get(accounts["debtors"].id, 0),
        "Creditors": -position.get(accounts["creditors"].id, 0),
        "Net assets": assets - liabilities,
    }


REPORTS: dict[str, Callable[[Ledger, _Asked], tuple[str, list[str], list[Row]]]] = {
    "BalanceSheet": _balance_sheet,
    "BankSummary": _bank_summary,
    "BudgetSummary": _budget_summary,
    "ExecutiveSummary": _executive_summary,
    "ProfitAndLoss": _profit_and_loss,
    "TrialBalance": _trial_balance,
}
