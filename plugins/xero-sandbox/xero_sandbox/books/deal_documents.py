"""What a deal looks like from outside at a given instant.

Invoices, payments, credit notes, prepayments, overpayments with the bank transactions that mirror
them, and batch payments, each with the partial copies that Xero embeds in the others.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xero_sandbox.books.lines import Line, Totals, to_base, totals, wire_line
from xero_sandbox.books.story import Document, happened
from xero_sandbox.wire import DAY, iso_day, iso_second, money, net_date

if TYPE_CHECKING:
    from xero_sandbox.books.deals import Batch, Deal, Payment
    from xero_sandbox.books.organisation import Account

_MILLIONTH = Decimal("0.000001")
_ONE = Decimal("1.000000")


def documents(deal: Deal, now: int) -> list[Document]:
    """Return every document of a deal that exists at `now`."""
    found = [_invoice(deal, now)]
    note, advance = deal.note, deal.advance
    if note is not None and note.at <= now:
        found.append(_credit_note(deal, now))
    if advance is not None and advance.at <= now:
        found.append(_advance(deal, now))
        found.append(_advance_in_bank(deal))
    found.extend(_payment(deal, payment, now) for payment in deal.payments if payment.at <= now)
    return found


def rate_of(millionths: int) -> Decimal:
    """Return an exchange rate with six places."""
    return _ONE if millionths == 1_000_000 else millionths * _MILLIONTH


def dated(day: int, name: str = "Date") -> dict[str, str]:
    """Return a calendar date and its `String` twin."""
    return {name: net_date(day), f"{name}String": iso_day(day)}


def stamped(updated: int) -> dict[str, str]:
    """Return the time of the last change and its `String` twin."""
    return {"UpdatedDateUTC": net_date(updated), "UpdatedDateUTCString": iso_second(updated)}


def sums(amounts: Totals) -> dict[str, Any]:
    """Return SubTotal, TotalTax and Total."""
    return {
        "SubTotal": money(amounts.sub),
        "TotalTax": money(amounts.tax),
        "Total": money(amounts.total),
    }


def bank_account(account: Account) -> dict[str, Any]:
    """Return the copy of a bank account that bank documents embed; a code only if it has one."""
    copy = {"AccountID": account.id, "Name": account.fact.name}
    if account.fact.code:
        copy["Code"] = account.fact.code
    if account.foreign is not None:
        copy["CurrencyCode"] = account.foreign
    return copy


def _invoice(deal: Deal, now: int) -> Document:
    approved = deal.approved is not None and deal.approved <= now
    ended = deal.ended is not None and deal.ended <= now
    lines = deal.lines_at(now)
    amounts = totals(lines, deal.mode)
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
        "Payments": [_payment_copy(deal, payment) for payment in paid_by],
        "CreditNotes": _note_copies(deal, now),
        "Prepayments": _advance_copies(deal, now, "PREPAYMENT"),
        "Overpayments": _advance_copies(deal, now, "OVERPAYMENT"),
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
        "LineItems": [wire_line(line) for line in lines],
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
            InvoiceNumber=_note_number(deal),
        )
        return {"Invoice": copy}
    assert deal.advance is not None  # noqa: S101 - only a deal with an overpayment refunds one
    copy.update(Type=f"{side}OVERPAYMENT", InvoiceID=deal.advance.id, InvoiceNumber="")
    return {"Invoice": copy}


def _payment_copy(deal: Deal, payment: Payment) -> dict[str, Any]:
    return {
        "PaymentID": payment.id,
        "Date": net_date(deal.organisation.local_day(payment.at)),
        "Amount": money(payment.amount),
        "CurrencyRate": rate_of(payment.rate),
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def _note_number(deal: Deal) -> str:
    return f"{'CN' if deal.sale else 'SC'}-{deal.index + 1:06d}"


def _note_copies(deal: Deal, now: int) -> list[dict[str, Any]]:
    note = deal.note
    if note is None or not note.allocated or note.at > now:
        return []
    return [
        {
            "CreditNoteID": note.id,
            "CreditNoteNumber": _note_number(deal),
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


def _credit_note(deal: Deal, now: int) -> Document:
    note = deal.note
    assert note is not None  # noqa: S101 - asked for only where there is one
    refunds = [p for p in deal.payments if p.target == "note" and p.counts(now)]
    applied = note.allocated + sum(payment.amount for payment in refunds)
    remaining = note.totals.total - applied
    updated = max(note.at, happened(now, *(payment.at for payment in refunds)))
    day = deal.organisation.local_day(note.at)
    body: dict[str, Any] = {
        "CreditNoteID": note.id,
        "CreditNoteNumber": _note_number(deal),
        "ID": note.id,
        "Type": "ACCRECCREDIT" if deal.sale else "ACCPAYCREDIT",
        "Reference": deal.number if deal.sale else "",
        "Payments": [_payment_copy(deal, payment) for payment in refunds],
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
        **dated(day),
        "BrandingThemeID": deal.organisation.id_of("theme", 0),
        "Status": "AUTHORISED" if remaining else "PAID",
        "LineAmountTypes": deal.mode,
        "LineItems": [wire_line(line) for line in note.lines],
        **sums(note.totals),
        **stamped(updated),
        "CurrencyCode": deal.contact.currency,
    }
    if not remaining:
        body["FullyPaidOnDate"] = net_date(deal.organisation.local_day(updated))
    return Document("CreditNotes", note.id, body, updated)


def _advance_copies(deal: Deal, now: int, kind: str) -> list[dict[str, Any]]:
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


def _advance(deal: Deal, now: int) -> Document:
    advance = deal.advance
    assert advance is not None  # noqa: S101 - asked for only where there is one
    refunds = [p for p in deal.payments if p.target == "overpayment" and p.counts(now)]
    allocated = advance.allocated if advance.allocated_at <= now else 0
    applied = allocated + sum(payment.amount for payment in refunds)
    updated = happened(now, advance.at, advance.allocated_at, *(p.at for p in refunds))
    body: dict[str, Any] = {
        f"{advance.kind.capitalize()}ID": advance.id,
        "ID": advance.id,
        "Type": f"{'RECEIVE' if deal.sale else 'SPEND'}-{advance.kind}",
        "Payments": [_payment_copy(deal, payment) for payment in refunds],
        "Allocations": [_allocation(deal, advance.allocation_id, allocated, advance.allocated_at)]
        if allocated
        else [],
        "RemainingCredit": money(advance.amount - applied),
        "AppliedAmount": money(applied),
        "HasAttachments": False,
        "Status": "AUTHORISED" if advance.amount - applied else "PAID",
        "CurrencyRate": rate_of(deal.rate),
        "Reference": deal.number if deal.sale else "",
        **_advance_face(deal),
        **stamped(updated),
    }
    if advance.kind == "PREPAYMENT":
        body["InvoiceNumber"] = deal.number
        body["BrandingThemeID"] = deal.organisation.id_of("theme", 0)
    return Document(f"{advance.kind.capitalize()}s", advance.id, body, updated)


def _advance_in_bank(deal: Deal) -> Document:
    advance = deal.advance
    assert advance is not None  # noqa: S101 - asked for only where there is one
    body = {
        "BankTransactionID": advance.bank_transaction_id,
        f"{advance.kind.capitalize()}ID": advance.id,
        "Type": f"{'RECEIVE' if deal.sale else 'SPEND'}-{advance.kind}",
        "BankAccount": bank_account(deal.organisation.accounts["bank"]),
        "IsReconciled": True,
        "HasAttachments": False,
        "Reference": deal.number if deal.sale else "",
        "Status": "AUTHORISED",
        **_advance_face(deal),
        "UpdatedDateUTC": net_date(advance.at),
    }
    return Document("BankTransactions", advance.bank_transaction_id, body, advance.at)


def _advance_face(deal: Deal) -> dict[str, Any]:
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
        **dated(organisation.local_day(advance.at)),
        "LineAmountTypes": "NoTax",
        "LineItems": [wire_line(line)],
        **sums(Totals(advance.amount, 0, advance.amount, 0)),
        "CurrencyCode": deal.contact.currency,
    }


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
