"""Cadence and full refreshes: what is due, and what a full refresh retires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tap_xero.sync.cadence import duration, is_due, problems, rule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hours"), [("30m", 0.5), ("24h", 24), ("1.5h", 1.5), (" 7d ", 168), ("2w", 336)]
)
def test_durations(text, hours):
    assert duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "soon", "24", "-1h", "1y", 24, None, "9" * 20 + "w"])
def test_what_is_no_duration_is_named(text):
    with pytest.raises(ValueError, match=r"is no duration|too long"):
        duration(text)


def test_the_name_comes_before_patterns_and_long_patterns_before_short_ones():
    rules = {"*": "1h", "contact*": "2h", "contacts": "3h", "contact_g*": "4h"}
    found = {name: rule(rules, name) for name in ("contacts", "contact_groups", "invoices")}
    assert {name: each // timedelta(hours=1) for name, each in found.items()} == {
        "contacts": 3,
        "contact_groups": 4,
        "invoices": 1,
    }
    assert rule({"users": "1h"}, "invoices") is None
    assert rule(None, "invoices") is None


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, True),
        ("nonsense", True),
        ("2026-03-01T11:00:00Z", True),
        ("2026-03-01T11:05:00Z", True),
        ("2026-03-01T11:10:00Z", False),
        ("2027-01-01T00:00:00Z", True),
    ],
)
def test_what_is_due_every_hour_is_due_at_every_hourly_run(last, due):
    assert is_due(timedelta(hours=1), last, NOW) is due


def test_rules_for_nothing_and_bad_durations_are_named():
    found = problems("cadence", {"invoice": "1h", "tax_*": "soon"}, ["invoices", "tax_rates"])
    assert len(found) == 2
    assert "invoice is no stream" in found[0]
    assert "'soon' is no duration" in found[1]


def test_a_stream_that_is_not_due_costs_no_call(xero_sandbox, run_tap, selecting):
    catalog = selecting("currencies", "invoices")
    settings = {"cadence": {"currencies": "1d", "*": "1m"}}
    first = run_tap(xero_sandbox, catalog=catalog, **settings)
    assert len(first.records["currencies"]) > 0
    # As if it were a few minutes later.
    for stream in ("invoices",):
        for partition in first.state["bookmarks"][stream]["partitions"]:
            partition["read"] = "2026-01-01T00:00:00Z"
    xero_sandbox.calls.clear()
    second = run_tap(xero_sandbox, catalog=catalog, state=first.state, **settings)
    assert second.error is None
    assert xero_sandbox.calls.of("Currencies") == []
    assert len(xero_sandbox.calls.of("Invoices")) == len(xero_sandbox.tenants)
    assert second.state["bookmarks"]["currencies"] == first.state["bookmarks"]["currencies"]


def test_a_full_refresh_retires_what_is_gone(xero_sandbox, run_tap, selecting):
    catalog = selecting("items")
    settings = {"full_refresh_every": {"items": "1d"}}
    first = run_tap(xero_sandbox, catalog=catalog, **settings)
    (activated,) = first.of("ACTIVATE_VERSION")
    assert {each["version"] for each in first.of("RECORD")} == {activated["version"]}
    second = run_tap(xero_sandbox, catalog=catalog, state=first.state, **settings)
    assert second.of("ACTIVATE_VERSION") == []
    for partition in first.state["bookmarks"]["items"]["partitions"]:
        partition["whole"] = "2026-01-01T00:00:00Z"
    third = run_tap(xero_sandbox, catalog=catalog, state=first.state, **settings)
    assert len(third.of("ACTIVATE_VERSION")) == 1
    assert third.records["items"] == first.records["items"]


def test_nothing_is_retired_when_an_organisation_is_missing(xero_sandbox, run_tap, selecting):
    catalog = selecting("items")
    settings = {"full_refresh_every": {"items": "1d"}}
    first = run_tap(xero_sandbox, catalog=catalog, **settings)
    for partition in first.state["bookmarks"]["items"]["partitions"]:
        partition["whole"] = "2026-01-01T00:00:00Z"
    only = [xero_sandbox.tenants[0].tenant_id]
    later = run_tap(xero_sandbox, catalog=catalog, state=first.state, tenant_ids=only, **settings)
    assert later.of("RECORD")
    assert later.of("ACTIVATE_VERSION") == []
    assert later.partition("items", xero_sandbox.tenants[1].tenant_id)
