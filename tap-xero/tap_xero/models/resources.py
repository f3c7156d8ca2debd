"""The table of Xero's resources: every stream of the tap is a row of it.

A row states the facts in which endpoints differ; the behaviour is written once, in
`tap_xero.sync.readings`. Adding a resource is adding a row here and its fields in
`tap_xero.models`.

Source: Xero's Accounting API specification 16.1.0; Xero, Requests and responses (paging,
If-Modified-Since, page sizes); Xero, Granular scopes FAQ; Xero, Webhooks overview.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from tap_xero.models import contacts, documents, ledger, orders, reference
from tap_xero.models.schema import stream_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_xero.models.fields import Model


class Paging(Enum):
    """How an endpoint hands out its rows."""

    PAGES = "pages of up to 1000, with a count of pages and rows"
    HUNDREDS = "pages of 100, without a count"
    OFFSET = "100 rows after a journal number"
    WHOLE = "everything in one response"


PAGE_SIZE = 1000
"""The most that `pageSize` accepts; fewer, larger calls spare the day's budget."""

FIXED_PAGE_SIZE = 100
"""Rows of a page, or of a call by offset, where `pageSize` does not exist."""


def is_large(params: Mapping[str, str]) -> bool:
    """Whether a call asks for pages of more rows than Xero would give unasked."""
    return int(params.get("pageSize", "0")) > FIXED_PAGE_SIZE


