"""Edits by a test or a client: what they change, when, and that the story leaves them alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from xero_sandbox.books import Books
from xero_sandbox.clock import ManualClock
from xero_sandbox.store import Store
from xero_sandbox.wire import decode, net_date, to_ms

NOW = datetime(2026, 2, 14, 10, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def books():
    with Store() as store:
        yield Books(store, ManualClock(NOW), organisations=1, invoices=80)


@pytest.fixture
def tenant_id(books):
    (organisation,) = books.organisations
    books.advance(organisation.tenant_id)
    return organisation.tenant_id


def first(books, tenant_id, resource, **properties) -> dict:
    for text in books.store.page(tenant_id, resource).documents:
        document = decode(text)
        if all(document.get(name) == value for name, value in properties.items()):
            return document
    raise AssertionError(f"no {resource} with {properties}")


def test_an_edit_moves_the_timestamp_to_the_clock_with_milliseconds(books, tenant_id):
    invoice = first(books, tenant_id, "Invoices", Status="PAID")
    books.edit(tenant_id, "Invoices", invoice["InvoiceID"], Reference="changed")
    page = books.store.page(tenant_id, "Invoices", since=NOW)
    (changed,) = [decode(text) for text in page.documents]
    assert changed["Reference"] == "changed"
    assert changed["UpdatedDateUTC"] == net_date(to_ms(NOW))
    assert changed["UpdatedDateUTCString"] == "2026-02-14T10:00:00Z"


def test_what_was_edited_by_hand_is_left_alone_by_its_story(books, tenant_id):
    invoice = first(books, tenant_id, "Invoices", Status="AUTHORISED")
    books.edit(tenant_id, "Invoices", invoice["InvoiceID"], Reference="mine")
    books.clock.advance(days=400)
    later = books.get(tenant_id, "Invoices", invoice["InvoiceID"])
    assert (later["Reference"], later["Status"]) == ("mine", "AUTHORISED")


def test_what_a_client_wrote_into_the_store_is_left_alone_too(books, tenant_id):
    books.clock.set(datetime(2024, 1, 3, tzinfo=UTC))
    with Store() as store:
        early = Books(store, books.clock, organisations=1, invoices=80)
        early.advance(tenant_id)
        contacts = [decode(text) for text in store.page(tenant_id, "Contacts").documents]
        for contact in contacts:
            changed = {**contact, "FirstName": "Client"}
            store.put(tenant_id, "Contacts", contact["ContactID"], changed, books.clock.now())
        early.clock.advance(days=800)
        early.advance(tenant_id)
        names = {
            early.get(tenant_id, "Contacts", contact["ContactID"])["FirstName"]
            for contact in contacts
        }
    assert names == {"Client"}


def test_none_removes_a_property(books, tenant_id):
    invoice = first(books, tenant_id, "Invoices", Type="ACCREC")
    edited = books.edit(tenant_id, "Invoices", invoice["InvoiceID"], Reference=None)
    assert "Reference" not in edited
    assert "Reference" not in books.get(tenant_id, "Invoices", invoice["InvoiceID"])


def test_new_lines_change_the_amounts(books, tenant_id):
    made = books.add_invoice(tenant_id, LineAmountTypes="Inclusive")
    edited = books.edit(
        tenant_id,
        "Invoices",
        made["InvoiceID"],
        LineItems=[{"Quantity": 2, "UnitAmount": Decimal("57.50"), "DiscountRate": 10}],
    )
    assert (edited["SubTotal"], edited["TotalTax"], edited["Total"]) == (
        Decimal("90.00"),
        Decimal("13.50"),
        Decimal("103.50"),
    )
    assert edited["AmountDue"] == edited["Total"]
    assert edited["TotalDiscount"] == Decimal("11.50")


def test_an_added_invoice_is_found_by_its_number(books, tenant_id):
    made = books.add_invoice(tenant_id, InvoiceNumber="INV-MINE", Type="ACCREC")
    assert books.get(tenant_id, "Invoices", "INV-MINE") == made
    other = books.add_invoice(tenant_id)
    assert other["InvoiceNumber"] != made["InvoiceNumber"]
    assert other["InvoiceID"] != made["InvoiceID"]


def test_paying_in_two_parts_settles_an_invoice(books, tenant_id):
    made = books.add_invoice(tenant_id)
    books.pay(tenant_id, made["InvoiceID"], Decimal("15.00"))
    part = books.get(tenant_id, "Invoices", made["InvoiceID"])
    assert (part["Status"], part["AmountDue"]) == ("AUTHORISED", Decimal("100.00"))
    last = books.pay(tenant_id, made["InvoiceID"])
    whole = books.get(tenant_id, "Invoices", made["InvoiceID"])
    assert (whole["Status"], whole["AmountDue"]) == ("PAID", 0)
    assert "FullyPaidOnDate" in whole
    books.void(tenant_id, "Payments", last["PaymentID"])
    again = books.get(tenant_id, "Invoices", made["InvoiceID"])
    assert (again["Status"], again["AmountDue"]) == ("AUTHORISED", Decimal("100.00"))
    assert books.get(tenant_id, "Payments", last["PaymentID"])["Status"] == "DELETED"


def test_more_than_is_due_cannot_be_paid(books, tenant_id):
    made = books.add_invoice(tenant_id)
    with pytest.raises(ValueError, match="exceeds the amount outstanding"):
        books.pay(tenant_id, made["InvoiceID"], 116)


def test_what_is_paid_cannot_be_voided(books, tenant_id):
    paid = first(books, tenant_id, "Invoices", Status="PAID")
    with pytest.raises(ValueError, match="cannot be voided"):
        books.void(tenant_id, "Invoices", paid["InvoiceID"])


@pytest.mark.parametrize(
    ("resource", "before", "after"),
    [
        ("Invoices", "DRAFT", "DELETED"),
        ("ManualJournals", "POSTED", "VOIDED"),
        ("BankTransactions", "AUTHORISED", "DELETED"),
        ("PurchaseOrders", "DRAFT", "DELETED"),
        ("Quotes", "SENT", "DELETED"),
    ],
)
def test_voiding_ends_a_document_as_xero_does(books, tenant_id, resource, before, after):
    document = first(books, tenant_id, resource, Status=before)
    key = next(name for name in document if name == f"{resource[:-1]}ID")
    assert books.void(tenant_id, resource, document[key])["Status"] == after


def test_a_voided_transfer_keeps_its_only_timestamp_and_takes_its_mirrors_along(books, tenant_id):
    transfer = first(books, tenant_id, "BankTransfers", Status="AUTHORISED")
    ended = books.void(tenant_id, "BankTransfers", transfer["BankTransferID"])
    assert ended["CreatedDateUTC"] == transfer["CreatedDateUTC"]
    assert books.store.page(tenant_id, "BankTransfers", since=NOW).total == 0
    mirrors = books.store.page(tenant_id, "BankTransactions", since=NOW)
    assert {decode(text)["Status"] for text in mirrors.documents} == {"DELETED"}
    assert mirrors.total == 2


def test_what_xero_cannot_void_is_refused(books, tenant_id):
    account = first(books, tenant_id, "Accounts")
    with pytest.raises(ValueError, match="cannot void or delete Accounts"):
        books.void(tenant_id, "Accounts", account["AccountID"])


def test_archiving_a_contact(books, tenant_id):
    contact = first(books, tenant_id, "Contacts", ContactStatus="ACTIVE")
    books.edit(tenant_id, "Contacts", contact["ContactID"], ContactStatus="ARCHIVED")
    archived = books.get(tenant_id, "Contacts", contact["ContactID"])
    assert archived["ContactStatus"] == "ARCHIVED"
    assert archived["UpdatedDateUTC"] == net_date(to_ms(NOW))


def test_balances_follow_an_invoice_without_moving_the_contact(books, tenant_id):
    contact = first(books, tenant_id, "Contacts", ContactStatus="ACTIVE")
    books.add_invoice(
        tenant_id, Contact={"ContactID": contact["ContactID"], "Name": contact["Name"]}
    )
    after = books.get(tenant_id, "Contacts", contact["ContactID"])
    side = "AccountsReceivable"
    grown = after["Balances"][side]["Outstanding"] - contact["Balances"][side]["Outstanding"]
    assert grown == Decimal("115.00")
    assert after["UpdatedDateUTC"] == contact["UpdatedDateUTC"]
    assert books.store.page(tenant_id, "Contacts", since=NOW).total == 0


def test_invoices_become_overdue_by_the_passing_of_days_alone(books, tenant_id):
    contact = first(books, tenant_id, "Contacts", ContactStatus="ACTIVE")
    copy = {"ContactID": contact["ContactID"], "Name": contact["Name"]}
    books.add_invoice(tenant_id, Contact=copy)
    before = books.get(tenant_id, "Contacts", contact["ContactID"])["Balances"]
    books.clock.advance(days=22)
    after = books.get(tenant_id, "Contacts", contact["ContactID"])["Balances"]
    late = [b["AccountsReceivable"]["Overdue"] for b in (before, after)]
    assert late[1] - late[0] >= Decimal("115.00")


def test_a_deleted_item_is_gone_and_stays_gone(books, tenant_id):
    item = first(books, tenant_id, "Items")
    books.delete(tenant_id, "Items", item["ItemID"])
    books.clock.advance(days=30)
    with pytest.raises(LookupError, match="among its Items"):
        books.get(tenant_id, "Items", item["ItemID"])


def test_an_added_document_of_any_kind_gets_an_id_and_a_timestamp(books, tenant_id):
    made = books.add(tenant_id, "Contacts", Name="Kauri Mills", ContactStatus="ACTIVE")
    stored = books.get(tenant_id, "Contacts", made["ContactID"])
    assert stored["Name"] == "Kauri Mills"
    assert stored["UpdatedDateUTC"] == net_date(to_ms(NOW))


def test_lines_on_unknown_accounts_or_rates_are_refused(books, tenant_id):
    with pytest.raises(ValueError, match="no account 999"):
        books.add_invoice(tenant_id, LineItems=[{"AccountCode": "999"}])
    with pytest.raises(ValueError, match="no tax rate MOON"):
        books.add_invoice(tenant_id, LineItems=[{"TaxType": "MOON"}])


def test_business_goes_on_around_an_edit(books, tenant_id):
    books.add_invoice(tenant_id)
    before = books.store.count(tenant_id, "Invoices")
    books.clock.advance(seconds=timedelta(days=90).total_seconds())
    books.advance(tenant_id)
    assert books.store.count(tenant_id, "Invoices") > before
