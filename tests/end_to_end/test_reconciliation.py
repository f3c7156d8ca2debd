"""Do the books in the lakehouse agree with Xero: the real command, and faults in the tables."""

from __future__ import annotations

from collections import Counter

import duckdb
import pytest
from book_faults import FAULTS
from reconciled_books import Row, Run, settings

MOST_CALLS = 25


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
        ("run --select +reconciliation", paths | {"MARTS_AS_OF": settings(xero)["MARTS_AS_OF"]})
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
