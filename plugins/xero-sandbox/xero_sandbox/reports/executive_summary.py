"""The executive summary: a month, the one before, and some ratios.

Source: Xero's OpenAPI description 16.1.0, example of the executive summary.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from xero_sandbox.reports import periods
from xero_sandbox.reports.kinds import ASSETS, LIABILITIES, of_blocks
from xero_sandbox.reports.layout import Row, header, row, section
from xero_sandbox.reports.sums import DIRECT, INCOME, OTHER_INCOME, OVERHEADS
from xero_sandbox.wire import money

if TYPE_CHECKING:
    from datetime import date

    from xero_sandbox.reports.parameters import Asked
    from xero_sandbox.reports.sums import Ledger

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


def executive_summary(ledger: Ledger, asked: Asked) -> tuple[str, list[str], list[Row]]:
    """Return title, titles and rows of the summary of a month."""
    month = asked.day("date", asked.today).replace(day=1)
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


def _month_facts(ledger: Ledger, first: date) -> dict[str, Decimal | None]:
    last = periods.month_end(first)
    result, position = ledger.sums(first, last), ledger.position(last)
    flows = ledger.flows(first, last)
    banks = [account for account in flows if ledger.chart.account(account).type == "BANK"]
    came, went = (sum(flows[account][side] for account in banks) for side in (0, 1))
    income, direct = -ledger.total(INCOME, result), ledger.total(DIRECT, result)
    other, spent = -ledger.total(OTHER_INCOME, result), ledger.total(OVERHEADS, result)
    profit = income - direct + other - spent
    bank = ledger.total(("BANK",), position)
    accounts = ledger.organisation.accounts
    debtors = position.get(accounts["debtors"].id, 0)
    creditors = -position.get(accounts["creditors"].id, 0)
    assets = ledger.total(of_blocks(ASSETS), position)
    liabilities = -ledger.total(of_blocks(LIABILITIES), position)
    current = ledger.total(of_blocks(ASSETS[:2]), position)
    due_soon = -ledger.total(of_blocks(LIABILITIES[:1]), position)
    issued, invoiced = ledger.invoiced(first, last)
    sums = {
        "Cash received": came,
        "Cash spent": went,
        "Cash surplus (deficit)": came - went,
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
        **{name: money(cents) for name, cents in sums.items()},
        "Number of invoices issued": Decimal(issued),
        "Gross profit margin": _ratio(income - direct, income, 100),
        "Net profit margin": _ratio(profit, income, 100),
        "Return on investment (p.a.)": _ratio(profit * 12, assets - liabilities, 100),
        "Average debtors days": _ratio(debtors, income, last.day),
        "Average creditors days": _ratio(creditors, direct + spent, last.day),
        "Current assets to liabilities": _ratio(current, due_soon),
        "Term assets to liabilities": None,
    }
