"""What may be written: a row for each stream, and for each of its fields what Xero takes.

Source: Xero, Accounts, Contacts, Contact groups, Items, Tracking categories; lengths from its
OpenAPI description.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_xero.models.writes import SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Field:
    """A field that may be written.

    Attributes:
        name: Xero's name.
        kind: `text`, `flag`, `number`, `object` or `list` (of objects).
        length: Characters at most.
        choices: Values that it may have; any when empty.
        parts: Fields of an object, or of each object of a list, by name.
        identities: Of a list, what tells its objects from one another: the first set of parts that
            both objects have.
    """

    name: str
    kind: str = "text"
    length: int | None = None
    choices: tuple[str, ...] = ()
    parts: Mapping[str, Field] = field(default_factory=dict)
    identities: tuple[tuple[str, ...], ...] = ()


def _texts(length: int | None, *names: str) -> tuple[Field, ...]:
    return tuple(Field(name, length=length) for name in names)


def _flags(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, "flag") for name in names)


def _named(*fields: Field) -> dict[str, Field]:
    return {each.name: each for each in fields}


_STATUS = Field("Status", choices=("ACTIVE", "ARCHIVED"))
_TERM = _named(Field("Day", "number"), Field("Type"))
_TRACKING = _named(*_texts(100, "TrackingCategoryName", "TrackingOptionName"))
_PRICE = _named(
    Field("UnitPrice", "number"), *_texts(None, "AccountCode", "COGSAccountCode", "TaxType")
)
_TAXES = ("INCLUSIVE", "EXCLUSIVE", "NONE")

_CONTACT = _named(
    *_texts(255, "Name", "FirstName", "LastName", "EmailAddress"),
    *_texts(50, "ContactNumber", "AccountNumber", "CompanyNumber", "TaxNumber"),
    Field("ContactStatus", choices=("ACTIVE", "ARCHIVED")),
    Field("TaxNumberType", choices=("SSN", "EIN", "ITIN", "ATIN")),
    *_texts(None, "BankAccountDetails", "AccountsReceivableTaxType", "AccountsPayableTaxType"),
    *_texts(None, "DefaultCurrency", "SalesDefaultAccountCode", "PurchasesDefaultAccountCode"),
    Field("SalesDefaultLineAmountType", choices=_TAXES),
    Field("PurchasesDefaultLineAmountType", choices=_TAXES),
    Field(
        "Addresses",
        "list",
        parts=_named(
            Field("AddressType", choices=("POBOX", "STREET")),
            *_texts(500, "AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4"),
            *_texts(255, "City", "Region", "AttentionTo"),
            *_texts(50, "PostalCode", "Country"),
        ),
        identities=(("AddressType",),),
    ),
    Field(
        "Phones",
        "list",
        parts=_named(
            Field("PhoneType", choices=("DEFAULT", "DDI", "MOBILE", "FAX", "OFFICE")),
            Field("PhoneNumber", length=50),
            Field("PhoneAreaCode", length=10),
            Field("PhoneCountryCode", length=20),
        ),
        identities=(("PhoneType",),),
    ),
    Field(
        "ContactPersons",
        "list",
        parts=_named(
            *_texts(255, "FirstName", "LastName", "EmailAddress"), *_flags("IncludeInEmails")
        ),
        identities=(("EmailAddress",), ("FirstName", "LastName")),
    ),
    Field(
        "PaymentTerms",
        "object",
        parts=_named(Field("Bills", "object", parts=_TERM), Field("Sales", "object", parts=_TERM)),
    ),
    *(
        Field(
            f"{side}TrackingCategories",
            "list",
            parts=_TRACKING,
            identities=(("TrackingCategoryName",),),
        )
        for side in ("Sales", "Purchases")
    ),
    Field(
        "BatchPayments",
        "object",
        parts=_named(
            *_texts(None, "BankAccountNumber", "BankAccountName", "Details"),
            *_texts(12, "Code", "Reference"),
        ),
    ),
)

_ACCOUNT_TYPES = (
    *(
        "CURRENT",
        "CURRLIAB",
        "DEPRECIATN",
        "DIRECTCOSTS",
        "EQUITY",
        "EXPENSE",
        "FIXED",
        "INVENTORY",
    ),
    *("LIABILITY", "NONCURRENT", "OTHERINCOME", "OVERHEADS", "PAYG", "PREPAYMENT", "REVENUE"),
    *("SALES", "TERMLIAB", "BANK"),
)

_ACCOUNT = _named(
    Field("Code", length=10),
    Field("Name", length=150),
    Field("Type", choices=_ACCOUNT_TYPES),
    Field("Description", length=4000),
    Field("TaxType"),
    _STATUS,
    *_flags("EnablePaymentsToAccount", "ShowInExpenseClaims", "AddToWatchlist"),
)

_ITEM = _named(
    Field("Code", length=30),
    Field("Name", length=50),
    *_texts(4000, "Description", "PurchaseDescription"),
    *_flags("IsSold", "IsPurchased"),
    Field("SalesDetails", "object", parts=_PRICE),
    Field("PurchaseDetails", "object", parts=_PRICE),
)

_NAMED = _named(Field("Name", length=100), _STATUS)


@dataclass(frozen=True)
class Resource:
    """A stream that may be written.

    Attributes:
        stream: Its name.
        path: Path of Xero's API, and the name of its envelope.
        id: Property that identifies a record.
        natural: Property that identifies a record to create.
        fields: What may be written, by Xero's name.
        required: What a record to create must have.
        batch: Records that one call takes.
        parent: Property that names the record it is part of.
        status: Property that says whether it is archived.
        bare: Whether a body is the record without an envelope: `PUT`, `POST`.
    """

    stream: str
    path: str
    id: str
    natural: str
    fields: Mapping[str, Field]
    required: tuple[str, ...]
    batch: int = 1
    parent: str | None = None
    status: str = "Status"
    bare: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """Scope that lets an app write it."""
        return SCOPES[self.stream]


RESOURCES: dict[str, Resource] = {
    each.stream: each
    for each in (
        Resource(
            "accounts",
            "Accounts",
            "AccountID",
            "Code",
            _ACCOUNT,
            ("Code", "Name", "Type"),
            bare=("PUT",),
        ),
        Resource(
            "tracking_categories",
            "TrackingCategories",
            "TrackingCategoryID",
            "Name",
            _NAMED,
            ("Name",),
            bare=("PUT", "POST"),
        ),
        Resource(
            "tracking_options",
            "TrackingCategories",
            "TrackingOptionID",
            "Name",
            _NAMED,
            ("Name",),
            parent="TrackingCategoryID",
            bare=("PUT", "POST"),
        ),
        Resource(
            "contact_groups",
            "ContactGroups",
            "ContactGroupID",
            "Name",
            _named(Field("Name", length=255)),
            ("Name",),
        ),
        Resource(
            "items",
            "Items",
            "ItemID",
            "Code",
            _ITEM,
            ("Code",),
            batch=50,
        ),
        Resource(
            "contacts",
            "Contacts",
            "ContactID",
            "ContactNumber",
            _CONTACT,
            ("ContactNumber", "Name"),
            batch=50,
            status="ContactStatus",
        ),
    )
}
"""By stream, in the order of writing: contacts and items name accounts and options."""
