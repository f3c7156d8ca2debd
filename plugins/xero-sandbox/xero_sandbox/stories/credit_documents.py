"""What settles a deal without money changing hands: credit notes, prepayments, overpayments.

A prepayment or overpayment is mirrored by the bank transaction through which the money came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xero_sandbox.stories.common import (
    bank_account_copy,
    date_properties,
    exchange_rate,
    total_properties,
    update_properties,
)
from xero_sandbox.stories.lines import Line, Totals, wire_line
from xero_sandbox.stories.story import Document, latest
from xero_sandbox.wire import money, net_date

if TYPE_CHECKING:
    from xero_sandbox.stories.deal import Deal, Payment


def payment_copy(deal: Deal, payment: Payment) -> dict[str, Any]:
    """Return the short form of a payment that the document it settles embeds."""
    return {
        "PaymentID": payment.id,
        "Date": net_date(deal.organisation.local_day(payment.at)),
        "Amount": money(payment.amount),
        "CurrencyRate": exchange_rate(payment.rate),
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def note_number(deal: Deal) -> str:
    """Return the number of a deal's credit note."""
    return f"{'CN' if deal.sale else 'SC'}-{deal.index + 1:06d}"


def note_copies(deal: Deal, now: int) -> list[dict[str, Any]]:
    """Return `CreditNotes` of the invoice."""
    note = deal.note
    if note is None or not note.allocated or note.at > now:
        return []
    return [
        {
            "CreditNoteID": note.id,
            "CreditNoteNumber": note_number(deal),
            "ID": note.id,
            "Date": net_date(deal.organisation.local_day(note.at)),
            "Total": money(note.totals.total),
            "AppliedAmount": money(note.allocated),
            "HasErrors": False,
        }
    ]


def _allocation(deal: Deal, id: str, amount: int, at: int) -> dict[str, Any]:  # noqa: A002
    return {
        "AllocationID": id,
        "Amount": money(amount),
        "Date": net_date(deal.organisation.local_day(at)),
        "Invoice": {
            "InvoiceID": deal.id,
            "InvoiceNumber": deal.number,
            "Payments": [],
            "CreditNotes": [],
            "LineItems": [],
            "HasErrors": False,
        },
        "IsDeleted": False,
    }


def credit_note(deal: Deal, now: int) -> Document:
    """Return the deal's credit note as of `now`."""
    note = deal.note
    assert note is not None  # noqa: S101 - asked for only where there is one
    refunds = [p for p in deal.payments if p.target == "note" and p.counts(now)]
    applied = note.allocated + sum(payment.amount for payment in refunds)
    remaining = note.totals.total - applied
    updated = max(note.at, latest(now, *(payment.at for payment in refunds)))
    day = deal.organisation.local_day(note.at)
    body: dict[str, Any] = {
        "CreditNoteID": note.id,
        "CreditNoteNumber": note_number(deal),
        "ID": note.id,
        "Type": "ACCRECCREDIT" if deal.sale else "ACCPAYCREDIT",
        "Reference": deal.number if deal.sale else "",
        "Payments": [payment_copy(deal, payment) for payment in refunds],
        "Allocations": [_allocation(deal, note.allocation_id, note.allocated, note.at)]
        if note.allocated
        else [],
        "RemainingCredit": money(remaining),
        "AppliedAmount": money(applied),
        "HasAttachments": False,
        "HasErrors": False,
        "SentToContact": False,
        "InvoiceAddresses": [],
        "Contact": deal.contact.summary,
        **date_properties(day),
        "BrandingThemeID": deal.organisation.id_of("theme", 0),
        "Status": "AUTHORISED" if remaining else "PAID",
        "LineAmountTypes": deal.mode,
        "LineItems": [wire_line(line) for line in note.lines],
        **total_properties(note.totals),
        **update_properties(updated),
        "CurrencyCode": deal.contact.currency,
        # The rate of the document that it credits, so that nothing is gained by setting it off.
        "CurrencyRate": exchange_rate(deal.rate),
    }
    if not remaining:
        body["FullyPaidOnDate"] = net_date(deal.organisation.local_day(updated))
    return Document("CreditNotes", note.id, body, updated)


