"""What documents have in common, and the plain fields of those that point at each other.

Invoices, credit notes, prepayments, overpayments and payments appear inside one another
as partial copies. Their plain fields are here, because the copies, which are here too,
are cut from them; the full models are in `documents`.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from tap_xero.models.contacts import (
    CONTACT_COPY,
    CONTACT_REFERENCE,
)
from tap_xero.models.fields import (
    Child,
    Field,
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
)
from tap_xero.models.parts import (
    INVOICE_ADDRESS,
    LINE_ITEM,
)

CONTACT_FIELD = one("Contact", CONTACT_COPY, "Partial copy of the contact.")
CONTACT_LIFT = lift("ContactID", "Contact", "contacts")

STATUS = text("Status", "Where it stands: DRAFT, AUTHORISED, PAID, VOIDED, DELETED and so on.")
DATE = (day("Date", "Date of the document."), day("DateString", "Same as Date."))
DUE = (day("DueDate", "When it falls due."), day("DueDateString", "Same as DueDate."))
REFERENCE = text("Reference", "Free reference.")
LINE_TYPES = text(
    "LineAmountTypes", "Whether line amounts include tax: Exclusive, Inclusive, NoTax."
)
CURRENCY_CODE = text("CurrencyCode", "Currency of the amounts.", refers="currencies")
CURRENCY_RATE = rate(
    "CurrencyRate", "Units of the document's currency for one of the base currency; 1 when absent."
)
THEME = text("BrandingThemeID", "Theme it is printed with.", refers="branding_themes")
URL = text("Url", "Link to the source document.")
SENT = flag("SentToContact", "Has been sent.")
ATTACHMENTS = flag("HasAttachments", "Files are attached.")
DISCOUNTED = flag("IsDiscounted", "Some line has a discount.")
UPDATED = moment("UpdatedDateUTC", "When it last changed.")
UPDATED_TWIN = moment("UpdatedDateUTCString", "Same as UpdatedDateUTC.")
TOTALS = (
    amount("SubTotal", "Sum of the lines without tax."),
    amount("TotalTax", "Sum of the lines' tax."),
    amount("Total", "Sum with tax."),
)
DISCOUNT = amount("TotalDiscount", "Sum of the lines' discounts.")
CIS = (
    amount("CISDeduction", "UK construction industry scheme: amount withheld."),
    amount("CISRate", "UK construction industry scheme: rate in percent."),
)
REMAINING = (
    amount("RemainingCredit", "Credit not yet used."),
    amount("AppliedAmount", "Credit used by the allocation it is shown in."),
)
OTHER_ID = text("ID", "Same as the document's own identifier.")


def lines(table: str, document: str) -> Field:
    """The line items of a document, as rows of `table`.

    Args:
        table: The child table.
        document: What the document is called, with its article.
    """
    return many(
        "LineItems", LINE_ITEM, f"Lines of {document}.", child=Child(table, ("LineItemID",))
    )


# Plain fields -------------------------------------------------------------------------

INVOICE_HEADER = Model(
    "Invoice",
    "A sales invoice (ACCREC) or a bill (ACCPAY).",
    (
        text("InvoiceID", "Identifier of the invoice."),
        text("Type", "ACCREC for a sales invoice, ACCPAY for a bill."),
        text("InvoiceNumber", "Number; unique for sales invoices only."),
        REFERENCE,
        STATUS,
        *DATE,
        *DUE,
        day("ExpectedPaymentDate", "When payment of a sales invoice is expected."),
        day("ExpectedPaymentDateString", "Same as ExpectedPaymentDate."),
        day("PlannedPaymentDate", "When payment of a bill is planned."),
        day("PlannedPaymentDateString", "Same as PlannedPaymentDate."),
        day("FullyPaidOnDate", "When nothing was left to pay."),
        LINE_TYPES,
        CURRENCY_CODE,
        CURRENCY_RATE,
        *TOTALS,
        DISCOUNT,
        amount("RoundingAmount", "Rounding applied to the total."),
        amount("EnteredTotal", "Total as it was typed in."),
        amount("AmountDue", "Still to be paid."),
        amount("AmountPaid", "Paid so far."),
        amount("AmountCredited", "Credited so far."),
        *CIS,
        THEME,
        text(
            "RepeatingInvoiceID",
            "Template it was made from.",
            refers="repeating_invoices",
        ),
        URL,
        SENT,
        ATTACHMENTS,
        DISCOUNTED,
        UPDATED,
        UPDATED_TWIN,
    ),
)

CREDIT_NOTE_HEADER = Model(
    "CreditNote",
    "A credit note to a customer (ACCRECCREDIT) or from a supplier (ACCPAYCREDIT).",
    (
        text("CreditNoteID", "Identifier of the credit note."),
        OTHER_ID,
        text("Type", "ACCRECCREDIT or ACCPAYCREDIT."),
        text("CreditNoteNumber", "Number of the credit note."),
        REFERENCE,
        STATUS,
        *DATE,
        *DUE,
        day("FullyPaidOnDate", "When it was used up."),
        LINE_TYPES,
        CURRENCY_CODE,
        CURRENCY_RATE,
        *TOTALS,
        *REMAINING,
        *CIS,
        THEME,
        SENT,
        ATTACHMENTS,
        UPDATED,
        UPDATED_TWIN,
    ),
)

PREPAYMENT_HEADER = Model(
    "Prepayment",
    "Money paid ahead of an invoice or bill.",
    (
        text("PrepaymentID", "Identifier of the prepayment."),
        OTHER_ID,
        text("Type", "RECEIVE-PREPAYMENT, SPEND-PREPAYMENT, ARPREPAYMENT or APPREPAYMENT."),
        text("InvoiceNumber", "Number of the prepayment."),
        REFERENCE,
        STATUS,
        *DATE,
        LINE_TYPES,
        CURRENCY_CODE,
        CURRENCY_RATE,
        *TOTALS,
        *REMAINING,
        THEME,
        ATTACHMENTS,
        UPDATED,
        UPDATED_TWIN,
    ),
)

OVERPAYMENT_HEADER = Model(
    "Overpayment",
    "Money paid beyond what an invoice or bill asked for.",
    (
        text("OverpaymentID", "Identifier of the overpayment."),
        OTHER_ID,
        text("Type", "RECEIVE-OVERPAYMENT, SPEND-OVERPAYMENT or AROVERPAYMENT."),
        REFERENCE,
        STATUS,
        *DATE,
        LINE_TYPES,
        CURRENCY_CODE,
        CURRENCY_RATE,
        *TOTALS,
        *REMAINING,
        ATTACHMENTS,
        UPDATED,
        UPDATED_TWIN,
    ),
)

PAYMENT_HEADER = Model(
    "Payment",
    "A payment of an invoice, bill, credit note, prepayment or overpayment.",
    (
        text("PaymentID", "Identifier of the payment."),
        text("BatchPaymentID", "Batch it was made in.", refers="batch_payments"),
        text("PaymentType", "ACCRECPAYMENT, ACCPAYPAYMENT, ARCREDITPAYMENT and so on."),
        text("Status", "AUTHORISED or DELETED."),
        *DATE,
        amount("Amount", "Amount in the document's currency."),
        amount("BankAmount", "Amount in the bank account's currency."),
        CURRENCY_RATE,
        REFERENCE,
        flag("IsReconciled", "Matched with a bank statement line."),
        text("InvoiceNumber", "Number of the invoice, when writing."),
        text("CreditNoteNumber", "Number of the credit note, when writing."),
        text("Code", "Code for the bank statement, or of the account."),
        text("BankAccountNumber", "Supplier's bank account, in a batch."),
        text("Particulars", "Particulars for the bank statement."),
        text("Details", "Details for the bank statement."),
        flag("HasAccount", "It was paid from or to an account."),
        UPDATED,
        UPDATED_TWIN,
    ),
)

BATCH_PAYMENT_HEADER = Model(
    "BatchPayment",
    "Several payments made as one.",
    (
        text("BatchPaymentID", "Identifier of the batch."),
        text("Type", "PAYBATCH for bills, RECBATCH for sales invoices."),
        text("Status", "AUTHORISED or DELETED."),
        *DATE,
        amount("Amount", "Amount, when writing."),
        amount("TotalAmount", "Sum of its payments.", quoted=True),
        REFERENCE,
        text("Particulars", "Particulars for the bank statement."),
        text("Code", "Code for the bank statement."),
        text("Details", "Details for the bank statement."),
        text("Narrative", "Text on the organisation's own statement."),
        flag("IsReconciled", "Matched with a bank statement line.", quoted=True),
        UPDATED,
    ),
)

# Partial copies -----------------------------------------------------------------------

PAYMENT_COPY = PAYMENT_HEADER.copy(
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
PREPAYMENT_COPY = PREPAYMENT_HEADER.copy(
    "PrepaymentID", "ID", "InvoiceNumber", "Date", "DateString", "AppliedAmount", "Total"
)
OVERPAYMENT_COPY = OVERPAYMENT_HEADER.copy(
    "OverpaymentID", "ID", "Date", "DateString", "AppliedAmount", "Total"
)
CREDIT_NOTE_COPY = CREDIT_NOTE_HEADER.copy(
    "CreditNoteID", "ID", "CreditNoteNumber", "Date", "DateString", "AppliedAmount", "Total"
)
EMPTY_HERE = "Empty in this copy, whatever the document has."
EMPTY_LISTS = (
    many("LineItems", LINE_ITEM.copy("LineItemID"), EMPTY_HERE),
    many("Payments", PAYMENT_COPY, EMPTY_HERE),
    many("CreditNotes", CREDIT_NOTE_COPY, EMPTY_HERE),
    many("Prepayments", PREPAYMENT_COPY, EMPTY_HERE),
    many("Overpayments", OVERPAYMENT_COPY, EMPTY_HERE),
    many("InvoiceAddresses", INVOICE_ADDRESS, EMPTY_HERE),
)
INVOICE_REFERENCE = INVOICE_HEADER.copy(
    "InvoiceID",
    "InvoiceNumber",
    "Type",
    extra=(one("Contact", CONTACT_REFERENCE, "Partial copy of the contact."), *EMPTY_LISTS),
)
INVOICE_COPY = INVOICE_HEADER.copy(
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
        *EMPTY_LISTS,
    ),
)
