"""Business that goes on while the books are reconciled is no difference."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from book_faults import Tables
from books import documents
from conftest import BIN, REPOSITORY, Project
from reconcile import judgement
from reconcile.command import Reconciliation
from reconcile.reading import reports
from tap_xero.tap import TapXero
from xero_sandbox.sandbox import Sandbox

RUNS = 20

LOAD = """
set -o pipefail
find "$XDG_STATE_HOME" -name '*.calls*' -delete
tap-xero --config=ENV --catalog=catalog.json $(test -s state.json && echo --state=state.json) |
  target-databricks --config=ENV > states && tail -n 1 states > state.json
"""
"""What `meltano run tap-xero target-databricks` does, in a tenth of its time."""

PAGES = (
    *(("Invoices", 1), ("Journals", None)),
    *(("Reports/TrialBalance", None), ("Reports/BankSummary", None)),
)
"""When something happens: just after these were read."""


def business(xero: Sandbox, chance: random.Random) -> Callable[[], None]:
    """An action that does something in the books, in any month of the year."""
    tenant = xero.tenants[0].tenant_id

    def act() -> None:
        xero.clock.advance(1)
        owed = [
            each
            for each in documents(xero, tenant, "Invoices")
            if each["Status"] == "AUTHORISED" and each["AmountDue"] == each["Total"] > 0
        ]
        deed = chance.choice(["add", "add", "pay", "void"])
        if deed == "add" or not owed:
            day = f"2025-{chance.randint(6, 12):02}-{chance.randint(1, 28):02}"
            line = {"Description": "Work", "Quantity": 1, "UnitAmount": 50, "AccountCode": "200"}
            xero.books.add_invoice(tenant, Type="ACCREC", Date=day, LineItems=[line])
        elif deed == "pay":
            xero.books.pay(tenant, chance.choice(owed)["InvoiceID"])
        else:
            xero.books.void(tenant, "Invoices", chance.choice(owed)["InvoiceID"])

    return act


def catalog() -> dict[str, Any]:
    """What the checks need and no more, so that no load waits for the limit of calls a minute."""
    config = {"reports": reports(12, cash=False), "stream_counts": True}
    config["stream_ids"] = {"contacts": []}
    entries = TapXero(config=config, validate_config=False).catalog_dict["streams"]
    needed = {
        *("organisations", "contacts", "tracking_categories", "purchase_orders"),
        *judgement.LEDGER_STREAMS,
        *judgement.XERO_STREAMS.values(),
        "stream_ids",
    }
    entries = [entry for entry in entries if entry["tap_stream_id"] in needed]
    for entry in entries:
        (about,) = (each for each in entry["metadata"] if not each["breadcrumb"])
        about["metadata"]["selected"] = True
    return {"streams": entries}


@pytest.fixture
def reconcile(
    marts, xero: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], int]:
    """`marts:reconcile` in this process, of a lakehouse in `tmp_path`."""
    built: Project = marts[0]
    plugin = REPOSITORY / "plugins" / "marts"
    dbt = built.root / ".meltano" / "utilities" / "dbt-duckdb" / "venv" / "bin"
    lakehouse = tmp_path / "lakehouse"
    environment = {
        "PATH": f"{BIN}{os.pathsep}{dbt}{os.pathsep}{os.environ['PATH']}",
        "TAP_XERO_API_URL": xero.url,
        "TAP_XERO_IDENTITY_URL": xero.url,
        "TAP_XERO_CLIENT_ID": xero.client_id,
        "TAP_XERO_CLIENT_SECRET": xero.client_secret,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TARGET_DATABRICKS_LAKEHOUSE_PATH": str(lakehouse),
        "TARGET_DATABRICKS_DEFAULT_TARGET_SCHEMA": "xero",
        "MARTS_LAKEHOUSE": str(lakehouse),
        "MARTS_DATABASE": str(tmp_path / "books.duckdb"),
        "MARTS_AS_OF": "2026-02-02",
        "MARTS_MODULES": str(plugin / "duckdb"),
        "MARTS_RECONCILED_MODELS": "+reconciliation",
        "DBT_PROJECT_DIR": str(plugin),
        "DBT_PROFILES_DIR": str(plugin),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog.json").write_text(json.dumps(catalog()), encoding="utf-8")

    def minute() -> None:
        """No load waits for the calls of the last one."""
        xero.clock.advance(61)
        first = xero.tenants[0].tenant_id
        xero.hooks.after_page("Organisations", None, minute, tenant=first)

    def run() -> int:
        return replace(Reconciliation.of(os.environ), load=("bash", "-c", LOAD)).run()

    minute()
    return run


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_twenty_runs_while_business_goes_on_never_say_differs(
    reconcile: Callable[[], int], xero: Sandbox, tmp_path: Path
) -> None:
    first = xero.tenants[0].tenant_id
    assert reconcile() == judgement.AGREES
    xero.calls.clear()
    codes: Counter[int] = Counter()
    for number in range(RUNS):
        chance = random.Random(16 + number)
        for path, page in PAGES:
            xero.hooks.after_page(path, page, business(xero, chance), tenant=first)
        codes[reconcile()] += 1
    assert codes[judgement.DIFFERS] == 0
    statuses = {
        row["status"] for row in Tables(tmp_path / "lakehouse" / "xero").rows("xero_reconciliation")
    }
    assert statuses <= {"agrees", "explained", "not_checkable"}
    # Business did come in between, so that books had to be read once more.
    summaries = [
        call
        for call in xero.calls.of()
        if (call.path, call.tenant_id) == ("Reports/BankSummary", first)
    ]
    assert len(summaries) > RUNS
    assert reconcile() == judgement.AGREES


@pytest.mark.stress
@pytest.mark.timeout(1200)
def test_a_row_that_is_missing_is_named_by_its_id(
    reconcile: Callable[[], int],
    xero: Sandbox,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Of a contact no ledger speaks; the ids of one organisation's contacts are read, no others."""
    assert reconcile() == judgement.AGREES
    tables, tenant = Tables(tmp_path / "lakehouse" / "xero"), xero.tenants[1]
    lost = next(row for row in tables.rows("contacts") if row["tenant_id"] == tenant.tenant_id)
    tables.delete("contacts", "contact_id", lost["contact_id"])
    xero.calls.clear()
    assert reconcile() == judgement.DIFFERS
    printed = capfd.readouterr().out
    assert f"look at contacts {lost['name']} (Xero lists it, the tables lack it)" in printed
    listed = [
        call.tenant_id
        for call in xero.calls.of()
        if (call.path, call.query.get("pageSize")) == ("Contacts", "1000")
        and "order" not in call.query
    ]
    assert listed == [tenant.tenant_id]
