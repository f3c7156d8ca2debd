"""The executive summary: a month, the one before, and some ratios.

Source: Xero's OpenAPI description 16.1.0, example of the executive summary.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from xero_sandbox.reports import periods
from xero_sandbox.reports.account_types import (
    ASSETS,
    DIRECT,
    INCOME,
    LIABILITIES,
    OTHER_INCOME,
    OVERHEADS,
    types_of,
)
from xero_sandbox.reports.layout import Content, header, row, section
from xero_sandbox.wire import money

if TYPE_CHECKING:
    from datetime import date

    from xero_sandbox.reports.general_ledger import GeneralLedger
    from xero_sandbox.reports.parameters import Parameters

_SECTIONS = (
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
    ("Income", ("Number of invoices issued", "Average value of invoices")),
    (
        "Performance",
        ("Gross profit margin", "Net profit margin", "Return on investment (p.a.)"),
    ),
    (
        "Position",
        (
            "Average debtors days",
            "Average creditors days",
            "Short term cash forecast",
            "Current assets to liabilities",
            "Term assets to liabilities",
        ),
    ),
)
_PERCENT = _SECTIONS[4][1]
_DIGITS = 28
"""Digits of a ratio, which Xero does not round."""


def executive_summary(ledger: GeneralLedger, parameters: Parameters) -> Content:
    """Return title, titles and rows of the summary of a month."""
    month = parameters.day("date", parameters.today).replace(day=1)
    before = periods.months_before(month, 1)
    facts = [_month_facts(ledger, first) for first in (month, before)]
    rows = [header("", f"{month:%b %Y}", f"{before:%b %Y}", "Variance")]
    for title, names in _SECTIONS:
        lines = []
        for name in names:
            here, there = facts[0][name], facts[1][name]
            change = (here - there) * 100 / abs(there) if here is not None and there else 0
            lines.append(row(name, [_text(name, here), _text(name, there), f"{change:.1f}%"]))
        rows.append(section(title, lines))
    span = f"For the month of {month:%B %Y}"
    return "Executive Summary", ["Executive Summary", ledger.organisation.name, span], rows


def _text(name: str, value: Decimal | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}%" if name in _PERCENT else str(value)


def _ratio(part: int, whole: int, times: int = 1) -> Decimal | None:
    """A ratio with all the digits there are; None where there is nothing to divide by."""
    if not whole:
        return None
    with localcontext() as context:
        context.prec = _DIGITS
        return Decimal(part * times) / whole


def _month_facts(ledger: GeneralLedger, first: date) -> dict[str, Decimal | None]:
    last = periods.month_end(first)
    result, balances = ledger.movements(first, last), ledger.balances(last)
    flows = ledger.flows(first, last)
    banks = [account for account in flows if ledger.chart.account(account).type == "BANK"]
    received, paid = (sum(flows[account][side] for account in banks) for side in (0, 1))
    income, direct = -ledger.total(INCOME, result), ledger.total(DIRECT, result)
    other, spent = -ledger.total(OTHER_INCOME, result), ledger.total(OVERHEADS, result)
    profit = income - direct + other - spent
    bank = ledger.total(("BANK",), balances)
    accounts = ledger.organisation.accounts
    debtors = balances.get(accounts["debtors"].id, 0)
    creditors = -balances.get(accounts["creditors"].id, 0)
    assets = ledger.total(types_of(ASSETS), balances)
    liabilities = -ledger.total(types_of(LIABILITIES), balances)
    current = ledger.total(types_of(ASSETS[:2]), balances)
    due_soon = -ledger.total(types_of(LIABILITIES[:1]), balances)
    issued, invoiced = ledger.sales_invoices(first, last)
    amounts = {
        "Cash received": received,
        "Cash spent": paid,
        "Cash surplus (deficit)": received - paid,
        "Closing bank balance": bank,
        "Income": income,
        "Direct costs": direct,
        "Gross profit (loss)": income - direct,
        "Other Income": other,
        "Expenses": spent,
        "Profit (loss)": profit,
        "Debtors": debtors,
        "Creditors": creditors,
        "Net assets": assets - liabilities,
        "Average value of invoices": invoiced // issued if issued else 0,
        "Short term cash forecast": debtors - creditors,
    }
    return {
        **{name: money(cents) for name, cents in amounts.items()},
        "Number of invoices issued": Decimal(issued),
        "Gross profit margin": _ratio(income - direct, income, 100),
        "Net profit margin": _ratio(profit, income, 100),
        "Return on investment (p.a.)": _ratio(profit * 12, assets - liabilities, 100),
        "Average debtors days": _ratio(debtors, income, last.day),
        "Average creditors days": _ratio(creditors, direct + spent, last.day),
        "Current assets to liabilities": _ratio(current, due_soon),
        "Term assets to liabilities": None,
    }
