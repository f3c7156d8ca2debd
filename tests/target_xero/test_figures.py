"""How many calls it takes, beside whom, and what Xero's own client makes of what was written."""

from __future__ import annotations

import io
import threading
from contextlib import redirect_stdout

import pytest
from tap_xero.api.limits import Allowance
from tap_xero.tap import TapXero
from test_xero_python import api_client
from way_back import Way, access
from xero_python.accounting import AccountingApi
from xero_sandbox.sandbox import Sandbox


@pytest.mark.parametrize(
    ("number", "calls"), [(100, 5), pytest.param(1000, 45, marks=pytest.mark.stress)]
)
def test_changed_contacts_are_read_forty_and_written_fifty_a_call(way, number, calls):
    rows, pattern = [], way.contact()
    for n in range(number):
        made = way.xero.books.add(
            way.one, "Contacts", **{**pattern, "ContactID": identity(n), "Name": f"C {n}"}
        )
        loaded = {"first_name": made["FirstName"]}
        row = {"tenant_id": way.one, "contact_id": made["ContactID"], "first_name": "Ada"}
        rows.append({**row, "_loaded": loaded})
    way.xero.calls.clear()
    run = way.write("contacts", *rows, max_changes="1000")
    assert run.code == 0
    assert len(way.xero.calls.of("Contacts")) <= calls
    assert len(way.writes()) == number // 50
    assert way.statuses() == ["applied"] * number


def identity(number):
    return f"00000000-0000-4000-8000-{number:012d}"


@pytest.mark.parametrize("accounts", [8, pytest.param(40, marks=pytest.mark.stress)])
def test_invariant_5_five_in_flight_and_sixty_a_minute_beside_a_running_tap(
    tmp_path, catalog, loaded_once, monkeypatch, accounts
):
    monkeypatch.setattr("tap_xero.api.limits.XERO", Allowance())
    with Sandbox(organisations=2, invoices=20, limits=True, latency=0.05) as xero:
        way = Way(xero, loaded_once, catalog)
        config = {**access(xero), "credential_store": str(tmp_path / "tokens")}
        tap = TapXero(config=config, catalog=catalog)
        rows = [
            {"tenant_id": way.one, "code": f"S-{n}", "name": f"Soft {n}", "type": "EXPENSE"}
            for n in range(accounts)
        ]
        with redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            reading = threading.Thread(target=tap.run_sync)
            reading.start()
            run = way.write(
                "accounts",
                *rows,
                credential_store=str(tmp_path / "tokens"),
                ledger_path=str(tmp_path / "ledger"),
            )
            reading.join()
            tap.run.close()
        assert run.code == 0
        assert xero.calls.of(status=429) == []
        assert len(xero.calls.of("Accounts", status=200)) > accounts


def test_xeros_own_client_sees_what_was_written(way, monkeypatch):
    api = AccountingApi(api_client(way.xero, monkeypatch), base_url=f"{way.xero.url}/api.xro/2.0")
    desired = {
        "contacts": [{"contact_number": "N-1", "name": "Firm", "email_address": "f@firm.example"}],
        "accounts": [{"code": "S-1", "name": "Software", "type": "EXPENSE"}],
        "items": [{"code": "I-1", "name": "Shelf", "sales_details": {"unit_price": "9.5000"}}],
        "contact_groups": [{"name": "Sponsors"}],
    }
    for rows in desired.values():
        rows[0]["tenant_id"] = way.one
    assert way.run(desired, streams=list(desired)).code == 0
    (contact,) = api.get_contacts(way.one, where='ContactNumber=="N-1"').contacts
    assert (contact.name, contact.email_address) == ("Firm", "f@firm.example")
    (account,) = api.get_accounts(way.one, where='Code=="S-1"').accounts
    assert account.name == "Software"
    (item,) = [each for each in api.get_items(way.one).items if each.code == "I-1"]
    assert str(item.sales_details.unit_price) == "9.50"
    assert "Sponsors" in {each.name for each in api.get_contact_groups(way.one).contact_groups}
