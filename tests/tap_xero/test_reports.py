"""Report streams: what is a stream, what it costs, what is retired, what goes wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tap_xero.commands.check import scope_rows
from tap_xero.commands.login import default_scopes
from tap_xero.models.resources import BY_STREAM, RESOURCES
from tap_xero.reports.table import REPORT_NAMES, REPORTS, problems, resource
from tap_xero.tap import TapXero


def test_no_report_is_a_stream_unless_the_setting_names_it():
    def names(config):
        return [
            each["tap_stream_id"]
            for each in TapXero(config=config, validate_config=False).catalog_dict["streams"]
        ]

    usual = [each.stream for each in RESOURCES]
    assert names({}) == usual
    assert names({"reports": {}}) == usual
    wanted = {"balance_sheet": None, "trial_balance": {"periods": 1}}
    assert names({"reports": wanted}) == [*usual, "trial_balance", "balance_sheet"]
    assert names({"reports": dict.fromkeys(REPORT_NAMES)}) == [*usual, *REPORT_NAMES]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stream)
def test_rows_are_described_keyed_and_typed(report, all_reports):
    schema = resource(report).schema
    names = ["TenantID", "PeriodEnd", "RowKey", "Measure", "TrackingOption"]
    assert list(schema["properties"])[:5] == names
    assert schema["description"]
    assert all(each["description"] for each in schema["properties"].values())
    for name in names:
        assert schema["properties"][name]["type"] == "string"
    for name in ("PeriodStart", "PeriodEnd"):
        assert schema["properties"][name]["format"] == "date"
    reference = schema["properties"]["AccountID"]["x-references"]
    assert reference == {"stream": "accounts", "properties": ["TenantID", "AccountID"]}
    places = Decimal(1).scaleb(-schema["properties"]["Amount"]["x-scale"])
    records = all_reports.records[report.stream]
    assert len({tuple(record[name] for name in names) for record in records}) == len(records) > 0
    for record in records:
        assert list(record) == list(schema["properties"])
        assert record["Amount"] is None or record["Amount"] % places == 0
    sent = all_reports.schemas[report.stream]["properties"]
    assert sent["AccountID"]["x-references"] == reference


def test_as_few_calls_as_possible_and_one_for_the_organisation(reports_sandbox, all_reports):
    entries = all_reports.tap.run.report.entries
    for tenant in reports_sandbox.tenants:
        calls = {
            stream: entry.usage.calls
            for (name, stream), entry in entries.items()
            if name == tenant.name
        }
        # February alone and January with the ten months before it; one column a month elsewhere.
        least = {
            "trial_balance": 3,
            "profit_and_loss": 2,
            "balance_sheet": 1,
            "bank_summary": 2,
            "budget_summary": 1,
            "executive_summary": 2,
            "trial_balance_cash": 2,
            "profit_and_loss_cash": 2,
            "balance_sheet_cash": 1,
        }
        assert sum(calls.values()) == sum(least.values()) + 1
        assert all(calls[stream] - least[stream] in (0, 1) for stream in least)


def test_every_run_gives_a_new_version_of_all_that_is_shown(all_reports):
    for stream in REPORT_NAMES:
        (activated,) = (m for m in all_reports.of("ACTIVATE_VERSION") if m["stream"] == stream)
        versions = {m["version"] for m in all_reports.of("RECORD") if m["stream"] == stream}
        assert versions == {activated["version"]}
    assert all_reports.messages.index(activated) > max(
        place
        for place, message in enumerate(all_reports.messages)
        if message["type"] == "RECORD" and message["stream"] == REPORT_NAMES[-1]
    )


def test_reports_are_read_when_they_are_due(reports_sandbox, read_reports):
    cadence = {"trial_balance": "24h"}
    first = read_reports(
        reports_sandbox, {"trial_balance": {}, "bank_summary": {}}, cadence=cadence
    )
    second = read_reports(
        reports_sandbox,
        {"trial_balance": {}, "bank_summary": {}},
        cadence=cadence,
        state=first.state,
        skip_unchanged=False,
    )
    assert first.records["trial_balance"]
    assert second.records["trial_balance"] == []
    assert [m["stream"] for m in second.of("ACTIVATE_VERSION")] == ["bank_summary"]
    assert second.records["bank_summary"] == first.records["bank_summary"]


def test_an_organisation_that_is_left_out_keeps_its_rows(reports_sandbox, read_reports):
    both = read_reports(reports_sandbox, {"bank_summary": {}})
    one = read_reports(
        reports_sandbox,
        {"bank_summary": {}},
        state=both.state,
        tenant_ids=[reports_sandbox.tenants[0].tenant_id],
        skip_unchanged=False,
    )
    assert both.of("ACTIVATE_VERSION")
    assert one.records["bank_summary"]
    assert one.of("ACTIVATE_VERSION") == []


def test_a_stopped_run_begins_the_report_anew(reports_sandbox, read_reports):
    reports = {"trial_balance": {"periods": 3}}
    stopped = read_reports(reports_sandbox, reports, stop_after_pages=2)
    assert stopped.error is not None
    done = read_reports(reports_sandbox, reports, state=stopped.state)
    ends = {(record["TenantID"], record["PeriodEnd"]) for record in done.records["trial_balance"]}
    assert len(ends) == 6
    assert done.of("ACTIVATE_VERSION")


def test_stream_maps_and_field_selection_hold_for_reports_too(reports_sandbox, read_reports):
    run = read_reports(
        reports_sandbox,
        {"bank_summary": {"periods": 1}},
        stream_maps={"bank_summary": {"Twice": "2 * float(Amount)"}},
    )
    records = run.records["bank_summary"]
    assert records
    assert all(float(r["Twice"]) == 2 * float(r["Amount"]) for r in records)
    assert run.of("ACTIVATE_VERSION")


# What goes wrong ------------------------------------------------------------------------


def test_a_missing_scope_skips_the_report_with_one_warning(
    reports_sandbox, read_reports, make_xero_sandbox
):
    scopes = "accounting.settings.read accounting.reports.banksummary.read offline_access"
    narrow = make_xero_sandbox(organisations=1, invoices=5, scopes=scopes.split())
    run = read_reports(narrow, {"trial_balance": {}, "bank_summary": {}})
    assert run.error is None
    assert run.records["bank_summary"]
    (remark,) = run.remarks
    assert "trial_balance of" in remark
    assert "accounting.reports.trialbalance.read or accounting.reports.read" in remark
    # A report that nobody let us read is not an empty one.
    assert [m["stream"] for m in run.of("ACTIVATE_VERSION")] == ["bank_summary"]


def test_without_the_settings_scope_reports_say_what_they_need(read_reports, make_xero_sandbox):
    scopes = ["accounting.reports.read", "offline_access"]
    narrow = make_xero_sandbox(organisations=1, invoices=5, scopes=scopes)
    run = read_reports(narrow, {"bank_summary": {}})
    assert run.tap.run.report.failures == [f"all of {narrow.tenants[0].name}"]
    (remark,) = run.remarks
    assert "tracking categories, for which it takes the scope accounting.settings.read" in remark
    assert run.records["bank_summary"] == []


def test_an_organisation_that_never_let_us_holds_no_other_ones_version_up(
    small_sandbox, read_reports
):
    path, refused = "Reports/BankSummary", small_sandbox.tenants[1].tenant_id
    small_sandbox.faults.add("scope_missing", path=path, tenant=refused, count=None)
    run = read_reports(small_sandbox, {"bank_summary": {}})
    assert {record["TenantID"] for record in run.records["bank_summary"]} == {
        small_sandbox.tenants[0].tenant_id
    }
    assert run.of("ACTIVATE_VERSION")


def test_an_organisation_that_lets_us_no_more_keeps_its_rows(small_sandbox, read_reports):
    before = read_reports(small_sandbox, {"bank_summary": {}})
    path, refused = "Reports/BankSummary", small_sandbox.tenants[1].tenant_id
    small_sandbox.faults.add("scope_missing", path=path, tenant=refused, count=None)
    after = read_reports(
        small_sandbox, {"bank_summary": {}}, state=before.state, skip_unchanged=False
    )
    assert len(after.remarks) == 1
    assert after.records["bank_summary"]
    assert after.of("ACTIVATE_VERSION") == []


def test_a_report_of_another_period_fails_that_stream_and_no_other(
    reports_sandbox, read_reports, monkeypatch
):
    monkeypatch.setattr(
        "xero_sandbox.reports.periods.short", lambda day: f"{day.day + 1} {day:%b %Y}"
    )
    run = read_reports(reports_sandbox, {"balance_sheet": {}, "bank_summary": {}})
    assert run.error is None
    assert run.records["balance_sheet"] == []
    assert run.records["bank_summary"]
    failures = run.tap.run.report.failures
    assert sorted(failures) == sorted(f"balance_sheet of {t.name}" for t in reports_sandbox.tenants)
    assert [m["stream"] for m in run.of("ACTIVATE_VERSION")] == ["bank_summary"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"cash_flow": {}},
            f"Setting reports: cash_flow is no report; there are {', '.join(REPORT_NAMES)}.",
        ),
        (
            {"profit_and_loss": {"basis": "kash"}},
            "Setting reports: profit_and_loss: basis is accrual or cash, not 'kash'.",
        ),
        (
            {"balance_sheet": {"periods": 61}},
            "Setting reports: balance_sheet: periods is a number from 1 to 60, not 61.",
        ),
        (
            {"balance_sheet": {"periods": 0}},
            "Setting reports: balance_sheet: periods is a number from 1 to 60, not 0.",
        ),
        (
            {"budget_summary": {"ahead": "all"}},
            "Setting reports: budget_summary: ahead is a number from 0 to 60, not 'all'.",
        ),
        (
            {"bank_summary": {"timeframe": "WEEK"}},
            "Setting reports: bank_summary: timeframe is one of MONTH, QUARTER, YEAR, not 'WEEK'.",
        ),
        (
            {"trial_balance": {"timeframe": "YEAR"}},
            "Setting reports: trial_balance has no timeframe; it takes periods, basis.",
        ),
        (
            {"profit_and_loss": {"tracking_category": ""}},
            (
                "Setting reports: profit_and_loss: tracking_category is the name or id of a "
                "tracking category, not ''."
            ),
        ),
    ],
)
def test_a_setting_that_cannot_be_is_refused(setting, message):
    assert problems(setting) == [message]


def test_signing_in_asks_for_the_reports_that_are_wanted(reports_sandbox):
    usual = set(default_scopes().split())
    wanted = set(default_scopes({"reports": {"trial_balance": {}, "balance_sheet": {}}}).split())
    assert wanted - usual == {
        "accounting.reports.trialbalance.read",
        "accounting.reports.balancesheet.read",
    }
    rows = scope_rows(["accounting.reports.read"], [resource(REPORTS[0]), BY_STREAM["invoices"]])
    assert rows[1:] == [("not granted", "accounting.invoices.read (skipped: invoices)")]


def test_no_report_is_named_like_a_resource():
    assert not set(REPORT_NAMES) & set(BY_STREAM)
