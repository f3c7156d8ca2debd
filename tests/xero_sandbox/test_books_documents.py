"""What the documents hold: arithmetic, references, statuses, and Xero's quirks, each present."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from xero_sandbox.books import Books
from xero_sandbox.clock import ManualClock
from xero_sandbox.shapes import RESOURCES
from xero_sandbox.store import Store
from xero_sandbox.stories.timeline import START
from xero_sandbox.wire import DAY, cents, decode, parse_net_date, to_ms

NOW = datetime(2026, 2, 14, 10, 0, tzinfo=UTC)
WITH_LINES = (
    "Invoices",
    "CreditNotes",
    "BankTransactions",
    "Prepayments",
    "Overpayments",
    "PurchaseOrders",
    "Quotes",
    "Receipts",
    "RepeatingInvoices",
)


@pytest.fixture(scope="module")
def all_documents():
    """Every document of three demo-sized organisations: resource -> documents."""
    with Store() as store:
        books = Books(store, ManualClock(NOW), organisations=3, invoices=400)
        found = {resource: [] for resource in RESOURCES}
        for organisation in books.organisations:
            books.write_journals(organisation.tenant_id)
            for resource in RESOURCES:
                texts = store.page(organisation.tenant_id, resource).documents
                found[resource] += [decode(text) for text in texts]
        yield found


@pytest.fixture(scope="module")
def raw():
    """The same as text, of one small organisation."""
    with Store() as store:
        books = Books(store, ManualClock(NOW), organisations=1, invoices=40)
        (organisation,) = books.organisations
        books.write_journals(organisation.tenant_id)
        yield {r: store.page(organisation.tenant_id, r).documents for r in RESOURCES}


def test_every_resource_has_documents(raw):
    assert [resource for resource, texts in raw.items() if not texts] == []


@pytest.mark.parametrize("resource", WITH_LINES)
def test_amounts_add_up(all_documents, resource):
    for document in all_documents[resource]:
        assert document["SubTotal"] + document["TotalTax"] == document["Total"]
        lines = document["LineItems"]
        if document.get("Type", "").endswith("TRANSFER"):
            assert lines == []
            continue
        assert 1 <= len(lines) <= 8
        amount = sum(line["LineAmount"] for line in lines)
        tax = sum(line["TaxAmount"] for line in lines)
        assert document["TotalTax"] == tax
        if document["LineAmountTypes"].upper() == "INCLUSIVE":
            assert document["Total"] == amount
        else:
            assert document["SubTotal"] == amount
        for line in lines:
            share = 1 - line.get("DiscountRate", Decimal(0)) / 100
            exact = line["Quantity"] * line["UnitAmount"] * share
            assert abs(exact - line["LineAmount"]) <= Decimal("0.005")


def test_invoices_have_four_lines_on_average(all_documents):
    counts = [len(invoice["LineItems"]) for invoice in all_documents["Invoices"]]
    assert sum(counts) / len(counts) == pytest.approx(4, abs=0.3)
    assert set(counts) == set(range(1, 9))


def test_what_is_due_is_the_total_less_what_was_paid_and_credited(all_documents):
    for invoice in all_documents["Invoices"]:
        paid = sum(payment["Amount"] for payment in invoice["Payments"])
        credited = sum(
            credit["AppliedAmount"]
            for kind in ("CreditNotes", "Prepayments", "Overpayments")
            for credit in invoice[kind]
        )
        assert (invoice["AmountPaid"], invoice["AmountCredited"]) == (paid, credited)
        if invoice["Status"] in ("VOIDED", "DELETED"):
            assert invoice["AmountDue"] == paid == credited == 0
        else:
            assert invoice["AmountDue"] == invoice["Total"] - paid - credited
        assert (invoice["Status"] == "PAID") == ("FullyPaidOnDate" in invoice)


def test_credit_is_what_was_applied_and_what_remains(all_documents):
    for resource in ("CreditNotes", "Prepayments", "Overpayments"):
        for credit in all_documents[resource]:
            applied = sum(a["Amount"] for a in credit["Allocations"])
            applied += sum(p["Amount"] for p in credit["Payments"])
            assert credit["AppliedAmount"] == applied
            assert credit["RemainingCredit"] == credit["Total"] - applied
            assert (credit["Status"] == "PAID") == (credit["RemainingCredit"] == 0)
            assert all(allocation["AllocationID"] for allocation in credit["Allocations"])


def test_standing_payments_are_those_that_their_invoice_shows(all_documents):
    shown = {
        payment["PaymentID"]: payment["Amount"]
        for resource in ("Invoices", "CreditNotes", "Overpayments")
        for document in all_documents[resource]
        for payment in document["Payments"]
    }
    standing = {
        payment["PaymentID"]: payment["Amount"]
        for payment in all_documents["Payments"]
        if payment["Status"] == "AUTHORISED"
    }
    assert shown == standing


def test_batch_payments_are_the_sum_of_their_payments(all_documents):
    payments = {payment["PaymentID"]: payment for payment in all_documents["Payments"]}
    for batch in all_documents["BatchPayments"]:
        assert batch["TotalAmount"] == sum(part["Amount"] for part in batch["Payments"])
        for part in batch["Payments"]:
            whole = payments[part["PaymentID"]]
            assert whole["BatchPaymentID"] == batch["BatchPaymentID"]
            # Quirk: inside a payment these two are text.
            assert whole["BatchPayment"]["TotalAmount"] == str(batch["TotalAmount"])
            assert whole["BatchPayment"]["IsReconciled"] == "false"
    assert any(len(batch["Payments"]) > 1 for batch in all_documents["BatchPayments"])


def test_references_lead_somewhere(all_documents):
    ids = {r: {d[shape.key] for d in all_documents[r]} for r, shape in RESOURCES.items()}
    for resource in ("Invoices", "CreditNotes", "PurchaseOrders", "Quotes", "Receipts"):
        for document in all_documents[resource]:
            assert document["Contact"]["ContactID"] in ids["Contacts"]
            for line in document["LineItems"]:
                assert line["AccountID"] in ids["Accounts"]
                assert line["TaxType"] in ids["TaxRates"]
                assert "Item" not in line or line["Item"]["ItemID"] in ids["Items"]
                for option in line["Tracking"]:
                    assert option["TrackingCategoryID"] in ids["TrackingCategories"]
    notes = ids["Invoices"] | ids["CreditNotes"] | ids["Overpayments"]
    for payment in all_documents["Payments"]:
        assert payment["Invoice"]["InvoiceID"] in notes
        assert payment["Account"]["AccountID"] in ids["Accounts"]
    for linked in all_documents["LinkedTransactions"]:
        assert linked["SourceTransactionID"] in ids["Invoices"]
    for transfer in all_documents["BankTransfers"]:
        assert transfer["FromBankTransactionID"] in ids["BankTransactions"]
        assert transfer["ToBankTransactionID"] in ids["BankTransactions"]
    for invoice in all_documents["Invoices"]:
        assert invoice.get("RepeatingInvoiceID", None) in ids["RepeatingInvoices"] | {None}


def test_ids_are_unique_across_everything(all_documents):
    for resource, shape in RESOURCES.items():
        # Currencies and tax rates have codes, which organisations share.
        if resource not in ("Currencies", "TaxRates"):
            ids = [document[shape.key] for document in all_documents[resource]]
            assert len(ids) == len(set(ids))
    lines = [
        line["LineItemID"] for invoice in all_documents["Invoices"] for line in invoice["LineItems"]
    ]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("resource", "field", "expected"),
    [
        ("Invoices", "Status", "DRAFT SUBMITTED AUTHORISED PAID VOIDED DELETED"),
        ("Invoices", "Type", "ACCREC ACCPAY"),
        ("Invoices", "LineAmountTypes", "Exclusive Inclusive NoTax"),
        ("CreditNotes", "Status", "AUTHORISED PAID"),
        ("CreditNotes", "Type", "ACCRECCREDIT ACCPAYCREDIT"),
        ("Payments", "Status", "AUTHORISED DELETED"),
        (
            "BankTransactions",
            "Type",
            """RECEIVE SPEND RECEIVE-TRANSFER SPEND-TRANSFER RECEIVE-PREPAYMENT SPEND-PREPAYMENT
            RECEIVE-OVERPAYMENT SPEND-OVERPAYMENT""",
        ),
        ("BankTransactions", "Status", "AUTHORISED DELETED"),
        ("BankTransfers", "Status", "AUTHORISED DELETED"),
        ("Prepayments", "Type", "RECEIVE-PREPAYMENT SPEND-PREPAYMENT"),
        ("Prepayments", "Status", "AUTHORISED PAID"),
        ("Overpayments", "Type", "RECEIVE-OVERPAYMENT SPEND-OVERPAYMENT"),
        ("PurchaseOrders", "Status", "DRAFT SUBMITTED AUTHORISED BILLED DELETED"),
        ("Quotes", "Status", "DRAFT SENT DECLINED ACCEPTED INVOICED DELETED"),
        # Quirk: quotes alone write this in capitals.
        ("Quotes", "LineAmountTypes", "EXCLUSIVE INCLUSIVE"),
        ("ManualJournals", "Status", "DRAFT POSTED VOIDED DELETED"),
        ("ExpenseClaims", "Status", "AUTHORISED PAID VOIDED"),
        ("Receipts", "Status", "DRAFT AUTHORISED VOIDED"),
        ("LinkedTransactions", "Status", "APPROVED BILLED"),
        ("RepeatingInvoices", "Status", "AUTHORISED DRAFT DELETED"),
        ("Contacts", "ContactStatus", "ACTIVE ARCHIVED"),
        ("ContactGroups", "Status", "ACTIVE DELETED"),
        ("Accounts", "Status", "ACTIVE ARCHIVED"),
        ("TaxRates", "Status", "ACTIVE ARCHIVED DELETED"),
        ("TrackingCategories", "Status", "ACTIVE ARCHIVED"),
        ("Budgets", "Type", "OVERALL TRACKING"),
        (
            "Journals",
            "SourceType",
            """ACCREC ACCPAY ACCRECCREDIT ACCPAYCREDIT ACCRECPAYMENT ACCPAYPAYMENT ARCREDITPAYMENT
            APCREDITPAYMENT CASHREC CASHPAID TRANSFER ARPREPAYMENT APPREPAYMENT AROVERPAYMENT
            APOVERPAYMENT MANJOURNAL EXPCLAIM EXPPAYMENT""",
        ),
    ],
)
def test_every_state_and_kind_occurs(all_documents, resource, field, expected):
    assert {document[field] for document in all_documents[resource]} == set(expected.split())


def test_payments_of_every_kind_occur(all_documents):
    kinds = Counter(payment["PaymentType"] for payment in all_documents["Payments"])
    assert {"ACCRECPAYMENT", "ACCPAYPAYMENT", "ARCREDITPAYMENT", "APCREDITPAYMENT"} <= set(kinds)
    assert any(kind.endswith("OVERPAYMENTPAYMENT") for kind in kinds)


def test_several_currencies_with_rates(all_documents):
    assert len({invoice["CurrencyCode"] for invoice in all_documents["Invoices"]}) >= 5
    rates = [i["CurrencyRate"] for i in all_documents["Invoices"] if "CurrencyRate" in i]
    assert {rate.as_tuple().exponent for rate in rates} == {-6}
    assert len(set(rates)) > 10


# -- quirks, by their number in the reference -----------------------------------------------------


def test_quirk_23_dates_come_in_both_spellings(raw):
    joined = {resource: b"".join(texts) for resource, texts in raw.items()}
    assert b"+0000)/" in joined["Invoices"]
    for resource in ("BrandingThemes", "Items", "LinkedTransactions", "Users"):
        assert b")/" in joined[resource]
        assert b"+0000)/" not in joined[resource]


def test_quirk_24_calendar_dates_are_midnight_save_those_of_transfers(all_documents):
    for resource in ("Invoices", "CreditNotes", "Payments", "PurchaseOrders", "ManualJournals"):
        assert all(
            parse_net_date(document["Date"]) % DAY == 0 for document in all_documents[resource]
        )
    assert all(
        parse_net_date(transfer["Date"]) % DAY for transfer in all_documents["BankTransfers"]
    )


def test_quirk_25_dates_before_1970_and_time_zero(all_documents):
    assert any(parse_net_date(quote["ExpiryDate"]) < 0 for quote in all_documents["Quotes"])
    # In the ledger it would make a month of 1969 of everybody's books.
    dates = [parse_net_date(journal["JournalDate"]) for journal in all_documents["Journals"]]
    assert min(dates) >= START - DAY
    for resource, field in (("Invoices", "DueDate"), ("ManualJournals", "Date")):
        zero = [d for d in all_documents[resource] if d[field] == "/Date(0+0000)/"]
        assert {document["Status"] for document in zero} == {"VOIDED"}


def test_quirk_26_string_twins_say_the_same(all_documents):
    for resource, shape in RESOURCES.items():
        for document in all_documents[resource]:
            if shape.has_updated_string:
                moment = datetime.fromisoformat(document["UpdatedDateUTCString"])
                assert to_ms(moment) == parse_net_date(document["UpdatedDateUTC"]) // 1000 * 1000
            for name in [name for name in document if name.endswith("DateString")]:
                day = datetime.fromisoformat(document[name]).replace(tzinfo=UTC)
                date = parse_net_date(document[name.removesuffix("String")])
                assert to_ms(day) == date - date % DAY


def test_quirk_28_unit_amounts_have_four_places_and_some_need_them(all_documents):
    units = [line["UnitAmount"] for i in all_documents["Invoices"] for line in i["LineItems"]]
    assert {unit.as_tuple().exponent for unit in units} == {-4}
    assert any(cents(unit) != unit * 100 for unit in units)


def test_quirk_7_embedded_copies_are_partial(all_documents):
    contact = all_documents["Invoices"][0]["Contact"]
    assert contact["Addresses"] == contact["Phones"] == contact["ContactPersons"] == []
    assert "EmailAddress" not in contact
    assert all(payment["Invoice"]["LineItems"] == [] for payment in all_documents["Payments"])
    assert all("Status" not in payment["Invoice"] for payment in all_documents["Payments"])


def test_quirk_8_error_flags_leak_into_plain_documents(all_documents):
    assert all(invoice["HasErrors"] is False for invoice in all_documents["Invoices"])
    assert all(contact["HasValidationErrors"] is False for contact in all_documents["Contacts"])


def test_a_paid_credit_note_stands_in_the_invoice_of_its_payment(all_documents):
    notes = {
        note["CreditNoteID"]: note["CreditNoteNumber"] for note in all_documents["CreditNotes"]
    }
    refunds = [p for p in all_documents["Payments"] if p["PaymentType"].endswith("CREDITPAYMENT")]
    assert refunds
    for payment in refunds:
        inside = payment["Invoice"]
        assert inside["Type"] in ("ACCRECCREDIT", "ACCPAYCREDIT")
        assert notes[inside["InvoiceID"]] == inside["InvoiceNumber"]
        assert "CreditNote" not in payment


def test_prepayments_and_overpayments_are_mirrored_in_the_bank(all_documents):
    for resource, key in (("Prepayments", "PrepaymentID"), ("Overpayments", "OverpaymentID")):
        mirrored = {t[key]: t for t in all_documents["BankTransactions"] if key in t}
        assert set(mirrored) == {credit[key] for credit in all_documents[resource]}
        for credit in all_documents[resource]:
            assert mirrored[credit[key]]["Total"] == credit["Total"]
            assert mirrored[credit[key]]["Type"] == credit["Type"]


def test_transfers_show_when_they_were_made_and_nothing_later(all_documents):
    mirrors = {t["BankTransactionID"]: t for t in all_documents["BankTransactions"]}
    deleted = [t for t in all_documents["BankTransfers"] if t["Status"] == "DELETED"]
    assert deleted
    for transfer in deleted:
        assert "UpdatedDateUTC" not in transfer
        mirror = mirrors[transfer["FromBankTransactionID"]]
        assert mirror["Status"] == "DELETED"
        created = parse_net_date(transfer["CreatedDateUTC"])
        assert parse_net_date(mirror["UpdatedDateUTC"]) > created


def test_bank_accounts_may_have_no_code(all_documents):
    banks = [account for account in all_documents["Accounts"] if account["Type"] == "BANK"]
    assert {"Code" in account for account in banks} == {True, False}
    others = [account for account in all_documents["Accounts"] if account["Type"] != "BANK"]
    assert all(account["Code"] for account in others)
    assert any(account["CurrencyCode"] != "NZD" for account in banks if "CurrencyCode" in account)


def test_xeros_own_accounts_say_so(all_documents):
    named = {account.get("SystemAccount") for account in all_documents["Accounts"]}
    assert {"DEBTORS", "CREDITORS", "GST", "RETAINEDEARNINGS", "REALISEDCURRENCYGAIN"} <= named


def test_contacts_have_placeholders_for_what_was_never_filled_in(all_documents):
    for contact in all_documents["Contacts"]:
        kinds = [number["PhoneType"] for number in contact["Phones"]]
        assert kinds == ["DDI", "DEFAULT", "FAX", "MOBILE"]
        assert [address["AddressType"] for address in contact["Addresses"]] == ["STREET", "POBOX"]
    assert any("AddressLine1" not in a for c in all_documents["Contacts"] for a in c["Addresses"])


def test_one_contact_was_merged_into_another(all_documents):
    merged = [contact for contact in all_documents["Contacts"] if "MergedToContactID" in contact]
    ids = {contact["ContactID"] for contact in all_documents["Contacts"]}
    assert merged
    assert all(contact["MergedToContactID"] in ids for contact in merged)
    assert {contact["ContactStatus"] for contact in merged} == {"ARCHIVED"}


def test_contact_names_are_unique_within_an_organisation(raw):
    names = [decode(text)["Name"] for text in raw["Contacts"]]
    assert len(names) == len(set(names))


def test_numbers_of_sales_are_unique_and_those_of_suppliers_are_not(all_documents, raw):
    invoices = [decode(text) for text in raw["Invoices"]]
    sales = [i["InvoiceNumber"] for i in invoices if i["Type"] == "ACCREC"]
    assert len(sales) == len(set(sales))
    bills = [i["InvoiceNumber"] for i in all_documents["Invoices"] if i["Type"] == "ACCPAY"]
    assert len(bills) > len(set(bills))


def test_empty_text_and_missing_keys_both_occur(all_documents):
    sales = [i for i in all_documents["Invoices"] if i["Type"] == "ACCREC"]
    assert any(i["Reference"] == "" for i in sales)
    assert all("Reference" not in i for i in all_documents["Invoices"] if i["Type"] == "ACCPAY")
    assert any("CurrencyRate" not in i for i in all_documents["Invoices"])
    assert any(item["PurchaseDetails"] == {} for item in all_documents["Items"])


def test_a_credit_note_has_the_rate_of_the_invoice_that_it_credits(all_documents):
    """As in every example of Xero's specification: 1.000000 in base currency."""
    rates = {i["InvoiceID"]: i.get("CurrencyRate") for i in all_documents["Invoices"]}
    notes = all_documents["CreditNotes"]
    foreign = [note for note in notes if note["CurrencyRate"] != 1]
    assert {note["CurrencyCode"] for note in foreign} > {"USD"}
    for note in notes:
        for allocation in note["Allocations"]:
            assert note["CurrencyRate"] == rates[allocation["Invoice"]["InvoiceID"]]


