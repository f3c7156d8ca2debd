"""A stream that Xero always sends whole is written when it says something new, and only then."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from tap_xero.models.resources import RESOURCES
from tap_xero.sync import drafts

WHOLE = [resource.stream for resource in RESOURCES if not resource.since]
STREAMS = ("currencies", "tax_rates", "tracking_categories", "linked_transactions")
REPORTS = {"profit_and_loss": {}, "trial_balance": {"periods": 1}}
ACTIVATE = {"emit_activate_version_messages": True}


@pytest.fixture
def books(make_xero_sandbox):
    """Two organisations whose books a test may change."""
    return make_xero_sandbox(organisations=2, invoices=20)


@pytest.fixture
def read(books, run_tap, selecting):
    """Runs of the reference data, some minutes apart."""

    def run(state=None, *streams, without=(), **settings):
        books.clock.advance(minutes=10)
        catalog = selecting(*(streams or STREAMS), without=without)
        done = run_tap(books, catalog=catalog, state=deepcopy(state), **settings)
        assert done.error is None
        return done

    return run


def sent(run):
    """Organisations whose records a run gave, by stream."""
    return {name: {each["TenantID"] for each in rows} for name, rows in run.records.items()}


def activated(run):
    return {message["stream"] for message in run.of("ACTIVATE_VERSION")}


def rename(books, tenant=0):
    """Something changes in a stream that is read whole."""
    tenant_id = books.tenants[tenant].tenant_id
    books.books.add(tenant_id, "TrackingCategories", Name=f"Vessel {books.clock.now()}")


def test_what_is_as_it_was_is_read_and_not_written(books, run_tap):
    first = run_tap(books)
    assert set(WHOLE) <= set(first.schemas)
    books.clock.advance(minutes=10)
    second = run_tap(books, state=deepcopy(first.state))
    assert second.error is None
    assert not set(second.records) & set(WHOLE)
    # Tables may have to be made, and targets to be told where the state stands.
    assert second.schemas.keys() == first.schemas.keys()
    marked = {name for name, schema in second.schemas.items() if schema.pop("x-unchanged", 0)}
    assert marked == set(WHOLE)
    assert second.schemas == first.schemas
    for stream in WHOLE:
        assert second.state["bookmarks"][stream] == first.state["bookmarks"][stream]
    lines = "\n".join(second.tap.run.report.details())
    assert lines.count("unchanged, not sent again") == len(WHOLE) * len(books.tenants)


@pytest.mark.parametrize("settings", [{}, ACTIVATE])
def test_one_organisation_with_news_has_all_of_the_stream_written(books, read, settings):
    first = read(**settings)
    assert activated(first) == (set(STREAMS) if settings else set())
    second = read(first.state, **settings)
    assert (second.records, activated(second)) == ({}, set())
    rename(books, tenant=1)
    third = read(second.state, **settings)
    tenants = {tenant.tenant_id for tenant in books.tenants}
    assert sent(third) == {"tracking_categories": tenants}
    assert activated(third) == ({"tracking_categories"} if settings else set())
    assert "x-unchanged" not in third.schemas["tracking_categories"]
    assert read(third.state, **settings).records == {}


CHANGED = {
    "another answer": {"fault": "unknown_field"},
    "a deselected field": {"without": (("currencies", "Description"),)},
    "a stream map": {"stream_maps": {"currencies": {"Note": "'x'"}}},
    "a schema without a field": {"stream_maps": {"currencies": {"Description": "__NULL__"}}},
    "switched off": {"skip_unchanged": False},
    "no state": {"state": lambda state: None},
    "a state of before": {"state": lambda state: _answers(state, None)},
    "a damaged state": {"state": lambda state: _answers(state, {"digest": 1})},
    "sent a week ago": {"state": lambda state: _sent(state, timedelta(days=7))},
}


def _answers(state, answer):
    for entry in state["bookmarks"].values():
        for partition in entry["partitions"]:
            partition["answer"] = answer
    return state


def _sent(state, ago):
    for entry in state["bookmarks"].values():
        for partition in entry["partitions"]:
            partition["answer"]["sent"] = (datetime.now(UTC) - ago).isoformat()
    return state


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_what_changes_records_has_them_written_again(books, read, change):
    first = read(None, "currencies", **ACTIVATE)
    assert read(first.state, "currencies", **ACTIVATE).records == {}
    more = dict(change)
    state = more.pop("state", lambda state: state)(deepcopy(first.state))
    if fault := more.pop("fault", None):
        books.faults.add(fault, path="Currencies", count=None)
    again = read(state, "currencies", **ACTIVATE, **more)
    assert len(again.records["currencies"]) == len(first.records["currencies"])
    assert activated(again) == {"currencies"}
    # What was written is remembered, so it is written once.
    if "skip_unchanged" not in more:
        assert read(again.state, "currencies", **ACTIVATE, **more).records == {}
    else:
        assert "bookmarks" not in again.state or not again.state["bookmarks"]


def test_stream_maps_and_the_order_of_rows_are_no_news(books, read, monkeypatch):
    maps = {"stream_maps": {"currencies": {"Note": "Code + '!'"}}}
    first = read(None, "currencies", "tax_rates", **maps)
    assert {row["Note"][-1] for row in first.records["currencies"]} == {"!"}
    from tap_xero.sync.reading import Reading

    rows = Reading._rows
    monkeypatch.setattr(Reading, "_rows", lambda self, answer: rows(self, answer)[::-1])
    assert read(first.state, "currencies", "tax_rates", **maps).records == {}


def test_a_report_is_written_when_a_figure_of_it_moves(small_sandbox, read_reports):
    first = read_reports(small_sandbox, REPORTS)
    second = read_reports(small_sandbox, REPORTS, state=first.state)
    assert (second.records, activated(second)) == ({}, set())
    small_sandbox.books.add_invoice(small_sandbox.tenants[0].tenant_id)
    third = read_reports(small_sandbox, REPORTS, state=second.state)
    assert activated(third) == set(third.records) == set(REPORTS)
    fourth = read_reports(small_sandbox, {"profit_and_loss": {"periods": 2}}, state=third.state)
    assert activated(fourth) == {"profit_and_loss"}


def test_rows_that_could_not_be_retired_are_retired_as_soon_as_they_can(books, read):
    here, there = (tenant.tenant_id for tenant in books.tenants)
    rename(books)
    first = read(None, "tracking_categories", **ACTIVATE)
    rows = first.records["tracking_categories"]
    gone = next(row["TrackingCategoryID"] for row in rows if row["TenantID"] == here)
    assert books.store.delete(here, "TrackingCategories", gone)
    # One organisation cannot be read, so nothing is retired; what is there is written.
    books.faults.add("scope_missing", path="TrackingCategories", tenant=there, count=2)
    second = read(first.state, "tracking_categories", **ACTIVATE)
    assert (sent(second), activated(second)) == ({"tracking_categories": {here}}, set())
    # Nor is it as long as it cannot be read; nothing is new meanwhile.
    books.faults.add("scope_missing", path="TrackingCategories", tenant=there, count=2)
    third = read(second.state, "tracking_categories", **ACTIVATE)
    assert (third.records, activated(third)) == ({}, set())
    fourth = read(third.state, "tracking_categories", **ACTIVATE)
    assert sent(fourth) == {"tracking_categories": {here, there}}
    assert activated(fourth) == {"tracking_categories"}
    assert read(fourth.state, "tracking_categories", **ACTIVATE).records == {}


def test_an_organisation_that_is_not_read_any_more_is_retired_once(books, read):
    here = books.tenants[0].tenant_id
    first = read(None, "currencies", **ACTIVATE)
    second = read(first.state, "currencies", tenant_ids=[here], **ACTIVATE)
    assert (sent(second), activated(second)) == ({"currencies": {here}}, {"currencies"})
    third = read(second.state, "currencies", tenant_ids=[here], **ACTIVATE)
    assert (third.records, activated(third)) == ({}, set())
    fourth = read(third.state, "currencies", **ACTIVATE)
    assert sent(fourth) == sent(first)


def test_the_state_says_nothing_of_what_is_being_written(books, read, monkeypatch):
    """Killed at any line, the next run writes again what this one has begun to write."""
    first = read()
    rename(books)
    run = read(first.state)
    state = first.state
    begun = set()
    for message in run.messages:
        if message["type"] == "RECORD":
            begun.add(message["stream"])
            tenants = _remembered(state, message["stream"])
            assert message["record"]["TenantID"] not in tenants
        elif message["type"] == "STATE":
            state = message["value"]
    assert begun == {"tracking_categories"}
    assert _remembered(state, "tracking_categories")


def _remembered(state, stream):
    """Organisations of which a state says what was last written of a stream."""
    listed = state["bookmarks"].get(stream, {}).get("partitions", [])
    return {each["context"]["TenantID"] for each in listed if "answer" in each}


def test_what_is_too_large_to_be_kept_back_is_written_as_it_comes(books, read, monkeypatch):
    monkeypatch.setattr(drafts, "MOST", 2_000)
    first = read()
    large = {name for name in STREAMS if not _remembered(first.state, name)}
    assert "tax_rates" in large
    second = read(first.state)
    assert set(second.records) == large < set(STREAMS)
    assert len(second.records["tax_rates"]) == len(first.records["tax_rates"])


def test_an_event_of_a_webhook_is_news(books, receiver, run_tap, selecting):
    """Rows that are fetched by id are written, so the table is not what was last read whole."""
    catalog = selecting("payments")
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["forced-replication-method"] = "FULL_TABLE"
                each["metadata"].pop("replication-key", None)
        entry.update(replication_method="FULL_TABLE", replication_key=None)
    books.prepare()
    running = receiver(books.webhooks.signing_key)
    assert books.webhooks.subscribe(running.url) == "ok"
    first = run_tap(books, catalog=catalog)
    assert _remembered(first.state, "payments")
    assert run_tap(books, catalog=catalog, state=deepcopy(first.state)).records == {}
    tenant = books.tenants[0].tenant_id
    payment = first.records["payments"][0]["PaymentID"]
    books.clock.advance(seconds=1)
    books.books.edit(tenant, "Payments", payment, Reference="edited")
    assert books.webhooks.settle()
    events = {"webhook_only": True, "webhook_inbox_path": str(running.inbox.path)}
    second = run_tap(books, catalog=catalog, state=deepcopy(first.state), **events)
    assert len(second.records["payments"]) == 1
    assert len(_remembered(second.state, "payments")) == 1
    third = run_tap(books, catalog=catalog, state=second.state)
    assert sent(third) == sent(first)
