"""Records: the organisation first, ids lifted, noise gone, everything else as Xero sent it."""

from __future__ import annotations

import copy
import json

import pytest
from singer_sdk.singerlib.catalog import SelectionMask
from tap_xero.api import wire
from tap_xero.models.resources import BY_STREAM
from tap_xero.sync.transform import NOISE, compile_transform

TENANT = "t-1"


def record_of(stream: str, row: dict, deselected: tuple = (), *, verbatim: bool = True) -> dict:
    mask = SelectionMask(dict.fromkeys(deselected, False))
    transform = compile_transform(BY_STREAM[stream].model, mask, verbatim=verbatim)
    return transform(copy.deepcopy(row), TENANT)


INVOICE = {
    "Type": "ACCREC",
    "InvoiceID": "i-1",
    "Contact": {
        "ContactID": "c-1",
        "Name": "Quarry & Sons",
        "Addresses": [],
        "UpdatedDateUTC": "/Date(1551399323399)/",
        "HasValidationErrors": False,
    },
    "Date": "/Date(1539993600000+0000)/",
    "DateString": "2018-10-20T00:00:00",
    "UpdatedDateUTC": "/Date(1551399323000+0000)/",
    "LineItems": [
        {"LineItemID": "l-1", "Item": {"ItemID": "it-1", "Code": "A"}, "Quantity": 2},
        {"LineItemID": "l-2", "Tracking": [{"TrackingCategoryID": "tc-1"}]},
    ],
    "HasErrors": False,
    "Surprise": {"Deep": [1]},
}


def test_a_record_of_an_invoice():
    record = record_of("invoices", INVOICE)
    assert list(record)[:2] == ["TenantID", "ContactID"]
    assert record == {
        "TenantID": TENANT,
        "ContactID": "c-1",
        "Type": "ACCREC",
        "InvoiceID": "i-1",
        "Contact": {
            "ContactID": "c-1",
            "Name": "Quarry & Sons",
            "Addresses": [],
            "UpdatedDateUTC": "2019-03-01T00:15:23.399Z",
        },
        "Date": "2018-10-20",
        "DateString": "2018-10-20",
        "UpdatedDateUTC": "2019-03-01T00:15:23Z",
        "LineItems": [
            {
                "LineItemID": "l-1",
                "Item": {"ItemID": "it-1", "Code": "A"},
                "Quantity": 2,
                "ItemID": "it-1",
            },
            {"LineItemID": "l-2", "Tracking": [{"TrackingCategoryID": "tc-1"}]},
        ],
        "Surprise": {"Deep": [1]},
    }


@pytest.mark.parametrize("stream", list(BY_STREAM))
def test_noise_never_gets_into_a_record(stream):
    record = record_of(stream, {**dict.fromkeys(NOISE, ()), "Kept": 1})
    assert record == {"TenantID": TENANT, "Kept": 1}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ACCREC", "InvoiceID"),
        ("ACCPAY", "InvoiceID"),
        ("ACCRECCREDIT", "CreditNoteID"),
        ("ACCPAYCREDIT", "CreditNoteID"),
        ("ARPREPAYMENT", "PrepaymentID"),
        ("APOVERPAYMENT", "OverpaymentID"),
        (None, "InvoiceID"),
    ],
)
def test_a_payment_refers_to_what_it_paid(kind, name):
    row = {"PaymentID": "p-1", "Invoice": {"InvoiceID": "x-1", "Type": kind}}
    record = record_of("payments", row)
    lifted = {"InvoiceID", "CreditNoteID", "PrepaymentID", "OverpaymentID"} & set(record)
    assert lifted == {name}
    assert record[name] == "x-1"


def test_what_xero_says_itself_is_not_overwritten_by_a_lifted_id():
    row = {"BatchPaymentID": "own", "BatchPayment": {"BatchPaymentID": "copied"}}
    assert record_of("payments", row)["BatchPaymentID"] == "own"


def test_numbers_and_booleans_that_xero_quotes_become_real():
    row = {"PaymentID": "p", "BatchPayment": {"TotalAmount": "12.50", "IsReconciled": "false"}}
    line = wire.encode(record_of("payments", row)).decode()
    assert '"TotalAmount":12.50' in line
    assert '"IsReconciled":false' in line
    decimals = record_of("payments", row, verbatim=False)
    assert str(decimals["BatchPayment"]["TotalAmount"]) == "12.50"


def test_deselected_fields_are_dropped_nested_ones_too():
    record = record_of(
        "invoices",
        INVOICE,
        deselected=(
            ("properties", "LineItems"),
            ("properties", "Contact", "properties", "Name"),
        ),
    )
    assert "LineItems" not in record
    assert "Name" not in record["Contact"]
    assert record["ContactID"] == "c-1"


def test_a_lifted_id_stays_when_its_copy_is_deselected_and_the_other_way_round():
    assert record_of("invoices", INVOICE, (("properties", "Contact"),))["ContactID"] == "c-1"
    record = record_of("invoices", INVOICE, (("properties", "ContactID"),))
    assert "ContactID" not in record
    assert record["Contact"]["ContactID"] == "c-1"


@pytest.mark.parametrize("changed", [None, "text", 7, [], [None, "x"], {}, {"ContactID": None}])
def test_a_changed_type_passes_through(changed):
    row = {"InvoiceID": "i", "Contact": changed, "LineItems": changed, "Date": changed}
    record = record_of("invoices", row)
    assert record["Contact"] == record["LineItems"] == changed
    assert json.loads(wire.encode(record))["InvoiceID"] == "i"


@pytest.mark.parametrize("sent", ["/Date(0+0000)/", None])
def test_a_date_that_was_never_set_is_null(sent):
    assert record_of("invoices", {"FullyPaidOnDate": sent})["FullyPaidOnDate"] is None


def test_line_items_of_every_document_get_their_item():
    for stream, resource in BY_STREAM.items():
        if any(field.name == "LineItems" for field in resource.model.fields):
            record = record_of(stream, {"LineItems": [{"Item": {"ItemID": "it"}}]})
            assert record["LineItems"][0]["ItemID"] == "it", stream
