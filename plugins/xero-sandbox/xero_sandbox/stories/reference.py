"""What an organisation has before any business is done: its settings, chart and lists.

Organisation, currencies, tax rates, accounts, tracking categories, branding themes, payment
services, users, contact groups, items, repeating invoices and budgets. All of it stands from
before the first day of history.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from xero_sandbox.stories import profiles
from xero_sandbox.stories.contacts import GROUPS, empty_address, phone
from xero_sandbox.stories.office import USERS, stock_value, user_copy
from xero_sandbox.stories.plans import budgets, repeating_invoices
from xero_sandbox.stories.story import Document
from xero_sandbox.stories.timeline import SET_UP
from xero_sandbox.wire import (
    DAY,
    fine,
    money,
    net_date,
    net_date_short,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xero_sandbox.stories.contacts import Contacts
    from xero_sandbox.stories.organisation import Account, ItemFact, Organisation


class Reference:
    """The one story of an organisation's settings and lists, told as a strand."""

    name = "reference"
    events = (SET_UP + DAY,)

    def __init__(self, organisation: Organisation, contacts: Contacts) -> None:
        self._organisation, self._contacts = organisation, contacts

    def birth(self, index: int) -> int:
        """Return when the organisation was set up; nothing follows it."""
        return self.events[0] if index == 0 else 1 << 62

    def story(self, index: int) -> Reference:  # noqa: ARG002 - there is only number 0
        """Return the story itself."""
        return self

    def documents(self, now: int) -> list[Document]:  # noqa: ARG002 - nothing here changes
        """Return all reference data."""
        return list(self._documents)

    @cached_property
    def _documents(self) -> tuple[Document, ...]:
        organisation = self._organisation
        return (
            Document(
                "Organisations",
                organisation.tenant_id,
                organisation_body(organisation),
                SET_UP,
            ),
            *_currencies(organisation),
            *_tax_rates(organisation),
            *(_account(account) for account in organisation.accounts.values()),
            *_tracking(organisation),
            *_themes(organisation),
            *_payment_services(organisation),
            *_users(organisation),
            *_groups(organisation, self._contacts),
            *(_item(item, number) for number, item in enumerate(organisation.items)),
            *repeating_invoices(organisation, self._contacts),
            *budgets(organisation),
        )


def organisation_body(organisation: Organisation) -> dict[str, Any]:
    """Return the organisation's settings."""
    country = organisation.country
    city, region, code = country.cities[0]
    month, day = country.year_end
    return {
        "OrganisationID": organisation.tenant_id,
        "APIKey": "",
        "Name": organisation.name,
        "LegalName": organisation.name,
        "PaysTax": True,
        "Version": country.version,
        "OrganisationType": "COMPANY",
        "OrganisationEntityType": "COMPANY",
        "BaseCurrency": country.currency,
        "CountryCode": country.code,
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "RegistrationNumber": "0000000",
        "TaxNumber": country.tax_number,
        "FinancialYearEndDay": day,
        "FinancialYearEndMonth": month,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "TWOMONTHS",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Inclusive",
        "PeriodLockDate": net_date(SET_UP - SET_UP % DAY),
        "CreatedDateUTC": net_date(SET_UP),
        "Timezone": country.timezone,
        "ShortCode": f"!{organisation.tenant_id[:5]}",
        "Class": "STANDARD",
        "Edition": "BUSINESS",
        "LineOfBusiness": "Wholesale",
        "Addresses": [
            {
                "AddressType": "STREET",
                "AddressLine1": f"1 {profiles.STREETS[0]}",
                "City": city,
                "Region": region,
                "PostalCode": code,
                "Country": "",
                "AttentionTo": "",
            },
            empty_address("DELIVERY"),
        ],
        "Phones": [phone("OFFICE", "555 0100", "09", country.phone), phone("FAX")],
        "ExternalLinks": [],
        "PaymentTerms": {"Sales": {"Day": 20, "Type": "OFFOLLOWINGMONTH"}},
    }


def _currencies(organisation: Organisation) -> Iterator[Document]:
    names = {
        "NZD": "New Zealand Dollar",
        "AUD": "Australian Dollar",
        "GBP": "British Pound",
        "USD": "United States Dollar",
        "EUR": "Euro",
        "CAD": "Canadian Dollar",
    }
    for code in (organisation.currency, *(code for code, _ in organisation.country.foreign)):
        yield Document("Currencies", code, {"Code": code, "Description": names[code]}, SET_UP)


def _tax_rates(organisation: Organisation) -> Iterator[Document]:
    for tax in organisation.country.taxes:
        rate = fine(tax.rate * 100)
        halves = [fine(tax.rate * 40), fine(tax.rate * 60)]
        two = tax.type == "TAX001"
        body = {
            "Name": tax.name,
            "TaxType": tax.type,
            "ReportTaxType": tax.report,
            "CanApplyToAssets": "A" in tax.uses,
            "CanApplyToEquity": "E" in tax.uses,
            "CanApplyToExpenses": "X" in tax.uses,
            "CanApplyToLiabilities": "L" in tax.uses,
            "CanApplyToRevenue": "R" in tax.uses,
            "DisplayTaxRate": rate,
            "EffectiveRate": rate,
            "Status": tax.status,
            "TaxComponents": [
                {"Name": name, "Rate": part, "IsCompound": False, "IsNonRecoverable": False}
                for name, part in (
                    zip(("City", "State"), halves, strict=True) if two else (("Tax", rate),)
                )
            ],
        }
        yield Document("TaxRates", tax.type, body, SET_UP)


