"""Kinds 11 and 12 of the trials: where the next window starts, and when it is read."""

from __future__ import annotations

import pytest
from tap_xero.sync.window import Window

NINE = "2026-02-02T09:00:00Z"


@pytest.mark.parametrize(
    ("since", "latest", "bookmark"),
    [
        pytest.param(None, "2026-02-02T09:00:00Z", "2026-02-02T08:55:00Z", id="clocks agree"),
        pytest.param(None, "2026-02-02T09:07:00Z", "2026-02-02T08:55:00Z", id="answers are behind"),
        pytest.param(None, "2026-02-02T08:50:00Z", "2026-02-02T08:45:00Z", id="answers are ahead"),
        pytest.param(None, "2025-12-31T00:00:00Z", "2026-02-02T07:55:00Z", id="long quiet"),
        pytest.param(None, None, "2026-02-02T07:55:00Z", id="no row"),
        pytest.param("2026-02-02T08:30:00Z", None, "2026-02-02T08:30:00Z", id="no new row"),
        pytest.param(
            "2026-02-02T08:30:00Z", "2026-02-02T08:31:00Z", "2026-02-02T08:30:00Z", id="one new row"
        ),
    ],
)
def test_kind_11_a_bookmark_lies_before_whatever_may_still_appear(since, latest, bookmark):
    window = Window(since=since, started=NINE, latest=latest)
    assert window.bookmark == bookmark
    assert window.following().since == bookmark


def test_a_window_that_was_not_opened_has_no_bookmark():
    assert Window(since=NINE).bookmark is None


@pytest.mark.parametrize("ahead", [0, 900])
def test_kind_11_what_appears_late_is_read_by_the_next_run(xero_sandbox, run_tap, selecting, ahead):
    """Xero's answers are a quarter of an hour ahead, and a change is visible after four minutes."""
    tenant, catalog = xero_sandbox.tenants[0].tenant_id, selecting("invoices")
    xero_sandbox.irregularities.set(clock_ahead=ahead)
    first = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant])
    xero_sandbox.clock.advance(seconds=230)
    xero_sandbox.irregularities.set(commit_delay=240)
    late = xero_sandbox.books.add_invoice(tenant)
    xero_sandbox.clock.advance(seconds=1)
    second = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant], state=first.state)
    assert late["InvoiceID"] in {row["InvoiceID"] for row in second.records["invoices"]}


def test_kind_12_one_run_after_a_stopped_one_has_what_was_edited_meanwhile(
    xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(9)
    tenant, catalog = xero_sandbox.tenants[0].tenant_id, selecting("invoices")
    stopped = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant], stop_after_pages=2)
    edited = stopped.records["invoices"][0]["InvoiceID"]
    xero_sandbox.clock.advance(hours=1)
    xero_sandbox.books.edit(tenant, "Invoices", edited, Reference="meanwhile")
    xero_sandbox.calls.clear()
    run = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant], state=stopped.state)
    rows = {row["InvoiceID"]: row.get("Reference") for row in run.records["invoices"]}
    assert rows[edited] == "meanwhile"
    calls = xero_sandbox.calls.of("Invoices")
    assert min(int(call.query["page"]) for call in calls if call.modified_since is None) == 3
    assert [call.query["page"] for call in calls if call.modified_since] == ["1"]
