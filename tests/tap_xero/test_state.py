"""State: what a stopped run leaves behind, and what is made of strange states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_xero.sync.prior_state import clean_state
from tap_xero.sync.progress import (
    abandon,
    bookmark,
    record_completion,
    record_progress,
    resume,
)
from tap_xero.sync.window import Window

HALFWAY = Window(
    since="2026-01-01T00:00:00Z",
    started="2026-02-01T10:00:00.250Z",
    page=4,
    rows=3000,
    items=11_900,
    query="pageSize=1000",
)
FRESH = Window(since="2026-01-01T00:00:00Z", query="pageSize=1000")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)


def test_a_window_comes_back_from_the_state_as_it_went_in():
    partition = {"context": {"TenantID": "t"}}
    record_progress(partition, HALFWAY)
    assert resume(partition, FRESH) == HALFWAY


def test_a_window_without_start_or_count_comes_back_too():
    partition = {"context": {"TenantID": "t"}}
    window = Window(started="2026-02-01T10:00:00Z", page=500)
    record_progress(partition, window)
    assert resume(partition, Window()) == window


def test_pages_of_another_query_are_not_resumed():
    partition = {"context": {"TenantID": "t"}}
    record_progress(partition, HALFWAY)
    other = Window(since="2026-01-01T00:00:00Z", query="pageSize=1000&unitdp=4")
    assert resume(partition, other) == other


def test_only_the_bookmark_is_left_of_a_complete_window():
    partition = {"context": {"TenantID": "t"}}
    record_progress(partition, HALFWAY)
    record_completion(partition, HALFWAY, "UpdatedDateUTC")
    assert partition == {
        "context": {"TenantID": "t"},
        "replication_key": "UpdatedDateUTC",
        "replication_key_value": "2026-02-01T08:55:00Z",
    }
    assert bookmark(partition, "UpdatedDateUTC") == "2026-02-01T08:55:00Z"


def test_nothing_is_left_of_a_stream_that_is_always_read_whole():
    partition = {"context": {"TenantID": "t"}}
    record_progress(partition, HALFWAY)
    record_completion(partition, HALFWAY, None)
    assert partition == {"context": {"TenantID": "t"}}


def test_an_abandoned_window_leaves_the_bookmark_where_it_was():
    partition = {
        "replication_key": "UpdatedDateUTC",
        "replication_key_value": "2025-01-01T00:00:00Z",
    }
    before = dict(partition)
    record_progress(partition, HALFWAY)
    abandon(partition)
    assert partition == before


@pytest.mark.parametrize(
    "partition",
    [
        {},
        {"replication_key": "Other", "replication_key_value": "2025-01-01T00:00:00Z"},
        {"replication_key": "UpdatedDateUTC", "replication_key_value": 5},
        {"replication_key": "UpdatedDateUTC", "replication_key_value": "long ago"},
    ],
)
def test_a_bookmark_that_is_none_is_none(partition):
    assert bookmark(partition, "UpdatedDateUTC") is None


@given(
    st.dictionaries(st.sampled_from(["since", "started", "page", "rows", "items", "query"]), JSON)
)
def test_a_strange_partition_is_read_afresh(partition):
    window = resume(partition, FRESH)
    assert window == FRESH or (window.started is not None and window.query == FRESH.query)


@given(JSON | st.dictionaries(st.just("bookmarks"), st.dictionaries(st.text(), JSON)))
def test_any_state_can_be_loaded(state):
    clean = clean_state(state if isinstance(state, dict) else {}, "TenantID")
    for entry in clean.get("bookmarks", {}).values():
        assert all(each["context"]["TenantID"] for each in entry["partitions"])


def test_the_state_of_another_tap_is_left_aside():
    theirs = {"bookmarks": {"invoices": {"UpdatedDateUTC": "2020-01-01"}}, "currently_syncing": "x"}
    assert clean_state(theirs, "TenantID") == {"bookmarks": {}}


def test_a_partition_that_is_there_twice_counts_once():
    partition = {"context": {"TenantID": "t", "Other": 1}, "page": 2}
    state = {"bookmarks": {"invoices": {"partitions": [partition, {**partition, "page": 3}, "x"]}}}
    assert clean_state(state, "TenantID") == {
        "bookmarks": {"invoices": {"partitions": [{"context": {"TenantID": "t"}, "page": 3}]}}
    }


def test_the_bookmarks_of_singer_io_are_carried_over_for_its_one_organisation(
    xero_sandbox, run_tap, selecting
):
    theirs = {"bookmarks": {"invoices": {"UpdatedDateUTC": "2026-01-15T08:00:00.000000Z"}}}
    xero_sandbox.calls.clear()
    run = run_tap(
        xero_sandbox,
        catalog=selecting("invoices"),
        state=theirs,
        tenant_id=xero_sandbox.tenants[0].tenant_id,  # as its config names it
    )
    assert run.error is None
    (call,) = xero_sandbox.calls.of("Invoices")
    assert call.modified_since == "2026-01-15T07:55:00Z"
    assert list(run.state["bookmarks"]["invoices"]) == ["partitions"]


def test_the_bookmarks_of_singer_io_say_nothing_about_several_organisations(
    xero_sandbox, run_tap, selecting
):
    theirs = {"bookmarks": {"invoices": {"UpdatedDateUTC": "2026-01-15T08:00:00.000000Z"}}}
    run = run_tap(xero_sandbox, catalog=selecting("invoices"), state=theirs)
    whole = run_tap(xero_sandbox, catalog=selecting("invoices"))
    assert run.records == whole.records
