"""Trial balance and statements of the marts beside the reports of the sandbox, by account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
from xero_sandbox.sandbox import Sandbox

STATEMENTS = {"profit_and_loss": "ProfitAndLoss", "balance_sheet": "BalanceSheet"}
_EARNINGS = str(UUID(int=0))
"""What stands for an account in Xero's line of the running year's result."""


class Figure(NamedTuple):
    """One figure of ours beside the one of Xero's; None where one of the two has none."""

    tenant_id: str
    table: str
    month_end: date
    account: str
    ours: Decimal | None
    theirs: Decimal | None


def months(connection: duckdb.DuckDBPyConnection, tenant_id: str) -> list[tuple[date, date]]:
    """First and last days of the months of the last two years, the running one as of its end."""
    query = """
        SELECT month_start, month_end FROM marts.dim_month
        WHERE tenant_id = $tenant ORDER BY month_end DESC LIMIT 24
    """
    return connection.execute(query, {"tenant": tenant_id}).fetchall()


def trial_balances(
    xero: Sandbox, connection: duckdb.DuckDBPyConnection, basis: str
) -> list[Figure]:
    """Movement and balance of every account at 24 month ends, of every organisation."""
    figures = []
    for tenant in xero.tenants:
        rows = connection.execute(
            """
            SELECT month_end, a.account_id, movement, balance FROM marts.trial_balance AS t
            JOIN marts.dim_account AS a USING (account_key)
            WHERE t.tenant_id = $tenant AND basis = $basis
            """,
            {"tenant": tenant.tenant_id, "basis": basis},
        ).fetchall()
        for _, day in months(connection, tenant.tenant_id):
            asked = {"date": day.isoformat()}
            report = dict(_accounts(xero, tenant.tenant_id, "TrialBalance", basis, asked))
            for place, table in ((0, "movement"), (1, "balance")):
                ours = {account: amounts[place] for m, account, *amounts in rows if m == day}
                theirs = {
                    account: cells[2 * place] - cells[2 * place + 1]
                    for account, cells in report.items()
                }
                figures += _beside(tenant.tenant_id, table, day, ours, theirs)
    return figures


def statements(xero: Sandbox, connection: duckdb.DuckDBPyConnection, basis: str) -> list[Figure]:
    """Every line of profit and loss and balance sheet of twelve months, the earnings lines too."""
    figures = []
    for tenant in xero.tenants:
        for table, name in STATEMENTS.items():
            query = f"""
                SELECT month_end, coalesce(a.account_id, '{_EARNINGS}'), amount
                FROM marts.{table} AS s LEFT JOIN marts.dim_account AS a USING (account_key)
                WHERE s.tenant_id = $tenant AND basis = $basis
            """
            asked = {"tenant": tenant.tenant_id, "basis": basis}
            rows = connection.execute(query, asked).fetchall()
            for first, last in months(connection, tenant.tenant_id)[:12]:
                span = {"fromDate": first.isoformat(), "toDate": last.isoformat()}
                day = {"date": last.isoformat()}
                parameters = span if table == "profit_and_loss" else day
                lines = _accounts(xero, tenant.tenant_id, name, basis, parameters)
                theirs = {account: cells[0] for account, cells in lines}
                ours = {account: amount for month, account, amount in rows if month == last}
                figures += _beside(tenant.tenant_id, table, last, ours, theirs)
    return figures


def _accounts(
    xero: Sandbox, tenant_id: str, name: str, basis: str, parameters: Mapping[str, str]
) -> Iterator[tuple[str, list[Decimal]]]:
    """Accounts of a report with their figures, blank ones as zero."""
    cash = {"paymentsOnly": "true"} if basis == "cash" else {}
    report: dict[str, Any] = xero.books.report(tenant_id, name, {**parameters, **cash})
    for section in report["Rows"]:
        for row in section.get("Rows", ()):
            head, *cells = row["Cells"]
            ids = [a["Value"] for a in head.get("Attributes", ()) if a["Id"] == "account"]
            if ids and row["RowType"] == "Row":
                yield ids[0], [Decimal(cell["Value"] or 0) for cell in cells]


def _beside(
    tenant_id: str,
    table: str,
    day: date,
    ours: Mapping[str, Decimal],
    theirs: Mapping[str, Decimal],
) -> list[Figure]:
    """Accounts that have a figure on either side; one of zero is none."""
    return [
        Figure(tenant_id, table, day, account, *pair)
        for account in ours.keys() | theirs.keys()
        if any(pair := (ours.get(account) or None, theirs.get(account) or None))
    ]