def test_lines_of_manual_journals_have_no_id_and_sum_to_zero(all_documents):
    for journal in all_documents["ManualJournals"]:
        assert sum(line["LineAmount"] for line in journal["JournalLines"]) == 0
        assert not any(key.endswith("LineID") for line in journal["JournalLines"] for key in line)


def test_tracking_options_say_their_state_three_times(all_documents):
    options = [o for category in all_documents["TrackingCategories"] for o in category["Options"]]
    for option in options:
        assert option["IsActive"] == (option["Status"] == "ACTIVE")
        assert option["IsArchived"] == (option["Status"] == "ARCHIVED")
        assert option["IsDeleted"] is False
    assert any(option["IsArchived"] for option in options)


def test_discounts_are_entered_as_percent(all_documents):
    lines = [
        line for i in all_documents["Invoices"] for line in i["LineItems"] if "DiscountRate" in line
    ]
    assert lines
    assert all(line["DiscountEnteredAsPercent"] is True for line in lines)
    discounted = [i for i in all_documents["Invoices"] if i["IsDiscounted"]]
    assert all(invoice["TotalDiscount"] > 0 for invoice in discounted)


def test_group_members_and_contacts_agree(all_documents):
    groups = {group["ContactGroupID"]: group for group in all_documents["ContactGroups"]}
    for contact in all_documents["Contacts"]:
        for copy in contact["ContactGroups"]:
            members = groups[copy["ContactGroupID"]]["Contacts"]
            assert contact["ContactID"] in {member["ContactID"] for member in members}
    assert any(group["Contacts"] for group in groups.values())


