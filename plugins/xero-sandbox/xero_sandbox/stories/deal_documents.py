"""What a deal looks like from outside at a given instant: invoice, payments, batch payment.

Each carries the partial copies of the others that Xero embeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xero_sandbox.stories.common import bank_account, dated, rate_of, stamped, sums
from xero_sandbox.stories.credit_documents import (
    advance_copies,
    advance_document,
    advance_in_bank,
    credit_note,
    note_copies,
    note_number,
    payment_copy,
)
from xero_sandbox.stories.lines import to_base
from xero_sandbox.stories.story import Document, happened
from xero_sandbox.wire import DAY, money, net_date

if TYPE_CHECKING:
    from xero_sandbox.stories.deal import Batch, Deal, Payment


def documents(deal: Deal, now: int) -> list[Document]:
    """Return every document of a deal that exists at `now`."""
    found = [_invoice(deal, now)]
    note, advance = deal.note, deal.advance
    if note is not None and note.at <= now:
        found.append(credit_note(deal, now))
    if advance is not None and advance.at <= now:
        found.append(advance_document(deal, now))
        found.append(advance_in_bank(deal))
    found.extend(_payment(deal, payment, now) for payment in deal.payments if payment.at <= now)
    return found


def _invoice(deal: Deal, now: int) -> Document:
    approved = deal.approved is not None and deal.approved <= now
    ended = deal.ended is not None and deal.ended <= now
    lines, amounts = deal.lines_at(now)
    paid_by = [p for p in deal.payments if p.target == "invoice" and p.counts(now)]
    paid = sum(payment.amount for payment in paid_by)
    note, advance = deal.note, deal.advance
    credited = 0
    last = happened(now, deal.created, deal.submitted, deal.approved, deal.edited, deal.ended)
    settled = 0
    for payment in deal.payments:
        if payment.target == "invoice":
            last = max(last, happened(now, payment.at, payment.deleted))
            settled = max(settled, happened(now, payment.at))
    if note is not None and note.allocated and note.at <= now:
        credited += note.allocated
        last, settled = max(last, note.at), max(settled, note.at)
    if advance is not None and advance.allocated_at <= now:
        credited += advance.allocated
        last, settled = max(last, advance.allocated_at), max(settled, advance.allocated_at)

    due = amounts.total - paid - credited
    if ended:
        status = "VOIDED" if deal.outcome == "voided" else "DELETED"
        due = 0
    elif approved:
        status = "AUTHORISED" if due else "PAID"
    else:
        submitted = deal.submitted is not None and deal.submitted <= now
        status = "SUBMITTED" if submitted else "DRAFT"
    day = deal.organisation.local_day(deal.created)
    due_day = day + deal.contact.terms * DAY
    body: dict[str, Any] = {
        "Type": "ACCREC" if deal.sale else "ACCPAY",
        "InvoiceID": deal.id,
        "InvoiceNumber": deal.number,
        "Payments": [payment_copy(deal, payment) for payment in paid_by],
        "CreditNotes": note_copies(deal, now),
        "Prepayments": advance_copies(deal, now, "PREPAYMENT"),
        "Overpayments": advance_copies(deal, now, "OVERPAYMENT"),
        "AmountDue": money(due),
        "AmountPaid": money(paid),
        "AmountCredited": money(credited),
        "SentToContact": deal.sale and approved,
        "IsDiscounted": amounts.discount > 0,
        "HasAttachments": deal.index % 31 == 4,
        "HasErrors": False,
        "InvoiceAddresses": [],
        "Contact": deal.contact.summary,
        **dated(day),
        **dated(due_day, "DueDate"),
        "BrandingThemeID": deal.organisation.id_of("theme", 0),
        "Status": status,
        "LineAmountTypes": deal.mode,
        "LineItems": lines,
        **sums(amounts),
        **stamped(last),
        "CurrencyCode": deal.contact.currency,
    }
    if amounts.discount:
        body["TotalDiscount"] = money(amounts.discount)
    if deal.reference is not None:
        body["Reference"] = deal.reference
    # A draft has no rate yet: Xero takes the day's when it is approved.
    if deal.approved is not None and deal.approved <= now:
        body["CurrencyRate"] = rate_of(deal.rate)
    if status == "PAID":
        body.update(
            {"FullyPaidOnDate": net_date(deal.organisation.local_day(max(settled, deal.created)))}
        )
    elif status == "VOIDED" and deal.index % 2 == 0:
        # Xero shows time zero on some of the voided ones.
        body.update(dated(0, "DueDate"))
    if deal.sale and approved and deal.index % 13 == 3:
        body.update(dated(due_day + 7 * DAY, "ExpectedPaymentDate"))
        body["Url"] = f"https://orders.example/{deal.index}"
    if not deal.sale and approved and deal.index % 13 == 4:
        body.update(dated(due_day + 2 * DAY, "PlannedPaymentDate"))
    if deal.sale and deal.index % 40 == 26:
        body["RepeatingInvoiceID"] = deal.organisation.id_of("repeating", 0)
    return Document("Invoices", deal.id, body, last)


def _invoice_copy(deal: Deal) -> dict[str, Any]:
    return {
        "Type": "ACCREC" if deal.sale else "ACCPAY",
        "InvoiceID": deal.id,
        "InvoiceNumber": deal.number,
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "IsDiscounted": False,
        "HasErrors": False,
        "InvoiceAddresses": [],
        "Contact": deal.contact.summary,
        "LineItems": [],
        "CurrencyCode": deal.contact.currency,
        "CurrencyRate": rate_of(deal.rate),
    }


def _payment(deal: Deal, payment: Payment, now: int) -> Document:
    organisation = deal.organisation
    updated = happened(now, payment.at, payment.deleted)
    deleted = not payment.counts(now)
    base = to_base(payment.amount, payment.rate)
    foreign = payment.account.foreign is not None
    account: dict[str, Any] = {"AccountID": payment.account.id}
    if payment.account.fact.code:
        account["Code"] = payment.account.fact.code
    body: dict[str, Any] = {
        "PaymentID": payment.id,
        "Date": net_date(organisation.local_day(payment.at)),
        "Amount": money(payment.amount),
        "BankAmount": money(payment.amount if foreign else base),
        "CurrencyRate": rate_of(payment.rate),
        "PaymentType": _payment_type(deal, payment),
        "Status": "DELETED" if deleted else "AUTHORISED",
        **stamped(updated),
        "HasAccount": True,
        "IsReconciled": not deleted and deal.index % 3 != 0,
        "Account": account,
        **_paid_document(deal, payment),
        "HasValidationErrors": False,
    }
    if deal.sale:
        body["Reference"] = f"{deal.contact.name} {deal.number}"[:255]
    if payment.batch is not None:
        batch = deal.batches.batch(payment.batch)
        body["BatchPaymentID"] = batch.id
        # Inside a payment Xero writes these two as text.
        body["BatchPayment"] = {
            "Account": {"AccountID": payment.account.id},
            "BatchPaymentID": batch.id,
            **dated(organisation.local_day(batch.at)),
            "Type": "PAYBATCH",
            "Status": "AUTHORISED",
            "TotalAmount": str(money(batch.total)),
            "UpdatedDateUTC": net_date(batch.at),
            "IsReconciled": "false",
        }
    return Document("Payments", payment.id, body, updated)


def _payment_type(deal: Deal, payment: Payment) -> str:
    side = "AR" if deal.sale else "AP"
    return {
        "invoice": "ACCRECPAYMENT" if deal.sale else "ACCPAYPAYMENT",
        "note": f"{side}CREDITPAYMENT",
        "overpayment": f"{side}OVERPAYMENTPAYMENT",
    }[payment.target]


def _paid_document(deal: Deal, payment: Payment) -> dict[str, Any]:
    copy = _invoice_copy(deal)
    if payment.target == "invoice":
        return {"Invoice": copy}
    # Xero puts a paid credit note into `Invoice`, under the note's own id and number.
    side = "AR" if deal.sale else "AP"
    if payment.target == "note" and deal.note is not None:
        copy.update(
            Type="ACCRECCREDIT" if deal.sale else "ACCPAYCREDIT",
            InvoiceID=deal.note.id,
            InvoiceNumber=note_number(deal),
        )
        return {"Invoice": copy}
    assert deal.advance is not None  # noqa: S101 - only a deal with an overpayment refunds one
    copy.update(Type=f"{side}OVERPAYMENT", InvoiceID=deal.advance.id, InvoiceNumber="")
    return {"Invoice": copy}


def batch_documents(batch: Batch) -> list[Document]:
    """Return the batch payment of several bills."""
    organisation = batch.organisation
    paid = [(deal, payment) for deal in batch.deals for payment in deal.payments]
    body = {
        "BatchPaymentID": batch.id,
        "Account": bank_account(paid[0][1].account),
        **dated(organisation.local_day(batch.at)),
        "Payments": [
            {
                "PaymentID": payment.id,
                "Invoice": {
                    "InvoiceID": deal.id,
                    "InvoiceNumber": deal.number,
                    "Payments": [],
                    "LineItems": [],
                    "HasErrors": False,
                },
                "BankAccountNumber": "",
                "Particulars": "",
                "Code": "",
                "Reference": "",
                "Details": deal.number,
                "Amount": money(payment.amount),
                "HasValidationErrors": False,
            }
            for deal, payment in paid
        ],
        "Narrative": "",
        "Reference": f"Batch {batch.index + 1}",
        "Type": "PAYBATCH",
        "Status": "AUTHORISED",
        "TotalAmount": money(batch.total),
        "UpdatedDateUTC": net_date(batch.at),
        "IsReconciled": batch.index % 2 == 0,
    }
    return [Document("BatchPayments", batch.id, body, batch.at)]
