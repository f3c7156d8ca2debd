"""What Xero's documents look like from outside, as a table of facts for each resource.

A row says which properties identify a document, which timestamp moves when it changes, and which
properties the lighter forms of a list leave out. The store keeps every document in its full
form (that of a single GET); whoever serves a list removes what the table names.

Source: Xero's OpenAPI description 16.1.0 (parameter texts and examples of the list operations).
"""

from __future__ import annotations

from dataclasses import dataclass

_HEAVY = ("LineItems", "Payments", "CreditNotes", "Prepayments", "Overpayments", "Allocations")
_CONTACT_DETAIL = (
    "ContactPersons",
    "MergedToContactID",
    "SalesDefaultLineAmountType",
    "PurchasesDefaultLineAmountType",
    "SalesDefaultAccountCode",
    "PurchasesDefaultAccountCode",
    "SalesTrackingCategories",
    "PurchasesTrackingCategories",
    "PaymentTerms",
    "Website",
    "BrandingTheme",
    "BatchPayments",
    "Discount",
    "Balances",
    "XeroNetworkKey",
)
_ATTACHMENTS = ("Attachments",)


@dataclass(frozen=True)
class Resource:
    """One kind of document.

    Attributes:
        name: The envelope key, such as `Invoices`; also its name in the store.
        key: Property that identifies a document.
        number: Property that may stand in for the key in a path.
        updated: Timestamp that a change moves; None where Xero shows none. `CreatedDateUTC`
            never moves after creation.
        has_updated_string: Whether `UpdatedDateUTCString` accompanies the timestamp.
        short_dates: Whether its timestamp comes in the spelling without offset.
        unpaged_omits: Properties missing from a list that was asked for without `page`.
        paged_omits: Properties missing from a list with `page` (and from any list of a resource
            that does not page) although the single GET has them.
        summary_omits: Properties missing under `summaryOnly=true`.
        single_omits: Properties missing from the single GET although the list has them.
    """

    name: str
    key: str
    number: str | None = None
    updated: str | None = "UpdatedDateUTC"
    has_updated_string: bool = False
    short_dates: bool = False
    unpaged_omits: tuple[str, ...] = ()
    paged_omits: tuple[str, ...] = ()
    summary_omits: tuple[str, ...] = ()
    single_omits: tuple[str, ...] = ()


_ROWS = (
    Resource("Accounts", "AccountID", "Code"),
    Resource("BankTransactions", "BankTransactionID", unpaged_omits=("LineItems",)),
    Resource("BankTransfers", "BankTransferID", updated="CreatedDateUTC"),
    Resource("BatchPayments", "BatchPaymentID"),
    Resource("BrandingThemes", "BrandingThemeID", updated=None, short_dates=True),
    Resource("Budgets", "BudgetID", paged_omits=("BudgetLines",)),
    Resource("ContactGroups", "ContactGroupID", updated=None, paged_omits=("Contacts",)),
    Resource(
        "Contacts",
        "ContactID",
        "ContactNumber",
        unpaged_omits=_CONTACT_DETAIL,
        paged_omits=_ATTACHMENTS,
        summary_omits=(*_CONTACT_DETAIL, "Addresses", "Phones", "ContactGroups"),
    ),
    Resource(
        "CreditNotes",
        "CreditNoteID",
        "CreditNoteNumber",
        has_updated_string=True,
        unpaged_omits=("LineItems",),
        paged_omits=_ATTACHMENTS,
    ),
    Resource("Currencies", "Code", updated=None),
    Resource("ExpenseClaims", "ExpenseClaimID"),
    Resource(
        "Invoices",
        "InvoiceID",
        "InvoiceNumber",
        has_updated_string=True,
        unpaged_omits=("LineItems", "InvoiceAddresses"),
        paged_omits=_ATTACHMENTS,
        summary_omits=(*_HEAVY, "InvoiceAddresses"),
    ),
    Resource("Items", "ItemID", "Code", short_dates=True),
    Resource(
        "Journals",
        "JournalID",
        "JournalNumber",
        updated="CreatedDateUTC",
        single_omits=("SourceID", "SourceType"),
    ),
    Resource("LinkedTransactions", "LinkedTransactionID", short_dates=True),
    Resource(
        "ManualJournals",
        "ManualJournalID",
        unpaged_omits=("JournalLines",),
        paged_omits=_ATTACHMENTS,
    ),
    Resource("Organisations", "OrganisationID", updated=None),
    Resource(
        "Overpayments", "OverpaymentID", has_updated_string=True, unpaged_omits=("LineItems",)
    ),
    Resource("PaymentServices", "PaymentServiceID", updated=None),
    Resource("Payments", "PaymentID", has_updated_string=True),
    Resource("Prepayments", "PrepaymentID", has_updated_string=True, unpaged_omits=("LineItems",)),
    Resource("PurchaseOrders", "PurchaseOrderID", "PurchaseOrderNumber"),
    Resource("Quotes", "QuoteID", "QuoteNumber"),
    Resource("Receipts", "ReceiptID", "ReceiptNumber"),
    Resource("RepeatingInvoices", "RepeatingInvoiceID", updated=None),
    Resource("TaxRates", "TaxType", "Name", updated=None),
    Resource("TrackingCategories", "TrackingCategoryID", "Name", updated=None),
    Resource("Users", "UserID", short_dates=True),
)

RESOURCES: dict[str, Resource] = {row.name: row for row in _ROWS}
