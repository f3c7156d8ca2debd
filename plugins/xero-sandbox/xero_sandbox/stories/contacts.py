"""Customers and suppliers: who they are, when they come and go, and whom a document is for.

Balances are not told here: they follow from the documents (see `ledger.contact_balances`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xero_sandbox.stories import profiles
from xero_sandbox.stories.story import Document, latest
from xero_sandbox.stories.timeline import START, Pace
from xero_sandbox.wire import DAY, money, net_date

if TYPE_CHECKING:
    from random import Random

    from xero_sandbox.stories.organisation import Organisation

_STRAND = 1
_FIRST_CAME = START - 400 * DAY
_FIRST_CAME_OVER = 390 * DAY
GROUPS = (("Wholesale", 6, 0), ("Preferred", 10, 1))
"""Contact groups: name, and the contacts in it as (every, from)."""


def empty_address(kind: str) -> dict[str, str]:
    """Return the placeholder Xero sends for an address that was never filled in."""
    return {"AddressType": kind, "City": "", "Region": "", "PostalCode": "", "Country": ""}


def phone(kind: str, number: str = "", area: str = "", country: str = "") -> dict[str, str]:
    """Return a phone row; without arguments the blank one that Xero sends as placeholder."""
    return {
        "PhoneType": kind,
        "PhoneNumber": number,
        "PhoneAreaCode": area,
        "PhoneCountryCode": country,
    }


@dataclass(frozen=True)
class Contact:
    """The story of one contact."""

    organisation: Organisation
    index: int
    id: str
    name: str
    born: int
    edited: int | None
    archived: int | None
    merged_to: str | None
    currency: str
    first_count: int

    @property
    def is_customer(self) -> bool:
        """Whether sales documents may be for it."""
        return self.index % 5 != 3

    @property
    def is_supplier(self) -> bool:
        """Whether purchase documents may be for it."""
        return self.index % 5 >= 3

    @property
    def terms(self) -> int:
        """Days it has, or gives, to pay."""
        return (7, 14, 20, 30)[self.index % 4]

    @property
    def events(self) -> tuple[int, ...]:
        """Its birth, perhaps an edit, perhaps the day it was archived."""
        return tuple(sorted(at for at in (self.born, self.edited, self.archived) if at is not None))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The partial copy that documents embed; its empty arrays say nothing."""
        return {
            "ContactID": self.id,
            "Name": self.name,
            "Addresses": [],
            "Phones": [],
            "ContactGroups": [],
            "ContactPersons": [],
            "HasValidationErrors": False,
        }

    def documents(self, now: int) -> list[Document]:
        """Return the contact as it stands at `now`, with balances of nothing."""
        updated = latest(now, *self.events)
        body = self._body(now)
        body["UpdatedDateUTC"] = net_date(updated)
        return [Document("Contacts", self.id, body, updated)]

    def _body(self, now: int) -> dict[str, Any]:
        index, country = self.index, self.organisation.country
        given = profiles.GIVEN_NAMES[index % len(profiles.GIVEN_NAMES)]
        family = profiles.FAMILY_NAMES[index // 3 % len(profiles.FAMILY_NAMES)]
        host = f"{self.name.split(' ')[0].lower()}{index}.example"
        archived = self.archived is not None and self.archived <= now
        body: dict[str, Any] = {
            "ContactID": self.id,
            "ContactStatus": "ARCHIVED" if archived else "ACTIVE",
            "Name": self.name,
            "FirstName": given,
            "LastName": family,
            "EmailAddress": f"accounts@{host}" if index % 7 else "",
            "BankAccountDetails": "" if index % 3 else f"00-0000-{index:07d}-00",
            "TaxNumber": country.tax_number if index % 4 == 1 else "",
            "AccountsReceivableTaxType": country.taxes[0].type if index % 6 == 0 else "",
            "AccountsPayableTaxType": country.taxes[1].type if index % 6 == 0 else "",
            "Addresses": [
                self._address("STREET") if index % 3 == 0 else empty_address("STREET"),
                self._address("POBOX") if index % 4 else empty_address("POBOX"),
            ],
            "Phones": self._phones(now),
            "IsSupplier": self.is_supplier,
            "IsCustomer": self.is_customer,
            "ContactGroups": self._groups(),
            "ContactPersons": self._persons(host),
            "HasAttachments": index % 23 == 5,
            "HasValidationErrors": False,
            "SalesTrackingCategories": [],
            "PurchasesTrackingCategories": [],
            "PaymentTerms": {
                "Bills": {"Day": self.terms, "Type": "DAYSAFTERBILLDATE"},
                "Sales": {"Day": self.terms, "Type": "DAYSAFTERBILLDATE"},
            },
            "Balances": balances((0, 0), (0, 0)),
        }
        # Xero leaves these out, rather than sending them empty, where nothing was set.
        if index % 5 == 0:
            body["ContactNumber"] = f"CRM-{index:06d}"
            body["AccountNumber"] = f"A{index:05d}"
            body["SalesDefaultAccountCode"] = "200"
        if index % 5 == 4:
            body["PurchasesDefaultAccountCode"] = "453"
        if index % 9 == 2:
            body["Discount"] = money(500)
            body["SalesDefaultLineAmountType"] = "INCLUSIVE"
            body["PurchasesDefaultLineAmountType"] = "EXCLUSIVE"
            body["Website"] = f"https://{host}/"
            option = self.organisation.tracking[0][0]
            body["SalesTrackingCategories"] = [
                {"TrackingCategoryName": option.category, "TrackingOptionName": option.name}
            ]
        if self.is_supplier and index % 3 == 0:
            body["BatchPayments"] = {
                "BankAccountNumber": f"00-0000-{index:07d}-00",
                "BankAccountName": self.name,
                "Details": "Invoice",
            }
        if self.currency != self.organisation.currency:
            body["DefaultCurrency"] = self.currency
        if archived and self.merged_to is not None:
            body["MergedToContactID"] = self.merged_to
        return body

    def _address(self, kind: str) -> dict[str, str]:
        city, region, code = self.organisation.country.cities[self.index % 3]
        street = profiles.STREETS[self.index % len(profiles.STREETS)]
        return {
            "AddressType": kind,
            "AddressLine1": f"{self.index + 1} {street}",
            "City": city,
            "Region": region,
            "PostalCode": code,
            "Country": "",
            "AttentionTo": "",
        }

    def _phones(self, now: int) -> list[dict[str, str]]:
        number = f"555 {self.index % 10000:04d}"
        if self.edited is not None and self.edited <= now:
            number = f"555 {(self.index + 5000) % 10000:04d}"
        return [
            phone("DDI"),
            phone("DEFAULT", number, "09", self.organisation.country.phone)
            if self.index % 3
            else phone("DEFAULT"),
            phone("FAX"),
            phone("MOBILE"),
        ]

    def _persons(self, host: str) -> list[dict[str, Any]]:
        return [
            {
                "FirstName": profiles.GIVEN_NAMES[(self.index + number) % 10],
                "LastName": profiles.FAMILY_NAMES[(self.index + number) % 11],
                "EmailAddress": f"person{number}@{host}",
                "IncludeInEmails": number == 1,
            }
            for number in range(1, self.index % 4)
        ]

    def _groups(self) -> list[dict[str, Any]]:
        return [
            {
                "ContactGroupID": self.organisation.id_of("group", name),
                "Name": name,
                "Status": "ACTIVE",
                "Contacts": [],
                "HasValidationErrors": False,
            }
            for name, every, start in GROUPS
            if self.index < self.first_count and self.index % every == start
        ]


def balances(receivable: tuple[int, int], payable: tuple[int, int]) -> dict[str, Any]:
    """Return `Balances` from cents outstanding and overdue of each side."""
    return {
        side: {"Outstanding": money(outstanding), "Overdue": money(overdue)}
        for side, (outstanding, overdue) in (
            ("AccountsReceivable", receivable),
            ("AccountsPayable", payable),
        )
    }


class Contacts:
    """All contacts of an organisation: the strand, and the choice of one for a document."""

    name = "contacts"

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self.first_count = 12 + organisation.invoices // 25
        self._pace = Pace(max(2, organisation.invoices // 40))
        self._contacts: dict[int, Contact] = {}

    def birth(self, index: int) -> int:
        """Return when contact number `index` is entered."""
        if index < self.first_count:
            return _FIRST_CAME + index * _FIRST_CAME_OVER // self.first_count
        later = index - self.first_count
        return self._pace.at(later, self._organisation.jitter(_STRAND, later))

    def story(self, index: int) -> Contact:
        """Return contact number `index`."""
        contact = self._contacts.get(index)
        if contact is None:
            contact = self._contacts[index] = self._make(index)
        return contact

    def choose(self, dice: Random, at: int, *, customer: bool, local: bool) -> Contact:
        """Return a contact for a document.

        Args:
            dice: Decides which.
            at: When the document is made: the contact exists and is not archived by then.
            customer: A customer if true, else a supplier.
            local: Only contacts that deal in the base currency.
        """
        count = self.first_count + self._pace.begun(at)
        index = int(dice.random() * count)
        # The first contacts never leave, so that this always ends.
        while True:
            contact = self.story(index)
            if (
                (contact.is_customer if customer else contact.is_supplier)
                and (contact.archived is None or contact.archived > at + 200 * DAY)
                and not (local and contact.currency != self._organisation.currency)
            ):
                return contact
            index = (index + 1) % count

    def _make(self, index: int) -> Contact:
        organisation = self._organisation
        dice = organisation.random(_STRAND, index)
        born = self.birth(index)
        merged = index % 47 == 10
        archived = index % 11 == 9 or merged
        foreign = [code for code, _ in organisation.country.foreign]
        first, second = profiles.FIRST_WORDS, profiles.SECOND_WORDS
        name = f"{first[index % len(first)]} {second[index * 5 % len(second)]}"
        if index >= len(first) * len(second):
            name += f" {index // (len(first) * len(second)) + 1}"
        return Contact(
            organisation=organisation,
            index=index,
            id=organisation.id_of("contact", index),
            name=name,
            born=born,
            edited=born + dice.randrange(5, 300) * DAY if dice.random() < 0.2 else None,
            archived=max(born, START) + dice.randrange(90, 400) * DAY if archived else None,
            merged_to=organisation.id_of("contact", 0) if merged else None,
            currency=foreign[index // 8 % len(foreign)]
            if index % 8 == 6
            else organisation.currency,
            first_count=self.first_count,
        )
