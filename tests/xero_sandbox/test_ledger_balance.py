"""Books that balance: documents, journals and reports agree to the cent."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from xero_sandbox.books import Books
from xero_sandbox.clock import ManualClock
from xero_sandbox.ledger import journals
from xero_sandbox.store import Store
from xero_sandbox.wire import cents, decode, parse_net_date

NOW = datetime(2026, 2, 14, 10, 0, tzinfo=UTC)
APPROVED = ("AUTHORISED", "PAID")


@pytest.fixture(scope="module")
def books():
    made = Books(Store(), ManualClock(NOW), organisations=4, invoices=150)
    for organisation in made.organisations:
        made.write_journals(organisation.tenant_id)
    yield made
    made.store.close()


@pytest.fixture
def own_books():
    """Books a test may change."""
    with Store() as store:
        yield Books(store, ManualClock(NOW), organisations=1, invoices=60)


def documents(books: Books, resource: str, organisation=None) -> list[dict]:
    tenant_id = (organisation or books.organisations[0]).tenant_id
    return [decode(text) for text in books.store.page(tenant_id, resource).documents]


def journals_of(books: Books, organisation=None) -> list[dict]:
    """Journals in the order of their numbers."""
    return sorted(documents(books, "Journals", organisation), key=lambda j: j["JournalNumber"])


def balances(books: Books, organisation) -> dict[str, int]:
    """Cents by account id, from the journals."""
    found = defaultdict(int)
    for journal in documents(books, "Journals", organisation):
        for line in journal["JournalLines"]:
            found[line["AccountID"]] += cents(line["NetAmount"])
    return found


def rows_of(report: dict) -> list[dict]:
    """All rows with cells, whatever section they are in."""
    found = []
    for row in report["Rows"]:
        found += rows_of(row) if "Rows" in row else [row]
    return found


def by_account(report: dict, column: int) -> dict[str, str]:
    return {
        row["Cells"][0]["Attributes"][0]["Value"]: row["Cells"][column]["Value"]
        for row in rows_of(report)
        if "Attributes" in row["Cells"][0]
    }


def trial_cents(books: Books, organisation, **parameters) -> dict[str, int]:
    report = books.report(organisation.tenant_id, "TrialBalance", parameters)
    debit, credit = by_account(report, 3), by_account(report, 4)
    return {account: cents(debit[account] or 0) - cents(credit[account] or 0) for account in debit}


def test_every_journal_sums_to_zero(books):
    for organisation in books.organisations:
        journals = documents(books, "Journals", organisation)
        assert len(journals) > 300
        for journal in journals:
            assert sum(line["NetAmount"] for line in journal["JournalLines"]) == 0
            for line in journal["JournalLines"]:
                assert line["GrossAmount"] == line["NetAmount"] + line["TaxAmount"]


def test_journal_numbers_rise_with_time_and_have_gaps(books):
    journals = journals_of(books)
    numbers = [journal["JournalNumber"] for journal in journals]
    assert numbers == sorted(set(numbers))
    assert len(numbers) < numbers[-1]
    created = [parse_net_date(journal["CreatedDateUTC"]) for journal in journals]
    assert created == sorted(created)


def test_the_trial_balance_is_the_sum_of_the_journals(books):
    for organisation in books.organisations:
        trial = trial_cents(books, organisation)
        assert sum(trial.values()) == 0
        kinds = {a["AccountID"]: a["Class"] for a in documents(books, "Accounts", organisation)}
        expected = balances(books, organisation)
        retained = organisation.accounts["retained"].id
        for account, amount in expected.items():
            if kinds[account] in ("ASSET", "LIABILITY"):
                assert trial.get(account, 0) == amount
        result = [a for a in set(expected) | set(trial) if kinds[a] in ("REVENUE", "EXPENSE")]
        carried = sum(expected[a] - trial.get(a, 0) for a in result)
        assert trial[retained] == expected[retained] + carried


def test_both_columns_of_the_trial_balance_have_the_same_total(books):
    for organisation in books.organisations:
        report = books.report(organisation.tenant_id, "TrialBalance", {})
        total = [cell["Value"] for cell in rows_of(report)[-1]["Cells"]]
        assert total[0] == "Total"
        assert total[1] == total[2]
        assert total[3] == total[4] != "0.00"


@pytest.mark.parametrize("sale", [True, False])
def test_the_control_accounts_hold_what_the_documents_leave_open(books, sale):
    sides = {
        "Invoices": ("ACCREC",) if sale else ("ACCPAY",),
        "CreditNotes": ("ACCRECCREDIT",) if sale else ("ACCPAYCREDIT",),
        "Prepayments": ("RECEIVE-PREPAYMENT",) if sale else ("SPEND-PREPAYMENT",),
        "Overpayments": ("RECEIVE-OVERPAYMENT",) if sale else ("SPEND-OVERPAYMENT",),
    }
    for organisation in books.organisations:
        expected = 0
        for resource, types in sides.items():
            for document in documents(books, resource, organisation):
                if document["Type"] in types and document["Status"] in APPROVED:
                    left = document.get("AmountDue", -document.get("RemainingCredit", 0))
                    rate = document.get("CurrencyRate", Decimal(1))
                    expected += cents(left / rate)
        key = "debtors" if sale else "creditors"
        held = balances(books, organisation)[organisation.accounts[key].id]
        assert held == (expected if sale else -expected)
        assert expected > 0


def test_bank_accounts_hold_what_went_through_them(books):
    organisation = books.organisations[0]
    bank = organisation.accounts["bank"].id
    expected = 0
    for transaction in documents(books, "BankTransactions"):
        if transaction["BankAccount"]["AccountID"] == bank and transaction["Status"] in APPROVED:
            sign = 1 if transaction["Type"].startswith("RECEIVE") else -1
            expected += sign * cents(transaction["Total"])
    for payment in documents(books, "Payments"):
        if payment["Account"]["AccountID"] == bank and payment["Status"] == "AUTHORISED":
            incoming = payment["PaymentType"] in ("ACCRECPAYMENT", "APCREDITPAYMENT") or (
                payment["PaymentType"] == "APOVERPAYMENTPAYMENT"
            )
            expected += (1 if incoming else -1) * cents(payment["BankAmount"])
    for claim in documents(books, "ExpenseClaims"):
        expected -= sum(cents(payment["Amount"]) for payment in claim["Payments"])
    assert balances(books, organisation)[bank] == expected


def test_inventory_holds_the_value_of_the_stock(books):
    for organisation in books.organisations:
        stock = sum(
            cents(item["TotalCostPool"])
            for item in documents(books, "Items", organisation)
            if item["IsTrackedAsInventory"]
        )
        assert balances(books, organisation)[organisation.accounts["inventory"].id] == stock > 0


def test_realised_currency_gains_arise_from_foreign_payments(books):
    for organisation in books.organisations:
        assert balances(books, organisation)[organisation.accounts["realised"].id]


def test_contacts_owe_what_their_open_documents_say(books):
    for organisation in books.organisations:
        owed = {True: defaultdict(int), False: defaultdict(int)}
        late = {True: defaultdict(int), False: defaultdict(int)}
        today = organisation.local_day(int(NOW.timestamp()) * 1000)
        for resource in ("Invoices", "CreditNotes", "Prepayments", "Overpayments"):
            for document in documents(books, resource, organisation):
                if document["Status"] != "AUTHORISED":
                    continue
                left = document.get("AmountDue", -document.get("RemainingCredit", 0))
                amount = cents(left / document.get("CurrencyRate", Decimal(1)))
                sale = document["Type"].startswith(("ACCREC", "RECEIVE"))
                owed[sale][document["Contact"]["ContactID"]] += amount
                if "DueDate" in document and parse_net_date(document["DueDate"]) < today:
                    late[sale][document["Contact"]["ContactID"]] += amount
        for contact in documents(books, "Contacts", organisation):
            sides = contact["Balances"]
            for side, sale in (("AccountsReceivable", True), ("AccountsPayable", False)):
                assert cents(sides[side]["Outstanding"]) == owed[sale][contact["ContactID"]]
                assert cents(sides[side]["Overdue"]) == late[sale][contact["ContactID"]]
        assert any(late[True].values())


def test_edits_by_hand_keep_the_books_in_balance(own_books):
    books, organisation = own_books, own_books.organisations[0]
    tenant_id = organisation.tenant_id
    made = books.add_invoice(
        tenant_id,
        LineItems=[{"Quantity": 3, "UnitAmount": Decimal("19.995"), "AccountCode": "200"}],
    )
    books.pay(tenant_id, made["InvoiceID"], Decimal("20.00"))
    other = books.add_invoice(tenant_id, Type="ACCPAY")
    books.void(tenant_id, "Invoices", other["InvoiceID"])
    (target, *_) = (
        i for i in documents(books, "Invoices") if i["Status"] == "AUTHORISED" and not i["Payments"]
    )
    books.edit(tenant_id, "Invoices", target["InvoiceID"], LineItems=target["LineItems"][:1] * 2)
    books.write_journals(tenant_id)
    books.clock.advance(days=40)
    books.write_journals(tenant_id)
    trial = trial_cents(books, organisation)
    assert sum(trial.values()) == 0
    debtors = sum(
        cents(document.get("AmountDue", -document.get("RemainingCredit", 0)))
        * (1 if document["Type"].startswith(("ACCREC", "RECEIVE")) else 0)
        for resource in ("Invoices", "CreditNotes", "Prepayments", "Overpayments")
        for document in documents(books, resource)
        if document["Status"] in APPROVED and document["CurrencyCode"] == organisation.currency
    )
    foreign = sum(
        cents(invoice["AmountDue"] / invoice["CurrencyRate"])
        for invoice in documents(books, "Invoices")
        if invoice["Status"] in APPROVED
        and invoice["Type"] == "ACCREC"
        and invoice["CurrencyCode"] != organisation.currency
    )
    assert trial[organisation.accounts["debtors"].id] == debtors + foreign


def test_an_edit_of_an_approved_invoice_reverses_its_journal_and_writes_a_new_one(own_books):
    books, tenant_id = own_books, own_books.organisations[0].tenant_id
    made = books.add_invoice(tenant_id)
    books.write_journals(tenant_id)
    books.clock.advance(60)
    books.edit(
        tenant_id, "Invoices", made["InvoiceID"], LineItems=[{"Quantity": 2, "UnitAmount": 50.25}]
    )
    books.write_journals(tenant_id)
    totals = [
        journal["JournalLines"][0]["NetAmount"]
        for journal in journals_of(books)
        if journal["SourceID"] == made["InvoiceID"]
    ]
    assert totals == [Decimal("115.00"), Decimal("-115.00"), Decimal("115.58")]


def test_an_edit_that_moves_no_money_writes_no_journal(own_books):
    books, tenant_id = own_books, own_books.organisations[0].tenant_id
    made = books.add_invoice(tenant_id)
    books.write_journals(tenant_id)
    before = books.store.count(tenant_id, "Journals")
    books.edit(tenant_id, "Invoices", made["InvoiceID"], SentToContact=True)
    books.write_journals(tenant_id)
    assert books.store.count(tenant_id, "Journals") == before


def test_a_change_in_the_instant_that_was_booked_last_is_booked_too(own_books):
    books, tenant_id = own_books, own_books.organisations[0].tenant_id
    books.write_journals(tenant_id)
    made = books.add_invoice(tenant_id)
    books.write_journals(tenant_id)
    last = journals_of(books)[-1]
    assert (last["SourceID"], last["SourceType"]) == (made["InvoiceID"], "ACCREC")


def test_a_ledger_written_in_slices_equals_one_written_at_once(monkeypatch):
    def ledger() -> list[bytes]:
        with Store() as store:
            books = Books(store, ManualClock(NOW), organisations=1, invoices=60)
            tenant_id = books.organisations[0].tenant_id
            books.write_journals(tenant_id)
            return store.page(tenant_id, "Journals").documents

    at_once = ledger()
    monkeypatch.setattr(journals, "_AT_ONCE", 3)
    assert ledger() == at_once