def smaller(params: Mapping[str, str]) -> int:
    """Rows of a page half as large, or as Xero would give unasked."""
    return max(FIXED_PAGE_SIZE, int(params["pageSize"]) // 2)


def _singular(name: str) -> str:
    """The name of one of what is named, both in capitals."""
    return f"{name[:-3]}Y" if name.endswith("IES") else name.removesuffix("S")


@dataclass(frozen=True)
class Resource:
    """One endpoint of the Accounting API, and the stream made of it.

    Attributes:
        stream: Name of the stream.
        path: Path below `/api.xro/2.0/`.
        envelope: Property of the response that holds the rows.
        key: Properties that identify a row within its organisation.
        model: Fields of a row.
        scope: Scope that gives read access, from before March 2026.
        granular: Scope that gives read access, since then.
        paging: How rows are handed out.
        updated: Timestamp by which Xero decides what is new; None when a row has none.
        since: If-Modified-Since is honoured.
        order: Value of `order` by which no edit can move a row, because it is immutable.
            None where `order` does not exist, or, for manual journals, where it makes
            Xero return everything in one page.
        archived: Switch that includes archived or deleted rows. Where rows are counted it
            is always on, so that no row can leave the pages that are being read.
        hidden: Property and value that mark an archived row of a counted list, to be left
            out here when archived rows are not wanted.
        unitdp: Unit amounts have four decimals only if they are asked for.
        fixed: Parameters that make the endpoint give this stream and not another one.
        detail: Properties that only the single GET of a row has.
        single: One row can be asked for by its id, and comes as the list would have it.
        by_ids: A list of ids can be asked for in one call.
    """

    stream: str
    path: str
    envelope: str
    key: tuple[str, ...]
    model: Model
    scope: str
    granular: str
    paging: Paging = Paging.WHOLE
    updated: str | None = None
    since: bool = False
    order: str | None = None
    archived: str | None = None
    hidden: tuple[str, str] | None = None
    unitdp: bool = False
    fixed: tuple[tuple[str, str], ...] = ()
    detail: tuple[str, ...] = ()
    single: bool = True
    by_ids: bool = False

    @property
    def identity(self) -> str:
        """The property that identifies a row within its organisation."""
        return self.key[0]

    @property
    def category(self) -> str:
        """Category of the webhook events for it: one row of it, as Xero names all of them."""
        return _singular(self.path.upper())

    def query(self, *, include_archived: bool) -> dict[str, str]:
        """The parameters every call for this resource has, its page left out."""
        params = dict(self.fixed)
        if self.paging is Paging.PAGES:
            params["pageSize"] = str(PAGE_SIZE)
        if self.order:
            params["order"] = self.order
        if self.archived and (include_archived or self.paging is Paging.PAGES):
            params[self.archived] = "true"
        if self.unitdp:
            params["unitdp"] = "4"
        return params

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the stream's records."""
        return _schema(self.stream)


def _reference(stream: str, path: str, model: Model, key: str, **facts: Any) -> Resource:
    scopes = {"scope": "accounting.settings.read", "granular": "accounting.settings.read"}
    return Resource(stream, path, facts.pop("envelope", path), (key,), model, **scopes | facts)


def _document(stream: str, path: str, model: Model, granular: str, **facts: Any) -> Resource:
    """A document: incremental by UpdatedDateUTC, with lines and pages unless said otherwise."""
    usual: dict[str, Any] = {
        "paging": Paging.PAGES,
        "updated": "UpdatedDateUTC",
        "since": True,
        "scope": "accounting.transactions.read",
        "granular": f"accounting.{granular}.read",
    }
    key = model.fields[0].name
    usual["order"] = f"{key} ASC" if facts.get("paging", Paging.PAGES) is Paging.PAGES else None
    return Resource(stream, path, path, (key,), model, **usual | facts)


_WHOLE_SINCE: dict[str, Any] = {"updated": "UpdatedDateUTC", "since": True}
_CONTACTS = {"scope": "accounting.contacts.read", "granular": "accounting.contacts.read"}

RESOURCES: tuple[Resource, ...] = (
    _reference(
        "organisations",
        "Organisation",
        reference.ORGANISATION,
        "OrganisationID",
        envelope="Organisations",
        single=False,
    ),
    _reference("currencies", "Currencies", reference.CURRENCY, "Code", single=False),
    _reference("tax_rates", "TaxRates", reference.TAX_RATE, "TaxType", single=False),
    _reference("accounts", "Accounts", reference.ACCOUNT, "AccountID", **_WHOLE_SINCE),
    _reference(
        "tracking_categories",
        "TrackingCategories",
        reference.TRACKING_CATEGORY,
        "TrackingCategoryID",
        archived="includeArchived",
    ),
    _reference("branding_themes", "BrandingThemes", reference.BRANDING_THEME, "BrandingThemeID"),
    _reference(
        "payment_services",
        "PaymentServices",
        reference.PAYMENT_SERVICE,
        "PaymentServiceID",
        scope="paymentservices",
        granular="paymentservices",
        single=False,
    ),
    _reference("users", "Users", reference.USER, "UserID", **_WHOLE_SINCE),
    _reference(
        "contact_groups",
        "ContactGroups",
        contacts.CONTACT_GROUP,
        "ContactGroupID",
        detail=("Contacts",),
        **_CONTACTS,
    ),
    _reference(
        "contacts",
        "Contacts",
        contacts.CONTACT,
        "ContactID",
        paging=Paging.PAGES,
        order="ContactID ASC",
        archived="includeArchived",
        hidden=("ContactStatus", "ARCHIVED"),
        by_ids=True,
        **_WHOLE_SINCE,
        **_CONTACTS,
    ),
    _reference("items", "Items", reference.ITEM, "ItemID", unitdp=True, **_WHOLE_SINCE),
    _document(
        "repeating_invoices",
        "RepeatingInvoices",
        orders.REPEATING_INVOICE,
        "invoices",
        paging=Paging.WHOLE,
        updated=None,
        since=False,
    ),
    _document(
        "invoices",
        "Invoices",
        documents.INVOICE,
        "invoices",
        archived="includeArchived",
        unitdp=True,
        by_ids=True,
    ),
    _document(
        "credit_notes",
        "CreditNotes",
        documents.CREDIT_NOTE,
        "invoices",
        unitdp=True,
    ),
    _document(
        "prepayments",
        "Prepayments",
        documents.PREPAYMENT,
        "payments",
        unitdp=True,
    ),
    _document(
        "overpayments",
        "Overpayments",
        documents.OVERPAYMENT,
        "payments",
        unitdp=True,
    ),
    _document(
        "batch_payments",
        "BatchPayments",
        documents.BATCH_PAYMENT,
        "payments",
        paging=Paging.WHOLE,
    ),
    _document("payments", "Payments", documents.PAYMENT, "payments"),
    _document(
        "bank_transactions",
        "BankTransactions",
        ledger.BANK_TRANSACTION,
        "banktransactions",
        unitdp=True,
    ),
    _document(
        "bank_transfers",
        "BankTransfers",
        ledger.BANK_TRANSFER,
        "banktransactions",
        paging=Paging.WHOLE,
        updated="CreatedDateUTC",
        archived="includeDeleted",
    ),
    _document("purchase_orders", "PurchaseOrders", orders.PURCHASE_ORDER, "invoices"),
    _document(
        "quotes",
        "Quotes",
        orders.QUOTE,
        "invoices",
        paging=Paging.HUNDREDS,
        order="QuoteID ASC",
    ),
    _document(
        "linked_transactions",
        "LinkedTransactions",
        orders.LINKED_TRANSACTION,
        "invoices",
        paging=Paging.HUNDREDS,
        since=False,
    ),
    _document(
        "manual_journals",
        "ManualJournals",
        ledger.MANUAL_JOURNAL,
        "manualjournals",
        order=None,
    ),
    _document(
        "journals",
        "Journals",
        ledger.JOURNAL,
        "journals",
        paging=Paging.OFFSET,
        updated="CreatedDateUTC",
        scope="accounting.journals.read",
        single=False,
    ),
    _document(
        "journals_cash",
        "Journals",
        ledger.JOURNAL_CASH,
        "journals",
        paging=Paging.OFFSET,
        updated="CreatedDateUTC",
        fixed=(("paymentsOnly", "true"),),
        scope="accounting.journals.read",
        single=False,
    ),
    _document(
        "budgets",
        "Budgets",
        ledger.BUDGET,
        "budgets",
        paging=Paging.WHOLE,
        since=False,
        detail=("BudgetLines",),
        scope="accounting.budgets.read",
        single=False,
    ),
    _document(
        "receipts",
        "Receipts",
        orders.RECEIPT,
        "classicexpenses",
        paging=Paging.WHOLE,
        unitdp=True,
    ),
    _document(
        "expense_claims",
        "ExpenseClaims",
        orders.EXPENSE_CLAIM,
        "classicexpenses",
        paging=Paging.WHOLE,
    ),
)
"""Every resource, reference data before the documents that point at it."""

BY_STREAM = {resource.stream: resource for resource in RESOURCES}

_BY_CATEGORY = {resource.category: resource for resource in reversed(RESOURCES)}


def by_category(category: str) -> Resource | None:
    """The resource that webhook events of a category are about; None when none is.

    Xero announces more kinds of rows every few months and names each after its resource, so what
    it announces next is known before. How a name is written does not matter: `BANKTRANSACTION`,
    `BankTransaction` and `BANK_TRANSACTIONS` are the same.
    """
    return _BY_CATEGORY.get(_singular("".join(filter(str.isalpha, category.upper()))))


@cache
def _schema(stream: str) -> dict[str, Any]:
    resource = BY_STREAM[stream]
    keys = {each.stream: each.key for each in RESOURCES}
    return stream_schema(resource.model, resource.key, keys)
