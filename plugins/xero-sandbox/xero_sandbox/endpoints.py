"""The Accounting API as data: one row for each endpoint the sandbox serves.

What a list accepts, how it pages, whether it honours `If-Modified-Since`, which scopes open it and
which properties `where` and `order` may name all stand here. The behaviour that reads these rows
lives in `query` (expressions) and `app.reading` (lists and single documents).

Source: Xero's OpenAPI description 16.1.0 and the pages "Requests and responses", "Scopes" and
"Granular scopes FAQ" of developer.xero.com.
"""

from __future__ import annotations

from xero_sandbox.endpoint import Endpoint, ListFilter, Paging

_MONEY = "SubTotal:n TotalTax:n Total:n"
_CONTACT = "Contact.ContactID:u Contact.Name:s Contact.ContactNumber:s"
_DOCUMENT = (
    f"Type:s {_CONTACT} Date:d DueDate:d Status:s LineAmountTypes:s Reference:s CurrencyCode:s "
    f"CurrencyRate:n BrandingThemeID:u HasAttachments:b SentToContact:b UpdatedDateUTC:d {_MONEY}"
)
_CREDIT = f"{_DOCUMENT} RemainingCredit:n AppliedAmount:n"


_DATES = (ListFilter("DateFrom", "Date", ">="), ListFilter("DateTo", "Date", "<="))

