"""Books that change while they are read, and runs that end in the middle (sandbox).

Invariant 1: every row Xero has for the window comes out, also when rows change while
they are read. Invariant 3, the tap's part: a run killed after any page and run again
gives all that an undisturbed run gives.
"""

from __future__ import annotations

import json
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_xero.models.dates import instant
from tap_xero.models.resources import BY_STREAM
from tap_xero.models.schema import TENANT

STREAMS = ["invoices", "manual_journals", "payments", "contacts"]
SETTINGS = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def ids_of(sandbox, stream):
    resource = BY_STREAM[stream]
    rows, _ = sandbox.store.page(sandbox.tenants[0].tenant_id, resource.path)
    return {json.loads(row)[resource.identity] for row in rows}


def versions(run, stream):
    """The last version of each record that came, as a target keeps it."""
    resource = BY_STREAM[stream]
    return {record[resource.identity]: record for record in run.records[stream]}


@pytest.mark.parametrize("stream", STREAMS)
@SETTINGS
@given(edits=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 60)), max_size=6))
def test_invariant_1_edits_between_pages_hide_no_row(
    xero_sandbox, run_tap, selecting, small_pages, stream, edits
):
    small_pages(9)
    resource = BY_STREAM[stream]
    tenant = xero_sandbox.tenants[0].tenant_id
    present = sorted(ids_of(xero_sandbox, stream))

    def edit(which):
        def action():
            xero_sandbox.clock.advance(seconds=1)
            xero_sandbox.books.edit(tenant, resource.path, present[which % len(present)])

        return action

    for page, which in edits:
        xero_sandbox.hooks.after_page(resource.path, page, edit(which), tenant=tenant)
    run = run_tap(xero_sandbox, catalog=selecting(stream), tenant_ids=[tenant])
    assert run.error is None
    assert set(versions(run, stream)) >= set(present)
    assert run.remarks == []


DEEDS = st.tuples(
    st.integers(1, 8),  # the page after which it happens
    st.sampled_from(["edit", "add", "void"]),
    st.integers(0, 60),  # which invoice
    st.sampled_from([0, 1, 30]),  # seconds that pass before it: several in one second too
)


@SETTINGS
@given(story=st.lists(DEEDS, max_size=8), stopped_after=st.sampled_from([0, 1, 3]))
def test_invariant_1_all_is_there_whatever_happened_while_five_pages_were_on_their_way(
    make_xero_sandbox, run_tap, selecting, small_pages, story, stopped_after
):
    """Invariant 1, with interruptions of an hour, and to the last version of each row."""
    small_pages(6)
    sandbox = make_xero_sandbox(invoices=40)
    tenant, catalog = sandbox.tenants[0].tenant_id, selecting("invoices")
    present = sorted(ids_of(sandbox, "invoices"))

    def happen(deed, which, seconds):
        sandbox.clock.advance(seconds=seconds)
        if deed == "add":
            sandbox.books.add_invoice(tenant)
        else:
            # A void is an edit of the status here: any invoice can be hit, paid ones too.
            change = {"Status": "VOIDED"} if deed == "void" else {"Reference": f"edit {which}"}
            sandbox.books.edit(tenant, "Invoices", present[which % len(present)], **change)

    for page, *deed in story:
        sandbox.hooks.after_page("Invoices", page, partial(happen, *deed), tenant=tenant)
    runs = []
    if stopped_after:
        runs.append(run_tap(sandbox, catalog=catalog, stop_after_pages=stopped_after))
        sandbox.clock.advance(hours=1)
    state = runs[-1].state if runs else None
    runs.append(run_tap(sandbox, catalog=catalog, state=state))
    assert runs[-1].error is None
    runs.append(run_tap(sandbox, catalog=catalog, state=runs[-1].state))
    came = {key: row for run in runs for key, row in versions(run, "invoices").items()}
    rows, _ = sandbox.store.page(tenant, "Invoices")
    there = {row["InvoiceID"]: row for row in map(json.loads, rows)}
    assert came.keys() == there.keys()
    for key, row in there.items():
        expected = (row["Status"], row.get("Reference"), instant(row["UpdatedDateUTC"]))
        assert (
            came[key]["Status"],
            came[key].get("Reference"),
            came[key]["UpdatedDateUTC"],
        ) == expected


