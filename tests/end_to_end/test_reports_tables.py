"""Reports on the whole way: what is in the Delta tables is what the ledger says."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from books import documents, moment
from conftest import Project
from xero_sandbox.sandbox import Sandbox

RUN = ("run", "tap-xero", "target-databricks")
REPORTS = {"trial_balance": {"periods": 2}, "profit_and_loss": {"periods": 4}, "balance_sheet": {}}
JANUARY = date(2026, 1, 31)


def _settings(**reports: dict[str, Any]) -> dict[str, str]:
    return {
        "TAP_XERO_REPORTS": json.dumps(reports),
        "TAP_XERO__SELECT": json.dumps([f"{name}.*" for name in reports]),
    }


def _alive(project: Project, table: str, tenant_id: str) -> list[dict[str, Any]]:
    return [
        row
        for row in project.rows(table)
        if row["tenant_id"] == tenant_id and row["_sdc_deleted_at"] is None
    ]


def _ledger(xero: Sandbox, tenant_id: str, first: date, last: date) -> dict[str, Decimal]:
    """Movements by account of the journals of some days, debit positive."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for journal in documents(xero, tenant_id, "Journals"):
        if first <= moment(journal["JournalDate"]).date() <= last:
            for line in journal["JournalLines"]:
                found[line["AccountID"]] += line["NetAmount"]
    return {account: amount for account, amount in found.items() if amount}


def test_figures_in_the_tables_are_those_of_the_ledger(project: Project, xero: Sandbox) -> None:
    project.read_from(xero)
    project.meltano(*RUN, **_settings(**REPORTS))
    schema = project.table("trial_balance").schema
    assert schema.field("period_end").type == pa.date32()
    assert schema.field("amount").type == pa.decimal128(38, 4)
    for tenant in xero.tenants:
        moved = _ledger(xero, tenant.tenant_id, JANUARY.replace(day=1), JANUARY)
        accounts = documents(xero, tenant.tenant_id, "Accounts")
        kinds = {account["AccountID"]: account["Class"] for account in accounts}
        trial: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in _alive(project, "trial_balance", tenant.tenant_id):
            if row["period_end"] == JANUARY and row["account_id"] and row["amount"]:
                sign = {"Debit": 1, "Credit": -1}.get(row["measure"], 0)
                trial[row["account_id"]] += sign * row["amount"]
        assert {account: amount for account, amount in trial.items() if amount} == moved
        profit = {
            row["account_id"]: row["amount"] * (1 if kinds[row["account_id"]] == "EXPENSE" else -1)
            for row in _alive(project, "profit_and_loss", tenant.tenant_id)
            if row["period_end"] == JANUARY and row["account_id"] and row["amount"]
        }
        assert profit == {
            account: amount
            for account, amount in moved.items()
            if kinds[account] in ("REVENUE", "EXPENSE")
        }
        sheet = {
            (row["period_end"], row["row_key"]): row["amount"]
            for row in _alive(project, "balance_sheet", tenant.tenant_id)
        }
        assert sheet[JANUARY, "Net Assets"] == sheet[JANUARY, "Equity/Total Equity"] != 0

    # Nothing changed: no row is written and no data file added (invariant 2).
    before = project.data_files()
    project.meltano(*RUN, **_settings(**REPORTS))
    assert project.data_files() == before


@pytest.mark.stress
def test_a_figure_that_is_gone_from_the_report_is_retired(project: Project, xero: Sandbox) -> None:
    project.read_from(xero)
    tenant_id = xero.tenants[0].tenant_id
    used = _ledger(xero, tenant_id, date(2000, 1, 1), date(2030, 1, 1))
    unused = next(
        account
        for account in documents(xero, tenant_id, "Accounts")
        if account["Class"] == "EXPENSE"
        and account["AccountID"] not in used
        and not account.get("SystemAccount")
    )
    line = {"Description": "Wrong account", "Quantity": 1, "UnitAmount": 50, "TaxType": "NONE"}
    bill = xero.books.add_invoice(
        tenant_id,
        Type="ACCPAY",
        LineAmountTypes="NoTax",
        LineItems=[{**line, "AccountCode": unused["Code"]}],
    )

    def figures() -> list[Decimal]:
        return [
            row["amount"]
            for row in _alive(project, "profit_and_loss", tenant_id)
            if row["account_id"] == unused["AccountID"] and row["amount"]
        ]

    settings = _settings(profit_and_loss={"periods": 2})
    project.meltano(*RUN, **settings)
    assert figures() == [Decimal(50)]
    others = len(_alive(project, "profit_and_loss", tenant_id))
    xero.books.void(tenant_id, "Invoices", bill["InvoiceID"])
    project.meltano(*RUN, **settings)
    assert figures() == []
    assert len(_alive(project, "profit_and_loss", tenant_id)) in range(others - 3, others)
