"""Reports beyond the statements agree with Xero's own figures, or with a second way to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import duckdb

BUCKETS = ("current", "less_than_1_month", "months_1", "months_2", "months_3", "older")


def _rows(connection: duckdb.DuckDBPyConnection, query: str, **values: object) -> list[Any]:
    return connection.execute(query, values).fetchall()


def _month_ends(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield following - timedelta(days=1)
        day = following


def test_documents_are_paid_on_the_day_that_xero_says(marts) -> None:
    project, _, connection = marts
    theirs = {
        (row["tenant_id"], row["invoice_id"]): row["fully_paid_on_date"]
        for row in project.rows("invoices")
        if row["status"] == "PAID"
    }
    query = "SELECT tenant_id, document_id, paid_on FROM marts.paid_documents"
    ours = {(tenant, document): paid for tenant, document, paid in _rows(connection, query)}
    assert ours
    assert ours == theirs


def _column(due: date, month_end: date) -> str:
    """Where Xero's aged reports with periods of a month show what is due on a day."""
    if due >= month_end:
        return "current"
    months = 0
    while _a_month_later(due, months + 1) <= month_end:
        months += 1
    return BUCKETS[min(months + 1, len(BUCKETS) - 1)]


def _a_month_later(day: date, months: int) -> date:
    """The same day some months on, or the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(
        following - timedelta(days=1), date(year, month + 1, 1) + timedelta(days=day.day - 1)
    )


def test_aged_receivables_of_today_are_what_xero_says_is_due_in_its_columns(marts) -> None:
    """AmountDue and RemainingCredit are Xero's own; the running month's end sees all of today."""
    project, xero, connection = marts
    today = xero.clock.now().date()
    (month_end,) = _month_ends(today, today)
    theirs: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in project.rows("invoices"):
        if row["type"] == "ACCREC" and row["status"] == "AUTHORISED":
            column = _column(row["due_date"], month_end)
            theirs[row["tenant_id"], row["currency_code"], column] += row["amount_due"]
    for table, kind in (
        ("credit_notes", "ACCRECCREDIT"),
        ("prepayments", "RECEIVE-PREPAYMENT"),
        ("overpayments", "RECEIVE-OVERPAYMENT"),
    ):
        for row in project.rows(table):
            if row["type"] == kind and row["status"] == "AUTHORISED":
                column = _column(row["date"], month_end)
                theirs[row["tenant_id"], row["currency_code"], column] -= row["remaining_credit"]
    query = """
        SELECT d.tenant_id, c.code, greatest(least(d.months_overdue, 4), -1), sum(d.open_amount)
        FROM marts.open_documents AS d JOIN marts.dim_currency AS c USING (currency_key)
        WHERE d.month_end = $month_end AND d.is_receivable GROUP BY ALL
    """
    ours = {
        (tenant, currency, BUCKETS[months + 1]): amount
        for tenant, currency, months, amount in _rows(connection, query, month_end=month_end)
    }
    assert len(ours) > 8
    assert ours == {key: amount for key, amount in theirs.items() if amount}


def test_the_overall_budget_is_that_of_xeros_budget_summary(marts) -> None:
    _, xero, connection = marts
    for tenant in xero.tenants:
        parameters = {"date": "2025-02-28", "periods": "12", "timeframe": "1"}
        report = xero.books.report(tenant.tenant_id, "BudgetSummary", parameters)
        months = list(_month_ends(date(2025, 2, 1), date(2026, 1, 31)))
        theirs = {}
        for section in report["Rows"]:
            for row in section.get("Rows", ()):
                head, *cells = row["Cells"]
                ids = [a["Value"] for a in head.get("Attributes", ()) if a["Id"] == "account"]
                if ids and row["RowType"] == "Row":
                    theirs |= {
                        (ids[0], month): Decimal(cell["Value"])
                        for month, cell in zip(months, cells, strict=True)
                    }
        query = """
            SELECT a.account_id, b.month_end, b.budget, b.actual - p.amount
            FROM marts.budget_against_actual AS b JOIN marts.dim_account AS a USING (account_key)
            LEFT JOIN marts.profit_and_loss AS p
              ON p.account_key = b.account_key AND p.month_end = b.month_end AND p.basis = 'accrual'
            WHERE b.tenant_id = $tenant AND b.tracking_option_key IS NULL
              AND b.month_end BETWEEN DATE '2025-02-01' AND DATE '2026-01-31'
        """
        rows = _rows(connection, query, tenant=tenant.tenant_id)
        assert {(account, month): budget for account, month, budget, _ in rows if budget} == theirs
        assert len(theirs) > 70
        assert {off for *_, off in rows if off is not None} == {0}


def test_what_happens_to_a_customer_follows_on_from_what_happened_before(marts) -> None:
    """A customer is new once, opens with what the month before closed with, and returns if lost."""
    _, _, connection = marts
    query = """
        SELECT contact_key, period_start, change, opening, closing FROM marts.customer_changes
        WHERE period = 'month' ORDER BY contact_key, period_start
    """
    lives: dict[str, list[Any]] = defaultdict(list)
    for contact, *step in _rows(connection, query):
        lives[contact].append(step)
    assert len(lives) > 10
    changes = set()
    for steps in lives.values():
        assert [change for _, change, *_ in steps].count("new") == 1
        assert steps[0][1] == "new"
        for (_, before, _, closed), (_, change, opening, _) in pairwise(steps):
            changes.add(change)
            assert opening == (0 if before == "lost" else closed)
            assert (before == "lost") == (change == "returned")
    assert changes >= {"returned", "expansion", "contraction", "lost"}
