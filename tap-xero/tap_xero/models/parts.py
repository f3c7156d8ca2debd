"""Parts that several of Xero's models share: addresses, phones, lines, tracking.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from tap_xero.models.fields import (
    Model,
    amount,
    flag,
    lift,
    many,
    one,
    text,
    whole,
)

ON_CHILDREN = (
    "Type",
    "Status",
    "Date",
    "DueDate",
    "JournalDate",
    "JournalNumber",
    "SourceType",
    "LineAmountTypes",
    "CurrencyCode",
    "CurrencyRate",
    "ContactID",
    "BankAccountID",
)
"""What lines and allocations are filtered by, of the documents that change one by one: what Xero
sends whole each time would be written anew when a column is added here."""

ADDRESS = Model(
    "Address",
    "A postal or street address; Xero sends empty ones as placeholders.",
    (
        text("AddressType", "POBOX, STREET or, for organisations, DELIVERY."),
        text("AddressLine1", "First line."),
        text("AddressLine2", "Second line."),
        text("AddressLine3", "Third line."),
        text("AddressLine4", "Fourth line."),
        text("City", "Town or city."),
        text("Region", "State, county or region."),
        text("PostalCode", "Postal code."),
        text("Country", "Country, in free text."),
        text("AttentionTo", "Whom the mail is for."),
    ),
)

ORGANISATION_ADDRESS = Model("AddressForOrganisation", ADDRESS.about, ADDRESS.fields)

INVOICE_ADDRESS = Model(
    "InvoiceAddress",
    "An address used for US sales tax on a document.",
    (
        text("InvoiceAddressType", "FROM or TO."),
        text("AddressLine1", "First line."),
        text("AddressLine2", "Second line."),
        text("AddressLine3", "Third line."),
        text("AddressLine4", "Fourth line."),
        text("City", "Town or city."),
        text("Region", "State, county or region."),
        text("PostalCode", "Postal code."),
        text("Country", "Country, in free text."),
    ),
)

PHONE = Model(
    "Phone",
    "A phone number; Xero sends empty ones as placeholders.",
    (
        text("PhoneType", "DEFAULT, DDI, MOBILE, FAX or OFFICE."),
        text("PhoneNumber", "Number without area and country code."),
        text("PhoneAreaCode", "Area code."),
        text("PhoneCountryCode", "Country code."),
    ),
)

_BILL = Model(
    "Bill",
    "When something falls due.",
    (
        whole("Day", "Number of days, or day of the month."),
        text(
            "Type",
            "DAYSAFTERBILLDATE, DAYSAFTERBILLMONTH, OFCURRENTMONTH or OFFOLLOWINGMONTH.",
        ),
    ),
)

PAYMENT_TERMS = Model(
    "PaymentTerm",
    "Default payment terms.",
    (
        one("Bills", _BILL, "Terms for bills."),
        one("Sales", _BILL, "Terms for sales invoices."),
    ),
)

EXTERNAL_LINK = Model(
    "ExternalLink",
    "A link to the organisation elsewhere on the web.",
    (
        text("LinkType", "Facebook, GooglePlus, LinkedIn, Twitter or Website."),
        text("Url", "The address."),
        text("Description", "What it leads to."),
    ),
)

CATEGORY_ID = text("TrackingCategoryID", "The tracking category.", refers="tracking_categories")
OPTION_ID = text("TrackingOptionID", "The option chosen in that category.")

LINE_TRACKING = Model(
    "LineItemTracking",
    "A tracking option that a line is assigned to; at most two a line.",
    (
        CATEGORY_ID,
        OPTION_ID,
        text("Name", "Name of the category."),
        text("Option", "Name of the option."),
    ),
)

TRANSFER_TRACKING = Model(
    "TrackingReference",
    "A tracking option that one side of a transfer is assigned to.",
    LINE_TRACKING.fields,
)

LEDGER_TRACKING = Model(
    "TrackingCategory",
    "A tracking option that a journal line or budget is assigned to.",
    (*LINE_TRACKING.fields, text("Status", "ACTIVE, ARCHIVED or DELETED.")),
    partial=True,
)

_TAX_BREAKDOWN = Model(
    "TaxBreakdownComponent",
    "One jurisdiction's part of a line's US sales tax.",
    (
        text("TaxComponentId", "Identifier of the component."),
        text("Type", "Kind of jurisdiction."),
        text("Name", "Name of the tax."),
        amount("TaxPercentage", "Rate in percent."),
        amount("TaxAmount", "Tax of this component."),
        amount("TaxableAmount", "Amount the tax is computed on."),
        amount("NonTaxableAmount", "Amount not subject to the tax."),
        amount("ExemptAmount", "Amount exempt from the tax."),
        text("StateAssignedNo", "The jurisdiction's number within its state."),
        text("JurisdictionRegion", "Region of the jurisdiction."),
    ),
)

_LINE_ITEM_ITEM = Model(
    "LineItemItem",
    "Copy of the item on the line.",
    (
        text("ItemID", "The item.", refers="items"),
        text("Code", "Code of the item."),
        text("Name", "Name of the item."),
    ),
)

LINE_ITEM = Model(
    "LineItem",
    "A line of a document. Its id changes when the line is sent again without it.",
    (
        text("LineItemID", "Identifier of the line."),
        text("Description", "What was sold or bought."),
        amount("Quantity", "How many."),
        amount("UnitAmount", "Price of one, with four decimals."),
        text("ItemCode", "Code of the item."),
        text("AccountCode", "Code of the account."),
        text("AccountID", "The account.", refers="accounts"),
        text("TaxType", "Tax rate of the line.", refers="tax_rates"),
        amount("TaxAmount", "Tax, rounded on this line."),
        one("Item", _LINE_ITEM_ITEM, "Partial copy of the item."),
        amount("LineAmount", "Quantity times price, less discount."),
        many("Tracking", LINE_TRACKING, "Tracking options of the line."),
        amount("DiscountRate", "Discount in percent."),
        amount("DiscountAmount", "Discount as an amount."),
        flag("DiscountEnteredAsPercent", "The discount was typed as a percentage."),
        text(
            "RepeatingInvoiceID",
            "Template the line came from.",
            refers="repeating_invoices",
        ),
        text("Taxability", "US: TAXABLE, NON_TAXABLE, EXEMPT, PART_TAXABLE, NOT_APPLICABLE."),
        amount("SalesTaxCodeId", "US: identifier of the sales tax code."),
        many("TaxBreakdown", _TAX_BREAKDOWN, "US: the tax by jurisdiction."),
    ),
    lifts=(lift("ItemID", "Item", "items"),),
)
