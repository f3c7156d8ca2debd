"""Books that were reconciled, and the comparison of tables into which faults were put: fixtures."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from book_faults import FAULTS, Fault, Tables, contact_missing, month_end, revaluation, sales
from copied_books import Books
from reconcile.folder import Folder
from shown_commands import as_shown
from xero_sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from conftest import Project

Run = tuple["Project", Sandbox, str, datetime]
Row = dict[str, Any]

JOURNALS = ("journals", "journal_lines", "journals_cash", "journal_cash_lines")


def settings(xero: Sandbox) -> dict[str, str]:
    return {
        "MARTS_AS_OF": xero.clock.now().date().isoformat(),
        "MARTS_RECONCILED_MODELS": "+reconciliation",
        "TAP_XERO_TENANT_IDS": json.dumps([tenant.tenant_id for tenant in xero.tenants]),
    }


@pytest.fixture(scope="session")
def reconciled(marts, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of the marts' project, reconciled while the second organisation was gone."""
    loaded, xero, _ = marts
    project = loaded.copy(tmp_path_factory.mktemp("reconciled") / "project")
    there = list(xero.identity.connections)
    xero.calls.clear()
    xero.identity.disconnect(there[1].connection_id)
    command = as_shown("uv run meltano --environment=local run reconcile")
    output = project.run(command, code=1, **settings(xero))
    xero.identity.connections[:] = there
    return project, xero, output, xero.clock.now()


@pytest.fixture(scope="session")
def faults(reconciled: Run) -> tuple[dict[str, Fault], list[Row]]:
    """Faults, each in a month of its own, and the comparison of tables that have them all."""
    project, xero, _, _ = reconciled
    shutil.copytree(project.lakehouse, before := project.root / "before")
    tables, tenant_id = Tables(project.lakehouse), xero.tenants[0].tenant_id
    paid = {row["invoice_id"] for row in tables.rows("payments") if row["status"] == "AUTHORISED"}
    invoices = list(sales(tables, tenant_id, date(2025, 3, 1)))
    made: dict[str, Fault] = {}
    for name, fault in FAULTS.items():
        suitable = (i for i in invoices if name != "payment missing" or i["invoice_id"] in paid)
        invoice = next(suitable)
        # A fault that moves a document reaches into the month after.
        invoices = [i for i in invoices if i["date"] > month_end(invoice["date"])]
        made[name] = fault(tables, invoice)
    made["contact missing"] = contact_missing(tables, tenant_id)
    made["revaluation"] = revaluation(tables, tenant_id)
    # The same without journals is built where a test asks for it.
    Books(project.root / "documents", project.lakehouse, without=JOURNALS)
    made["after the close"] = _after_the_close(project, tables, invoices[-1])
    project.meltano("invoke", "dbt-duckdb", "run", "--select", "+reconciliation", **settings(xero))
    shutil.rmtree(project.lakehouse)
    before.rename(project.lakehouse)
    with duckdb.connect(
        str(project.root / "output" / "books.duckdb"), read_only=True
    ) as connection:
        rows = connection.sql("SELECT * FROM marts.reconciliation").to_arrow_table().to_pylist()
    return made, rows


def _after_the_close(project: Project, tables: Tables, invoice: Row) -> Fault:
    """A period that agreed while it was locked, with another figure then; an invoice came since."""
    tenant_id, account_id = invoice["tenant_id"], invoice["lines"][0]["account_id"]
    locked = month_end(invoice["date"])
    tables.update("organisations", "tenant_id", tenant_id, period_lock_date=f"DATE '{locked}'")
    (agreed,) = (
        row
        for row in project.rows("xero_reconciliation")
        if (row["check_name"], row["period_end"]) == ("movement", locked)
        and row["subject"] == f"{tenant_id}:{account_id}"
    )
    closed = {"locked": True, "lock_date": locked, "xero": agreed["xero"] + 5}
    folder = Folder("", str(project.lakehouse.parent), project.lakehouse.name)
    folder.append([agreed | closed | {"read_at": invoice["updated_date_utc"]}])
    return Fault(invoice["invoice_number"], (account_id,), (locked,))
