"""Figures of report streams: they are those of the sandbox's own general ledger."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tap_xero.reports.table import REPORTS
from xero_sandbox import wire

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTH_END, BEFORE = "2026-02-28", "2026-01-31"
RESULT = ("REVENUE", "EXPENSE")


def journal_lines(sandbox, tenant_id):
    """Date, account, cents and tracking options of every line of the general ledger."""
    sandbox.books.write_journals(tenant_id)
    for text in sandbox.store.page(tenant_id, "Journals").documents:
        journal = wire.decode(text)
        day = (EPOCH + timedelta(milliseconds=wire.parse_net_date(journal["JournalDate"]))).date()
        for line in journal["JournalLines"]:
            options = {each["TrackingOptionID"] for each in line["TrackingCategories"]}
            yield day, line["AccountID"], line["NetAmount"], options


def classes(sandbox, tenant_id):
    accounts = map(wire.decode, sandbox.store.page(tenant_id, "Accounts").documents)
    return {account["AccountID"]: account["Class"] for account in accounts}


def amounts(records, tenant_id, *keys, **where):
    """Sums of the figures of accounts, by some of their columns, without zeros."""
    found = defaultdict(Decimal)
    for record in records:
        if (
            record["TenantID"] == tenant_id
            and record["AccountID"]
            and record["Amount"]
            and all(record[name] == value for name, value in where.items())
        ):
            found[tuple(record[key] for key in keys)] += record["Amount"]
    return {key: amount for key, amount in found.items() if amount}


def test_the_profit_and_loss_of_each_month_is_the_sum_of_the_journals(reports_sandbox, all_reports):
    for tenant in reports_sandbox.tenants:
        kinds = classes(reports_sandbox, tenant.tenant_id)
        expected = defaultdict(Decimal)
        for day, account, amount, _ in journal_lines(reports_sandbox, tenant.tenant_id):
            if kinds[account] in RESULT and day >= date(2025, 3, 1):
                month = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
                sign = 1 if kinds[account] == "EXPENSE" else -1
                expected[f"{month - timedelta(days=1)}", account] += sign * amount
        found = amounts(
            all_reports.records["profit_and_loss"], tenant.tenant_id, "PeriodEnd", "AccountID"
        )
        assert found == {key: amount for key, amount in expected.items() if amount}
        assert len({end for end, _ in found}) == 12


def test_debits_and_credits_of_the_trial_balance_are_equal_and_those_of_the_journals(
    reports_sandbox, all_reports
):
    records = all_reports.records["trial_balance"]
    assert {record["PeriodEnd"] for record in records} == {MONTH_END, BEFORE, "2025-12-31"}
    for tenant in reports_sandbox.tenants:
        balances = defaultdict(Decimal)
        moved = defaultdict(Decimal)
        for day, account, amount, _ in journal_lines(reports_sandbox, tenant.tenant_id):
            if day <= date(2026, 1, 31):
                balances[account] += amount
            if date(2026, 1, 1) <= day <= date(2026, 1, 31):
                moved[account] += amount
        found = amounts(records, tenant.tenant_id, "Measure", "AccountID", PeriodEnd=BEFORE)
        assert {
            account: found.get(("Debit", account), 0) - found.get(("Credit", account), 0)
            for account in moved
            if moved[account]
        } == {account: amount for account, amount in moved.items() if amount}
        kinds = classes(reports_sandbox, tenant.tenant_id)
        for account, amount in balances.items():
            if kinds[account] in ("ASSET", "LIABILITY"):
                debit, credit = (
                    found.get((side, account), 0) for side in ("YTD Debit", "YTD Credit")
                )
                assert debit - credit == amount
        sides = amounts(records, tenant.tenant_id, "Measure", PeriodEnd=BEFORE)
        assert sides["Debit",] == sides["Credit",]
        assert sides["YTD Debit",] == sides["YTD Credit",]


def test_balance_sheets_balance_and_agree_with_the_bank_summary(reports_sandbox, all_reports):
    sheet, bank = all_reports.records["balance_sheet"], all_reports.records["bank_summary"]
    for tenant in reports_sandbox.tenants:
        lines = {
            (record["PeriodEnd"], record["RowKey"]): record["Amount"]
            for record in sheet
            if record["TenantID"] == tenant.tenant_id
        }
        ends = {end for end, _ in lines}
        assert len(ends) == 12
        for end in ends:
            net = lines[end, "Net Assets"]
            assert net == lines[end, "Total Assets"] - lines[end, "Total Liabilities"]
            assert net == lines[end, "Equity/Total Equity"]
        closing = amounts(
            bank, tenant.tenant_id, "AccountID", Measure="Closing Balance", PeriodEnd=BEFORE
        )
        shown = amounts(sheet, tenant.tenant_id, "AccountID", Section="Bank", PeriodEnd=BEFORE)
        assert closing == shown != {}


def test_budgets_are_the_overall_budget_and_join_the_profit_and_loss(reports_sandbox, all_reports):
    for tenant in reports_sandbox.tenants:
        documents = reports_sandbox.store.page(tenant.tenant_id, "Budgets").documents
        (budget,) = (b for b in map(wire.decode, documents) if b["Type"] == "OVERALL")
        planned = {
            (balance["Period"], line["AccountID"]): balance["Amount"]
            for line in budget["BudgetLines"]
            for balance in line["BudgetBalances"]
            if "2025-12" <= balance["Period"] <= "2026-11" and balance["Amount"]
        }
        found = amounts(
            all_reports.records["budget_summary"], tenant.tenant_id, "PeriodEnd", "AccountID"
        )
        assert {(end[:7], account): amount for (end, account), amount in found.items()} == planned
        actual = amounts(
            all_reports.records["profit_and_loss"], tenant.tenant_id, "PeriodEnd", "AccountID"
        )
        assert set(found) & set(actual)


def test_the_executive_summary_has_figures_per_cent_and_ratios(all_reports):
    records = all_reports.records["executive_summary"]
    assert len({record["PeriodEnd"] for record in records}) == 4
    profit = {
        (record["TenantID"], record["PeriodEnd"]): record["Amount"]
        for record in all_reports.records["profit_and_loss"]
        if record["RowKey"] == "Net Profit"
    }
    for record in records:
        if record["RowKey"] == "Profitability/Profit (loss)":
            assert record["Amount"] == profit[record["TenantID"], record["PeriodEnd"]]
        if (record["Value"] or "").endswith("%"):
            assert f"{record['Amount']}%" == record["Value"]
    ratios = [r for r in records if r["RowKey"] == "Position/Current assets to liabilities"]
    assert all(abs(r["Amount"] - Decimal(r["Value"])) < Decimal("1e-10") for r in ratios)
    assert any(len(r["Value"].partition(".")[2]) > 10 for r in ratios)


def test_tracking_options_split_the_figures_without_remainder(reports_sandbox, read_reports):
    wanted = {"periods": 3, "tracking_category": " region "}
    run = read_reports(reports_sandbox, {"profit_and_loss": wanted})
    whole = read_reports(reports_sandbox, {"profit_and_loss": {"periods": 3}})
    assert run.remarks == []
    for tenant in reports_sandbox.tenants:
        places = tenant.tenant_id, "PeriodEnd", "RowKey"
        split = amounts(run.records["profit_and_loss"], *places)
        assert split == amounts(whole.records["profit_and_loss"], *places) != {}
        kinds = classes(reports_sandbox, tenant.tenant_id)
        expected = defaultdict(Decimal)
        for day, account, amount, options in journal_lines(reports_sandbox, tenant.tenant_id):
            if kinds[account] == "REVENUE" and date(2026, 1, 1) <= day <= date(2026, 1, 31):
                for option in options:
                    expected[option,] -= amount
        by_option = amounts(
            run.records["profit_and_loss"],
            tenant.tenant_id,
            "TrackingOptionID",
            Section="Income",
            PeriodEnd=BEFORE,
        )
        by_option.pop((None,), None)
        assert by_option
        assert by_option == {key: expected[key] for key in by_option}


@pytest.mark.parametrize("archived", ["option", "category"])
def test_what_was_archived_after_it_was_used_keeps_its_id(small_sandbox, read_reports, archived):
    """Kind 20: reports go on showing it, so `TrackingOptionID` says which it is."""
    (tenant, *_) = small_sandbox.tenants
    small_sandbox.prepare()
    text = small_sandbox.store.page(tenant.tenant_id, "TrackingCategories").documents
    category = next(each for each in map(wire.decode, text) if each["Name"] == "Region")
    ids = {option["Name"]: option["TrackingOptionID"] for option in category["Options"]}
    gone = {"Status": "ARCHIVED", "IsArchived": True, "IsActive": False}
    options = [
        {**option, **gone} if archived == "option" and option["Name"] == "North" else option
        for option in category["Options"]
    ]
    small_sandbox.books.edit(
        tenant.tenant_id,
        "TrackingCategories",
        category["TrackingCategoryID"],
        Options=options,
        **(gone if archived == "category" else {}),
    )
    reports = {"profit_and_loss": {"periods": 3, "tracking_category": "Region"}}
    run = read_reports(small_sandbox, reports, tenant_ids=[tenant.tenant_id])
    assert (run.error, run.remarks) == (None, [])
    names = {
        each["TrackingOption"]: each["TrackingOptionID"] for each in run.records["profit_and_loss"]
    }
    assert "North" in names
    assert names == {name: ids.get(name) for name in names}
    assert {name for name, identity in names.items() if identity is None} == {"Unassigned"}


def test_an_organisation_without_the_tracking_category_is_read_without(
    reports_sandbox, read_reports
):
    run = read_reports(reports_sandbox, {"profit_and_loss": {"tracking_category": "Zodiac"}})
    assert len(run.remarks) == 2
    assert all("no tracking category Zodiac" in remark for remark in run.remarks)
    assert {record["TrackingOption"] for record in run.records["profit_and_loss"]} == {""}


def test_cash_basis_has_other_figures_and_says_so(reports_sandbox, read_reports):
    options = {"periods": 3, "basis": "Cash"}
    cash = read_reports(reports_sandbox, {"trial_balance": options, "profit_and_loss": options})
    accrual = read_reports(reports_sandbox, {"profit_and_loss": {"periods": 3}})
    for stream in ("trial_balance", "profit_and_loss"):
        assert {record["Basis"] for record in cash.records[stream]} == {"cash"}
    tenant_id = reports_sandbox.tenants[0].tenant_id
    net, booked = (
        {
            r["PeriodEnd"]: r["Amount"]
            for r in run.records["profit_and_loss"]
            if r["RowKey"] == "Net Profit" and r["TenantID"] == tenant_id
        }
        for run in (cash, accrual)
    )
    assert net.keys() == booked.keys()
    assert net != booked
    sides = amounts(cash.records["trial_balance"], tenant_id, "Measure", PeriodEnd=BEFORE)
    assert sides["YTD Debit",] == sides["YTD Credit",]


def test_years_are_those_of_the_organisation(reports_sandbox, read_reports):
    run = read_reports(reports_sandbox, {"profit_and_loss": {"periods": 2, "timeframe": "year"}})
    for tenant in reports_sandbox.tenants:
        (about,) = map(
            wire.decode, reports_sandbox.store.page(tenant.tenant_id, "Organisations").documents
        )
        ends = {
            record["PeriodEnd"]
            for record in run.records["profit_and_loss"]
            if record["TenantID"] == tenant.tenant_id
        }
        assert len(ends) == 2
        ending = (about["FinancialYearEndMonth"], about["FinancialYearEndDay"])
        assert {(int(end[5:7]), int(end[8:])) for end in ends} == {ending}


def test_accounts_of_the_rows_are_those_of_the_chart(reports_sandbox, all_reports):
    for tenant in reports_sandbox.tenants:
        chart = set(classes(reports_sandbox, tenant.tenant_id))
        for report in REPORTS:
            found = {
                record["AccountID"]
                for record in all_reports.records[report.stream]
                if record["TenantID"] == tenant.tenant_id
            }
            assert found - {None} <= chart
    assert any(
        record["RowKey"] == "Equity/Current Year Earnings"
        for record in all_reports.records["balance_sheet"]
    )


def test_a_line_that_leaves_the_report_is_not_sent_again_and_so_retired(
    small_sandbox, read_reports
):
    """A new account used by mistake, in one month only: voided, it is zero and not shown."""
    tenant = small_sandbox.tenants[0].tenant_id
    unused = _unused_account(small_sandbox, tenant)
    line = {"Description": "Wrong account", "Quantity": 1, "UnitAmount": 50, "TaxType": "NONE"}
    invoice = small_sandbox.books.add_invoice(
        tenant,
        Type="ACCPAY",
        LineAmountTypes="NoTax",
        LineItems=[{**line, "AccountCode": unused["Code"]}],
    )
    reports = {"profit_and_loss": {"periods": 2}}
    before = read_reports(small_sandbox, reports)
    key = (unused["AccountID"],)
    assert amounts(before.records["profit_and_loss"], tenant, "AccountID")[key] == 50
    small_sandbox.books.void(tenant, "Invoices", invoice["InvoiceID"])
    after = read_reports(small_sandbox, reports, state=before.state)
    assert unused["AccountID"] not in {r["AccountID"] for r in after.records["profit_and_loss"]}
    (activated,) = after.of("ACTIVATE_VERSION")
    assert {m["version"] for m in after.of("RECORD")} == {activated["version"]}


def _unused_account(sandbox, tenant_id):
    used = {account for _, account, _, _ in journal_lines(sandbox, tenant_id)}
    accounts = map(wire.decode, sandbox.store.page(tenant_id, "Accounts").documents)
    return next(
        account
        for account in accounts
        if account["Class"] == "EXPENSE"
        and account["AccountID"] not in used
        and account["Status"] == "ACTIVE"
        and not account.get("SystemAccount")
    )


def test_what_is_booked_into_a_past_month_is_seen(small_sandbox, read_reports):
    tenant = small_sandbox.tenants[0].tenant_id
    reports = {"profit_and_loss": {"periods": 6}}

    def profit(run):
        return {
            record["PeriodEnd"]: record["Amount"]
            for record in run.records["profit_and_loss"]
            if record["TenantID"] == tenant and record["RowKey"] == "Net Profit"
        }

    before = profit(read_reports(small_sandbox, reports))
    small_sandbox.books.add_invoice(
        tenant,
        Date=wire.net_date(wire.to_ms(datetime(2025, 10, 9, tzinfo=UTC))),
        LineAmountTypes="NoTax",
        LineItems=[
            {
                "Description": "Late",
                "Quantity": 1,
                "UnitAmount": 70,
                "AccountCode": "200",
                "TaxType": "NONE",
            }
        ],
    )
    after = profit(read_reports(small_sandbox, reports))
    assert after.pop("2025-10-31") == before.pop("2025-10-31") + 70
    assert after == before
