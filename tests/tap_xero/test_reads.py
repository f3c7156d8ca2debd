"""`stream_reads`: when each stream of each organisation was last read to its end, and why not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tap_xero.settings import NAMES
from tap_xero.tap import TapXero
from xero_sandbox.clock import ManualClock

STREAMS = ("organisations", "accounts", "invoices", "journals", "stream_reads")


@pytest.fixture
def books(make_xero_sandbox):
    clock = ManualClock(datetime(2026, 2, 20, 9, 0, tzinfo=UTC))
    return make_xero_sandbox(organisations=2, invoices=10, clock=clock)


@pytest.fixture
def read(run_tap):
    def run(sandbox, state=None, streams=STREAMS, **settings):
        config = {"stream_reads": True, **settings}
        catalog = TapXero(config=config, validate_config=False).catalog_dict
        for entry in catalog["streams"]:
            (about,) = (each for each in entry["metadata"] if not each["breadcrumb"])
            about["metadata"]["selected"] = entry["tap_stream_id"] in streams
        return run_tap(sandbox, catalog=catalog, state=state, **config)

    return run


def outcomes(run, tenant):
    rows = [r for r in run.records["stream_reads"] if r["TenantID"] == tenant.tenant_id]
    assert len({(row["Stream"], row["Outcome"]) for row in rows}) == len(rows)
    return {row["Stream"]: (row["Outcome"], row.get("Reason")) for row in rows}


def test_it_is_there_only_when_it_is_asked_for_and_is_the_last():
    assert NAMES[-1] == "stream_reads"
    assert "stream_reads" not in TapXero(config={}, validate_config=False).streams
    tap = TapXero(config={"stream_reads": True}, validate_config=False)
    assert list(tap.streams)[-1] == "stream_reads"


def test_every_stream_that_was_read_has_a_row_for_each_organisation_after_all_others(books, read):
    began = datetime.now(UTC)
    run = read(books)
    assert run.error is None
    for tenant in books.tenants:
        assert outcomes(run, tenant) == {
            stream: ("complete", None) for stream in STREAMS if stream != "stream_reads"
        }
    rows = run.records["stream_reads"]
    counted = {(r["TenantID"], r["Stream"]): r["Rows"] for r in rows}
    for tenant in books.tenants:
        invoices = [r for r in run.records["invoices"] if r["TenantID"] == tenant.tenant_id]
        assert counted[tenant.tenant_id, "invoices"] == len(invoices) > 0
    moments = {datetime.fromisoformat(row["BegunDateUTC"]) for row in rows}
    assert len(moments) == 1
    assert abs(moments.pop() - began).total_seconds() < 60
    # No call was made for it, and nothing of it retires what a run before has said.
    assert all(
        entry.usage.calls == 0
        for (_, s), entry in run.tap.run.report.entries.items()
        if s == "stream_reads"
    )
    assert [m for m in run.of("ACTIVATE_VERSION") if m["stream"] == "stream_reads"] == []


def test_what_failed_was_withheld_or_lost_says_why(books, read, monkeypatch):
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda *_: None)
    here, there = books.tenants
    books.faults.add("server_error", path="Accounts", tenant=here.tenant_id, count=None)
    books.faults.add("scope_missing", path="Journals", tenant=here.tenant_id, count=None)
    books.faults.add("tenant_revoked", path="Invoices", tenant=there.tenant_id, count=None)
    run = read(books)
    found = outcomes(run, here)
    assert found["invoices"] == ("complete", None)
    assert found["accounts"][0] == "failed"
    assert "Accounts" in found["accounts"][1]
    assert found["journals"][0] == "withheld"
    lost = outcomes(run, there)
    assert lost["accounts"] == ("complete", None)
    assert lost["invoices"][0] == "failed"
    assert "not connected" in lost["invoices"][1]


def test_what_is_not_due_is_not_said_again(books, read):
    first = read(books, cadence={"accounts": "24h"})
    second = read(books, state=first.state, cadence={"accounts": "24h"})
    for tenant in books.tenants:
        assert "accounts" in outcomes(first, tenant)
        assert "accounts" not in outcomes(second, tenant)
        assert outcomes(second, tenant)["invoices"] == ("complete", None)
