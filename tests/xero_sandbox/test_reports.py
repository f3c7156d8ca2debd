"""Reports: they agree with the journals and with each other, and look as Xero's do."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from xero_sandbox.books import Books
from xero_sandbox.clock import ManualClock
from xero_sandbox.store import Store
from xero_sandbox.wire import cents, decode, parse_net_date

NOW = datetime(2026, 2, 14, 10, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RESULT = ("REVENUE", "EXPENSE")


@pytest.fixture(scope="module")
def books():
    made = Books(Store(), ManualClock(NOW), organisations=2, invoices=100)
    for organisation in made.organisations:
        made.write_journals(organisation.tenant_id)
    yield made
    made.store.close()


@pytest.fixture
def own_books():
    """Books a test may change."""
    with Store() as store:
        yield Books(store, ManualClock(NOW), organisations=1, invoices=60)


def documents(books: Books, resource: str, organisation=None) -> list[dict]:
    tenant_id = (organisation or books.organisations[0]).tenant_id
    return [decode(text) for text in books.store.page(tenant_id, resource).documents]


def classes(books: Books, organisation) -> dict[str, str]:
    return {a["AccountID"]: a["Class"] for a in documents(books, "Accounts", organisation)}


def journal_lines(books: Books, organisation):
    """Date and line of every journal."""
    for journal in documents(books, "Journals", organisation):
        day = (EPOCH + timedelta(milliseconds=parse_net_date(journal["JournalDate"]))).date()
        for line in journal["JournalLines"]:
            yield day, line


def movement(books: Books, organisation, first: date, last: date) -> dict[str, int]:
    """Cents by account of the journals of some days."""
    found = defaultdict(int)
    for day, line in journal_lines(books, organisation):
        if first <= day <= last:
            found[line["AccountID"]] += cents(line["NetAmount"])
    return {account: amount for account, amount in found.items() if amount}


def rows_of(report: dict) -> list[dict]:
    """All rows with cells, whatever section they are in."""
    found = []
    for row in report["Rows"]:
        found += rows_of(row) if "Rows" in row else [row]
    return found


def values(row: dict) -> list[str]:
    return [cell["Value"] for cell in row["Cells"]]


def heads(report: dict) -> list[str]:
    return values(report["Rows"][0])[1:]


def by_account(report: dict, column: int = 1) -> dict[str, int]:
    """Cents by account id of a column."""
    return {
        row["Cells"][0]["Attributes"][0]["Value"]: cents(row["Cells"][column]["Value"] or 0)
        for row in rows_of(report)
        if "Attributes" in row["Cells"][0]
    }


def by_label(report: dict, column: int = 1) -> dict[str, Decimal]:
    return {
        row["Cells"][0]["Value"]: Decimal(row["Cells"][column]["Value"])
        for row in rows_of(report)
        if row["RowType"] != "Header"
    }


def trial_cents(books: Books, organisation, **parameters) -> dict[str, int]:
    report = books.report(organisation.tenant_id, "TrialBalance", parameters)
    debit, credit = by_account(report, 3), by_account(report, 4)
    return {account: debit[account] - credit[account] for account in debit}


def nonzero(figures: dict[str, int]) -> dict[str, int]:
    return {key: value for key, value in figures.items() if value}


# Figures --------------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["false", "true"])
@pytest.mark.parametrize("day", ["2024-09-30", "2025-03-31", "2026-01-31"])
def test_the_balance_sheet_balances_and_agrees_with_the_trial_balance(books, day, basis):
    for organisation in books.organisations:
        asked = {"date": day, "paymentsOnly": basis}
        sheet = books.report(organisation.tenant_id, "BalanceSheet", asked)
        figures = by_label(sheet)
        assert figures["Net Assets"] == figures["Total Equity"] != 0
        assert figures["Total Assets"] - figures["Total Liabilities"] == figures["Net Assets"]
        trial = trial_cents(books, organisation, **asked)
        assert sum(trial.values()) == 0
        kinds = classes(books, organisation)
        signs = {"ASSET": 1, "LIABILITY": -1, "EQUITY": -1}
        shown = {key: figure for key, figure in by_account(sheet).items() if key in kinds}
        expected = {
            account: signs[kinds[account]] * amount
            for account, amount in trial.items()
            if kinds[account] in signs
        }
        assert nonzero(shown) == nonzero(expected)


def test_the_movements_of_the_trial_balance_are_those_of_the_journals(books):
    for organisation in books.organisations:
        report = books.report(organisation.tenant_id, "TrialBalance", {"date": "2025-11-20"})
        debit, credit = by_account(report, 1), by_account(report, 2)
        moved = {account: debit[account] - credit[account] for account in debit}
        expected = movement(books, organisation, date(2025, 11, 1), date(2025, 11, 20))
        assert nonzero(moved) == expected


def test_the_profit_and_loss_is_the_sum_of_the_journals(books):
    for organisation in books.organisations:
        span = {"fromDate": "2025-10-01", "toDate": "2025-10-31"}
        report = books.report(organisation.tenant_id, "ProfitAndLoss", span)
        kinds = classes(books, organisation)
        expected = {
            account: amount * (1 if kinds[account] == "EXPENSE" else -1)
            for account, amount in movement(
                books, organisation, date(2025, 10, 1), date(2025, 10, 31)
            ).items()
            if kinds[account] in RESULT
        }
        assert nonzero(by_account(report)) == expected


@pytest.mark.parametrize("basis", ["false", "true"])
def test_profit_and_loss_of_the_year_is_the_current_years_earnings(books, basis):
    for organisation in books.organisations:
        month, day = organisation.country.year_end
        start = date(2025 if month < 12 else 2024, month, day) + timedelta(days=1)
        span = {"fromDate": f"{start}", "toDate": "2025-12-31", "paymentsOnly": basis}
        profit = by_label(books.report(organisation.tenant_id, "ProfitAndLoss", span))
        asked = {"date": "2025-12-31", "paymentsOnly": basis}
        sheet = by_label(books.report(organisation.tenant_id, "BalanceSheet", asked))
        assert profit["Net Profit"] == sheet["Current Year Earnings"] != 0


def test_on_cash_basis_nothing_is_owed_and_an_invoice_counts_on_the_day_it_is_paid(own_books):
    organisation = own_books.organisations[0]
    tenant_id = organisation.tenant_id
    span = {"fromDate": "2026-02-14", "toDate": "2026-02-14", "paymentsOnly": "true"}

    def income() -> Decimal:
        return by_label(own_books.report(tenant_id, "ProfitAndLoss", span))["Net Profit"]

    before = income()
    (sales,) = (a for a in documents(own_books, "Accounts") if a["Name"] == "Sales")
    line = {"Description": "Half a day", "Quantity": 1, "AccountCode": sales["Code"]}
    invoice = own_books.add_invoice(
        tenant_id,
        Type="ACCREC",
        LineAmountTypes="NoTax",
        LineItems=[{**line, "UnitAmount": 300, "TaxType": "NONE"}],
    )
    assert income() == before
    own_books.pay(tenant_id, invoice["InvoiceID"], Decimal(120))
    assert income() == before + 120
    own_books.pay(tenant_id, invoice["InvoiceID"])
    assert income() == before + 300
    trial = trial_cents(own_books, organisation, paymentsOnly="true")
    assert sum(trial.values()) == 0
    debtors = organisation.accounts["debtors"].id
    assert trial_cents(own_books, organisation)[debtors] > 0
    # What was paid ahead is all that is left on the account.
    assert trial.get(debtors, 0) <= 0


def test_options_unassigned_and_total_split_the_profit_by_tracking_category(books):
    organisation = books.organisations[0]
    region = organisation.tracking[0]
    asked = {
        "fromDate": "2025-01-01",
        "toDate": "2025-12-31",
        "trackingCategoryID": region[0].category_id,
    }
    report = books.report(organisation.tenant_id, "ProfitAndLoss", asked)
    assert heads(report) == [*(option.name for option in region), "Unassigned", "Total"]
    kinds = classes(books, organisation)
    tagged = defaultdict(int)
    for day, line in journal_lines(books, organisation):
        if day.year == 2025 and kinds[line["AccountID"]] in RESULT:
            names = {each["TrackingOptionID"] for each in line["TrackingCategories"]}
            option = next((each.name for each in region if each.id in names), "Unassigned")
            tagged[option] -= cents(line["NetAmount"])
    profits = {
        head: cents(by_label(report, place)["Net Profit"])
        for place, head in enumerate(heads(report), 1)
    }
    assert profits.pop("Total") == sum(profits.values()) != 0
    assert profits == {head: tagged[head] for head in profits}
    assert len(nonzero(profits)) > 2


def test_one_option_of_a_category_is_one_column(books):
    organisation = books.organisations[0]
    option, *_ = organisation.tracking[0]
    asked = {
        "fromDate": "2025-01-01",
        "toDate": "2025-12-31",
        "trackingCategoryID": option.category_id,
    }
    every = books.report(organisation.tenant_id, "ProfitAndLoss", asked)
    asked["trackingOptionID"] = option.id
    one = books.report(organisation.tenant_id, "ProfitAndLoss", asked)
    assert heads(one) == [option.name]
    assert by_label(one)["Net Profit"] == by_label(every)["Net Profit"]


def test_two_categories_make_a_column_for_each_pair_of_options(books):
    organisation = books.organisations[0]
    first, second = organisation.tracking
    asked = {
        "trackingCategoryID": first[0].category_id,
        "trackingCategoryID2": second[0].category_id,
    }
    report = books.report(organisation.tenant_id, "ProfitAndLoss", asked)
    pairs = [f"{one.name} {other.name}" for one in first for other in second]
    assert heads(report) == [*pairs, "Unassigned", "Total"]


def test_the_bank_summary_leads_from_opening_to_closing_balances(books):
    organisation = books.organisations[0]
    span = {"fromDate": "2025-01-01", "toDate": "2025-06-30"}
    report = books.report(organisation.tenant_id, "BankSummary", span)
    before = trial_cents(books, organisation, date="2024-12-31")
    after = trial_cents(books, organisation, date="2025-06-30")
    for row in rows_of(report)[1:-1]:
        account = row["Cells"][0]["Attributes"][0]
        assert account["Id"] == "accountID"
        opening, came, went, closing = (cents(value) for value in values(row)[1:])
        assert opening + came - went == closing
        assert opening == before.get(account["Value"], 0)
        assert closing == after.get(account["Value"], 0)


def test_the_executive_summary_repeats_the_other_reports(books):
    tenant_id = books.organisations[0].tenant_id
    report = books.report(tenant_id, "ExecutiveSummary", {"date": "2025-12-10"})
    month = {row["Cells"][0]["Value"]: row["Cells"][1]["Value"] for row in rows_of(report)[1:]}
    span = {"fromDate": "2025-12-01", "toDate": "2025-12-31"}
    profit = by_label(books.report(tenant_id, "ProfitAndLoss", span))
    sheet = by_label(books.report(tenant_id, "BalanceSheet", {"date": "2025-12-31"}))
    bank = values(rows_of(books.report(tenant_id, "BankSummary", span))[-1])
    assert Decimal(month["Profit (loss)"]) == profit["Net Profit"]
    assert Decimal(month["Net assets"]) == sheet["Net Assets"]
    assert month["Closing bank balance"] == bank[4]
    issued = [
        invoice
        for invoice in documents(books, "Invoices")
        if invoice["Type"] == "ACCREC"
        and invoice["Status"] in ("AUTHORISED", "PAID")
        and invoice["DateString"].startswith("2025-12")
    ]
    assert month["Number of invoices issued"] == str(len(issued))


def test_the_budget_summary_repeats_the_overall_budget(books):
    organisation = books.organisations[0]
    (budget,) = (b for b in documents(books, "Budgets") if b["Type"] == "OVERALL")

    def planned(*months: str) -> dict[str, int]:
        return {
            line["AccountID"]: sum(
                cents(balance["Amount"])
                for balance in line["BudgetBalances"]
                if balance["Period"] in months
            )
            for line in budget["BudgetLines"]
        }

    report = books.report(organisation.tenant_id, "BudgetSummary", {"date": "2025-05-20"})
    assert by_account(report) == planned("2025-05")
    assert heads(report)[:2] == ["May-25", "Jun-25"]
    assert len(heads(report)) == 12
    asked = {"date": "2025-05-20", "periods": "2", "timeframe": "3"}
    quarters = books.report(organisation.tenant_id, "BudgetSummary", asked)
    # A period is called by its last month, as in Xero's example.
    assert heads(quarters) == ["Jul-25", "Oct-25"]
    assert by_account(quarters) == planned("2025-05", "2025-06", "2025-07")


# Shape ----------------------------------------------------------------------------------


def test_periods_are_columns_that_repeat_the_single_reports(books):
    tenant_id = books.organisations[0].tenant_id
    many = books.report(
        tenant_id,
        "ProfitAndLoss",
        {"fromdate": "2025-12-01", "todate": "2025-12-31", "periods": "2", "timeframe": "MONTH"},
    )
    assert heads(many) == ["31 Dec 25", "30 Nov 25", "31 Oct 25"]
    november = {"fromDate": "2025-11-01", "toDate": "2025-11-30"}
    single = by_account(books.report(tenant_id, "ProfitAndLoss", november))
    assert nonzero(by_account(many, 2)) == nonzero(single)


def test_a_comparison_from_a_month_of_30_days_leaves_out_the_31st(books):
    """As Xero documents it: the days of the first period hold for every other."""
    tenant_id = books.organisations[0].tenant_id
    asked = {"fromDate": "2025-11-01", "toDate": "2025-11-30", "periods": "1"}
    report = books.report(tenant_id, "ProfitAndLoss", asked)
    assert heads(report) == ["30 Nov 25", "30 Oct 25"]
    cut = {"fromDate": "2025-10-01", "toDate": "2025-10-30"}
    single = by_account(books.report(tenant_id, "ProfitAndLoss", cut))
    assert nonzero(by_account(report, 2)) == nonzero(single)


def test_the_balance_sheet_is_drawn_up_at_the_end_of_the_month_and_of_the_year_before(books):
    tenant_id = books.organisations[0].tenant_id
    report = books.report(tenant_id, "BalanceSheet", {"date": "2025-11-05"})
    assert heads(report) == ["30 Nov 2025", "30 Nov 2024"]
    asked = {"date": "2025-04-30", "periods": "2", "timeframe": "MONTH"}
    months = books.report(tenant_id, "BalanceSheet", asked)
    assert heads(months) == ["30 Apr 2025", "31 Mar 2025", "28 Feb 2025"]


def test_reports_are_about_this_month_unless_told_otherwise(books):
    tenant_id = books.organisations[0].tenant_id
    titles = {
        name: books.report(tenant_id, name, {})["ReportTitles"][-1]
        for name in ("ProfitAndLoss", "BalanceSheet", "BankSummary", "TrialBalance")
    }
    assert titles == {
        "ProfitAndLoss": "1 February 2026 to 28 February 2026",
        "BalanceSheet": "As at 28 February 2026",
        "BankSummary": "From 1 February 2026 to 28 February 2026",
        "TrialBalance": "As at 14 February 2026",
    }


def test_a_report_says_what_it_is(books):
    organisation = books.organisations[0]
    report = books.report(organisation.tenant_id, "BalanceSheet", {"date": "2025-12-31"})
    assert report["ReportTitles"] == ["Balance Sheet", organisation.name, "As at 31 December 2025"]
    assert report["ReportDate"] == "14 February 2026"
    assert report["UpdatedDateUTC"] == "/Date(1771063200000)/"


@pytest.mark.parametrize(
    ("name", "parameters", "error"),
    [
        ("Horoscope", {}, LookupError),
        ("TrialBalance", {"date": "soon"}, ValueError),
        ("BalanceSheet", {"periods": "12"}, ValueError),
        ("BalanceSheet", {"periods": "1", "timeframe": "WEEK"}, ValueError),
        ("BudgetSummary", {"timeframe": "MONTH"}, ValueError),
        ("ProfitAndLoss", {"fromDate": "2026-02-01", "toDate": "2026-01-01"}, ValueError),
        ("ProfitAndLoss", {"fromDate": "2024-12-31", "toDate": "2026-01-01"}, ValueError),
        ("ProfitAndLoss", {"trackingOptionID": "1"}, ValueError),
        ("ProfitAndLoss", {"trackingCategoryID": "1"}, ValueError),
    ],
)
def test_what_cannot_be_reported_is_refused(books, name, parameters, error):
    with pytest.raises(error):
        books.report(books.organisations[0].tenant_id, name, parameters)
