"""Invoices, credit notes, prepayments, overpayments, payments and batch payments.

Each is its plain fields, from `headers`, and what is nested in it.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from tap_xero.models.fields import (
    Child,
    Field,
    Lift,
    Model,
    amount,
    day,
    flag,
    lift,
    many,
    one,
    text,
)
from tap_xero.models.headers import (
    BATCH_PAYMENT_HEADER,
    CONTACT_FIELD,
    CONTACT_LIFT,
    CREDIT_NOTE_COPY,
    CREDIT_NOTE_HEADER,
    INVOICE_COPY,
    INVOICE_HEADER,
    INVOICE_REFERENCE,
    OVERPAYMENT_COPY,
    OVERPAYMENT_HEADER,
    PAYMENT_COPY,
    PAYMENT_HEADER,
    PREPAYMENT_COPY,
    PREPAYMENT_HEADER,
    lines,
)
from tap_xero.models.parts import (
    INVOICE_ADDRESS,
    ON_CHILDREN,
)
from tap_xero.models.reference import (
    ACCOUNT_COPY,
)


def _allocations(table: str) -> Field:
    """The allocations of a credit, as rows of `table`."""
    return many(
        "Allocations",
        Model(
            "Allocation",
            "A part of the credit used on an invoice or bill.",
            (
                text("AllocationID", "Identifier of the allocation."),
                amount("Amount", "How much was used."),
                day("Date", "When."),
                day("DateString", "Same as Date."),
                flag("IsDeleted", "Xero's own mark: the allocation was taken back."),
                one("Invoice", INVOICE_REFERENCE, "Partial copy of the invoice."),
                one("CreditNote", CREDIT_NOTE_COPY, "Partial copy of the credit note."),
                one("Prepayment", PREPAYMENT_COPY, "Partial copy of the prepayment."),
                one("Overpayment", OVERPAYMENT_COPY, "Partial copy of the overpayment."),
            ),
            lifts=(
                lift("InvoiceID", "Invoice", "invoices"),
                lift("CreditNoteID", "CreditNote", "credit_notes"),
                lift("PrepaymentID", "Prepayment", "prepayments"),
                lift("OverpaymentID", "Overpayment", "overpayments"),
            ),
        ),
        "How the credit was used.",
        child=Child(table, ("AllocationID",)),
    )


_PAYMENTS = many("Payments", PAYMENT_COPY, "Short form of its payments.")
_ADDRESSES = many("InvoiceAddresses", INVOICE_ADDRESS, "US: addresses for sales tax.")

INVOICE = Model(
    INVOICE_HEADER.name,
    INVOICE_HEADER.about,
    (
        *INVOICE_HEADER.fields,
        CONTACT_FIELD,
        lines("invoice_line_items", "an invoice or bill"),
        _PAYMENTS,
        many("CreditNotes", CREDIT_NOTE_COPY, "Short form of the credit notes used on it."),
        many("Prepayments", PREPAYMENT_COPY, "Short form of the prepayments used on it."),
        many("Overpayments", OVERPAYMENT_COPY, "Short form of the overpayments used on it."),
        _ADDRESSES,
    ),
    lifts=(CONTACT_LIFT,),
    on_children=ON_CHILDREN,
)

CREDIT_NOTE = Model(
    CREDIT_NOTE_HEADER.name,
    CREDIT_NOTE_HEADER.about,
    (
        *CREDIT_NOTE_HEADER.fields,
        CONTACT_FIELD,
        lines("credit_note_line_items", "a credit note"),
        _allocations("credit_note_allocations"),
        _PAYMENTS,
        _ADDRESSES,
    ),
    lifts=(CONTACT_LIFT,),
    on_children=ON_CHILDREN,
)

PREPAYMENT = Model(
    PREPAYMENT_HEADER.name,
    PREPAYMENT_HEADER.about,
    (
        *PREPAYMENT_HEADER.fields,
        CONTACT_FIELD,
        lines("prepayment_line_items", "a prepayment"),
        _allocations("prepayment_allocations"),
        _PAYMENTS,
    ),
    lifts=(CONTACT_LIFT,),
    on_children=ON_CHILDREN,
)

OVERPAYMENT = Model(
    OVERPAYMENT_HEADER.name,
    OVERPAYMENT_HEADER.about,
    (
        *OVERPAYMENT_HEADER.fields,
        CONTACT_FIELD,
        lines("overpayment_line_items", "an overpayment"),
        _allocations("overpayment_allocations"),
        _PAYMENTS,
    ),
    lifts=(CONTACT_LIFT,),
    on_children=ON_CHILDREN,
)

# Xero puts the credit note, prepayment or overpayment that a payment refunds inside
# `Invoice` and says so in its Type, so the id goes to the property it belongs to.
_PAYMENT_LIFTS = (
    Lift(
        "InvoiceID",
        "Invoice",
        "InvoiceID",
        "invoices",
        unless=("CREDIT", "PREPAYMENT", "OVERPAYMENT"),
    ),
    Lift("CreditNoteID", "Invoice", "InvoiceID", "credit_notes", suffixes=("CREDIT",)),
    lift("CreditNoteID", "CreditNote", "credit_notes"),
    Lift("PrepaymentID", "Invoice", "InvoiceID", "prepayments", suffixes=("PREPAYMENT",)),
    lift("PrepaymentID", "Prepayment", "prepayments"),
    Lift("OverpaymentID", "Invoice", "InvoiceID", "overpayments", suffixes=("OVERPAYMENT",)),
    lift("OverpaymentID", "Overpayment", "overpayments"),
    lift("AccountID", "Account", "accounts"),
    lift("BatchPaymentID", "BatchPayment", "batch_payments"),
)

PAYMENT = Model(
    PAYMENT_HEADER.name,
    PAYMENT_HEADER.about,
    (
        *PAYMENT_HEADER.fields,
        one(
            "Invoice",
            INVOICE_COPY,
            "Partial copy of what was paid; its Type tells whether it is an invoice.",
        ),
        one("CreditNote", CREDIT_NOTE_COPY, "Partial copy of the credit note."),
        one("Prepayment", PREPAYMENT_COPY, "Partial copy of the prepayment."),
        one("Overpayment", OVERPAYMENT_COPY, "Partial copy of the overpayment."),
        one(
            "BatchPayment",
            BATCH_PAYMENT_HEADER.copy(
                "BatchPaymentID",
                "Type",
                "Status",
                "Date",
                "DateString",
                "TotalAmount",
                "Reference",
                "Narrative",
                "IsReconciled",
                "UpdatedDateUTC",
                extra=(one("Account", ACCOUNT_COPY, "Partial copy of the bank account."),),
            ),
            "Partial copy of the batch.",
        ),
        one("Account", ACCOUNT_COPY, "Partial copy of the account paid from or to."),
    ),
    lifts=_PAYMENT_LIFTS,
)

_PAYMENT_IN_BATCH = PAYMENT_HEADER.copy(
    *(field.name for field in PAYMENT_HEADER.fields),
    extra=(
        one("Invoice", INVOICE_COPY, "Partial copy of what was paid."),
        one("CreditNote", CREDIT_NOTE_COPY, "Partial copy of the credit note."),
        one("Account", ACCOUNT_COPY, "Partial copy of the account."),
    ),
)

BATCH_PAYMENT = Model(
    BATCH_PAYMENT_HEADER.name,
    BATCH_PAYMENT_HEADER.about,
    (
        *BATCH_PAYMENT_HEADER.fields,
        one("Account", ACCOUNT_COPY, "Partial copy of the bank account."),
        many(
            "Payments",
            Model(
                _PAYMENT_IN_BATCH.name,
                _PAYMENT_IN_BATCH.about,
                _PAYMENT_IN_BATCH.fields,
                lifts=tuple(lift for lift in _PAYMENT_LIFTS if lift.source == "Invoice"),
                partial=True,
            ),
            "Short form of its payments.",
            child=Child("batch_payment_payments", ("PaymentID",)),
        ),
    ),
    lifts=(lift("AccountID", "Account", "accounts"),),
    on_children=ON_CHILDREN,
)
