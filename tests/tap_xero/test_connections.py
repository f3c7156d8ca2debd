"""Which organisations the credentials reach, however Xero lists them and people write them down."""

from __future__ import annotations

import pytest

STREAM = "accounts"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Waits are noted, not waited."""
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, error, seconds: None)


@pytest.mark.parametrize("effect", ["tenant_revoked", "scope_missing", "not_found", "none"])
def test_kind_2_a_custom_connection_that_lists_none_is_read(
    xero_sandbox, run_tap, selecting, effect
):
    xero_sandbox.faults.add(effect, path="/connections", count=None)
    run = run_tap(xero_sandbox, catalog=selecting(STREAM), refresh_token="")
    assert run.error is None
    tenants = {record["TenantID"] for record in run.records[STREAM]}
    assert tenants == {xero_sandbox.tenants[0].tenant_id}


@pytest.mark.parametrize("effect", ["tenant_revoked", "none"])
def test_kind_2_a_consent_without_organisations_ends_in_a_sentence(
    xero_sandbox, run_tap, selecting, effect
):
    xero_sandbox.faults.add(effect, path="/connections", count=None)
    run = run_tap(xero_sandbox, catalog=selecting(STREAM))
    assert "connect" in str(run.error).lower()
    assert run.records == {}


def test_kind_5_a_connection_that_is_listed_twice_is_read_once(xero_sandbox, run_tap, selecting):
    once = run_tap(xero_sandbox, catalog=selecting(STREAM))
    xero_sandbox.calls.clear()
    xero_sandbox.faults.add("twice", path="/connections", count=None)
    twice = run_tap(xero_sandbox, catalog=selecting(STREAM))
    assert twice.records == once.records
    assert len(xero_sandbox.calls.of("Accounts")) == len(xero_sandbox.tenants)


def test_kind_5_tenant_ids_may_be_in_capitals_blank_and_named_twice(
    xero_sandbox, run_tap, selecting
):
    chosen = xero_sandbox.tenants[1].tenant_id
    run = run_tap(
        xero_sandbox,
        catalog=selecting(STREAM),
        tenant_ids=[f" {chosen.upper()}\n", chosen, ""],
    )
    assert run.tap.run.report.failures == []
    assert {record["TenantID"] for record in run.records[STREAM]} == {chosen}


def test_kind_5_two_organisations_of_one_name_are_told_apart(make_xero_sandbox, run_tap, selecting):
    sandbox = make_xero_sandbox(organisations=["Kauri Limited", "Kauri Limited", "Rimu Limited"])
    first, second, other = sandbox.tenants
    sandbox.faults.add("rate_day", tenant=second.tenant_id, path="Invoices", count=None)
    run = run_tap(sandbox, catalog=selecting(STREAM, "invoices"))
    report = run.tap.run.report
    one, two = (f"Kauri Limited ({each.tenant_id[:8]})" for each in (first, second))
    bill = {(each.tenant_id, name, stream) for (name, stream), each in report.entries.items()}
    assert bill >= {
        (first.tenant_id, one, "invoices"),
        (second.tenant_id, two, "invoices"),
        (other.tenant_id, "Rimu Limited", "invoices"),
    }
    assert report.backlogs.keys() == {two}
    assert any(remark.startswith(two) for remark in run.remarks)
    assert not any(one in remark for remark in run.remarks)


def test_kind_6_a_kept_token_that_xero_does_not_know_any_more_is_renewed_once(
    xero_sandbox, run_tap, selecting
):
    first = run_tap(xero_sandbox, catalog=selecting(STREAM))
    xero_sandbox.identity.forget_access_tokens()
    again = run_tap(xero_sandbox, catalog=selecting(STREAM), refresh_token=None)
    assert again.error is None
    assert again.records == first.records


def test_kind_6_a_token_of_this_run_that_is_refused_is_not_renewed(
    xero_sandbox, run_tap, selecting
):
    xero_sandbox.faults.add("scope_missing", path="Accounts", count=None)
    run_tap(xero_sandbox, catalog=selecting(STREAM))
    assert len(xero_sandbox.calls.of("connect/token")) <= 1
