"""When Xero or the network fails, and when Xero says no (sandbox)."""

from __future__ import annotations

import pytest
from singer_sdk.exceptions import ConfigValidationError
from tap_xero.api import errors


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Waits are noted, not waited."""
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, error, seconds: None)
    monkeypatch.setattr("tap_xero.api.limits.Limiter.hold", lambda self, tenant, seconds: None)


@pytest.fixture
def whole(xero_sandbox, run_tap, selecting):
    return run_tap(xero_sandbox, catalog=selecting("accounts", "invoices")).records


@pytest.mark.parametrize(
    "effect",
    [
        "server_error",
        "unavailable",
        "organisation_offline",
        "cut",
        "html",
        "truncated_json",
        "rate_minute",
        "rate_concurrent",
        "rate_app_minute",
        "token_expired",
    ],
)
def test_a_passing_failure_loses_nothing(xero_sandbox, run_tap, selecting, whole, effect):
    fault = xero_sandbox.faults.add(effect, path="Invoices", count=1)
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.error is None
    assert fault.struck == 1
    assert run.records == whole


def test_a_lasting_failure_is_the_failure_of_one_stream_of_one_organisation(
    xero_sandbox, run_tap, selecting, whole
):
    failing, other = xero_sandbox.tenants
    xero_sandbox.faults.add("server_error", path="Accounts", tenant=failing.tenant_id, count=None)
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.error is None
    assert run.tap.run.report.failures == [f"accounts of {failing.name}"]
    assert run.records["invoices"] == whole["invoices"]
    assert {record["TenantID"] for record in run.records["accounts"]} == {other.tenant_id}
    assert run.partition("accounts", failing.tenant_id) is None


def test_data_that_no_organisation_may_give_is_warned_about_once(
    xero_sandbox, run_tap, selecting, caplog
):
    xero_sandbox.faults.add("scope_missing", path="Accounts", count=None)
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.tap.run.report.failures == []
    (remark,) = run.remarks
    assert all(tenant.name in remark for tenant in xero_sandbox.tenants)
    assert caplog.text.count("AuthorizationUnsuccessful") == 1
    entries = run.tap.run.report.entries
    for tenant in xero_sandbox.tenants:
        assert "accounting.settings.read" in entries[tenant.name, "accounts"].skipped
        assert entries[tenant.name, "invoices"].skipped == ""


@pytest.mark.parametrize(
    ("effect", "word"), [("scope_missing", "accounting.settings.read"), ("not_found", "404")]
)
def test_gated_data_is_skipped_with_a_remark(xero_sandbox, run_tap, selecting, whole, effect, word):
    tenant = xero_sandbox.tenants[0]
    xero_sandbox.faults.add(effect, path="Accounts", tenant=tenant.tenant_id, count=None)
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.error is None
    (remark,) = run.remarks
    assert f"accounts of {tenant.name}" in remark
    assert word in remark
    assert run.records["invoices"] == whole["invoices"]
    assert {record["TenantID"] for record in run.records["accounts"]} == {
        xero_sandbox.tenants[1].tenant_id
    }
    assert run.partition("accounts", tenant.tenant_id) is None
    assert f"Not read: {remark}" in run.tap.run.report.lines()


def test_journals_that_the_tier_does_not_include_are_skipped(make_xero_sandbox, run_tap, selecting):
    sandbox = make_xero_sandbox(journals=False)
    run = run_tap(sandbox, catalog=selecting("journals", "currencies"))
    assert run.error is None
    (remark,) = run.remarks
    assert "Advanced tier" in remark
    assert "journals" not in run.state.get("bookmarks", {})


def test_a_revoked_organisation_is_left_and_the_others_are_read(
    xero_sandbox, run_tap, selecting, whole
):
    gone, other = xero_sandbox.tenants
    xero_sandbox.faults.add("tenant_revoked", path="*", tenant=gone.tenant_id, count=None)
    xero_sandbox.calls.clear()
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.error is None
    assert run.tap.run.report.failures == [f"the rest of {gone.name}"]
    assert len(run.remarks) == 1
    assert gone.name in run.remarks[0]
    # Both streams were on their way before the first answer.
    assert len(xero_sandbox.calls.of(tenant_id=gone.tenant_id)) <= 2
    for stream in ("accounts", "invoices"):
        expected = [each for each in whole[stream] if each["TenantID"] == other.tenant_id]
        assert run.records[stream] == expected


def test_a_used_up_day_stops_the_organisation_and_the_next_run_goes_on(
    xero_sandbox, run_tap, selecting, small_pages, whole
):
    small_pages(9)
    stopped, other = xero_sandbox.tenants
    catalog = selecting("accounts", "invoices")
    fault = xero_sandbox.faults.add(
        "rate_day", path="Invoices", tenant=stopped.tenant_id, page=2, count=None, seconds=40_000
    )
    first = run_tap(xero_sandbox, catalog=catalog)
    assert first.error is None
    assert fault.struck == 1
    (remark,) = first.remarks
    assert "11.1 hours" in remark
    assert first.partition("invoices", stopped.tenant_id)["page"] == 2
    assert "page" not in first.partition("invoices", other.tenant_id)
    xero_sandbox.faults.clear()
    second = run_tap(xero_sandbox, catalog=catalog, state=first.state)
    came = {record["InvoiceID"] for run in (first, second) for record in run.records["invoices"]}
    assert came == {record["InvoiceID"] for record in whole["invoices"]}


def test_an_unknown_organisation_is_named_with_those_that_are_connected(xero_sandbox, run_tap):
    run = run_tap(xero_sandbox, tenant_ids=["not-connected"])
    assert type(run.error) is ConfigValidationError
    message = str(run.error)
    assert "tenant_ids" in message
    assert "not-connected" in message
    assert xero_sandbox.tenants[0].tenant_id in message


def test_a_dead_refresh_token_ends_the_run_and_is_not_repeated_in_the_error(xero_sandbox, run_tap):
    run = run_tap(xero_sandbox, refresh_token="dead-token-value")
    assert type(run.error) is errors.RefreshTokenRefusedError
    assert "refresh_token" in str(run.error)
    assert "dead-token-value" not in str(run.error)


def test_a_token_service_that_is_down_ends_the_run_after_its_tries_and_not_one_by_one(
    xero_sandbox, run_tap, monkeypatch
):
    tries = []
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, *_: tries.append(1))
    run = run_tap(xero_sandbox, identity_url="http://127.0.0.1:9")
    assert type(run.error) is errors.TokenServiceDownError
    assert "could not be reached" in str(run.error)
    assert len(tries) == 5
    assert xero_sandbox.calls.of("*") == []


def test_access_that_comes_back_is_used_by_itself(xero_sandbox, run_tap, selecting, whole):
    """Gated data, a missing scope and an organisation that is revoked for a while."""
    catalog = selecting("accounts", "invoices")
    first, second = xero_sandbox.tenants
    xero_sandbox.faults.add("scope_missing", path="Accounts", tenant=first.tenant_id, count=None)
    xero_sandbox.faults.add("tenant_revoked", path="*", tenant=second.tenant_id, count=None)
    denied = run_tap(xero_sandbox, catalog=catalog, cadence={"*": "1h"})
    assert denied.error is None
    assert len(denied.remarks) == 2
    assert denied.tap.run.report.failures == [f"the rest of {second.name}"]
    xero_sandbox.faults.clear()
    allowed = run_tap(xero_sandbox, catalog=catalog, state=denied.state, cadence={"*": "1h"})
    assert allowed.remarks == []
    assert allowed.records["accounts"] == whole["accounts"]
    # Invoices of the first organisation were read and are not due; all others come now.
    assert allowed.records["invoices"] == [
        each for each in whole["invoices"] if each["TenantID"] == second.tenant_id
    ]


def test_journals_are_picked_up_when_the_tier_has_them(make_xero_sandbox, run_tap, selecting):
    clock = make_xero_sandbox(journals=False)
    denied = run_tap(clock, catalog=selecting("journals"))
    assert "journals" in denied.remarks[0]
    opened = make_xero_sandbox(journals=True)
    allowed = run_tap(opened, catalog=selecting("journals"), state=denied.state)
    assert allowed.remarks == []
    assert len(allowed.records["journals"]) == opened.store.count(
        opened.tenants[0].tenant_id, "Journals"
    )


def test_an_organisation_that_is_disconnected_is_not_asked_and_keeps_its_place(
    xero_sandbox, run_tap, selecting, whole
):
    catalog = selecting("accounts", "invoices")
    gone, stays = xero_sandbox.tenants
    first = run_tap(xero_sandbox, catalog=catalog)
    (row,) = [
        each
        for each in xero_sandbox.identity.connections
        if each.tenant.tenant_id == gone.tenant_id
    ]
    xero_sandbox.identity.disconnect(row.connection_id)
    xero_sandbox.calls.clear()
    second = run_tap(xero_sandbox, catalog=catalog, state=first.state)
    assert second.error is None
    assert second.remarks == []
    assert xero_sandbox.calls.of(tenant_id=gone.tenant_id) == []
    assert len(xero_sandbox.calls.of("Accounts", tenant_id=stays.tenant_id)) == 1
    # Connected again, it goes on from its bookmark.
    xero_sandbox.identity.connections.append(row)
    third = run_tap(xero_sandbox, catalog=catalog, state=second.state)
    assert third.partition("invoices", gone.tenant_id) == first.partition(
        "invoices", gone.tenant_id
    )
    assert {call.modified_since for call in xero_sandbox.calls.of("Invoices")} == {
        "2026-02-02T07:55:00Z"
    }
    assert third.records["invoices"] == []


def test_an_organisation_that_is_added_is_read_whole(xero_sandbox, run_tap, selecting, whole):
    catalog = selecting("accounts", "invoices")
    known, new = xero_sandbox.tenants
    first = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[known.tenant_id])
    second = run_tap(xero_sandbox, catalog=catalog, state=first.state)
    for stream in ("accounts", "invoices"):
        assert [each for each in second.records[stream] if each["TenantID"] == new.tenant_id] == [
            each for each in whole[stream] if each["TenantID"] == new.tenant_id
        ]
    assert [
        each for each in second.records["invoices"] if each["TenantID"] == known.tenant_id
    ] == []


def test_a_count_that_is_too_high_is_remarked_on_and_the_bookmark_moves(
    xero_sandbox, run_tap, selecting, whole
):
    catalog = selecting("accounts", "invoices")
    xero_sandbox.irregularities.set(resources=["Invoices"], count_error=1)
    xero_sandbox.calls.clear()
    first = run_tap(xero_sandbox, catalog=catalog)
    assert first.records == whole
    assert first.tap.run.report.failures == []
    assert all("lists" in remark for remark in first.remarks)
    assert len(first.remarks) == len(xero_sandbox.tenants)
    for tenant in xero_sandbox.tenants:
        assert set(first.partition("invoices", tenant.tenant_id)) == {
            "context",
            "replication_key",
            "replication_key_value",
        }
        # The list, what changed meanwhile, the count, and the list once more.
        assert len(xero_sandbox.calls.of("Invoices", tenant_id=tenant.tenant_id)) == 4
    second = run_tap(xero_sandbox, catalog=catalog, state=first.state)
    assert second.records["invoices"] == []


def test_nothing_is_retired_for_a_list_that_has_less_than_xero_counts(
    xero_sandbox, run_tap, selecting
):
    catalog = selecting("contacts")
    settings = {"catalog": catalog, "full_refresh_every": {"contacts": "1d"}}
    xero_sandbox.irregularities.set(count_error=1)
    assert run_tap(xero_sandbox, **settings).of("ACTIVATE_VERSION") == []
    xero_sandbox.irregularities.clear()
    assert len(run_tap(xero_sandbox, **settings).of("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize("end", ["missing", "repeated"])
def test_full_pages_without_a_count_end_whatever_follows_them(
    xero_sandbox, run_tap, selecting, monkeypatch, end
):
    """Every page is full when there is one row on each."""
    for size in (
        "tap_xero.models.resources.FIXED_PAGE_SIZE",
        "xero_sandbox.app.reading._FIXED_PAGE",
    ):
        monkeypatch.setattr(size, 1)
    streams = {"quotes": "Quotes", "linked_transactions": "LinkedTransactions"}
    xero_sandbox.irregularities.set(past_the_end=end)
    run = run_tap(xero_sandbox, catalog=selecting(*streams))
    assert (run.error, run.remarks) == (None, [])
    for stream, path in streams.items():
        for tenant in xero_sandbox.tenants:
            rows = xero_sandbox.store.count(tenant.tenant_id, path)
            came = [r for r in run.records[stream] if r["TenantID"] == tenant.tenant_id]
            assert len(came) == rows > 1
            passes = 1 if stream == "quotes" else 2
            calls = xero_sandbox.calls.of(path, tenant_id=tenant.tenant_id)
            assert len(calls) == passes * (rows + 1)


def test_versions_are_activated_only_when_every_organisation_was_read(
    xero_sandbox, run_tap, selecting
):
    catalog = selecting("currencies", "tax_rates")
    xero_sandbox.faults.add(
        "scope_missing", path="TaxRates", tenant=xero_sandbox.tenants[0].tenant_id, count=None
    )
    run = run_tap(xero_sandbox, catalog=catalog, emit_activate_version_messages=True)
    (activated,) = run.of("ACTIVATE_VERSION")
    assert activated["stream"] == "currencies"
    versions = {
        message["version"] for message in run.of("RECORD") if message["stream"] == "currencies"
    }
    assert versions == {activated["version"]}
    assert run.messages.index(activated) > max(
        index
        for index, message in enumerate(run.messages)
        if message["type"] == "RECORD" and message["stream"] == "currencies"
    )
