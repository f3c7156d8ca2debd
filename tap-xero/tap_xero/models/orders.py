"""Purchase orders, quotes, repeating invoices, linked transactions, expense claims.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from tap_xero.models.contacts import (
    CONTACT_REFERENCE,
)
from tap_xero.models.fields import (
    Child,
    Model,
    amount,
    day,
    flag,
    lift,
    many,
    one,
    text,
    whole,
)
from tap_xero.models.headers import (
    ATTACHMENTS,
    CONTACT_FIELD,
    CONTACT_LIFT,
    CURRENCY_CODE,
    CURRENCY_RATE,
    DATE,
    DISCOUNT,
    DISCOUNTED,
    LINE_TYPES,
    OTHER_ID,
    PAYMENT_COPY,
    PAYMENT_HEADER,
    REFERENCE,
    SENT,
    THEME,
    TOTALS,
    UPDATED,
    URL,
    lines,
)
from tap_xero.models.parts import (
    LINE_ITEM,
    ON_CHILDREN,
)
from tap_xero.models.reference import (
    ACCOUNT_COPY,
    USER,
)

PURCHASE_ORDER = Model(
    "PurchaseOrder",
    "An order to a supplier.",
    (
        text("PurchaseOrderID", "Identifier of the order."),
        text("Type", "PURCHASEORDER."),
        text("PurchaseOrderNumber", "Number of the order."),
        REFERENCE,
        text("Status", "DRAFT, SUBMITTED, AUTHORISED, BILLED or DELETED."),
        *DATE,
        day("DeliveryDate", "When delivery was asked for."),
        day("DeliveryDateString", "Same as DeliveryDate."),
        day("ExpectedArrivalDate", "When delivery is expected."),
        day("ExpectedArrivalDateString", "Same as ExpectedArrivalDate."),
        LINE_TYPES,
        CURRENCY_CODE,
        CURRENCY_RATE,
        *TOTALS,
        DISCOUNT,
        text("DeliveryAddress", "Where to deliver."),
        text("AttentionTo", "Whom the delivery is for."),
        text("Telephone", "Phone for the delivery."),
        text("DeliveryInstructions", "Instructions for the delivery."),
        THEME,
        SENT,
        ATTACHMENTS,
        DISCOUNTED,
        UPDATED,
        CONTACT_FIELD,
        lines("purchase_order_line_items", "a purchase order"),
    ),
    lifts=(CONTACT_LIFT,),
    on_children=ON_CHILDREN,
)

QUOTE = Model(
    "Quote",
    "An offer to a customer.",
    (
        text("QuoteID", "Identifier of the quote."),
        text("QuoteNumber", "Number of the quote."),
        REFERENCE,
        text("Status", "DRAFT, SENT, DECLINED, ACCEPTED, INVOICED or DELETED."),
        *DATE,
        day("ExpiryDate", "Until when it holds."),
        day("ExpiryDateString", "Same as ExpiryDate."),
        text("Title", "Title."),
        text("Summary", "Summary."),
        text("Terms", "Terms."),
        text("LineAmountTypes", "In capitals here: EXCLUSIVE, INCLUSIVE or NOTAX."),
        CURRENCY_CODE,
        CURRENCY_RATE,
        *TOTALS,
        DISCOUNT,
        THEME,
        UPDATED,
        CONTACT_FIELD,
        lines("quote_line_items", "a quote"),
    ),
    lifts=(CONTACT_LIFT,),
    on_children=ON_CHILDREN,
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
        OTHER_ID,
        text("Type", "ACCREC or ACCPAY."),
        REFERENCE,
        text("Status", "DRAFT, AUTHORISED or DELETED."),
        LINE_TYPES,
        CURRENCY_CODE,
        *TOTALS,
        DISCOUNT,
        THEME,
        ATTACHMENTS,
        flag("ApprovedForSending", "Invoices are sent when they are made."),
        flag("SendCopy", "A copy goes to the sender."),
        flag("MarkAsSent", "Invoices are marked as sent."),
        flag("IncludePDF", "The email carries a PDF."),
        one("Schedule", _SCHEDULE, "When it repeats."),
        CONTACT_FIELD,
        lines("repeating_invoice_line_items", "a repeating invoice"),
    ),
    lifts=(CONTACT_LIFT,),
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
        UPDATED,
    ),
)

_USER_COPY = USER.copy(*(field.name for field in USER.fields))

RECEIPT = Model(
    "Receipt",
    "A receipt handed in for an expense claim. Xero switches these off in February 2027.",
    (
        text("ReceiptID", "Identifier of the receipt."),
        text("ReceiptNumber", "Number of the receipt."),
        REFERENCE,
        text("Status", "DRAFT, SUBMITTED, AUTHORISED, DECLINED or VOIDED."),
        *DATE,
        LINE_TYPES,
        *TOTALS,
        URL,
        ATTACHMENTS,
        UPDATED,
        one("User", _USER_COPY, "Copy of the user."),
        CONTACT_FIELD,
        lines("receipt_line_items", "an expense receipt"),
    ),
    lifts=(CONTACT_LIFT, lift("UserID", "User", "users")),
    on_children=ON_CHILDREN,
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
        UPDATED,
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
                    many("LineItems", LINE_ITEM, "Lines of the receipt, when Xero shows them."),
                ),
            ),
            "Copies of its receipts.",
            child=Child("expense_claim_receipts", ("ReceiptID",)),
        ),
        many(
            "Payments",
            PAYMENT_HEADER.copy(
                *(field.name for field in PAYMENT_COPY.fields),
                "Status",
                "UpdatedDateUTC",
                extra=(one("Account", ACCOUNT_COPY, "Partial copy of the account."),),
            ),
            "Short form of its payments.",
        ),
    ),
    lifts=(lift("UserID", "User", "users"),),
    on_children=ON_CHILDREN,
)
