"""Bank transactions and transfers, manual journals, the general ledger, budgets.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from dataclasses import replace

from tap_xero.models.contacts import CONTACT_COPY
from tap_xero.models.fields import (
    Child,
    Model,
    amount,
    day,
    flag,
    lift,
    many,
    moment,
    month,
    one,
    rate,
    text,
    whole,
)
from tap_xero.models.parts import LEDGER_TRACKING, LINE_ITEM, ON_CHILDREN, TRANSFER_TRACKING
from tap_xero.models.reference import ACCOUNT_COPY

BANK_TRANSACTION = Model(
    "BankTransaction",
    "Money spent or received. PREPAYMENT, OVERPAYMENT and TRANSFER types mirror other documents.",
    (
        text("BankTransactionID", "Identifier of the transaction."),
        text("Type", "RECEIVE or SPEND, or one of their -OVERPAYMENT, -PREPAYMENT, -TRANSFER."),
        text("Status", "AUTHORISED, VOIDED or DELETED."),
        day("Date", "Date of the transaction."),
        day("DateString", "Same as Date."),
        text("Reference", "Free reference."),
        flag("IsReconciled", "Matched with a bank statement line."),
        text("LineAmountTypes", "Whether line amounts include tax: Exclusive, Inclusive, NoTax."),
        text("CurrencyCode", "Currency of the amounts.", refers="currencies"),
        rate("CurrencyRate", "Units of that currency for one of the base currency; 1 when absent."),
        amount("SubTotal", "Sum of the lines without tax."),
        amount("TotalTax", "Sum of the lines' tax."),
        amount("Total", "Sum with tax; always positive, Type gives the direction."),
        text("Url", "Link to the source document."),
        text("PrepaymentID", "Prepayment that this mirrors.", refers="prepayments"),
        text("OverpaymentID", "Overpayment that this mirrors.", refers="overpayments"),
        text("ExternalLinkProviderName", "Product behind Url."),
        flag("HasAttachments", "Files are attached."),
        moment("UpdatedDateUTC", "When it last changed."),
        one("BankAccount", ACCOUNT_COPY, "Partial copy of the bank account."),
        one("Contact", CONTACT_COPY, "Partial copy of the contact."),
        one(
            "BatchPayment",
            Model(
                "BatchPayment",
                "A batch.",
                (
                    text("BatchPaymentID", "Identifier of the batch."),
                    text("Type", "PAYBATCH or RECBATCH."),
                    text("Status", "AUTHORISED or DELETED."),
                    day("Date", "Date of the batch."),
                    day("DateString", "Same as Date."),
                    amount("TotalAmount", "Sum of its payments.", quoted=True),
                    flag("IsReconciled", "Matched with a bank statement line.", quoted=True),
                    moment("UpdatedDateUTC", "When it last changed."),
                    one("Account", ACCOUNT_COPY, "Partial copy of the bank account."),
                ),
                partial=True,
            ),
            "Partial copy of the batch.",
        ),
        many(
            "LineItems",
            LINE_ITEM,
            "Lines of a bank transaction.",
            child=Child("bank_transaction_line_items", ("LineItemID",)),
        ),
    ),
    lifts=(
        lift("ContactID", "Contact", "contacts"),
        lift("BankAccountID", "BankAccount", "accounts", inner="AccountID"),
        lift("BatchPaymentID", "BatchPayment", "batch_payments"),
    ),
    on_children=ON_CHILDREN,
)

BANK_TRANSFER = Model(
    "BankTransfer",
    "Money moved between two bank accounts of the organisation.",
    (
        text("BankTransferID", "Identifier of the transfer."),
        text("Status", "AUTHORISED or DELETED."),
        amount("Amount", "Amount that left the first account."),
        day("Date", "Date of the transfer."),
        day("DateString", "Same as Date."),
        rate("CurrencyRate", "Rate between the two accounts' currencies."),
        text("Reference", "Free reference."),
        text("FromBankTransactionID", "Transaction that mirrors it.", refers="bank_transactions"),
        text("ToBankTransactionID", "Transaction that mirrors it.", refers="bank_transactions"),
        flag("FromIsReconciled", "Matched with a bank statement line, on the paying side."),
        flag("ToIsReconciled", "Matched with a bank statement line, on the receiving side."),
        flag("HasAttachments", "Files are attached."),
        moment("CreatedDateUTC", "When it was created; later changes do not show."),
        moment("CreatedDateUTCString", "Same as CreatedDateUTC."),
        one("FromBankAccount", ACCOUNT_COPY, "Partial copy of the paying account."),
        one("ToBankAccount", ACCOUNT_COPY, "Partial copy of the receiving account."),
        many("FromTracking", TRANSFER_TRACKING, "Tracking of the paying side."),
        many("ToTracking", TRANSFER_TRACKING, "Tracking of the receiving side."),
    ),
    lifts=(
        lift("FromBankAccountID", "FromBankAccount", "accounts", inner="AccountID"),
        lift("ToBankAccountID", "ToBankAccount", "accounts", inner="AccountID"),
    ),
)

_MANUAL_LINE = Model(
    "ManualJournalLine",
    "A line of a manual journal. Xero gives it no id.",
    (
        amount("LineAmount", "Debits positive, credits negative."),
        text("AccountID", "The account.", refers="accounts"),
        text("AccountCode", "Code of the account."),
        text("Description", "What it is about."),
        text("TaxType", "Tax rate of the line.", refers="tax_rates"),
        amount("TaxAmount", "Tax of the line."),
        flag("IsBlank", "A line without content."),
        many("Tracking", LEDGER_TRACKING, "Tracking options of the line."),
    ),
)

MANUAL_JOURNAL = Model(
    "ManualJournal",
    "A posting written by hand; its lines sum to zero.",
    (
        text("ManualJournalID", "Identifier of the journal."),
        text("Narration", "What it is about."),
        text("Status", "DRAFT, POSTED, DELETED, VOIDED or ARCHIVED."),
        day("Date", "Date of the posting."),
        text("LineAmountTypes", "Whether line amounts include tax: Exclusive, Inclusive, NoTax."),
        flag("ShowOnCashBasisReports", "Counts in reports on cash basis."),
        text("Url", "Link to the source document."),
        flag("HasAttachments", "Files are attached."),
        moment("UpdatedDateUTC", "When it last changed."),
        many(
            "JournalLines",
            _MANUAL_LINE,
            "Lines of a manual journal, in order.",
            child=Child("manual_journal_lines"),
        ),
    ),
    on_children=ON_CHILDREN,
)

_JOURNAL_LINE = Model(
    "JournalLine",
    "A line of the general ledger.",
    (
        text("JournalLineID", "Identifier of the line."),
        text("AccountID", "The account.", refers="accounts"),
        text("AccountCode", "Code of the account."),
        text("AccountType", "Type of the account."),
        text("AccountName", "Name of the account."),
        text("Description", "What it is about."),
        amount("NetAmount", "Amount without tax; debits positive."),
        amount("GrossAmount", "Amount with tax."),
        amount("TaxAmount", "Tax."),
        text("TaxType", "Tax rate.", refers="tax_rates"),
        text("TaxName", "Name of the tax rate."),
        many("TrackingCategories", LEDGER_TRACKING, "Tracking options of the line."),
    ),
)

JOURNAL = Model(
    "Journal",
    "A posting to the general ledger. It never changes: a change posts a reversal and a new one.",
    (
        text("JournalID", "Identifier of the journal."),
        whole("JournalNumber", "Ascending, with gaps."),
        day("JournalDate", "Date of the posting."),
        text("SourceID", "Document it was posted from."),
        text("SourceType", "Kind of that document."),
        text("Reference", "Reference of that document."),
        moment("CreatedDateUTC", "When it was posted."),
        many(
            "JournalLines",
            _JOURNAL_LINE,
            "Lines of a journal of the general ledger.",
            child=Child("journal_lines", ("JournalLineID",)),
        ),
    ),
    on_children=ON_CHILDREN,
)

JOURNAL_CASH = replace(
    JOURNAL,
    about="A posting to the general ledger on cash basis: documents count when they are paid.",
    fields=(
        *JOURNAL.fields[:-1],
        replace(JOURNAL.fields[-1], child=Child("journal_cash_lines", ("JournalLineID",))),
    ),
)

_BUDGET_BALANCE = Model(
    "BudgetBalance",
    "The budget of an account for a month.",
    (
        month("Period", "The month, `2026-08`."),
        amount("Amount", "Budgeted amount.", quoted=True),
        amount("UnitAmount", "Budgeted units.", quoted=True),
        text("Notes", "Notes."),
    ),
)

_BUDGET_LINE = Model(
    "BudgetLine",
    "The budget of an account.",
    (
        text("AccountID", "The account.", refers="accounts"),
        text("AccountCode", "Code of the account."),
        many("BudgetBalances", _BUDGET_BALANCE, "One a month."),
    ),
)

BUDGET = Model(
    "Budget",
    "The overall budget, or that of one tracking option.",
    (
        text("BudgetID", "Identifier of the budget."),
        text("Type", "OVERALL or TRACKING."),
        text("Status", "APPROVED or draft."),
        text("Description", "Name of the budget."),
        moment("UpdatedDateUTC", "When it last changed."),
        many("Tracking", LEDGER_TRACKING, "Tracking option it is for."),
        many(
            "BudgetLines",
            _BUDGET_LINE,
            "Lines of a budget, an account each, read budget by budget.",
            child=Child("budget_lines", ("AccountID",)),
        ),
    ),
)
