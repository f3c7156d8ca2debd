"""Writing contacts.

Source: Xero, "Contacts"; validation messages from the examples of its OpenAPI description.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from xero_sandbox.app.collection import Collection, Document, ValidationError, too_long

_LENGTHS = {
    "Name": 255,
    "FirstName": 255,
    "LastName": 255,
    "EmailAddress": 255,
    "ContactNumber": 50,
    "AccountNumber": 50,
    "CompanyNumber": 50,
    "TaxNumber": 50,
}
_PART_LENGTHS = {
    "Addresses": {
        **dict.fromkeys(("AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4"), 500),
        **dict.fromkeys(("City", "Region", "AttentionTo"), 255),
        **dict.fromkeys(("PostalCode", "Country"), 50),
    },
    "Phones": {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20},
}
_WRITABLE = (
    *_LENGTHS,
    "ContactStatus",
    "BankAccountDetails",
    "TaxNumberType",
    "AccountsReceivableTaxType",
    "AccountsPayableTaxType",
    "DefaultCurrency",
    "XeroNetworkKey",
    "SalesDefaultLineAmountType",
    "PurchasesDefaultLineAmountType",
    "SalesDefaultAccountCode",
    "PurchasesDefaultAccountCode",
    "SalesTrackingCategories",
    "PurchasesTrackingCategories",
    "TrackingCategoryName",
    "TrackingCategoryOption",
    "PaymentTerms",
    "BatchPayments",
    # Replaced as a whole: persons that are not sent are gone.
    "ContactPersons",
)
_ADDRESSES = ("STREET", "POBOX")
_PHONES = ("DDI", "DEFAULT", "FAX", "MOBILE")
_STATUSES = ("ACTIVE", "ARCHIVED", "GDPRREQUEST")
_MOST_PERSONS = 5
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_UNFIT_NAME = re.compile(r"[<>]|^\s|\s$|\s\s")
_NOBODY = (
    "The Contact must contain at least 1 of the following elements to identify the contact: "
    "Name, ContactID, ContactNumber"
)


def save_contact(collection: Collection, element: Document, *, create_only: bool) -> Document:
    """Create a contact, or update the one matched by ContactID, else ContactNumber, else Name.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    existing = _match(collection, element)
    if existing is not None and create_only:
        raise ValidationError(_conflict(element, existing))
    _check(collection, element, existing)
    contact = existing or _blank()
    if collection.books.irregularities.switches.persons_replaced:
        contact["ContactPersons"] = []
    for name in _WRITABLE:
        if name in element:
            contact[name] = element[name]
    for name, kind in (("Addresses", "AddressType"), ("Phones", "PhoneType")):
        contact[name] = _merge(contact.get(name, []), element.get(name) or [], kind)
    return collection.save(contact)


def _match(collection: Collection, element: Document) -> Document | None:
    if element.get("ContactID"):
        existing = collection.get(str(element["ContactID"]))
        if existing is None:
            raise ValidationError(
                f"The contact with ContactID {element['ContactID']} could not be found."
            )
        return existing
    if element.get("ContactNumber"):
        matches = collection.find("ContactNumber", str(element["ContactNumber"]))
        if matches:
            return matches[0]
    if element.get("Name"):
        return _active(collection.find("Name", str(element["Name"]), ignore_case=True))
    if not element.get("ContactNumber"):
        raise ValidationError(_NOBODY)
    return None


def _active(contacts: list[Document]) -> Document | None:
    return next((item for item in contacts if item["ContactStatus"] == "ACTIVE"), None)


def _conflict(element: Document, existing: Document) -> str:
    if element.get("ContactNumber") and element["ContactNumber"] == existing.get("ContactNumber"):
        return (
            f"The contact number {element['ContactNumber']} is already assigned to another "
            "contact. The contact number must be unique across all contacts."
        )
    return _name_conflict(str(element.get("Name")))


def _name_conflict(name: str) -> str:
    return (
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


def _check(collection: Collection, element: Document, existing: Document | None) -> None:
    messages = too_long(element, _LENGTHS)
    for part, lengths in _PART_LENGTHS.items():
        for row in element.get(part) or ():
            messages += too_long(row, lengths)
    for role in ("AccountsReceivableTaxType", "AccountsPayableTaxType"):
        tax_type = element.get(role)
        if tax_type and not collection.of("TaxRates").find("TaxType", str(tax_type)):
            messages.append(f"The TaxType code '{tax_type}' does not exist or cannot be used.")
    name = element.get("Name")
    if name is None and existing is None:
        messages.append(_NOBODY)
    if name is not None:
        if not isinstance(name, str) or not name or _UNFIT_NAME.search(name):
            messages.append(
                "The contact name cannot be empty, contain < or >, begin or end with a space, "
                "or contain two spaces in a row."
            )
        else:
            other = _active(collection.find("Name", name, ignore_case=True))
            if other and (existing is None or other["ContactID"] != existing["ContactID"]):
                messages.append(_name_conflict(name))
    number = element.get("ContactNumber")
    if number:
        for other in collection.find("ContactNumber", str(number)):
            if existing is None or other["ContactID"] != existing["ContactID"]:
                messages.append(_conflict(element, other))
    email = element.get("EmailAddress")
    if email and not _EMAIL.fullmatch(str(email)):
        messages.append(f"The email address '{email}' is not valid.")
    if element.get("ContactStatus", "ACTIVE") not in _STATUSES:
        messages.append(f"'{element['ContactStatus']}' is not a valid ContactStatus.")
    if len(element.get("ContactPersons") or ()) > _MOST_PERSONS:
        messages.append(f"A contact can have at most {_MOST_PERSONS} contact persons.")
    if messages:
        raise ValidationError(*messages)


def _blank() -> Document:
    return {
        "ContactID": str(uuid4()),
        "ContactStatus": "ACTIVE",
        "Name": "",
        "EmailAddress": "",
        "BankAccountDetails": "",
        "Addresses": [_address(kind) for kind in _ADDRESSES],
        "Phones": [_phone(kind) for kind in _PHONES],
        "UpdatedDateUTC": "",
        "ContactGroups": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "SalesTrackingCategories": [],
        "PurchasesTrackingCategories": [],
        "ContactPersons": [],
        "HasAttachments": False,
        "HasValidationErrors": False,
    }


def _address(kind: str) -> Document:
    return {"AddressType": kind, "City": "", "Region": "", "PostalCode": "", "Country": ""}


def _phone(kind: str) -> Document:
    return {
        "PhoneType": kind,
        "PhoneNumber": "",
        "PhoneAreaCode": "",
        "PhoneCountryCode": "",
    }


def _merge(old: list[Document], new: list[Any], kind: str) -> list[Document]:
    """The old rows, each replaced by the new one of its type; new types are appended."""
    rows = {row[kind]: row for row in old}
    for row in new:
        if isinstance(row, dict) and row.get(kind):
            rows[row[kind]] = {**rows.get(row[kind], {}), **row}
    return list(rows.values())
