"""Documents made or changed by a person: filled in, priced, settled and voided.

Pure functions from documents in wire form to documents in wire form; `Books` stores and posts
what comes out.
"""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xero_sandbox.ledger.postings import postings
from xero_sandbox.stories.common import date_properties
from xero_sandbox.stories.lines import EXCLUSIVE, INCLUSIVE, NO_TAX, Totals, price, to_base
from xero_sandbox.wire import DAY, cents, fine, money, net_date, parse_net_date, to_datetime

if TYPE_CHECKING:
    from xero_sandbox.stories.contacts import Contacts
    from xero_sandbox.stories.organisation import Account, Organisation

_SALES = ("ACCREC", "ACCRECCREDIT", "RECEIVE")
_ENDS = {
    "BankTransactions": "DELETED",
    "BankTransfers": "DELETED",
    "BatchPayments": "DELETED",
    "CreditNotes": "VOIDED",
    "ExpenseClaims": "VOIDED",
    "Invoices": "VOIDED",
    "LinkedTransactions": "VOIDED",
    "ManualJournals": "VOIDED",
    "Overpayments": "VOIDED",
    "Payments": "DELETED",
    "Prepayments": "VOIDED",
    "PurchaseOrders": "DELETED",
    "Quotes": "DELETED",
    "Receipts": "VOIDED",
    "RepeatingInvoices": "DELETED",
}
_NEVER_APPROVED = ("DRAFT", "SUBMITTED")


def complete(organisation: Organisation, resource: str, document: dict[str, Any]) -> None:
    """Fill in what follows from the line items: their ids, amounts and tax, and the totals.

    Raises:
        ValueError: A line names an account or tax rate that the organisation does not have.
    """
    if "LineItems" not in document:
        return
    mode = document.setdefault("LineAmountTypes", EXCLUSIVE)
    mode_name = {name.upper(): name for name in (EXCLUSIVE, INCLUSIVE, NO_TAX)}[mode.upper()]
    sale = document.get("Type") in _SALES or resource == "Quotes"
    amount = tax = discount = 0
    lines = []
    for position, element in enumerate(document["LineItems"]):
        line, off = _line(organisation, document, position, element, mode_name, sale=sale)
        amount += cents(line["LineAmount"])
        tax += cents(line["TaxAmount"])
        discount += off
        lines.append(line)
    document_totals = Totals(amount, tax, amount + tax, discount)
    if mode_name == INCLUSIVE:
        document_totals = Totals(amount - tax, tax, amount, discount)
    document["LineItems"] = lines
    document["SubTotal"], document["TotalTax"] = (
        money(document_totals.sub),
        money(document_totals.tax),
    )
    document["Total"] = money(document_totals.total)
    if discount:
        document["TotalDiscount"] = money(discount)
    if resource == "Invoices":
        _settle(document)


def _line(
    organisation: Organisation,
    document: dict[str, Any],
    position: int,
    element: dict[str, Any],
    mode: str,
    *,
    sale: bool,
) -> tuple[dict[str, Any], int]:
    rates = organisation.country.taxes
    tax_type = element.get("TaxType") or rates[0 if sale else 1].type
    if mode == NO_TAX:
        tax_type = rates[2 if sale else 3].type
    if tax_type not in organisation.taxes:
        raise ValueError(f"{organisation.name} has no tax rate {tax_type}.")
    account = _account(organisation, element, sale=sale)
    quantity = _ten_thousandths(element.get("Quantity", 1))
    unit = _ten_thousandths(element.get("UnitAmount", 0))
    percent = cents(element.get("DiscountRate", 0))
    rate = organisation.taxes[tax_type].rate
    amount, tax, discount = price(quantity, unit, percent, rate, mode)
    unique = (document.get("Type", ""), document.get("InvoiceNumber", ""), position)
    line = {
        "LineItemID": organisation.id_of("by hand", "line", *unique, quantity, unit),
        "Description": "",
        "Tracking": [],
        **element,
        "Quantity": fine(quantity),
        "UnitAmount": fine(unit),
        "LineAmount": money(amount),
        "TaxType": tax_type,
        "TaxAmount": money(tax),
        "AccountCode": account.fact.code,
        "AccountID": account.id,
    }
    return line, discount


def _account(organisation: Organisation, line: dict[str, Any], *, sale: bool) -> Account:
    for account in organisation.accounts.values():
        if account.id == line.get("AccountID"):
            return account
        if account.fact.code and account.fact.code == line.get("AccountCode"):
            return account
    account_key = line.get("AccountID") or line.get("AccountCode")
    if account_key:
        raise ValueError(f"{organisation.name} has no account {account_key} in its first chart.")
    return (organisation.sale_accounts if sale else organisation.cost_accounts)[0]


def _ten_thousandths(value: Any) -> int:
    return int(Decimal(str(value)) * 10_000)


def _settle(invoice: dict[str, Any]) -> None:
    """Bring AmountDue and Status of an invoice into line with what was paid and credited."""
    paid = sum(cents(payment["Amount"]) for payment in invoice.get("Payments", ()))
    credited = cents(invoice.get("AmountCredited", 0))
    due = cents(invoice["Total"]) - paid - credited
    invoice["AmountPaid"], invoice["AmountCredited"] = money(paid), money(credited)
    invoice["AmountDue"] = money(due)
    if invoice["Status"] in ("AUTHORISED", "PAID"):
        invoice["Status"] = "AUTHORISED" if due else "PAID"
        if due:
            invoice.pop("FullyPaidOnDate", None)


