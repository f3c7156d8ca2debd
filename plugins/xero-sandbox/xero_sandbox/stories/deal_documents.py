"""What a deal looks like from outside at a given instant: invoice, payments, batch payment.

Each carries the partial copies of the others that Xero embeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xero_sandbox.stories.common import (
    bank_account_copy,
    date_properties,
    exchange_rate,
    total_properties,
    update_properties,
)
from xero_sandbox.stories.credit_documents import (
    advance_copies,
    advance_document,
    advance_in_bank,
    credit_note,
    note_copies,
    note_number,
    payment_copy,
)
from xero_sandbox.stories.lines import Totals, to_base, totals, wire_line
from xero_sandbox.stories.story import Document, latest
from xero_sandbox.wire import DAY, money, net_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from xero_sandbox.stories.deal import Batch, Deal, Payment


_Lines = tuple[list[dict[str, Any]], Totals]
"""Line items on the wire, and their sums."""


@dataclass(frozen=True)
class DealStory:
    """The story of a deal.

    Attributes:
        deal: What happens.
        batch_of: Gives the batch payment with a number.
    """

    deal: Deal
    batch_of: Callable[[int], Batch]

    @property
    def events(self) -> tuple[int, ...]:
        """Every instant at which one of its documents changes."""
        return self.deal.events

    def documents(self, now: int) -> list[Document]:
        """Return the invoice and everything that settles it, as of `now`."""
        deal = self.deal
        note, advance = deal.note, deal.advance
        documents = [_invoice(deal, *self._lines_at(now), now)]
        if note is not None and note.at <= now:
            documents.append(credit_note(deal, now))
        if advance is not None and advance.at <= now:
            documents.append(advance_document(deal, now))
            documents.append(advance_in_bank(deal))
        for payment in deal.payments:
            if payment.at <= now:
                batch = None if payment.batch is None else self.batch_of(payment.batch)
                documents.append(_payment(deal, payment, batch, now))
        return documents

    def _lines_at(self, now: int) -> _Lines:
        edited = self.deal.edited is not None and self.deal.edited <= now
        return self._last_lines if edited else self._first_lines

    # A deal is looked at once for each of its events when it is booked.
    @cached_property
    def _first_lines(self) -> _Lines:
        lines = self.deal.first_lines
        return [wire_line(line) for line in lines], totals(lines, self.deal.mode)

    @cached_property
    def _last_lines(self) -> _Lines:
        lines = self.deal.last_lines
        if lines is self.deal.first_lines:
            return self._first_lines
        return [wire_line(line) for line in lines], totals(lines, self.deal.mode)


@dataclass(frozen=True)
class BatchStory:
    """The story of a batch payment."""

    batch: Batch

    @property
    def events(self) -> tuple[int, ...]:
        """The instant it is made."""
        return self.batch.events

    def documents(self, now: int) -> list[Document]:
        """Return the batch payment, if it pays anything."""
        batch = self.batch
        return [_batch_payment(batch)] if batch.deals and batch.at <= now else []


def _invoice(deal: Deal, lines: list[dict[str, Any]], amounts: Totals, now: int) -> Document:
    approved = deal.approved is not None and deal.approved <= now
    ended = deal.ended is not None and deal.ended <= now
    paid_by = [p for p in deal.payments if p.target == "invoice" and p.counts(now)]
    paid = sum(payment.amount for payment in paid_by)
    note, advance = deal.note, deal.advance
    credited = 0
    last = latest(now, deal.created, deal.submitted, deal.approved, deal.edited, deal.ended)
    settled = 0
    for payment in deal.payments:
        if payment.target == "invoice":
            last = max(last, latest(now, payment.at, payment.deleted))
            settled = max(settled, latest(now, payment.at))
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
        **date_properties(day),
        **date_properties(due_day, "DueDate"),
        "BrandingThemeID": deal.organisation.id_of("theme", 0),
        "Status": status,
        "LineAmountTypes": deal.mode,
        "LineItems": lines,
        **total_properties(amounts),
        **update_properties(last),
        "CurrencyCode": deal.contact.currency,
    }
    if amounts.discount:
        body["TotalDiscount"] = money(amounts.discount)
    if deal.reference is not None:
        body["Reference"] = deal.reference
    # A draft has no rate yet: Xero takes the day's when it is approved.
    if deal.approved is not None and deal.approved <= now:
        body["CurrencyRate"] = exchange_rate(deal.rate)
    if status == "PAID":
        body.update(
            {"FullyPaidOnDate": net_date(deal.organisation.local_day(max(settled, deal.created)))}
        )
    elif status == "VOIDED" and deal.index % 2 == 0:
        # Xero shows time zero on some of the voided ones.
        body.update(date_properties(0, "DueDate"))
    if deal.sale and approved and deal.index % 13 == 3:
        body.update(date_properties(due_day + 7 * DAY, "ExpectedPaymentDate"))
        body["Url"] = f"https://orders.example/{deal.index}"
    if not deal.sale and approved and deal.index % 13 == 4:
        body.update(date_properties(due_day + 2 * DAY, "PlannedPaymentDate"))
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
        "CurrencyRate": exchange_rate(deal.rate),
    }


def _payment(deal: Deal, payment: Payment, batch: Batch | None, now: int) -> Document:
    organisation = deal.organisation
    updated = latest(now, payment.at, payment.deleted)
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
        "CurrencyRate": exchange_rate(payment.rate),
        "PaymentType": _payment_type(deal, payment),
        "Status": "DELETED" if deleted else "AUTHORISED",
        **update_properties(updated),
        "HasAccount": True,
        "IsReconciled": not deleted and deal.index % 3 != 0,
        "Account": account,
        **_paid_document(deal, payment),
        "HasValidationErrors": False,
    }
    if deal.sale:
        body["Reference"] = f"{deal.contact.name} {deal.number}"[:255]
    if batch is not None:
        body["BatchPaymentID"] = batch.id
        # Inside a payment Xero writes these two as text.
        body["BatchPayment"] = {
            "Account": {"AccountID": payment.account.id},
            "BatchPaymentID": batch.id,
            **date_properties(organisation.local_day(batch.at)),
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


def _batch_payment(batch: Batch) -> Document:
    organisation = batch.organisation
    paid = [(deal, payment) for deal in batch.deals for payment in deal.payments]
    body = {
        "BatchPaymentID": batch.id,
        "Account": bank_account_copy(paid[0][1].account),
        **date_properties(organisation.local_day(batch.at)),
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
    return Document("BatchPayments", batch.id, body, batch.at)