_ROWS = (
    Endpoint(
        "Accounts",
        ("settings",),
        "AccountID:u Code:s Name:s Type:s BankAccountNumber:s Status:s Description:s "
        "BankAccountType:s CurrencyCode:s TaxType:s EnablePaymentsToAccount:b "
        "ShowInExpenseClaims:b Class:s SystemAccount:s ReportingCode:s HasAttachments:b "
        "UpdatedDateUTC:d AddToWatchlist:b",
        modified_since=True,
        where=True,
        order=True,
        hidden_status=(("Status", "DELETED", None),),
    ),
    Endpoint(
        "BankTransactions",
        ("banktransactions",),
        f"BankTransactionID:u {_DOCUMENT} IsReconciled:b BankAccount.AccountID:u "
        "BankAccount.Code:s PrepaymentID:u OverpaymentID:u Url:s",
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
        unitdp=True,
    ),
    Endpoint(
        "BankTransfers",
        ("banktransactions",),
        "BankTransferID:u FromBankAccount.AccountID:u ToBankAccount.AccountID:u Amount:n Date:d "
        "CurrencyRate:n FromBankTransactionID:u ToBankTransactionID:u HasAttachments:b "
        "CreatedDateUTC:d Status:s Reference:s FromIsReconciled:b ToIsReconciled:b",
        modified_since=True,
        where=True,
        order=True,
        hidden_status=(("Status", "DELETED", "includeDeleted"),),
    ),
    Endpoint(
        "BatchPayments",
        ("payments",),
        "BatchPaymentID:u Account.AccountID:u Reference:s Date:d Type:s Status:s TotalAmount:n "
        "UpdatedDateUTC:d IsReconciled:b",
        modified_since=True,
        where=True,
        order=True,
    ),
    Endpoint("BrandingThemes", ("settings",), ""),
    Endpoint("Budgets", ("budgets",), "BudgetID:u", filters=(ListFilter("IDs", "BudgetID"),)),
    Endpoint(
        "ContactGroups",
        ("contacts",),
        "ContactGroupID:u Name:s Status:s",
        where=True,
        order=True,
        hidden_status=(("Status", "DELETED", None),),
    ),
    Endpoint(
        "Contacts",
        ("contacts",),
        "ContactID:u ContactNumber:s AccountNumber:s ContactStatus:s Name:s FirstName:s "
        "LastName:s CompanyNumber:s EmailAddress:s BankAccountDetails:s TaxNumber:s "
        "IsSupplier:b IsCustomer:b DefaultCurrency:s UpdatedDateUTC:d HasAttachments:b "
        "MergedToContactID:u AccountsReceivableTaxType:s AccountsPayableTaxType:s Website:s",
        by_number=True,
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
        filters=(
            ListFilter("IDs", "ContactID"),
            ListFilter(
                "searchTerm", "Name FirstName LastName ContactNumber EmailAddress", "search"
            ),
        ),
        summary_only=True,
        hidden_status=(("ContactStatus", "ARCHIVED", "includeArchived"),),
        high_volume=True,
    ),
    Endpoint(
        "CreditNotes",
        ("invoices",),
        f"CreditNoteID:u CreditNoteNumber:s {_CREDIT} FullyPaidOnDate:d",
        by_number=True,
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
        unitdp=True,
        high_volume=True,
    ),
    Endpoint(
        "Currencies",
        ("settings",),
        "Code:s Description:s",
        where=True,
        order=True,
        list_only=True,
    ),
    Endpoint(
        "ExpenseClaims",
        ("classicexpenses",),
        "ExpenseClaimID:u Status:s UpdatedDateUTC:d Total:n AmountDue:n AmountPaid:n "
        "PaymentDueDate:d ReportingDate:d User.UserID:u",
        modified_since=True,
        where=True,
        order=True,
    ),
    Endpoint(
        "Invoices",
        ("invoices",),
        f"InvoiceID:u InvoiceNumber:s {_DOCUMENT} AmountDue:n AmountPaid:n AmountCredited:n "
        "FullyPaidOnDate:d ExpectedPaymentDate:d PlannedPaymentDate:d RepeatingInvoiceID:u "
        "IsDiscounted:b TotalDiscount:n Url:s",
        by_number=True,
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
        filters=(
            ListFilter("IDs", "InvoiceID"),
            ListFilter("InvoiceNumbers", "InvoiceNumber"),
            ListFilter("ContactIDs", "Contact.ContactID"),
            ListFilter("Statuses", "Status"),
            ListFilter("searchTerm", "InvoiceNumber Reference", "search"),
        ),
        unitdp=True,
        summary_only=True,
        high_volume=True,
        optimised=frozenset(
            [
                "InvoiceID",
                "UpdatedDateUTC",
                "Date",
                "DueDate",
                "Status",
                "Type",
                "Reference",
                "AmountDue",
                "AmountPaid",
                "Contact.ContactID",
                "Contact.Name",
                "Contact.ContactNumber",
                "InvoiceNumber",
            ]
        ),
    ),
    Endpoint(
        "Items",
        ("settings", "invoices"),
        "ItemID:u Code:s Name:s Description:s PurchaseDescription:s IsSold:b IsPurchased:b "
        "IsTrackedAsInventory:b InventoryAssetAccountCode:s TotalCostPool:n QuantityOnHand:n "
        "UpdatedDateUTC:d SalesDetails.UnitPrice:n SalesDetails.AccountCode:s "
        "PurchaseDetails.UnitPrice:n PurchaseDetails.AccountCode:s",
        by_number=True,
        modified_since=True,
        where=True,
        order=True,
        unitdp=True,
    ),
    Endpoint(
        "Journals",
        ("journals",),
        "JournalID:u JournalNumber:n SourceType:s",
        by_number=True,
        paging=Paging.OFFSET,
        modified_since=True,
    ),
    Endpoint(
        "LinkedTransactions",
        ("invoices",),
        "LinkedTransactionID:u SourceTransactionID:u TargetTransactionID:u ContactID:u Status:s",
        paging=Paging.FIXED,
        filters=(
            ListFilter("LinkedTransactionID", "LinkedTransactionID", "=="),
            ListFilter("SourceTransactionID", "SourceTransactionID", "=="),
            ListFilter("TargetTransactionID", "TargetTransactionID", "=="),
            ListFilter("ContactID", "ContactID", "=="),
            ListFilter("Status", "Status", "=="),
        ),
    ),
    Endpoint(
        "ManualJournals",
        ("manualjournals",),
        "ManualJournalID:u Narration:s Date:d LineAmountTypes:s Status:s Url:s "
        "ShowOnCashBasisReports:b HasAttachments:b UpdatedDateUTC:d",
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
        high_volume=True,
    ),
    Endpoint("Organisations", ("settings",), "", list_only=True),
    Endpoint(
        "Overpayments",
        ("payments",),
        f"OverpaymentID:u {_CREDIT}",
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
        filters=(ListFilter("References", "Reference"),),
        unitdp=True,
    ),
    Endpoint(
        "Payments",
        ("payments",),
        "PaymentID:u Date:d Amount:n BankAmount:n CurrencyRate:n Reference:s Status:s "
        "PaymentType:s IsReconciled:b UpdatedDateUTC:d Invoice.InvoiceID:u "
        "Invoice.InvoiceNumber:s Invoice.Type:s Account.AccountID:u Account.Code:s "
        "BatchPaymentID:u BatchPayment.BatchPaymentID:u",
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
    ),
    Endpoint("PaymentServices", ("paymentservices",), "", list_only=True),
    Endpoint(
        "Prepayments",
        ("payments",),
        f"PrepaymentID:u InvoiceNumber:s {_CREDIT}",
        paging=Paging.SIZED,
        modified_since=True,
        where=True,
        order=True,
        filters=(ListFilter("InvoiceNumbers", "InvoiceNumber"),),
        unitdp=True,
    ),
    Endpoint(
        "PurchaseOrders",
        ("invoices",),
        f"PurchaseOrderID:u PurchaseOrderNumber:s {_DOCUMENT} DeliveryDate:d TotalDiscount:n",
        by_number=True,
        paging=Paging.SIZED,
        modified_since=True,
        order=True,
        filters=(ListFilter("Status", "Status", "=="), *_DATES),
        high_volume=True,
    ),
    Endpoint(
        "Quotes",
        ("invoices",),
        f"QuoteID:u QuoteNumber:s {_CONTACT} Date:d ExpiryDate:d Status:s Reference:s Title:s "
        f"CurrencyCode:s UpdatedDateUTC:d {_MONEY}",
        paging=Paging.FIXED,
        modified_since=True,
        order=True,
        filters=(
            *_DATES,
            ListFilter("ExpiryDateFrom", "ExpiryDate", ">="),
            ListFilter("ExpiryDateTo", "ExpiryDate", "<="),
            ListFilter("ContactID", "Contact.ContactID", "=="),
            ListFilter("Status", "Status", "=="),
            ListFilter("QuoteNumber", "QuoteNumber", "=="),
        ),
    ),
    Endpoint(
        "Receipts",
        ("classicexpenses",),
        f"ReceiptID:u ReceiptNumber:s Date:d {_CONTACT} Status:s Reference:s User.UserID:u "
        f"UpdatedDateUTC:d HasAttachments:b {_MONEY}",
        modified_since=True,
        where=True,
        order=True,
        unitdp=True,
    ),
    Endpoint(
        "RepeatingInvoices",
        ("invoices",),
        f"RepeatingInvoiceID:u ID:u Type:s {_CONTACT} Status:s Reference:s CurrencyCode:s "
        f"HasAttachments:b {_MONEY} Schedule.Unit:s Schedule.NextScheduledDate:d",
        where=True,
        order=True,
    ),
    Endpoint(
        "TaxRates",
        ("settings",),
        "Name:s TaxType:s Status:s ReportTaxType:s CanApplyToAssets:b CanApplyToEquity:b "
        "CanApplyToExpenses:b CanApplyToLiabilities:b CanApplyToRevenue:b DisplayTaxRate:n "
        "EffectiveRate:n",
        where=True,
        order=True,
    ),
    Endpoint(
        "TrackingCategories",
        ("settings",),
        "TrackingCategoryID:u Name:s Status:s",
        where=True,
        order=True,
        hidden_status=(
            ("Status", "ARCHIVED", "includeArchived"),
            ("Status", "DELETED", None),
        ),
    ),
    Endpoint(
        "Users",
        ("settings",),
        "UserID:u EmailAddress:s FirstName:s LastName:s UpdatedDateUTC:d IsSubscriber:b "
        "OrganisationRole:s",
        modified_since=True,
        where=True,
        order=True,
    ),
)

ENDPOINTS: dict[str, Endpoint] = {row.name: row for row in _ROWS}

REPORT_SCOPES: dict[str, str] = {
    "BalanceSheet": "reports.balancesheet",
    "BankSummary": "reports.banksummary",
    "BudgetSummary": "reports.budgetsummary",
    "ExecutiveSummary": "reports.executivesummary",
    "ProfitAndLoss": "reports.profitandloss",
    "TrialBalance": "reports.trialbalance",
}

_NAMES = {name.lower(): name for name in (*ENDPOINTS, "Reports")}
# Xero documents /Organisation; clients have long called the plural, which answers the same.
_NAMES["organisation"] = "Organisations"


def canonical(path: str) -> str:
    """The name of an endpoint from a path segment, which Xero reads without regard to case."""
    return _NAMES.get(path.lower(), path)
