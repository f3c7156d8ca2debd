"""The marts on the lakehouse folder: what they say is what Xero's own reports say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import pytest

Amounts = dict[tuple[date, str], Decimal]
_ON = {"accrual": {}, "cash": {"paymentsOnly": "true"}}
"""What Xero's reports are asked for besides, by basis."""


def _amounts(
    connection: duckdb.DuckDBPyConnection, query: str, tenant_id: str, basis: str
) -> Amounts:
    rows = connection.execute(query, {"tenant": tenant_id, "basis": basis}).fetchall()
    return {(month, account): amount for month, account, amount in rows if amount}


def _account_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, list[Decimal]]]:
    """Accounts of a report with their figures, blank ones as zero."""
    for section in report["Rows"]:
        for row in section.get("Rows", ()):
            head, *cells = row["Cells"]
            ids = [a["Value"] for a in head.get("Attributes", ()) if a["Id"] == "account"]
            if ids and row["RowType"] == "Row":
                yield ids[0], [Decimal(cell["Value"] or 0) for cell in cells]


def _months(connection: duckdb.DuckDBPyConnection, tenant_id: str) -> list[tuple[date, date]]:
    """First and last days of the months of the last two years, the running one as of its end."""
    query = """
        SELECT month_start, month_end FROM marts.dim_month
        WHERE tenant_id = $tenant ORDER BY month_end DESC LIMIT 24
    """
    return connection.execute(query, {"tenant": tenant_id}).fetchall()


@pytest.mark.parametrize("basis", ["accrual", "cash"])
def test_invariant_15_the_trial_balance_is_xeros_to_the_cent(marts, basis) -> None:
    """Movement and balance of every account at 24 month ends, of every organisation."""
    _, xero, connection = marts
    for tenant in xero.tenants:
        moved, balances = (
            _amounts(
                connection,
                f"""
                SELECT month_end, a.account_id, {figure} FROM marts.trial_balance AS t
                JOIN marts.dim_account AS a USING (account_key)
                WHERE t.tenant_id = $tenant AND basis = $basis
                """,
                tenant.tenant_id,
                basis,
            )
            for figure in ("movement", "balance")
        )
        months = _months(connection, tenant.tenant_id)
        assert len(months) == 24
        for _, month_end in months:
            asked = {"date": month_end.isoformat(), **_ON[basis]}
            report = xero.books.report(tenant.tenant_id, "TrialBalance", asked)
            figures = dict(_account_rows(report))
            assert figures
            for table, debit in ((moved, 0), (balances, 2)):
                theirs = {
                    account: cells[debit] - cells[debit + 1]
                    for account, cells in figures.items()
                    if cells[debit] != cells[debit + 1]
                }
                ours = {account: n for (month, account), n in table.items() if month == month_end}
                assert ours == theirs, (tenant.name, month_end, debit)


@pytest.mark.parametrize(
    ("statement", "report"),
    [("profit_and_loss", "ProfitAndLoss"), ("balance_sheet", "BalanceSheet")],
)
@pytest.mark.parametrize("basis", ["accrual", "cash"])
def test_invariant_15_the_statements_are_xeros_to_the_cent(marts, statement, report, basis) -> None:
    """Every account of twelve months, the earnings lines of the balance sheet among them."""
    _, xero, connection = marts
    for tenant in xero.tenants:
        query = f"""
            SELECT month_end, coalesce(a.account_id, s.account), amount FROM marts.{statement} AS s
            LEFT JOIN marts.dim_account AS a USING (account_key)
            WHERE s.tenant_id = $tenant AND basis = $basis
        """
        ours = _amounts(connection, query, tenant.tenant_id, basis)
        compared = 0
        for first, last in _months(connection, tenant.tenant_id)[:12]:
            span = {"fromDate": first.isoformat(), "toDate": last.isoformat()}
            day = {"date": last.isoformat()}
            parameters = (span if report == "ProfitAndLoss" else day) | _ON[basis]
            answer = xero.books.report(tenant.tenant_id, report, parameters)
            rows = dict(_account_rows(answer))
            theirs = {_line(account): cells[0] for account, cells in rows.items() if cells[0]}
            assert {a: n for (month, a), n in ours.items() if month == last} == theirs
            compared += len(theirs)
        assert compared > 50


def _line(account: str) -> str:
    """An account's id; the running year's result is none, and has a stand-in for one in Xero."""
    return "Current Year Earnings" if account == str(UUID(int=0)) else account
