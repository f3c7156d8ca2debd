"""The whole way: a Xero sandbox, the real Meltano command line, Delta tables read back."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from books import DOCUMENTS, LINES, differences, documents
from conftest import Project
from deltalake import DeltaTable
from tap_xero.models.resources import RESOURCES
from xero_sandbox.sandbox import Sandbox

RUN = ("run", "tap-xero", "target-databricks")


def _check(project: Project, xero: Sandbox) -> None:
    """Every row Xero has is in its table, once, with Xero's own values (invariants 1, 4, 10)."""
    for table, (resource, key, column) in DOCUMENTS.items():
        rows = {(r["tenant_id"], r[column]): r for r in project.rows(table)}
        assert len(rows) == project.table(table).num_rows, f"{table} holds a row twice"
        books = {
            (tenant.tenant_id, document[key]): document
            for tenant in xero.tenants
            for document in documents(xero, tenant.tenant_id, resource)
        }
        assert rows.keys() == books.keys(), table
        assert books, f"the sandbox has no {resource}: nothing was compared"
        for identity, document in books.items():
            assert differences(rows[identity], document) == [], (table, identity)
    for table, (resource, parent, lines, key, column) in LINES.items():
        stored = {(r["tenant_id"], r[column]) for r in project.rows(table)}
        books_lines = {
            (tenant.tenant_id, line[key])
            for tenant in xero.tenants
            for document in documents(xero, tenant.tenant_id, resource)
            for line in document[lines]
        }
        assert stored == books_lines, (table, parent)


def test_column_types_are_exact_and_native(loaded: tuple[Project, Sandbox]) -> None:
    project, _ = loaded
    schema = project.table("invoices").schema
    amount, text = pa.decimal128(38, 4), pa.string()
    expected = {
        "tenant_id": text,
        "invoice_id": text,
        "contact_id": text,
        "date": pa.date32(),
        "due_date": pa.date32(),
        "updated_date_utc": pa.timestamp("us", tz="UTC"),
        "total": amount,
        "currency_rate": pa.decimal128(38, 10),
        "has_attachments": pa.bool_(),
        "is_deleted": pa.bool_(),
        "_sdc_record_hash": text,
        "_sdc_job_id": text,
        "_rescued_data": text,
    }
    assert {name: schema.field(name).type for name in expected} == expected
    assert pa.types.is_struct(schema.field("contact").type)
    lines = project.table("invoice_line_items").schema
    assert lines.field("unit_amount").type == amount
    assert pa.types.is_list(lines.field("tracking").type)


def test_month_end_agrees_with_xero(loaded: tuple[Project, Sandbox]) -> None:
    """What an analyst computes from the tables is Xero's own trial balance, to the cent."""
    project, xero = loaded
    day = xero.clock.now().date()
    for tenant in xero.tenants:
        balance = xero.books.report(tenant.tenant_id, "TrialBalance", {"date": day.isoformat()})
        assert _trial_balance(project, tenant.tenant_id, day) == _by_account(balance)


def _trial_balance(project: Project, tenant_id: str, day: date) -> dict[str, Decimal]:
    """Balances by account: profit and loss since the year began, everything else since ever."""

    def mine(table: str) -> list[dict[str, Any]]:
        return [r for r in project.rows(table) if r["tenant_id"] == tenant_id]

    (organisation,) = mine("organisations")
    month, last = organisation["financial_year_end_month"], organisation["financial_year_end_day"]
    year_end = date(day.year, month, last)
    began = year_end if year_end < day else date(day.year - 1, month, last)
    accounts = {a["account_id"]: a for a in mine("accounts")}
    retained = next(k for k, a in accounts.items() if a["system_account"] == "RETAINEDEARNINGS")
    dates = {j["journal_id"]: j["journal_date"] for j in mine("journals")}
    balances: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in mine("journal_lines"):
        account, earlier = line["account_id"], dates[line["journal_id"]] <= began
        if earlier and accounts[account]["class"] in {"REVENUE", "EXPENSE"}:
            account = retained
        balances[account] += line["net_amount"]
    return {account: amount for account, amount in balances.items() if amount}


def _by_account(report: dict[str, object]) -> dict[str, Decimal]:
    """Year-to-date debit less credit of each account of a trial balance."""
    found = {}
    for section in report["Rows"]:
        for row in section.get("Rows", ()):
            cells = row["Cells"]
            account = next(
                (a["Value"] for a in cells[0].get("Attributes", ()) if a["Id"] == "account"), None
            )
            if row["RowType"] == "Row" and account:
                debit, credit = (Decimal(c["Value"] or "0") for c in cells[-2:])
                if debit - credit:
                    found[account] = debit - credit
    return found


def test_the_tables_hold_the_books_and_follow_them(loaded: tuple[Project, Sandbox]) -> None:
    project, xero = loaded
    _check(project, xero)

    # Nothing changed: no row is written and no data file added, but to the ledger (invariant 2).
    before, versions = project.data_files(), _versions(project)
    chosen = str(uuid4())
    project.meltano(*RUN, "--run-id", chosen)
    assert project.data_files() == before
    assert _versions(project) == versions

    # Rows and loads bear the run's id in Meltano, whether Meltano made it or was given it, and of
    # every run there is a row for every stream.
    first, second = project.runs()
    assert second == chosen
    assert {row["_sdc_job_id"] for row in project.rows("invoices")} == {first}
    loads, read = defaultdict(set), defaultdict(int)
    for load in project.rows("_sdc_loads"):
        loads[load["job_id"]].add(load["stream"])
        read[load["job_id"], load["stream"]] += load["rows_read"]
    assert loads.keys() == {first, second}
    assert loads[first] == loads[second]
    assert "invoices" in loads[second]
    # What Xero always sends whole is not even handed over when it is as it was.
    whole = {each.stream for each in RESOURCES if not each.since} & loads[first]
    assert {"currencies", "tax_rates", "tracking_categories"} <= whole
    assert all(read[first, stream] for stream in whole - {"payment_services"})
    assert not any(read[second, stream] for stream in whole)

    # Business goes on for three days, and people edit by hand.
    tenant = xero.tenants[0].tenant_id
    edited = next(
        d
        for d in documents(xero, tenant, "Invoices")
        if d["Status"] == "DRAFT" and len(d["LineItems"]) > 1
    )
    xero.clock.advance(days=3)
    xero.books.advance(tenant)
    xero.books.edit(tenant, "Invoices", edited["InvoiceID"], LineItems=edited["LineItems"][1:])
    project.meltano(*RUN)
    _check(project, xero)


def _versions(project: Project) -> dict[str, int]:
    names = [name for name in project.tables() if name != "_sdc_loads"]
    return {name: DeltaTable(str(project.lakehouse / name)).version() for name in names}


@pytest.mark.parametrize("after", [pytest.param("invoices", marks=pytest.mark.stress), "journals"])
def test_killed_in_mid_load_and_run_again(project: Project, xero: Sandbox, after: str) -> None:
    """Killed without warning and run again, the tables equal the books (invariant 3)."""
    project.read_from(xero)
    process = project.start(*RUN)
    deadline = time.monotonic() + 120
    while not (project.lakehouse / after / "_delta_log").exists():
        assert time.monotonic() < deadline, "the load never came this far"
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.meltano(*RUN, "--force")
    _check(project, xero)