def test_documents_without_a_timestamp_show_none(all_documents):
    for resource, shape in RESOURCES.items():
        for document in all_documents[resource]:
            if shape.updated is None or shape.updated == "CreatedDateUTC":
                assert "UpdatedDateUTC" not in document
            else:
                assert parse_net_date(document["UpdatedDateUTC"]) <= to_ms(NOW)


def test_what_lists_leave_out_is_there_to_be_left_out(all_documents):
    absent = {"Attachments", "MergedToContactID", "XeroNetworkKey", "BrandingTheme"}
    for resource, shape in RESOURCES.items():
        present = {name for document in all_documents[resource] for name in document}
        named = {*shape.unpaged_omits, *shape.paged_omits, *shape.summary_omits}
        assert named - present - absent <= {"Allocations"}
        assert set(shape.single_omits) <= present


def test_an_invoice_lives_through_its_stages():
    with Store() as store:
        books = Books(store, ManualClock(datetime(2024, 1, 1, tzinfo=UTC)), 1, invoices=200)
        tenant_id = books.organisations[0].tenant_id
        seen: dict[str, list[str]] = {}
        for _ in range(60):
            books.clock.advance(days=1)
            books.advance(tenant_id)
            for text in store.page(tenant_id, "Invoices").documents:
                invoice = decode(text)
                stages = seen.setdefault(invoice["InvoiceID"], [])
                if not stages or stages[-1] != invoice["Status"]:
                    stages.append(invoice["Status"])
    paths = {tuple(stages) for stages in seen.values()}
    assert ("DRAFT", "AUTHORISED", "PAID") in paths
    assert ("AUTHORISED", "PAID") in paths
    assert any(path[-2:] == ("AUTHORISED", "VOIDED") for path in paths)
    assert ("PAID", "AUTHORISED", "PAID") in {path[-3:] for path in paths}


def test_an_edit_may_take_a_line_away():
    with Store() as store:
        books = Books(store, ManualClock(datetime(2024, 1, 1, tzinfo=UTC)), 1, invoices=600)
        tenant_id = books.organisations[0].tenant_id
        lines: dict[str, set[str]] = {}
        lost = 0
        for _ in range(40):
            books.clock.advance(days=2)
            books.advance(tenant_id)
            for text in store.page(
                tenant_id, "Invoices", since=books.clock.now() - timedelta(days=2)
            ).documents:
                invoice = decode(text)
                ids = {line["LineItemID"] for line in invoice["LineItems"]}
                lost += bool(lines.get(invoice["InvoiceID"], set()) - ids)
                lines[invoice["InvoiceID"]] = ids
        assert lost > 0
