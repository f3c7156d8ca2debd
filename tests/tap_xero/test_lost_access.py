"""A missing scope is told from access that was taken away, and the exit code says which it was."""

from __future__ import annotations

import json

import pytest
from tap_xero.auth.places import store_path

DOCUMENTS = ("accounts", "contacts", "items", "invoices", "credit_notes", "payments", "quotes")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Waits are noted, not waited."""
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, error, seconds: None)


def ids(run, stream):
    return {
        (row["TenantID"], next(v for k, v in row.items() if k.endswith("ID") and k != "TenantID"))
        for row in run.records[stream]
    }


# Access that was taken away ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "effect"),
    [
        (1, "scope_missing"),
        (2, "tenant_revoked"),
        (4, "scope_missing"),
        (9, "tenant_revoked"),
        pytest.param(1, "tenant_revoked", marks=pytest.mark.stress),
        pytest.param(2, "scope_missing", marks=pytest.mark.stress),
        pytest.param(4, "tenant_revoked", marks=pytest.mark.stress),
        pytest.param(9, "scope_missing", marks=pytest.mark.stress),
    ],
)
def test_invariant_13_an_organisation_lost_on_the_way_is_named_and_the_others_are_read(
    xero_sandbox, run_tap, selecting, small_pages, effect, before
):
    """After some calls of it, whichever they are; pages are small, so that some have several."""
    small_pages(9)
    lost, other = xero_sandbox.tenants
    whole = run_tap(xero_sandbox, catalog=selecting(*DOCUMENTS))
    xero_sandbox.faults.add(effect, tenant=lost.tenant_id, after=before, count=None)
    xero_sandbox.calls.clear()
    run = run_tap(xero_sandbox, catalog=selecting(*DOCUMENTS))
    assert run.error is None
    assert run.tap.run.report.failures == [f"the rest of {lost.name}"]
    assert any(lost.name in remark and "tap-xero-login" in remark for remark in run.remarks)
    for stream in DOCUMENTS:
        assert {each for each in ids(run, stream) if each[0] == other.tenant_id} == {
            each for each in ids(whole, stream) if each[0] == other.tenant_id
        }
    # What was under way is answered, and one call shows that nothing else works either.
    assert len(xero_sandbox.calls.of(tenant_id=lost.tenant_id)) <= before + 12
    xero_sandbox.faults.clear()
    rest = run_tap(xero_sandbox, catalog=selecting(*DOCUMENTS), state=run.state)
    assert rest.tap.run.report.failures == []
    for stream in DOCUMENTS:
        assert ids(run, stream) | ids(rest, stream) == ids(whole, stream)


@pytest.mark.parametrize("effect", ["scope_missing", "not_found"])
def test_an_organisation_of_which_every_call_is_refused_fails_the_run(
    make_xero_sandbox, run_tap, selecting, caplog, effect
):
    sandbox = make_xero_sandbox(organisations=3, invoices=10)
    closed = sandbox.tenants[1]
    sandbox.faults.add(effect, tenant=closed.tenant_id, count=None)
    run = run_tap(sandbox, catalog=selecting(*DOCUMENTS))
    assert run.error is None
    assert run.tap.run.report.failures == [f"all of {closed.name}"]
    assert f"{closed.name}: Xero refused every call" in caplog.text
    assert {row["TenantID"] for row in run.records["accounts"]} == {
        tenant.tenant_id for tenant in sandbox.tenants if tenant != closed
    }


def test_access_that_is_gone_after_the_first_answer_is_seen_whichever_that_is(
    xero_sandbox, run_tap, selecting
):
    """Both streams are on their way at once, so either may be the one that is answered."""
    lost = xero_sandbox.tenants[0]
    for _ in range(5):
        xero_sandbox.faults.add("scope_missing", tenant=lost.tenant_id, after=1, count=None)
        run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
        assert run.tap.run.report.failures == [f"the rest of {lost.name}"]
        xero_sandbox.faults.clear()


def test_a_stream_that_is_refused_half_way_fails_although_the_rest_is_given(
    xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(9)
    tenant = xero_sandbox.tenants[0]
    xero_sandbox.faults.add(
        "scope_missing", tenant=tenant.tenant_id, path="Invoices", page=2, count=None
    )
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices", "payments"))
    assert run.tap.run.report.failures == [f"invoices of {tenant.name}"]
    assert run.partition("invoices", tenant.tenant_id)["page"] == 2
    assert {row["TenantID"] for row in run.records["payments"]} == {
        each.tenant_id for each in xero_sandbox.tenants
    }


# A missing scope -----------------------------------------------------------------------------


def test_a_missing_scope_costs_one_call_more_and_no_exit_code(xero_sandbox, run_tap, selecting):
    xero_sandbox.faults.add("scope_missing", path="Invoices", count=None)
    run = run_tap(xero_sandbox, catalog=selecting("organisations", "invoices", "payments"))
    assert run.tap.run.report.failures == []
    (remark,) = run.remarks
    assert "It takes the scope accounting.invoices.read" in remark
    for tenant in xero_sandbox.tenants:
        assert len(xero_sandbox.calls.of(tenant_id=tenant.tenant_id)) == 4


def test_a_report_without_its_scope_is_skipped_beside_one_that_has_it(
    read_reports, make_xero_sandbox
):
    scopes = ["accounting.settings.read", "accounting.reports.banksummary.read", "offline_access"]
    narrow = make_xero_sandbox(organisations=1, invoices=5, scopes=scopes)
    run = read_reports(narrow, {"bank_summary": {}, "trial_balance": {}})
    assert run.tap.run.report.failures == []
    (remark,) = run.remarks
    assert "trial_balance" in remark
    assert run.records["bank_summary"]


def test_a_page_of_a_thousand_rows_is_not_asked_for_again_to_see_whether_there_is_access(
    xero_sandbox, run_tap, selecting
):
    xero_sandbox.faults.add("scope_missing", path="Payments", count=None)
    run_tap(xero_sandbox, catalog=selecting("invoices", "payments"))
    for tenant in xero_sandbox.tenants:
        first, again = xero_sandbox.calls.of("Invoices", tenant_id=tenant.tenant_id)
        assert (first.query["pageSize"], again.query["pageSize"]) == ("1000", "1")
        assert again.rows == 1


def test_a_day_that_is_used_up_before_that_can_be_seen_is_no_lost_access(
    xero_sandbox, run_tap, selecting
):
    tenant = xero_sandbox.tenants[0]
    xero_sandbox.faults.add("scope_missing", tenant=tenant.tenant_id, path="Invoices", count=None)
    xero_sandbox.faults.add(
        "rate_day", tenant=tenant.tenant_id, after=1, count=None, seconds=40_000
    )
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.error is None
    assert run.tap.run.report.failures == []


# What stands in between ------------------------------------------------------------------------


def test_a_page_of_a_proxy_is_a_failure_and_no_missing_scope(xero_sandbox, run_tap, selecting):
    tenant = xero_sandbox.tenants[0]
    fault = xero_sandbox.faults.add("blocked", tenant=tenant.tenant_id, path="Invoices", count=None)
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.tap.run.report.failures == [f"invoices of {tenant.name}"]
    assert "proxy" in run.tap.run.report.entries[tenant.name, "invoices"].skipped
    assert fault.struck == 6
    xero_sandbox.faults.clear()
    xero_sandbox.faults.add("blocked", path="Invoices", count=2)
    again = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"), state=run.state)
    assert again.tap.run.report.failures == []


# Organisations that are not connected -------------------------------------------------------------


NOWHERE = "77777777-7777-4777-8777-777777777777"


def test_an_organisation_of_the_settings_that_is_not_connected_stops_no_other(
    xero_sandbox, run_tap, selecting
):
    here = xero_sandbox.tenants[1]
    run = run_tap(
        xero_sandbox,
        catalog=selecting("accounts", "invoices"),
        tenant_ids=[NOWHERE, here.tenant_id],
    )
    assert run.error is None
    assert {row["TenantID"] for row in run.records["invoices"]} == {here.tenant_id}
    assert run.partition("invoices", here.tenant_id)["replication_key_value"]
    (remark,) = run.remarks
    assert NOWHERE in remark
    assert "tap-xero-login" in remark
    (failure,) = run.tap.run.report.failures
    assert NOWHERE in failure


def test_no_version_retires_the_rows_of_an_organisation_that_is_not_connected(
    xero_sandbox, run_tap, selecting
):
    for more, activated in (([], 1), ([NOWHERE], 0)):
        run = run_tap(
            xero_sandbox,
            catalog=selecting("currencies"),
            emit_activate_version_messages=True,
            tenant_ids=[*(tenant.tenant_id for tenant in xero_sandbox.tenants), *more],
        )
        assert len(run.of("ACTIVATE_VERSION")) == activated


def test_a_bookmark_without_an_organisation_is_not_taken_for_one_of_two(
    xero_sandbox, run_tap, selecting
):
    """State of singer-io/tap-xero names none; the one that is missing may have been it."""
    state = {"bookmarks": {"invoices": {"UpdatedDateUTC": "2026-02-01T00:00:00Z"}}}
    here = xero_sandbox.tenants[0].tenant_id
    rows = []
    for tenant_ids in ([here], [here, NOWHERE]):
        run = run_tap(
            xero_sandbox, catalog=selecting("invoices"), tenant_ids=tenant_ids, state=state
        )
        rows.append(len(run.records["invoices"]))
    assert rows[0] < rows[1] == xero_sandbox.store.count(here, "Invoices")


def test_the_exit_code_is_1_after_all_the_rest_was_read(
    cli, xero_sandbox, config_of, selecting, state_folder
):
    here = xero_sandbox.tenants[0].tenant_id
    config = config_of(xero_sandbox, tenant_ids=[here, NOWHERE])
    done = cli(config=config, catalog=selecting("accounts", "invoices"))
    assert done.returncode == 1
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert {m["record"]["TenantID"] for m in messages if m["type"] == "RECORD"} == {here}
    assert messages[-1]["type"] == "STATE"
    assert f"Not read to the end: organisation {NOWHERE}" in done.stderr
    assert store_path(config).parent == state_folder
    xero_sandbox.faults.add("scope_missing", path="Accounts", count=None)
    config = config_of(xero_sandbox, tenant_ids=[here])
    assert cli(config=config, catalog=selecting("accounts", "invoices")).returncode == 0
    xero_sandbox.faults.add("scope_missing", count=None)
    assert cli(config=config, catalog=selecting("accounts", "invoices")).returncode == 1