def _account(account: Account) -> Document:
    fact = account.fact
    updated = SET_UP + (250 * DAY if fact.status == "ARCHIVED" else 0)
    body: dict[str, Any] = {
        "AccountID": account.id,
        "Name": fact.name,
        "Status": fact.status,
        "Type": fact.type,
        "TaxType": "NONE",
        "Class": fact.klass,
        "EnablePaymentsToAccount": fact.key == "capital",
        "ShowInExpenseClaims": fact.role == "cost",
        "BankAccountType": "",
        "ReportingCode": fact.klass[:3],
        "ReportingCodeName": fact.klass.capitalize(),
        "HasAttachments": False,
        "UpdatedDateUTC": net_date(updated),
        "AddToWatchlist": fact.key in ("sales", "rent"),
    }
    if fact.code:
        body["Code"] = fact.code
    if fact.type == "BANK":
        body["BankAccountNumber"] = f"00-0000-{int(account.id[:6], 16):08d}-00"
        body["BankAccountType"] = "CREDITCARD" if fact.key == "card" else "BANK"
        if account.foreign is not None:
            body["CurrencyCode"] = account.foreign
    else:
        body["Description"] = f"{fact.name} of the business" if fact.role else ""
    # Only the accounts that Xero runs itself carry this.
    if fact.system:
        body["SystemAccount"] = fact.system
    return Document("Accounts", account.id, body, updated)


def _tracking(organisation: Organisation) -> Iterator[Document]:
    categories = [(*category, "ACTIVE") for category in profiles.TRACKING]
    for name, options, gone, status in (*categories, (*profiles.ARCHIVED_TRACKING, "ARCHIVED")):
        category_id = organisation.id_of("tracking", name)
        states = [(option, "ACTIVE") for option in options] + [(o, "ARCHIVED") for o in gone]
        body = {
            "Name": name,
            "Status": status,
            "TrackingCategoryID": category_id,
            "Options": [
                {
                    "TrackingOptionID": organisation.id_of("tracking", name, option),
                    "Name": option,
                    "Status": state,
                    "HasValidationErrors": False,
                    "IsDeleted": False,
                    "IsArchived": state == "ARCHIVED",
                    "IsActive": state == "ACTIVE",
                }
                for option, state in states
            ],
        }
        yield Document("TrackingCategories", category_id, body, SET_UP)


def _themes(organisation: Organisation) -> Iterator[Document]:
    for number, name in enumerate(("Standard", "Trade counter")):
        theme_id = organisation.id_of("theme", number)
        body: dict[str, Any] = {
            "BrandingThemeID": theme_id,
            "Name": name,
            "Type": "INVOICE",
            "SortOrder": number,
            "CreatedDateUTC": net_date_short(SET_UP + number * DAY),
        }
        if number:
            body["LogoUrl"] = "https://images.example/logo.png"
        yield Document("BrandingThemes", theme_id, body, SET_UP)


def _payment_services(organisation: Organisation) -> Iterator[Document]:
    service_id = organisation.id_of("payment service")
    body = {
        "PaymentServiceID": service_id,
        "PaymentServiceName": "Card checkout",
        "PaymentServiceUrl": "https://pay.example/?no=[INVOICENUMBER]",
        "PayNowText": "Pay now",
        "PaymentServiceType": "Custom",
    }
    yield Document("PaymentServices", service_id, body, SET_UP)


def _users(organisation: Organisation) -> Iterator[Document]:
    for number, (_, _, role, subscriber) in enumerate(USERS):
        updated = SET_UP + number * DAY
        body = {
            **user_copy(organisation, number),
            "UpdatedDateUTC": net_date_short(updated),
            "IsSubscriber": subscriber,
            "OrganisationRole": role,
        }
        yield Document("Users", body["UserID"], body, updated)


def _groups(organisation: Organisation, contacts: Contacts) -> Iterator[Document]:
    for name, every, start in GROUPS:
        group_id = organisation.id_of("group", name)
        members = [contacts.story(index) for index in range(start, contacts.first_count, every)]
        body = {
            "ContactGroupID": group_id,
            "Name": name,
            "Status": "ACTIVE",
            "Contacts": [{"ContactID": member.id, "Name": member.name} for member in members],
            "HasValidationErrors": False,
        }
        yield Document("ContactGroups", group_id, body, SET_UP)
    gone = organisation.id_of("group", "gone")
    body = {"ContactGroupID": gone, "Name": "Trade fair", "Status": "DELETED", "Contacts": []}
    yield Document("ContactGroups", gone, {**body, "HasValidationErrors": False}, SET_UP)


def _item(item: ItemFact, number: int) -> Document:
    updated = SET_UP + number * 60_000
    tracked = item.on_hand is not None
    purchased = tracked or number % 4 != 3
    purchase: dict[str, Any] = {}
    if purchased:
        purchase = {"UnitPrice": fine(item.cost), "TaxType": "NONE"}
        # Stock is booked as cost when it is sold, anything else when it is bought.
        purchase["COGSAccountCode" if tracked else "AccountCode"] = "310"
    body: dict[str, Any] = {
        "ItemID": item.id,
        "Code": item.code,
        "Name": item.name,
        "Description": f"{item.name}, boxed",
        "PurchaseDescription": f"{item.name} from the maker" if purchased else "",
        "UpdatedDateUTC": net_date_short(updated),
        "PurchaseDetails": purchase,
        "SalesDetails": {
            "UnitPrice": fine(item.price),
            "AccountCode": "200",
            "TaxType": "NONE",
        },
        "IsTrackedAsInventory": tracked,
        "IsSold": True,
        "IsPurchased": purchased,
    }
    if item.on_hand is not None:
        body["InventoryAssetAccountCode"] = "630"
        body["QuantityOnHand"] = fine(item.on_hand * 10_000)
        body["TotalCostPool"] = money(stock_value(item.cost, item.on_hand))
    return Document("Items", item.id, body, updated)