def advance_copies(deal: Deal, now: int, kind: str) -> list[dict[str, Any]]:
    """Return `Prepayments` or `Overpayments` of the invoice, as `kind` says."""
    advance = deal.advance
    if advance is None or advance.kind != kind or advance.allocated_at > now:
        return []
    return [
        {
            f"{kind.capitalize()}ID": advance.id,
            "ID": advance.id,
            "Date": net_date(deal.organisation.local_day(advance.at)),
            "Total": money(advance.amount),
            "AppliedAmount": money(advance.allocated),
        }
    ]


def advance_document(deal: Deal, now: int) -> Document:
    """Return the deal's prepayment or overpayment as of `now`."""
    advance = deal.advance
    assert advance is not None  # noqa: S101 - asked for only where there is one
    refunds = [p for p in deal.payments if p.target == "overpayment" and p.counts(now)]
    allocated = advance.allocated if advance.allocated_at <= now else 0
    applied = allocated + sum(payment.amount for payment in refunds)
    updated = latest(now, advance.at, advance.allocated_at, *(p.at for p in refunds))
    body: dict[str, Any] = {
        f"{advance.kind.capitalize()}ID": advance.id,
        "ID": advance.id,
        "Type": f"{'RECEIVE' if deal.sale else 'SPEND'}-{advance.kind}",
        "Payments": [payment_copy(deal, payment) for payment in refunds],
        "Allocations": [_allocation(deal, advance.allocation_id, allocated, advance.allocated_at)]
        if allocated
        else [],
        "RemainingCredit": money(advance.amount - applied),
        "AppliedAmount": money(applied),
        "HasAttachments": False,
        "Status": "AUTHORISED" if advance.amount - applied else "PAID",
        "CurrencyRate": exchange_rate(deal.rate),
        "Reference": deal.number if deal.sale else "",
        **_advance_properties(deal),
        **update_properties(updated),
    }
    if advance.kind == "PREPAYMENT":
        body["InvoiceNumber"] = deal.number
        body["BrandingThemeID"] = deal.organisation.id_of("theme", 0)
    return Document(f"{advance.kind.capitalize()}s", advance.id, body, updated)


def advance_in_bank(deal: Deal) -> Document:
    """Return the bank transaction through which the advance came."""
    advance = deal.advance
    assert advance is not None  # noqa: S101 - asked for only where there is one
    body = {
        "BankTransactionID": advance.bank_transaction_id,
        f"{advance.kind.capitalize()}ID": advance.id,
        "Type": f"{'RECEIVE' if deal.sale else 'SPEND'}-{advance.kind}",
        "BankAccount": bank_account_copy(deal.organisation.accounts["bank"]),
        "IsReconciled": True,
        "HasAttachments": False,
        "Reference": deal.number if deal.sale else "",
        "Status": "AUTHORISED",
        **_advance_properties(deal),
        "UpdatedDateUTC": net_date(advance.at),
    }
    return Document("BankTransactions", advance.bank_transaction_id, body, advance.at)


def _advance_properties(deal: Deal) -> dict[str, Any]:
    """Return what a prepayment or overpayment and its bank transaction share."""
    advance = deal.advance
    assert advance is not None  # noqa: S101 - asked for only where there is one
    organisation = deal.organisation
    control = organisation.accounts["debtors" if deal.sale else "creditors"]
    line = Line(
        id=advance.line_id,
        description=f"{advance.kind.capitalize()} for {deal.number}",
        quantity=10_000,
        unit=advance.amount * 100,
        account=control,
        tax=organisation.country.taxes[2 if deal.sale else 3],
        item=None,
        discount=0,
        tracking=[],
        amount=advance.amount,
        tax_amount=0,
        discount_amount=0,
    )
    return {
        "Contact": deal.contact.summary,
        **date_properties(organisation.local_day(advance.at)),
        "LineAmountTypes": "NoTax",
        "LineItems": [wire_line(line)],
        **total_properties(Totals(advance.amount, 0, advance.amount, 0)),
        "CurrencyCode": deal.contact.currency,
    }
