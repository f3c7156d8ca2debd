"""Kind 14 of the trials: lists that Xero will not sort, and pages that take it too long."""

from __future__ import annotations

import pytest

INVOICE = "InvoiceID"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Waits are noted, not waited."""
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, error, seconds: None)


def ids(run):
    return [(row["TenantID"], row[INVOICE]) for row in run.records["invoices"]]


def test_kind_14_a_list_that_xero_will_not_sort_is_read_without_an_order(
    xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(9)
    catalog = selecting("invoices")
    whole = run_tap(xero_sandbox, catalog=catalog)
    xero_sandbox.irregularities.set(resources=["Invoices"], most_sorted=0)
    run = run_tap(xero_sandbox, catalog=catalog)
    assert run.tap.run.report.failures == []
    assert set(ids(run)) == set(ids(whole))
    assert run.state.keys() == whole.state.keys()
    assert all(
        "page" not in partition for partition in run.state["bookmarks"]["invoices"]["partitions"]
    )


@pytest.mark.parametrize("rows", [250, 100])
def test_kind_14_pages_that_take_too_long_are_asked_for_smaller(
    xero_sandbox, run_tap, selecting, rows
):
    catalog = selecting("invoices")
    whole = run_tap(xero_sandbox, catalog=catalog)
    xero_sandbox.calls.clear()
    xero_sandbox.irregularities.set(resources=["Invoices"], slow_above=rows)
    run = run_tap(xero_sandbox, catalog=catalog)
    assert run.tap.run.report.failures == []
    assert sorted(ids(run)) == sorted(ids(whole))
    sizes = {int(call.query["pageSize"]) for call in xero_sandbox.calls.of("Invoices")}
    assert min(sizes) == rows


def test_kind_14_a_stopped_run_of_smaller_pages_is_not_resumed_by_their_number(
    make_xero_sandbox, run_tap, selecting
):
    sandbox = make_xero_sandbox(organisations=1, invoices=500)
    catalog = selecting("invoices")
    whole = run_tap(sandbox, catalog=catalog)
    sandbox.irregularities.set(resources=["Invoices"], slow_above=125)
    stopped = run_tap(sandbox, catalog=catalog, stop_after_pages=3)
    (partition,) = stopped.state["bookmarks"]["invoices"]["partitions"]
    assert partition["page"] == 4
    sandbox.irregularities.clear()
    resumed = run_tap(sandbox, catalog=catalog, state=stopped.state)
    assert set(ids(stopped)) | set(ids(resumed)) == set(ids(whole))


def test_kind_14_what_is_slow_at_any_size_fails_its_stream_only(xero_sandbox, run_tap, selecting):
    xero_sandbox.irregularities.set(resources=["Invoices"], slow_above=10)
    run = run_tap(xero_sandbox, catalog=selecting("invoices", "accounts"))
    assert run.error is None
    assert sorted(run.tap.run.report.failures) == sorted(
        f"invoices of {tenant.name}" for tenant in xero_sandbox.tenants
    )
    assert "time" in "".join(entry.skipped for entry in run.tap.run.report.entries.values())
    assert run.records["accounts"]
