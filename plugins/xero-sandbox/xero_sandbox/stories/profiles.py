"""What differs from country to country, and the words invented businesses are made of.

Pure data: tax rates, currencies, financial years, places, names. Every name is made up.

Source: Xero, "Types and codes" (tax types, account types, time zones) for the codes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tax:
    """A tax rate.

    Attributes:
        type: Xero's TaxType, the key.
        name: What people see.
        rate: Hundredths of a percent (1500 is 15 %).
        report: ReportTaxType.
        uses: Which accounts may carry it, as letters of Assets, Equity, eXpenses, Liabilities,
            Revenue.
        status: ACTIVE, ARCHIVED, DELETED or PENDING.
    """

    type: str
    name: str
    rate: int
    report: str
    uses: str = "AEXLR"
    status: str = "ACTIVE"


@dataclass(frozen=True)
class Country:
    """What an organisation has by being where it is.

    Attributes:
        code: ISO country code.
        version: Xero's edition for the country.
        currency: Base currency.
        timezone: Xero's name of the time zone.
        utc_offset: Hours ahead of UTC (winter time), which decides the local calendar date.
        year_end: Month and day of the last day of the financial year.
        taxes: Its tax rates. The first two are the standard rates on sales and purchases, the
            next two those without tax on sales and purchases.
        foreign: Other currencies it trades in, with units per one unit of the base currency in
            millionths.
        cities: City, region and postal code.
        phone: Country code of its phone numbers.
        tax_number: A tax number of the right form.
    """

    code: str
    version: str
    currency: str
    timezone: str
    utc_offset: int
    year_end: tuple[int, int]
    taxes: tuple[Tax, ...]
    foreign: tuple[tuple[str, int], ...]
    cities: tuple[tuple[str, str, str], ...]
    phone: str
    tax_number: str


COUNTRIES = (
    Country(
        "NZ",
        "NZ",
        "NZD",
        "NEWZEALANDSTANDARDTIME",
        12,
        (3, 31),
        (
            Tax("OUTPUT2", "15% GST on Income", 1500, "OUTPUT", "AELR"),
            Tax("INPUT2", "15% GST on Expenses", 1500, "INPUT", "AEXL"),
            Tax("ZERORATEDOUTPUT", "Zero Rated", 0, "NONE", "AELR"),
            Tax("NONE", "No GST", 0, "NONE"),
            Tax("GSTONIMPORTS", "GST on Imports", 0, "GSTONIMPORTS", "X"),
            Tax("OUTPUT", "GST on Income before 2010", 1250, "OUTPUT", "AELR", "ARCHIVED"),
        ),
        (("USD", 601_500), ("AUD", 917_250), ("GBP", 471_830)),
        (("Auckland", "", "1010"), ("Wellington", "", "6011"), ("Nelson", "", "7010")),
        "64",
        "000-111-222",
    ),
    Country(
        "AU",
        "AU",
        "AUD",
        "AUSEASTERNSTANDARDTIME",
        10,
        (6, 30),
        (
            Tax("OUTPUT", "GST on Income", 1000, "OUTPUT", "AELR"),
            Tax("INPUT", "GST on Expenses", 1000, "INPUT", "AEXL"),
            Tax("EXEMPTOUTPUT", "GST Free Income", 0, "EXEMPTOUTPUT", "R"),
            Tax("EXEMPTEXPENSES", "GST Free Expenses", 0, "EXEMPTEXPENSES", "X"),
            Tax("BASEXCLUDED", "BAS Excluded", 0, "BASEXCLUDED"),
            Tax("CAPEXINPUT", "GST on Capital", 1000, "CAPEXINPUT", "A"),
        ),
        (("USD", 655_700), ("NZD", 1_090_200), ("GBP", 514_400)),
        (("Sydney", "NSW", "2000"), ("Melbourne", "VIC", "3000"), ("Hobart", "TAS", "7000")),
        "61",
        "00 000 000 019",
    ),
    Country(
        "GB",
        "UK",
        "GBP",
        "GMTSTANDARDTIME",
        0,
        (3, 31),
        (
            Tax("OUTPUT2", "20% (VAT on Income)", 2000, "OUTPUT", "AELR"),
            Tax("INPUT2", "20% (VAT on Expenses)", 2000, "INPUT", "AEXL"),
            Tax("ZERORATEDOUTPUT", "Zero Rated Income", 0, "ZERORATEDOUTPUT", "R"),
            Tax("ZERORATEDINPUT", "Zero Rated Expenses", 0, "ZERORATEDINPUT", "X"),
            Tax("RROUTPUT", "5% (VAT on Income)", 500, "OUTPUT", "R"),
            Tax("RRINPUT", "5% (VAT on Expenses)", 500, "INPUT", "X"),
            Tax("SROUTPUT", "17.5% (VAT on Income)", 1750, "OUTPUT", "R", "DELETED"),
        ),
        (("EUR", 1_162_300), ("USD", 1_271_900)),
        (("Leeds", "West Yorkshire", "LS1 1AA"), ("Bristol", "", "BS1 1AA"), ("Perth", "", "PH1")),
        "44",
        "GB000000000",
    ),
    Country(
        "US",
        "US",
        "USD",
        "PACIFICSTANDARDTIME",
        -8,
        (12, 31),
        (
            Tax("TAX001", "City and State Sales Tax", 875, "USSALESTAX", "R"),
            Tax("TAX002", "Tax on Purchases", 875, "USSALESTAX", "X"),
            Tax("OUTPUT", "Tax Exempt Sales", 0, "OUTPUT", "R"),
            Tax("NONE", "Tax Exempt", 0, "NONE"),
        ),
        (("EUR", 921_400), ("CAD", 1_364_800)),
        (("Portland", "OR", "97201"), ("Boise", "ID", "83702"), ("Reno", "NV", "89501")),
        "1",
        "00-0000000",
    ),
)

ORGANISATION_NAMES = (
    "Harakeke Trading Limited",
    "Bluegum Logistics Pty Ltd",
    "Foxglove & Wren Ltd",
    "Copperleaf Outfitters Inc",
)
FIRST_WORDS = (
    "Amber", "Basalt", "Cedar", "Drift", "Ember", "Fern", "Granite", "Hollow", "Indigo",
    "Juniper", "Kestrel", "Lantern", "Marble", "North", "Orchid", "Pebble", "Quill", "Rimu",
    "Saffron", "Tidal", "Umber", "Velvet", "Willow", "Yarrow", "Zephyr",
)  # fmt: skip
SECOND_WORDS = (
    "Bakery", "Cartage", "Design", "Electrical", "Foods", "Glazing", "Holdings", "Imports",
    "Joinery", "Kitchens", "Landscapes", "Motors", "Networks", "Optics", "Printing", "Quarries",
    "Roasters", "Supplies", "Textiles", "Ventures", "Wholesale",
)  # fmt: skip
GIVEN_NAMES = ("Ari", "Bryn", "Cato", "Dell", "Esme", "Fenn", "Greer", "Hale", "Isa", "Jory")
FAMILY_NAMES = (
    "Ashgrove", "Brindlewood", "Coldwater", "Dunmarsh", "Eastfold", "Fairstead", "Greenhythe",
    "Hartwell-Moor", "Ironbridge", "Järvimaa", "O’Fallowfield",  # noqa: RUF001
)  # fmt: skip
STREETS = ("Harbour Road", "Mill Lane", "Station Street", "Orchard Close", "Quay West")
DESCRIPTIONS = (
    "Monthly retainer", "Site visit and report", "Freight and handling", "Workshop, half a day",
    "Replacement parts", "Design revisions “round 2”", "Printing, A5 folded",
    "Annual licence", "Catering for 20", "Storage, per pallet and week", "Translation",
    "Safety inspection\nincluding travel", "Packaging – recycled", "Repairs & maintenance",  # noqa: RUF001
)  # fmt: skip
ITEM_WORDS = (
    "Oak shelf", "Copper lamp", "Wool throw", "Field notebook", "Canvas bag", "Stoneware mug",
    "Brass hook", "Linen apron", "Cork board", "Slate coaster", "Ash stool", "Reed basket",
    "Glass carafe", "Leather strap", "Felt sleeve", "Iron trivet", "Hemp rope", "Clay planter",
    "Beech spoon", "Cotton twine",
)  # fmt: skip
TRACKING = (
    ("Region", ("North", "South", "East", "West Coast"), ("Overseas (closed)",)),
    ("Team", ("Field", "Online", "Workshop"), ()),
)
ARCHIVED_TRACKING = ("Campaign", ("Spring", "Autumn"), ())

_CLASS_OF_TYPE = {
    "BANK": "ASSET", "CURRENT": "ASSET", "FIXED": "ASSET", "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET", "PREPAYMENT": "ASSET",
    "CURRLIAB": "LIABILITY", "LIABILITY": "LIABILITY", "TERMLIAB": "LIABILITY",
    "EQUITY": "EQUITY",
    "DIRECTCOSTS": "EXPENSE", "EXPENSE": "EXPENSE", "OVERHEADS": "EXPENSE",
    "DEPRECIATN": "EXPENSE",
    "REVENUE": "REVENUE", "SALES": "REVENUE", "OTHERINCOME": "REVENUE",
}  # fmt: skip


@dataclass(frozen=True)
class AccountFact:
    """An account of the chart every organisation starts with.

    Attributes:
        key: Name of the account within the sandbox.
        code: Its code; empty for bank accounts without one.
        name: Its name.
        type: Xero's account type.
        system: SystemAccount, where Xero runs it.
        role: `sale` or `cost` for the accounts that document lines use.
        status: ACTIVE or ARCHIVED.
    """

    key: str
    code: str
    name: str
    type: str
    system: str = ""
    role: str = ""
    status: str = "ACTIVE"

    @property
    def klass(self) -> str:
        """ASSET, LIABILITY, EQUITY, REVENUE or EXPENSE."""
        return _CLASS_OF_TYPE[self.type]


CHART = (
    AccountFact("bank", "090", "Business Account", "BANK"),
    AccountFact("savings", "", "Business Savings", "BANK"),
    AccountFact("foreign", "", "Foreign Currency Account", "BANK"),
    AccountFact("card", "095", "Company Card", "BANK"),
    AccountFact("sales", "200", "Sales", "REVENUE", role="sale"),
    AccountFact("services", "210", "Services", "SALES", role="sale"),
    AccountFact("other", "260", "Other Revenue", "REVENUE", role="sale"),
    AccountFact("interest", "270", "Interest Income", "OTHERINCOME"),
    AccountFact("cogs", "310", "Cost of Goods Sold", "DIRECTCOSTS", role="cost"),
    AccountFact("subcontract", "320", "Subcontractors", "DIRECTCOSTS", role="cost"),
    AccountFact("advertising", "400", "Advertising", "EXPENSE", role="cost"),
    AccountFact("fees", "404", "Bank Fees", "EXPENSE"),
    AccountFact("cleaning", "408", "Cleaning", "OVERHEADS", role="cost"),
    AccountFact("consulting", "412", "Consulting & Accounting", "EXPENSE", role="cost"),
    AccountFact("depreciation", "416", "Depreciation", "DEPRECIATN"),
    AccountFact("freight", "425", "Freight & Courier", "EXPENSE", role="cost"),
    AccountFact("insurance", "433", "Insurance", "EXPENSE", role="cost"),
    AccountFact("legal", "441", "Legal (old)", "EXPENSE", status="ARCHIVED"),
    AccountFact("power", "445", "Light, Power, Heating", "EXPENSE", role="cost"),
    AccountFact("vehicles", "449", "Motor Vehicle Expenses", "EXPENSE", role="cost"),
    AccountFact("office", "453", "Office Expenses", "EXPENSE", role="cost"),
    AccountFact("rent", "469", "Rent", "OVERHEADS", role="cost"),
    AccountFact("wages", "477", "Wages and Salaries", "EXPENSE"),
    AccountFact("software", "485", "Subscriptions", "EXPENSE", role="cost"),
    AccountFact("telephone", "489", "Telephone & Internet", "EXPENSE", role="cost"),
    AccountFact("travel", "493", "Travel", "EXPENSE", role="cost"),
    AccountFact("bank_gain", "497", "Bank Revaluations", "EXPENSE", "BANKCURRENCYGAIN"),
    AccountFact(
        "unrealised", "498", "Unrealised Currency Gains", "EXPENSE", "UNREALISEDCURRENCYGAIN"
    ),
    AccountFact("realised", "499", "Realised Currency Gains", "EXPENSE", "REALISEDCURRENCYGAIN"),
    AccountFact("debtors", "610", "Accounts Receivable", "CURRENT", "DEBTORS"),
    AccountFact("prepaid", "620", "Prepaid Expenses", "PREPAYMENT"),
    AccountFact("inventory", "630", "Inventory", "INVENTORY"),
    AccountFact("equipment", "710", "Office Equipment", "FIXED"),
    AccountFact("depreciated", "711", "Less Accumulated Depreciation", "FIXED"),
    AccountFact("creditors", "800", "Accounts Payable", "CURRLIAB", "CREDITORS"),
    AccountFact("claims", "801", "Unpaid Expense Claims", "CURRLIAB", "UNPAIDEXPCLM"),
    AccountFact("payroll", "803", "Wages Payable", "CURRLIAB", "WAGEPAYABLES"),
    AccountFact("tax", "820", "Sales Tax", "CURRLIAB", "GST"),
    AccountFact("historical", "840", "Historical Adjustment", "CURRLIAB", "HISTORICAL"),
    AccountFact("rounding", "860", "Rounding", "CURRLIAB", "ROUNDING"),
    AccountFact("transfers", "877", "Tracking Transfers", "CURRLIAB", "TRACKINGTRANSFERS"),
    AccountFact("loan", "900", "Loan", "TERMLIAB"),
    AccountFact("retained", "960", "Retained Earnings", "EQUITY", "RETAINEDEARNINGS"),
    AccountFact("capital", "970", "Owner Funds Introduced", "EQUITY"),
)
