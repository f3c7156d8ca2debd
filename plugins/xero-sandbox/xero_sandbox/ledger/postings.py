"""What a document means in double entry.

`postings` is a function of a document in its wire form, so that documents made by the generator,
by a test or by a client of the API are booked by the same rules. Amounts are cents of the base
currency, debits positive; the lines of a posting always sum to zero.

Prepayments and overpayments are booked from the bank transaction that mirrors them, straight to
the control account: what is paid ahead is owed back until it is allocated.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from xero_sandbox.stories.features import ENTRIES
from xero_sandbox.stories.lines import INCLUSIVE, to_base
from xero_sandbox.wire import DAY, parse_net_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from xero_sandbox.stories.organisation import Organisation

_UNIT = Decimal(1)


class PostingLine(NamedTuple):
    """One side of an entry.

    Attributes:
        account_id: AccountID.
        net: Cents in base currency, debit positive.
        tax: Cents of tax that belong to the line (booked on a line of their own).
        tax_type: TaxType, empty where tax has no say.
        description: Text of the document's line.
        tracking: Tracking of the document's line.
        currency: Currency that the balance of the account is in, empty for the base currency.
        foreign: Cents in that currency, debit positive.
    """

    account_id: str
    net: int
    tax: int = 0
    tax_type: str = ""
    description: str = ""
    tracking: tuple[tuple[str, str, str, str], ...] = ()
    currency: str = ""
    foreign: int = 0


class Posting(NamedTuple):
    """A balanced entry.

    Attributes:
        source_type: Journal SourceType.
        source_id: Id of the document.
        date: Calendar date, milliseconds.
        reference: What the document calls itself.
        lines: Its lines, which sum to zero.
        settles: Id of the document that is paid, empty for what pays none.
        accrual_only: Not part of books on cash basis, where a document counts when it is paid.
    """

    source_type: str
    source_id: str
    date: int
    reference: str
    lines: tuple[PostingLine, ...]
    settles: str = ""
    accrual_only: bool = False

    def reversed(self) -> Posting:
        """Return the entry that takes this one back."""
        return self._replace(
            lines=tuple(
                line._replace(net=-line.net, tax=-line.tax, foreign=-line.foreign)
                for line in self.lines
            )
        )


def postings(organisation: Organisation, resource: str, body: dict[str, Any]) -> list[Posting]:
    """Return the entries a document stands for in its present state; none for a draft."""
    rule = _RULES.get(resource)
    return rule(organisation, body) if rule is not None else []


def _cents(value: Any) -> int:
    scaled = (value if isinstance(value, Decimal) else Decimal(str(value))) * 100
    whole = int(scaled)
    return whole if whole == scaled else int(scaled.quantize(_UNIT, ROUND_HALF_UP))


def _rate(body: dict[str, Any]) -> int:
    # A missing rate means one to one.
    rate = body.get("CurrencyRate")
    return 1_000_000 if rate is None else int(Decimal(rate) * 1_000_000)


def _tracking(line: dict[str, Any]) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(
        (
            option["Name"],
            option["Option"],
            option["TrackingCategoryID"],
            option["TrackingOptionID"],
        )
        for option in line.get("Tracking", ())
        if option.get("TrackingOptionID")
    )


def _entry(
    organisation: Organisation,
    source: tuple[str, str],
    body: dict[str, Any],
    contra: str,
    direction: int,
    reference: str,
) -> Posting:
    """Book a document with line items against one account.

    Args:
        organisation: Whose books.
        source: SourceType and SourceID.
        body: The document.
        contra: Account that takes the total.
        direction: 1 when the contra account is debited.
        reference: What the document calls itself.
    """
    rate = _rate(body)
    inclusive = body["LineAmountTypes"].upper() == INCLUSIVE.upper()
    total = _cents(body["Total"])
    lines = [PostingLine(contra, direction * to_base(total, rate), foreign=direction * total)]
    for line in body["LineItems"]:
        tax = _cents(line.get("TaxAmount", 0))
        net = _cents(line["LineAmount"]) - (tax if inclusive else 0)
        lines.append(
            PostingLine(
                line["AccountID"],
                -direction * to_base(net, rate),
                -direction * to_base(tax, rate),
                line.get("TaxType", ""),
                line.get("Description", ""),
                _tracking(line),
                foreign=-direction * net,
            )
        )
    tax = to_base(_cents(body["TotalTax"]), rate)
    if tax:
        lines.append(PostingLine(organisation.accounts["tax"].id, -direction * tax))
    currency = body.get("CurrencyCode", organisation.currency)
    lines = [_in_currency(organisation, line, currency) for line in lines]
    return _posting(organisation, source, body, reference, lines)


def _in_currency(organisation: Organisation, line: PostingLine, currency: str) -> PostingLine:
    """The line with its foreign amount, where the account is one whose balance is in currencies."""
    owed = {organisation.accounts[name].id for name in ("debtors", "creditors")}
    foreign_bank = organisation.accounts["foreign"]
    in_currencies = line.account_id in owed or (
        line.account_id == foreign_bank.id and currency == foreign_bank.foreign
    )
    if in_currencies and currency != organisation.currency:
        return line._replace(currency=currency)
    return line._replace(foreign=0)


def _posting(
    organisation: Organisation,
    source: tuple[str, str],
    body: dict[str, Any],
    reference: str,
    lines: list[PostingLine],
) -> Posting:
    # Converting line by line may leave cents over: they go where Xero puts them.
    over = sum(line.net for line in lines)
    if over:
        lines.append(PostingLine(organisation.accounts["rounding"].id, -over))
    date = parse_net_date(body["Date"])
    # A transfer's date has a time of day.
    return Posting(*source, date - date % DAY, reference, tuple(lines))


def _invoice(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    if body["Status"] not in ("AUTHORISED", "PAID"):
        return []
    sale = body["Type"] == "ACCREC"
    control = organisation.accounts["debtors" if sale else "creditors"].id
    number = body.get("InvoiceNumber", "")
    source = (body["Type"], body["InvoiceID"])
    entry = _entry(organisation, source, body, control, 1 if sale else -1, number)
    return [entry._replace(accrual_only=True)]


def _credit_note(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    if body["Status"] not in ("AUTHORISED", "PAID"):
        return []
    sale = body["Type"] == "ACCRECCREDIT"
    control = organisation.accounts["debtors" if sale else "creditors"].id
    number = body.get("CreditNoteNumber", "")
    source = (body["Type"], body["CreditNoteID"])
    entry = _entry(organisation, source, body, control, -1 if sale else 1, number)
    return [entry._replace(accrual_only=True)]


def _bank_transaction(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    if body["Status"] != "AUTHORISED":
        return []
    way, _, kind = body["Type"].partition("-")
    incoming = way == "RECEIVE"
    if kind == "TRANSFER":
        return []  # booked from the transfer
    if kind:
        side = "AR" if incoming else "AP"
        source = (f"{side}{kind}", body[f"{kind.capitalize()}ID"])
    else:
        source = ("CASHREC" if incoming else "CASHPAID", body["BankTransactionID"])
    bank = body["BankAccount"]["AccountID"]
    reference = body.get("Reference", "")
    return [_entry(organisation, source, body, bank, 1 if incoming else -1, reference)]


_INCOMING = ("ACCRECPAYMENT", "APCREDITPAYMENT", "APOVERPAYMENTPAYMENT", "APPREPAYMENTPAYMENT")
_SHORT = {
    "AROVERPAYMENTPAYMENT": "AROVERPAYMENT",
    "APOVERPAYMENTPAYMENT": "APOVERPAYMENT",
    "ARPREPAYMENTPAYMENT": "ARPREPAYMENT",
    "APPREPAYMENTPAYMENT": "APPREPAYMENT",
}


def _payment(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    if body["Status"] != "AUTHORISED":
        return []
    kind = body["PaymentType"]
    direction = 1 if kind in _INCOMING else -1
    receivable = kind.startswith(("ACCREC", "AR"))
    control = organisation.accounts["debtors" if receivable else "creditors"].id
    amount = _cents(body["Amount"])
    paid = to_base(amount, _rate(body))
    owed = to_base(amount, _rate(body["Invoice"]))
    lines = [
        PostingLine(body["Account"]["AccountID"], direction * paid, foreign=direction * amount),
        PostingLine(control, -direction * owed, foreign=-direction * amount),
    ]
    currency = body["Invoice"].get("CurrencyCode", organisation.currency)
    lines = [_in_currency(organisation, line, currency) for line in lines]
    if paid != owed:
        gains = organisation.accounts["realised"].id
        lines.append(PostingLine(gains, direction * (owed - paid)))
    source = (_SHORT.get(kind, kind), body["PaymentID"])
    entry = _posting(organisation, source, body, body.get("Reference", ""), lines)
    return [entry._replace(settles=body["Invoice"]["InvoiceID"])]


def _transfer(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    if body["Status"] != "AUTHORISED":
        return []
    amount = _cents(body["Amount"])
    lines = [
        PostingLine(body["FromBankAccount"]["AccountID"], -amount),
        PostingLine(body["ToBankAccount"]["AccountID"], amount),
    ]
    source = ("TRANSFER", body["BankTransferID"])
    return [_posting(organisation, source, body, body.get("Reference", ""), lines)]


def _manual_journal(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    if body["Status"] != "POSTED":
        return []
    lines = [
        PostingLine(
            line["AccountID"],
            _cents(line["LineAmount"]),
            0,
            line.get("TaxType", ""),
            line.get("Description", ""),
            _tracking(line),
        )
        for line in body["JournalLines"]
    ]
    source = ("MANJOURNAL", body["ManualJournalID"])
    entry = _posting(organisation, source, body, body["Narration"], lines)
    return [entry._replace(accrual_only=not body.get("ShowOnCashBasisReports", True))]


def _expense_claim(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    if body["Status"] not in ("AUTHORISED", "PAID"):
        return []
    claim_id, date = body["ExpenseClaimID"], {"Date": body["ReportingDate"]}
    unpaid = organisation.accounts["claims"].id
    lines = [PostingLine(unpaid, -_cents(body["Total"]))]
    for receipt in body["Receipts"]:
        entry = _entry(organisation, ("", ""), receipt, unpaid, -1, "")
        lines.extend(entry.lines[1:])
    claim = _posting(organisation, ("EXPCLAIM", claim_id), date, "", lines)
    entries = [claim._replace(accrual_only=True)]
    for payment in body["Payments"]:
        amount = _cents(payment["Amount"])
        paid = [
            PostingLine(payment["Account"]["AccountID"], -amount),
            PostingLine(unpaid, amount),
        ]
        source = ("EXPPAYMENT", payment["PaymentID"])
        entry = _posting(organisation, source, payment, "", paid)
        entries.append(entry._replace(settles=claim_id))
    return entries


def _system_entry(organisation: Organisation, body: dict[str, Any]) -> list[Posting]:
    lines = [PostingLine(account, cents) for account, cents in body["Lines"]]
    source = (body["SourceType"], body["SourceID"])
    return [_posting(organisation, source, body, body["Reference"], lines)]


_RULES: dict[str, Callable[[Organisation, dict[str, Any]], list[Posting]]] = {
    "Invoices": _invoice,
    "CreditNotes": _credit_note,
    "BankTransactions": _bank_transaction,
    "Payments": _payment,
    "BankTransfers": _transfer,
    "ManualJournals": _manual_journal,
    "ExpenseClaims": _expense_claim,
    ENTRIES: _system_entry,
}
