"""Invoices, credit notes, prepayments, overpayments, payments and their relatives.

These models point at each other. Each is written once, in full; where one appears
inside another, Xero sends a partial copy, so a copy names the fields it shows. The
plain fields of each document come first, because the copies are cut from them.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from tap_xero.models.contacts import CONTACT_COPY, CONTACT_REFERENCE
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
    moment,
    one,
    rate,
    text,
    whole,
)
from tap_xero.models.parts import INVOICE_ADDRESS, LINE_ITEM
from tap_xero.models.reference import ACCOUNT_COPY, USER

_CONTACT = one("Contact", CONTACT_COPY, "Partial copy of the contact.")
_CONTACT_LIFT = lift("ContactID", "Contact", "contacts")

_TYPE = text("Type", "What kind of document it is.")
_STATUS = text("Status", "Where it stands: DRAFT, AUTHORISED, PAID, VOIDED, DELETED and so on.")
_DATE = (day("Date", "Date of the document."), day("DateString", "Same as Date."))
_DUE = (day("DueDate", "When it falls due."), day("DueDateString", "Same as DueDate."))
_REFERENCE = text("Reference", "Free reference.")
_LINE_TYPES = text(
    "LineAmountTypes", "Whether line amounts include tax: Exclusive, Inclusive, NoTax."
)
_CURRENCY = text("CurrencyCode", "Currency of the amounts.", refers="currencies")
_CURRENCY_RATE = rate(
    "CurrencyRate", "Units of the document's currency for one of the base currency; 1 when absent."
)
_THEME = text("BrandingThemeID", "Theme it is printed with.", refers="branding_themes")
_URL = text("Url", "Link to the source document.")
_SENT = flag("SentToContact", "Has been sent.")
_ATTACHMENTS = flag("HasAttachments", "Files are attached.")
_DISCOUNTED = flag("IsDiscounted", "Some line has a discount.")
_UPDATED = moment("UpdatedDateUTC", "When it last changed.")
_UPDATED_TWIN = moment("UpdatedDateUTCString", "Same as UpdatedDateUTC.")
_TOTALS = (
    amount("SubTotal", "Sum of the lines without tax."),
    amount("TotalTax", "Sum of the lines' tax."),
    amount("Total", "Sum with tax."),
)
_DISCOUNT = amount("TotalDiscount", "Sum of the lines' discounts.")
_CIS = (
    amount("CISDeduction", "UK construction industry scheme: amount withheld."),
    amount("CISRate", "UK construction industry scheme: rate in percent."),
)
_REMAINING = (
    amount("RemainingCredit", "Credit not yet used."),
    amount("AppliedAmount", "Credit used by the allocation it is shown in."),
)
_OTHER_ID = text("ID", "Same as the document's own identifier.")


def _lines(table: str) -> Field:
    """The line items of a document, as rows of `table`."""
    return many("LineItems", LINE_ITEM, "Its lines.", child=Child(table, ("LineItemID",)))


# Plain fields -------------------------------------------------------------------------

_INVOICE = Model(
    "Invoice",
    "A sales invoice (ACCREC) or a bill (ACCPAY).",
    (
        text("InvoiceID", "Identifier of the invoice."),
        text("Type", "ACCREC for a sales invoice, ACCPAY for a bill."),
        text("InvoiceNumber", "Number; unique for sales invoices only."),
        _REFERENCE,
        _STATUS,
        *_DATE,
        *_DUE,
        day("ExpectedPaymentDate", "When payment of a sales invoice is expected."),
        day("ExpectedPaymentDateString", "Same as ExpectedPaymentDate."),
        day("PlannedPaymentDate", "When payment of a bill is planned."),
        day("PlannedPaymentDateString", "Same as PlannedPaymentDate."),
        day("FullyPaidOnDate", "When nothing was left to pay."),
        _LINE_TYPES,
        _CURRENCY,
        _CURRENCY_RATE,
        *_TOTALS,
        _DISCOUNT,
        amount("RoundingAmount", "Rounding applied to the total."),
        amount("EnteredTotal", "Total as it was typed in."),
        amount("AmountDue", "Still to be paid."),
        amount("AmountPaid", "Paid so far."),
        amount("AmountCredited", "Credited so far."),
        *_CIS,
        _THEME,
        text(
            "RepeatingInvoiceID",
            "Template it was made from.",
            refers="repeating_invoices",
        ),
        _URL,
        _SENT,
        _ATTACHMENTS,
        _DISCOUNTED,
        _UPDATED,
        _UPDATED_TWIN,
    ),
)

_CREDIT_NOTE = Model(
    "CreditNote",
    "A credit note to a customer (ACCRECCREDIT) or from a supplier (ACCPAYCREDIT).",
    (
        text("CreditNoteID", "Identifier of the credit note."),
        _OTHER_ID,
        text("Type", "ACCRECCREDIT or ACCPAYCREDIT."),
        text("CreditNoteNumber", "Number of the credit note."),
        _REFERENCE,
        _STATUS,
        *_DATE,
        *_DUE,
        day("FullyPaidOnDate", "When it was used up."),
        _LINE_TYPES,
        _CURRENCY,
        _CURRENCY_RATE,
        *_TOTALS,
        *_REMAINING,
        *_CIS,
        _THEME,
        _SENT,
        _ATTACHMENTS,
        _UPDATED,
        _UPDATED_TWIN,
    ),
)

_PREPAYMENT = Model(
    "Prepayment",
    "Money paid ahead of an invoice or bill.",
    (
        text("PrepaymentID", "Identifier of the prepayment."),
        _OTHER_ID,
        text("Type", "RECEIVE-PREPAYMENT, SPEND-PREPAYMENT, ARPREPAYMENT or APPREPAYMENT."),
        text("InvoiceNumber", "Number of the prepayment."),
        _REFERENCE,
        _STATUS,
        *_DATE,
        _LINE_TYPES,
        _CURRENCY,
        _CURRENCY_RATE,
        *_TOTALS,
        *_REMAINING,
        _THEME,
        _ATTACHMENTS,
        _UPDATED,
        _UPDATED_TWIN,
    ),
)

_OVERPAYMENT = Model(
    "Overpayment",
    "Money paid beyond what an invoice or bill asked for.",
    (
        text("OverpaymentID", "Identifier of the overpayment."),
        _OTHER_ID,
        text("Type", "RECEIVE-OVERPAYMENT, SPEND-OVERPAYMENT or AROVERPAYMENT."),
        _REFERENCE,
        _STATUS,
        *_DATE,
        _LINE_TYPES,
        _CURRENCY,
        _CURRENCY_RATE,
        *_TOTALS,
        *_REMAINING,
        _ATTACHMENTS,
        _UPDATED,
        _UPDATED_TWIN,
    ),
)

_PAYMENT = Model(
    "Payment",
    "A payment of an invoice, bill, credit note, prepayment or overpayment.",
    (
        text("PaymentID", "Identifier of the payment."),
        text("BatchPaymentID", "Batch it was made in.", refers="batch_payments"),
        text("PaymentType", "ACCRECPAYMENT, ACCPAYPAYMENT, ARCREDITPAYMENT and so on."),
        text("Status", "AUTHORISED or DELETED."),
        *_DATE,
        amount("Amount", "Amount in the document's currency."),
        amount("BankAmount", "Amount in the bank account's currency."),
        _CURRENCY_RATE,
        _REFERENCE,
        flag("IsReconciled", "Matched with a bank statement line."),
        text("InvoiceNumber", "Number of the invoice, when writing."),
        text("CreditNoteNumber", "Number of the credit note, when writing."),
        text("Code", "Code for the bank statement, or of the account."),
        text("BankAccountNumber", "Supplier's bank account, in a batch."),
        text("Particulars", "Particulars for the bank statement."),
        text("Details", "Details for the bank statement."),
        flag("HasAccount", "It was paid from or to an account."),
        _UPDATED,
        _UPDATED_TWIN,
    ),
)

_BATCH_PAYMENT = Model(
    "BatchPayment",
    "Several payments made as one.",
    (
        text("BatchPaymentID", "Identifier of the batch."),
        text("Type", "PAYBATCH for bills, RECBATCH for sales invoices."),
        text("Status", "AUTHORISED or DELETED."),
        *_DATE,
        amount("Amount", "Amount, when writing."),
        amount("TotalAmount", "Sum of its payments.", quoted=True),
        _REFERENCE,
        text("Particulars", "Particulars for the bank statement."),
        text("Code", "Code for the bank statement."),
        text("Details", "Details for the bank statement."),
        text("Narrative", "Text on the organisation's own statement."),
        flag("IsReconciled", "Matched with a bank statement line.", quoted=True),
        _UPDATED,
    ),
)

# Partial copies -----------------------------------------------------------------------

_PAYMENT_COPY = _PAYMENT.copy(
    "PaymentID",
    "BatchPaymentID",
    "Date",
    "DateString",
    "Amount",
    "BankAmount",
    "Reference",
    "CurrencyRate",
    "HasAccount",
)
_PREPAYMENT_COPY = _PREPAYMENT.copy(
    "PrepaymentID", "ID", "InvoiceNumber", "Date", "DateString", "AppliedAmount", "Total"
)
_OVERPAYMENT_COPY = _OVERPAYMENT.copy(
    "OverpaymentID", "ID", "Date", "DateString", "AppliedAmount", "Total"
)
_CREDIT_NOTE_COPY = _CREDIT_NOTE.copy(
    "CreditNoteID", "ID", "CreditNoteNumber", "Date", "DateString", "AppliedAmount", "Total"
)
_EMPTY_HERE = "Empty in this copy, whatever the document has."
_EMPTY_LISTS = (
    many("LineItems", LINE_ITEM.copy("LineItemID"), _EMPTY_HERE),
    many("Payments", _PAYMENT_COPY, _EMPTY_HERE),
    many("CreditNotes", _CREDIT_NOTE_COPY, _EMPTY_HERE),
    many("Prepayments", _PREPAYMENT_COPY, _EMPTY_HERE),
    many("Overpayments", _OVERPAYMENT_COPY, _EMPTY_HERE),
    many("InvoiceAddresses", INVOICE_ADDRESS, _EMPTY_HERE),
)
_INVOICE_REFERENCE = _INVOICE.copy(
    "InvoiceID",
    "InvoiceNumber",
    "Type",
    extra=(one("Contact", CONTACT_REFERENCE, "Partial copy of the contact."), *_EMPTY_LISTS),
)
_INVOICE_COPY = _INVOICE.copy(
    "InvoiceID",
    "InvoiceNumber",
    "Type",
    "Reference",
    "Status",
    "Date",
    "DateString",
    "DueDate",
    "DueDateString",
    "CurrencyCode",
    "CurrencyRate",
    "SubTotal",
    "TotalTax",
    "Total",
    "AmountDue",
    "AmountPaid",
    "AmountCredited",
    "IsDiscounted",
    "HasAttachments",
    "UpdatedDateUTC",
    extra=(
        one("Contact", CONTACT_REFERENCE, "Partial copy of the contact."),
        *_EMPTY_LISTS,
    ),
)

# Full models --------------------------------------------------------------------------


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
                flag("IsDeleted", "Taken back."),
                one("Invoice", _INVOICE_REFERENCE, "Partial copy of the invoice."),
                one("CreditNote", _CREDIT_NOTE_COPY, "Partial copy of the credit note."),
                one("Prepayment", _PREPAYMENT_COPY, "Partial copy of the prepayment."),
                one("Overpayment", _OVERPAYMENT_COPY, "Partial copy of the overpayment."),
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


_PAYMENTS = many("Payments", _PAYMENT_COPY, "Short form of its payments.")
_ADDRESSES = many("InvoiceAddresses", INVOICE_ADDRESS, "US: addresses for sales tax.")

INVOICE = Model(
    _INVOICE.name,
    _INVOICE.about,
    (
        *_INVOICE.fields,
        _CONTACT,
        _lines("invoice_line_items"),
        _PAYMENTS,
        many("CreditNotes", _CREDIT_NOTE_COPY, "Short form of the credit notes used on it."),
        many("Prepayments", _PREPAYMENT_COPY, "Short form of the prepayments used on it."),
        many("Overpayments", _OVERPAYMENT_COPY, "Short form of the overpayments used on it."),
        _ADDRESSES,
    ),
    lifts=(_CONTACT_LIFT,),
)

CREDIT_NOTE = Model(
    _CREDIT_NOTE.name,
    _CREDIT_NOTE.about,
    (
        *_CREDIT_NOTE.fields,
        _CONTACT,
        _lines("credit_note_line_items"),
        _allocations("credit_note_allocations"),
        _PAYMENTS,
        _ADDRESSES,
    ),
    lifts=(_CONTACT_LIFT,),
)

PREPAYMENT = Model(
    _PREPAYMENT.name,
    _PREPAYMENT.about,
    (
        *_PREPAYMENT.fields,
        _CONTACT,
        _lines("prepayment_line_items"),
        _allocations("prepayment_allocations"),
        _PAYMENTS,
    ),
    lifts=(_CONTACT_LIFT,),
)

OVERPAYMENT = Model(
    _OVERPAYMENT.name,
    _OVERPAYMENT.about,
    (
        *_OVERPAYMENT.fields,
        _CONTACT,
        _lines("overpayment_line_items"),
        _allocations("overpayment_allocations"),
        _PAYMENTS,
    ),
    lifts=(_CONTACT_LIFT,),
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
    _PAYMENT.name,
    _PAYMENT.about,
    (
        *_PAYMENT.fields,
        one(
            "Invoice",
            _INVOICE_COPY,
            "Partial copy of what was paid; its Type tells whether it is an invoice.",
        ),
        one("CreditNote", _CREDIT_NOTE_COPY, "Partial copy of the credit note."),
        one("Prepayment", _PREPAYMENT_COPY, "Partial copy of the prepayment."),
        one("Overpayment", _OVERPAYMENT_COPY, "Partial copy of the overpayment."),
        one(
            "BatchPayment",
            _BATCH_PAYMENT.copy(
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

_PAYMENT_IN_BATCH = _PAYMENT.copy(
    *(field.name for field in _PAYMENT.fields),
    extra=(
        one("Invoice", _INVOICE_COPY, "Partial copy of what was paid."),
        one("CreditNote", _CREDIT_NOTE_COPY, "Partial copy of the credit note."),
        one("Account", ACCOUNT_COPY, "Partial copy of the account."),
    ),
)

BATCH_PAYMENT = Model(
    _BATCH_PAYMENT.name,
    _BATCH_PAYMENT.about,
    (
        *_BATCH_PAYMENT.fields,
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
)

PURCHASE_ORDER = Model(
    "PurchaseOrder",
    "An order to a supplier.",
    (
        text("PurchaseOrderID", "Identifier of the order."),
        text("Type", "PURCHASEORDER."),
        text("PurchaseOrderNumber", "Number of the order."),
        _REFERENCE,
        text("Status", "DRAFT, SUBMITTED, AUTHORISED, BILLED or DELETED."),
        *_DATE,
        day("DeliveryDate", "When delivery was asked for."),
        day("DeliveryDateString", "Same as DeliveryDate."),
        day("ExpectedArrivalDate", "When delivery is expected."),
        day("ExpectedArrivalDateString", "Same as ExpectedArrivalDate."),
        _LINE_TYPES,
        _CURRENCY,
        _CURRENCY_RATE,
        *_TOTALS,
        _DISCOUNT,
        text("DeliveryAddress", "Where to deliver."),
        text("AttentionTo", "Whom the delivery is for."),
        text("Telephone", "Phone for the delivery."),
        text("DeliveryInstructions", "Instructions for the delivery."),
        _THEME,
        _SENT,
        _ATTACHMENTS,
        _DISCOUNTED,
        _UPDATED,
        _CONTACT,
        _lines("purchase_order_line_items"),
    ),
    lifts=(_CONTACT_LIFT,),
)

QUOTE = Model(
    "Quote",
    "An offer to a customer.",
    (
        text("QuoteID", "Identifier of the quote."),
        text("QuoteNumber", "Number of the quote."),
        _REFERENCE,
        text("Status", "DRAFT, SENT, DECLINED, ACCEPTED, INVOICED or DELETED."),
        *_DATE,
        day("ExpiryDate", "Until when it holds."),
        day("ExpiryDateString", "Same as ExpiryDate."),
        text("Title", "Title."),
        text("Summary", "Summary."),
        text("Terms", "Terms."),
        text("LineAmountTypes", "In capitals here: EXCLUSIVE, INCLUSIVE or NOTAX."),
        _CURRENCY,
        _CURRENCY_RATE,
        *_TOTALS,
        _DISCOUNT,
        _THEME,
        _UPDATED,
        _CONTACT,
        _lines("quote_line_items"),
    ),
    lifts=(_CONTACT_LIFT,),
)

_SCHEDULE = Model(
    "Schedule",
    "When a repeating invoice is made and falls due.",
    (
        whole("Period", "Every how many units."),
        text("Unit", "WEEKLY or MONTHLY."),
        whole("DueDate", "Number that DueDateType counts."),
        text("DueDateType", "How the due date is computed."),
        day("StartDate", "First invoice."),
        day("NextScheduledDate", "Next invoice."),
        day("EndDate", "Last invoice."),
    ),
)

REPEATING_INVOICE = Model(
    "RepeatingInvoice",
    "A template from which invoices or bills are made on a schedule.",
    (
        text("RepeatingInvoiceID", "Identifier of the template."),
        _OTHER_ID,
        text("Type", "ACCREC or ACCPAY."),
        _REFERENCE,
        text("Status", "DRAFT, AUTHORISED or DELETED."),
        _LINE_TYPES,
        _CURRENCY,
        *_TOTALS,
        _DISCOUNT,
        _THEME,
        _ATTACHMENTS,
        flag("ApprovedForSending", "Invoices are sent when they are made."),
        flag("SendCopy", "A copy goes to the sender."),
        flag("MarkAsSent", "Invoices are marked as sent."),
        flag("IncludePDF", "The email carries a PDF."),
        one("Schedule", _SCHEDULE, "When it repeats."),
        _CONTACT,
        _lines("repeating_invoice_line_items"),
    ),
    lifts=(_CONTACT_LIFT,),
)

LINKED_TRANSACTION = Model(
    "LinkedTransaction",
    "A cost line assigned to a customer, to be charged on.",
    (
        text("LinkedTransactionID", "Identifier of the link."),
        text("SourceTransactionID", "Bill or spend-money transaction the cost is on."),
        text("SourceLineItemID", "Line the cost is on."),
        text("SourceTransactionTypeCode", "ACCPAY or SPEND."),
        text("ContactID", "Customer to be charged.", refers="contacts"),
        text("TargetTransactionID", "Sales invoice that charges it.", refers="invoices"),
        text("TargetLineItemID", "Line that charges it."),
        text("Type", "BILLABLEEXPENSE."),
        text("Status", "DRAFT, APPROVED, ONDRAFT, BILLED or VOIDED."),
        _UPDATED,
    ),
)

_USER_COPY = USER.copy(*(field.name for field in USER.fields))

RECEIPT = Model(
    "Receipt",
    "A receipt handed in for an expense claim. Xero switches these off in February 2027.",
    (
        text("ReceiptID", "Identifier of the receipt."),
        text("ReceiptNumber", "Number of the receipt."),
        _REFERENCE,
        text("Status", "DRAFT, SUBMITTED, AUTHORISED, DECLINED or VOIDED."),
        *_DATE,
        _LINE_TYPES,
        *_TOTALS,
        _URL,
        _ATTACHMENTS,
        _UPDATED,
        one("User", _USER_COPY, "Copy of the user."),
        _CONTACT,
        _lines("receipt_line_items"),
    ),
    lifts=(_CONTACT_LIFT, lift("UserID", "User", "users")),
)


EXPENSE_CLAIM = Model(
    "ExpenseClaim",
    "Receipts handed in by a user. Xero switches these off in February 2027.",
    (
        text("ExpenseClaimID", "Identifier of the claim."),
        text("Status", "SUBMITTED, AUTHORISED, PAID, VOIDED or DELETED."),
        amount("Total", "Sum of the receipts."),
        amount("AmountDue", "Still to be paid."),
        amount("AmountPaid", "Paid so far."),
        day("PaymentDueDate", "When it is to be paid."),
        day("ReportingDate", "When it is booked."),
        text("ReceiptID", "Receipt, when writing."),
        _UPDATED,
        one("User", _USER_COPY, "Copy of the user."),
        many(
            "Receipts",
            RECEIPT.copy(
                *(
                    field.name
                    for field in RECEIPT.fields
                    if field.name not in {"User", "Contact", "LineItems"}
                ),
                extra=(
                    one("User", _USER_COPY, "Copy of the user."),
                    one("Contact", CONTACT_REFERENCE, "Partial copy of the contact."),
                    many("LineItems", LINE_ITEM, "Its lines, when Xero shows them."),
                ),
            ),
            "Copies of its receipts.",
            child=Child("expense_claim_receipts", ("ReceiptID",)),
        ),
        many(
            "Payments",
            _PAYMENT.copy(
                *(field.name for field in _PAYMENT_COPY.fields),
                "Status",
                "UpdatedDateUTC",
                extra=(one("Account", ACCOUNT_COPY, "Partial copy of the account."),),
            ),
            "Short form of its payments.",
        ),
    ),
    lifts=(lift("UserID", "User", "users"),),
)