def test_an_invoice_added_while_pages_are_read_is_seen_at_once_or_by_the_next_run(
    xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(9)
    tenant = xero_sandbox.tenants[0].tenant_id
    catalog = selecting("invoices")
    for page in (1, 3, 5):
        xero_sandbox.hooks.after_page(
            "Invoices", page, lambda: xero_sandbox.books.add_invoice(tenant), tenant=tenant
        )
    first = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant])
    second = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant], state=first.state)
    seen = set(versions(first, "invoices")) | set(versions(second, "invoices"))
    assert seen == ids_of(xero_sandbox, "invoices")


def test_a_void_while_pages_are_read_reaches_the_table(
    xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(9)
    tenant = xero_sandbox.tenants[0].tenant_id
    catalog = selecting("invoices")
    whole = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant])
    open_ones = [
        record["InvoiceID"]
        for record in whole.records["invoices"]
        if record["Status"] == "AUTHORISED" and not record["AmountPaid"]
    ]
    voided = min(open_ones)

    def void():
        xero_sandbox.clock.advance(seconds=5)
        xero_sandbox.books.void(tenant, "Invoices", voided)

    xero_sandbox.hooks.after_page("Invoices", 4, void, tenant=tenant)
    first = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant])
    second = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant], state=first.state)
    latest = {**versions(first, "invoices"), **versions(second, "invoices")}
    assert latest[voided]["Status"] == "VOIDED"


@pytest.mark.parametrize(
    "stream",
    [
        "invoices",
        "journals",
        pytest.param("quotes", marks=pytest.mark.stress),
        pytest.param("manual_journals", marks=pytest.mark.stress),
    ],
)
def test_a_killed_run_goes_on_and_nothing_is_missing(
    make_xero_sandbox, run_tap, selecting, small_pages, stream
):
    small_pages(7)
    sandbox = make_xero_sandbox(organisations=2, invoices=60)
    catalog = selecting(stream)
    undisturbed = run_tap(sandbox, catalog=catalog)
    for pages in (1, 2, 4, 7, 11):
        killed = run_tap(sandbox, catalog=catalog, stop_after_pages=pages)
        sandbox.calls.clear()
        resumed = run_tap(sandbox, catalog=catalog, state=killed.state)
        assert resumed.error is None
        assert {**versions(killed, stream), **versions(resumed, stream)} == versions(
            undisturbed, stream
        ), f"killed after {pages} pages"
        assert resumed.state == undisturbed.state


def test_a_killed_run_resumes_from_the_page_it_reached(
    xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(9)
    tenant = xero_sandbox.tenants[0].tenant_id
    catalog = selecting("invoices")
    killed = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant], stop_after_pages=3)
    partition = killed.partition("invoices", tenant)
    assert partition["page"] == 4
    assert partition["rows"] == len(killed.records["invoices"]) == 21
    assert "replication_key_value" not in partition
    xero_sandbox.calls.clear()
    xero_sandbox.clock.advance(seconds=1500)
    resumed = run_tap(xero_sandbox, catalog=catalog, tenant_ids=[tenant], state=killed.state)
    # Calls of the killed run may still have been on their way; they are of later pages.
    asked = {
        (call.query["page"], call.query["pageSize"])
        for call in xero_sandbox.calls.of("Invoices")
        if call.modified_since is None
    }
    # The fourth page is the third of nine rows, as the three before overlap.
    assert ("3", "9") in asked
    assert asked.isdisjoint({("1", "9"), ("2", "8"), ("3", "7")})
    # The window counts from when it was opened, long before it was finished.
    bookmark = resumed.partition("invoices", tenant)["replication_key_value"]
    assert bookmark == "2026-02-02T08:20:00Z"


def test_records_of_both_organisations_carry_their_own_tenant(xero_sandbox, run_tap, selecting):
    run = run_tap(xero_sandbox, catalog=selecting("organisations"))
    owners = {record[TENANT]: record["Name"] for record in run.records["organisations"]}
    assert owners == {each.tenant_id: each.name for each in xero_sandbox.tenants}
