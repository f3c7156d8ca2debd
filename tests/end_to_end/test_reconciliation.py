"""Do the books in the lakehouse agree with Xero: the real command, and faults in the tables."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import date, datetime
from typing import Any

import duckdb
import pytest
from book_faults import FAULTS, Fault, Tables, contact_missing, month_end, revaluation, sales
from conftest import Project
from copied_books import Books
from reconcile.folder import Folder
from xero_sandbox.sandbox import Sandbox

Run = tuple[Project, Sandbox, str, datetime]
Row = dict[str, Any]

MOST_CALLS = 25
JOURNALS = ("journals", "journal_lines", "journals_cash", "journal_cash_lines")


def _settings(xero: Sandbox) -> dict[str, str]:
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
    output = project.meltano("run", "reconcile", code=1, **_settings(xero))
    xero.identity.connections[:] = there
    return project, xero, output, xero.clock.now()


def test_one_organisation_is_gone_and_the_others_are_reconciled(reconciled: Run) -> None:
    """The load fails, the report is written all the same, and both name the organisation."""
    project, xero, output, moment = reconciled
    here, gone = xero.tenants
    rows = project.rows("xero_reconciliation")
    statuses = Counter((row["tenant_id"], row["status"]) for row in rows)
    assert statuses.keys() == {(here.tenant_id, "agrees"), (gone.tenant_id, "not_checkable")}
    assert statuses[here.tenant_id, "agrees"] > 500
    assert f"nothing of {gone.name} was read; is it still connected?" in output
    assert f"organisation {gone.tenant_id}, which is not connected" in output

    # Fresh for the others: Xero was read in this run, by its own clock.
    fresh = [row for row in rows if row["tenant_id"] == here.tenant_id]
    assert {row["read_at"] for row in fresh} == {moment}
    checks = {row["check_name"] for row in fresh}
    assert checks == {
        *("count", "trial balance", "movement", "profit and loss", "balance sheet"),
        *("bank opening balance", "bank closing balance", "open amounts", "control account"),
        *("documents", "drafts"),
    }
    months = {row["period_end"] for row in fresh if row["check_name"] == "trial balance"}
    assert len(months) == 12


def test_a_year_takes_at_most_25_calls_an_organisation(reconciled: Run) -> None:
    """Beyond what an incremental read takes anyway: one call for each stream that is due."""
    _, xero, _, _ = reconciled
    calls = [call for call in xero.calls.of() if call.tenant_id == xero.tenants[0].tenant_id]
    extra = [
        call
        for call in calls
        if call.path.startswith("Reports/") or call.query.get("pageSize") == "1"
    ]
    organisation = [call for call in calls if call.path == "Organisations"]
    assert Counter(call.path for call in extra)["Reports/TrialBalance"] == 12
    assert len(extra) + len(organisation) - 1 <= MOST_CALLS


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
    project.meltano("invoke", "dbt-duckdb", "run", "--select", "+reconciliation", **_settings(xero))
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


def test_a_period_that_changed_after_its_close_is_named_with_what_moved(faults) -> None:
    made, rows = faults
    fault = made["after the close"]
    (changed,) = (row for row in rows if row["status"] == "changed_after_close")
    assert (changed["check_name"], changed["period_end"]) == ("movement", *fault.months)
    assert changed["subject"].endswith(fault.accounts[0])
    assert fault.number in changed["documents"]
    assert "when the period was closed" in changed["explanation"]
    assert changed["locked"]
    assert changed["first_agreed"] is not None
    assert {row["period_end"] <= fault.months[0] for row in rows if row["locked"]} == {True}


def test_what_only_xeros_report_knows_is_explained_by_the_rule_that_names_it(faults) -> None:
    made, rows = faults
    revalued = made["revaluation"]
    explained = {
        (row["check_name"], row["period_end"], row["subject"].rpartition(":")[2]): row
        for row in rows
        if row["status"] == "explained"
    }
    for account in revalued.accounts:
        row = explained["movement", *revalued.months, account]
        assert abs(row["difference"]) == revalued.difference
        assert "currency revaluation" in row["explanation"]
    # The balance of the receivables has the faults, too.
    assert ("trial balance", *revalued.months, revalued.accounts[0]) in explained
    months = {month for check, month, _ in explained if check in ("movement", "trial balance")}
    assert months == set(revalued.months)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_account_month_and_document(faults, name: str) -> None:
    made, rows = faults
    fault = made[name]
    named = [
        (row["period_end"], row["subject"].rpartition(":")[2])
        for row in rows
        if row["status"] == "differs"
        and row["check_name"] == "documents"
        and fault.number in row["documents"].split(",")[0]
    ]
    assert {month for month, _ in named} == set(fault.months)
    assert set(fault.accounts) <= {account for _, account in named}


def test_nothing_but_the_faults_is_named(faults) -> None:
    """Each document that is the likeliest reason has a fault, and each difference has a reason."""
    made, rows = faults
    wrong = [row for row in rows if row["status"] == "differs"]
    assert {row["check_name"] for row in wrong} >= {"count", "open document", "trial balance"}
    for row in wrong:
        if row["check_name"] in ("documents", "movement", "open document"):
            likeliest = row["documents"].split(",")[0]
            assert any(made[name].number in likeliest for name in FAULTS), row
    counts = {row["subject"]: row["difference"] for row in wrong if row["check_name"] == "count"}
    assert counts == {"invoices": 1, "payments": -1, "contacts": -1}
    of = {row["subject"]: row["documents"] for row in wrong if row["check_name"] == "count"}
    assert made["row extra"].number in of["invoices"]
    assert made["payment missing"].number in of["payments"]
    assert of["contacts"] == made["contact missing"].number, "by the ids that Xero lists"
    # Journals were complete but for one: what they say of other months agrees.
    moved = {row["period_end"] for row in wrong if row["check_name"] == "movement"}
    assert moved == set(made["journal missing"].months)


@pytest.fixture(scope="session")
def differences_of_documents(faults, reconciled: Run) -> list[Row]:
    """The comparison of the tables with faults where the ledger is made of documents."""
    project, xero, _, _ = reconciled
    tables = project.root / "documents"
    database = tables / "books.duckdb"
    paths = {"MARTS_LAKEHOUSE": str(tables / "lakehouse"), "MARTS_DATABASE": str(database)}
    project.dbt(
        ("run --select +reconciliation", paths | {"MARTS_AS_OF": _settings(xero)["MARTS_AS_OF"]})
    )
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.sql("SELECT * FROM marts.reconciliation").to_arrow_table().to_pylist()
    return [row for row in rows if row["status"] == "differs"]


@pytest.mark.stress
@pytest.mark.parametrize("name", [name for name in FAULTS if name != "journal missing"])
def test_a_fault_without_journals_is_named_with_account_month_and_document(
    faults, differences_of_documents: list[Row], name: str
) -> None:
    fault = faults[0][name]
    named = {
        (row["period_end"], row["subject"].rpartition(":")[2])
        for row in differences_of_documents
        if row["check_name"] == "movement" and fault.number in (row["documents"] or "")
    }
    assert {month for month, _ in named} >= set(fault.months)
    assert {account for _, account in named} >= set(fault.accounts)