def invoice(
    organisation: Organisation, contacts: Contacts, now: int, properties: dict[str, Any]
) -> dict[str, Any]:
    """Return an approved invoice of one line, with `properties` in place of what it would have."""
    day = organisation.local_day(now)
    return {
        "Type": "ACCREC",
        # A copy, as the caller may do with it what he likes.
        "Contact": deepcopy(contacts.story(0).summary),
        **date_properties(day),
        **date_properties(day + 20 * DAY, "DueDate"),
        "Status": "AUTHORISED",
        "LineAmountTypes": EXCLUSIVE,
        "LineItems": [{"Description": "By hand", "Quantity": 1, "UnitAmount": 100}],
        "Reference": "",
        "CurrencyCode": organisation.currency,
        "CurrencyRate": Decimal("1.000000"),
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "SentToContact": False,
        "IsDiscounted": False,
        "HasAttachments": False,
        "HasErrors": False,
        "InvoiceAddresses": [],
        **properties,
    }


def payment(
    organisation: Organisation, invoice: dict[str, Any], amount: Any, now: int
) -> dict[str, Any]:
    """Return a payment of an approved invoice from or into the business account.

    Raises:
        ValueError: Nothing is due, or less than `amount`.
    """
    due = cents(invoice["AmountDue"])
    paid = due if amount is None else cents(amount)
    if invoice["Status"] != "AUTHORISED" or not 0 < paid <= due:
        raise ValueError(
            f"Payment amount exceeds the amount outstanding on this document: "
            f"{invoice['InvoiceNumber']} of {organisation.name} is {invoice['Status']} with "
            f"{invoice['AmountDue']} due."
        )
    bank = organisation.accounts["bank"]
    rate = Decimal(invoice.get("CurrencyRate", 1))
    base = to_base(paid, int(rate * 1_000_000))
    return {
        "Date": net_date(organisation.local_day(now)),
        "Amount": money(paid),
        "BankAmount": money(base),
        "CurrencyRate": rate,
        "PaymentType": f"{invoice['Type']}PAYMENT",
        "Status": "AUTHORISED",
        "HasAccount": True,
        "IsReconciled": False,
        "Account": {"AccountID": bank.id, "Code": bank.fact.code},
        "Reference": "",
        "Invoice": {
            "Type": invoice["Type"],
            "InvoiceID": invoice["InvoiceID"],
            "InvoiceNumber": invoice["InvoiceNumber"],
            "Payments": [],
            "LineItems": [],
            "HasErrors": False,
            "Contact": invoice["Contact"],
            "CurrencyCode": invoice["CurrencyCode"],
            "CurrencyRate": rate,
        },
        "HasValidationErrors": False,
    }


def with_payment(invoice: dict[str, Any], payment: dict[str, Any], now: int) -> dict[str, Any]:
    """Return the invoice after a payment."""
    copy = {
        "PaymentID": payment["PaymentID"],
        "Date": payment["Date"],
        "Amount": payment["Amount"],
        "CurrencyRate": payment["CurrencyRate"],
        "HasAccount": False,
        "HasValidationErrors": False,
    }
    settled = {**invoice, "Payments": [*invoice["Payments"], copy]}
    _settle(settled)
    if settled["Status"] == "PAID":
        settled["FullyPaidOnDate"] = net_date(now - now % DAY)
    return settled


def without_payment(invoice: dict[str, Any], payment: dict[str, Any]) -> dict[str, Any]:
    """Return the invoice after a payment was taken back."""
    payments = [p for p in invoice["Payments"] if p["PaymentID"] != payment["PaymentID"]]
    settled = {**invoice, "Payments": payments}
    _settle(settled)
    return settled


def refuse_locked(
    organisation: Organisation,
    settings: dict[str, Any],
    resource: str,
    old: dict[str, Any] | None,
    new: dict[str, Any],
) -> None:
    """Refuse a change of the ledger on or before the lock date for everybody.

    PeriodLockDate stops all but advisers, and whoever changes the books by hand is one.

    Args:
        organisation: Whose books.
        settings: The organisation in wire form.
        resource: Envelope key of the document.
        old: The document before, None when it is new.
        new: The document after.

    Raises:
        ValueError: An entry of a locked day would change.

    Source: Xero, Organisation (PeriodLockDate, EndOfYearLockDate); Xero Central, lock dates.
    """
    if "EndOfYearLockDate" not in settings:
        return
    locked = parse_net_date(settings["EndOfYearLockDate"])
    before = postings(organisation, resource, old) if old is not None else []
    after = postings(organisation, resource, new)
    entries = [entry for entry in (*before, *after) if (entry in before) != (entry in after)]
    if any(entry.date <= locked for entry in entries):
        day = to_datetime(locked).date()
        raise ValueError(
            f"{organisation.name} is locked up to {day}: change EndOfYearLockDate of the "
            f"organisation first, or date the change of {resource} later."
        )


def voided(resource: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return a document after it was voided or deleted, whichever applies.

    Raises:
        ValueError: It is settled, at least in part, or Xero cannot void its kind.
    """
    if resource not in _ENDS:
        raise ValueError(f"Xero cannot void or delete {resource} by status.")
    ended = dict(document)
    ended["Status"] = _ENDS[resource]
    if resource in ("Invoices", "CreditNotes", "ManualJournals"):
        settled = [*document.get("Payments", ()), *document.get("Allocations", ())]
        if settled or cents(document.get("AmountCredited", 0)):
            raise ValueError(
                f"{resource} with payments or allocations cannot be voided; take these back first."
            )
        if document["Status"] in _NEVER_APPROVED:
            ended["Status"] = "DELETED"
    if resource == "Invoices":
        ended["AmountDue"] = money(0)
    if resource == "CreditNotes":
        ended["RemainingCredit"] = money(0)
    return ended
