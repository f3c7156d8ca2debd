"""Reference data: the organisation, its chart of accounts, taxes, tracking, items, people.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from tap_xero.models.fields import (
    Child,
    Model,
    amount,
    day,
    flag,
    many,
    moment,
    one,
    text,
    whole,
)
from tap_xero.models.parts import (
    EXTERNAL_LINK,
    ORGANISATION_ADDRESS,
    PAYMENT_TERMS,
    PHONE,
)

ORGANISATION = Model(
    "Organisation",
    "The legal entity whose books these are.",
    (
        text("OrganisationID", "Identifier of the organisation."),
        text("APIKey", "Key for links between organisations of one network."),
        text("Name", "Display name."),
        text("LegalName", "Name shown on reports."),
        flag("PaysTax", "Registered with the local tax authority."),
        text("Version", "Regional edition of Xero: AU, NZ, GLOBAL, UK, US and their ONRAMP twins."),
        text("OrganisationType", "Legal form: COMPANY, CHARITY, TRUST and so on."),
        text("BaseCurrency", "Currency the books are kept in.", refers="currencies"),
        text("CountryCode", "Country, two letters."),
        flag("IsDemoCompany", "One of Xero's demo companies."),
        text("OrganisationStatus", "ACTIVE when it can be reached."),
        text("RegistrationNumber", "Company number."),
        text("EmployerIdentificationNumber", "US employer number."),
        text("TaxNumber", "ABN, GST, VAT or tax number."),
        whole("FinancialYearEndDay", "Day of the month on which the financial year ends."),
        whole("FinancialYearEndMonth", "Month in which the financial year ends."),
        text("SalesTaxBasis", "Accounting basis for sales tax."),
        text("SalesTaxPeriod", "How often sales tax is returned."),
        text("DefaultSalesTax", "Default treatment of tax on sales."),
        text("DefaultPurchasesTax", "Default treatment of tax on purchases."),
        day("PeriodLockDate", "Nobody but advisers may post up to this date."),
        day("EndOfYearLockDate", "Nobody may post up to this date."),
        moment("CreatedDateUTC", "When it was created in Xero."),
        text("Timezone", "Time zone, a Windows name without spaces."),
        text("OrganisationEntityType", "Same as OrganisationType, for older callers."),
        text("ShortCode", "Code for deep links into Xero."),
        text("Class", "Subscription plan."),
        text("Edition", "BUSINESS or PARTNER."),
        text("LineOfBusiness", "What it does, in its own words."),
        many("Addresses", ORGANISATION_ADDRESS, "Addresses."),
        many("Phones", PHONE, "Phone numbers."),
        many("ExternalLinks", EXTERNAL_LINK, "Links elsewhere on the web."),
        one("PaymentTerms", PAYMENT_TERMS, "Default payment terms."),
    ),
)

CURRENCY = Model(
    "Currency",
    "A currency the organisation uses.",
    (text("Code", "ISO code, the key."), text("Description", "Name of the currency.")),
)

_TAX_COMPONENT = Model(
    "TaxComponent",
    "A part of a tax rate.",
    (
        text("Name", "Name of the component."),
        amount("Rate", "Percentage, up to four decimals."),
        flag("IsCompound", "Computed on top of the other components."),
        flag("IsNonRecoverable", "Cannot be reclaimed."),
    ),
)

TAX_RATE = Model(
    "TaxRate",
    "A tax rate with its components.",
    (
        text("TaxType", "Code that lines refer to, the key."),
        text("Name", "Name of the rate."),
        many(
            "TaxComponents",
            _TAX_COMPONENT,
            "Components of a tax rate.",
            child=Child("tax_rate_components"),
        ),
        text("Status", "ACTIVE, DELETED, ARCHIVED or PENDING."),
        text("ReportTaxType", "Where it is shown on the tax return."),
        flag("CanApplyToAssets", "Usable on asset accounts."),
        flag("CanApplyToEquity", "Usable on equity accounts."),
        flag("CanApplyToExpenses", "Usable on expense accounts."),
        flag("CanApplyToLiabilities", "Usable on liability accounts."),
        flag("CanApplyToRevenue", "Usable on revenue accounts."),
        amount("DisplayTaxRate", "Percentage as shown to people."),
        amount("EffectiveRate", "Percentage that results from the components."),
    ),
)

ACCOUNT = Model(
    "Account",
    "An account of the chart of accounts.",
    (
        text("AccountID", "Identifier of the account."),
        text("Code", "Code given by the organisation; bank accounts may have none."),
        text("Name", "Name of the account."),
        text("Type", "BANK, CURRENT, EXPENSE, REVENUE and so on."),
        text("BankAccountNumber", "Number of the bank account."),
        text("Status", "ACTIVE, ARCHIVED or DELETED."),
        text("Description", "What belongs on it."),
        text("BankAccountType", "BANK, CREDITCARD, PAYPAL, NONE or empty."),
        text("CurrencyCode", "Currency of a bank account.", refers="currencies"),
        text("TaxType", "Default tax rate.", refers="tax_rates"),
        flag("EnablePaymentsToAccount", "Payments may be made to it."),
        flag("ShowInExpenseClaims", "Offered in expense claims."),
        text("Class", "ASSET, EQUITY, EXPENSE, LIABILITY or REVENUE."),
        text("SystemAccount", "Role of an account Xero itself posts to, DEBTORS for example."),
        text("ReportingCode", "Code for standard reports."),
        text("ReportingCodeName", "Name of that code."),
        flag("HasAttachments", "Files are attached."),
        moment("UpdatedDateUTC", "When it last changed."),
        moment("CreatedDateUTC", "When it was created; sent since November 2026."),
        flag("AddToWatchlist", "Shown on the dashboard."),
    ),
)

ACCOUNT_COPY = ACCOUNT.copy(
    "AccountID", "Code", "Name", "Type", "CurrencyCode", "BankAccountNumber", "Status"
)

_TRACKING_OPTION = Model(
    "TrackingOption",
    "One value of a tracking category.",
    (
        text("TrackingOptionID", "Identifier of the option."),
        text("Name", "Name of the option."),
        text("Status", "ACTIVE, ARCHIVED or DELETED."),
        text("TrackingCategoryID", "Category it belongs to.", refers="tracking_categories"),
        flag("IsActive", "Can be chosen."),
        flag("IsArchived", "Archived."),
        flag("IsDeleted", "Xero's own mark: the option was deleted."),
    ),
)

TRACKING_CATEGORY = Model(
    "TrackingCategory",
    "A dimension, such as region or department, by which lines are tracked.",
    (
        text("TrackingCategoryID", "Identifier of the category."),
        text("Name", "Name of the category."),
        text("Status", "ACTIVE, ARCHIVED or DELETED."),
        many(
            "Options",
            _TRACKING_OPTION,
            "Options of a tracking category.",
            child=Child("tracking_options", ("TrackingOptionID",)),
        ),
        text("Option", "Name of an option, where the category is used as a reference."),
        text("TrackingOptionID", "Option, where the category is used as a reference."),
    ),
)

BRANDING_THEME = Model(
    "BrandingTheme",
    "How documents look when they are printed or sent.",
    (
        text("BrandingThemeID", "Identifier of the theme."),
        text("Name", "Name of the theme."),
        text("LogoUrl", "Where the logo is."),
        text("Type", "INVOICE."),
        whole("SortOrder", "Position; 0 is the default theme."),
        moment("CreatedDateUTC", "When it was created."),
    ),
)

PAYMENT_SERVICE = Model(
    "PaymentService",
    "A way in which customers can pay an online invoice.",
    (
        text("PaymentServiceID", "Identifier of the service."),
        text("PaymentServiceName", "Name of the service."),
        text("PaymentServiceUrl", "Where customers pay."),
        text("PayNowText", "Text of the button."),
        text("PaymentServiceType", "Kind of service."),
    ),
)

USER = Model(
    "User",
    "A person with access to the organisation.",
    (
        text("UserID", "Identifier of the user."),
        text("GlobalUserID", "Identifier of the person across organisations."),
        text("EmailAddress", "Email address."),
        text("FirstName", "First name."),
        text("LastName", "Last name."),
        moment("UpdatedDateUTC", "When the user last changed."),
        flag("IsSubscriber", "Pays for the subscription."),
        text("OrganisationRole", "READONLY, STANDARD, FINANCIALADVISER, REMOVED and so on."),
    ),
)

_PRICE = Model(
    "Purchase",
    "Price and accounts of an item, on one side of the business; empty when unset.",
    (
        amount("UnitPrice", "Price of one, with four decimals."),
        text("AccountCode", "Account it is posted to."),
        text("COGSAccountCode", "Account for the cost of goods sold, of a tracked item."),
        text("TaxType", "Default tax rate.", refers="tax_rates"),
    ),
)

ITEM = Model(
    "Item",
    "Something the organisation buys or sells.",
    (
        text("ItemID", "Identifier of the item."),
        text("Code", "Code given by the organisation."),
        text("InventoryAssetAccountCode", "Account that holds the stock of a tracked item."),
        text("Name", "Name of the item."),
        flag("IsSold", "Can be put on sales documents."),
        flag("IsPurchased", "Can be put on purchase documents."),
        text("Description", "Text for sales documents."),
        text("PurchaseDescription", "Text for purchase documents."),
        one("PurchaseDetails", _PRICE, "Price and accounts when buying."),
        one("SalesDetails", _PRICE, "Price and accounts when selling."),
        flag("IsTrackedAsInventory", "Stock is kept of it."),
        amount("TotalCostPool", "Value of the stock."),
        amount("QuantityOnHand", "Stock."),
        amount("QuantityAvailable", "Stock that is not yet promised."),
        amount("QuantityOnBackOrder", "Promised beyond the stock."),
        moment("UpdatedDateUTC", "When it last changed."),
    ),
)
