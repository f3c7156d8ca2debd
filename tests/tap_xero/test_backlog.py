"""What a used-up day leaves: how many calls, how many days, and since when they go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from tap_xero.api.limits import daily_calls
from tap_xero.models.resources import BY_STREAM
from tap_xero.sync.backlog import Backlog, calls_left
from xero_sandbox.limits import Allowance

TOMORROW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stream", "partition", "left"),
    [
        ("invoices", {"page": 4, "items": 11_900}, (9, True)),
        ("invoices", {"page": 12, "items": 11_900}, (1, True)),
        ("invoices", {}, (1, False)),
        ("journals", {"page": 4_100}, (1, False)),
        ("accounts", {}, (1, True)),
        ("budgets", {}, (1, False)),
    ],
)
def test_what_is_left_of_a_stream_is_known_as_far_as_xero_has_counted(stream, partition, left):
    assert calls_left(BY_STREAM[stream], partition.get("items"), partition.get("page")) == left


@pytest.mark.parametrize(("most_left", "calls"), [(0, 1000), (999, 1000), (1001, 5000)])
def test_the_tier_is_told_by_the_most_calls_that_were_left(most_left, calls):
    assert daily_calls(most_left) == calls


def backlog(calls, a_day=1000, resumes=TOMORROW):
    made = Backlog("n", resumes, a_day)
    for stream, number in calls.items():
        made.add(stream, number, stream != "journals")
    return made


@pytest.mark.parametrize(
    ("calls", "span", "words"),
    [
        ({"invoices": 1}, timedelta(seconds=1), "take 1 minute "),
        ({"invoices": 300}, timedelta(minutes=5), "take 5 minutes "),
        ({"invoices": 1000}, timedelta(minutes=1000 / 60), "take 17 minutes "),
        ({"invoices": 1001}, timedelta(days=1, seconds=1), "take 1 day "),
        (
            {"invoices": 900, "journals": 1700},
            timedelta(days=2, minutes=10),
            "take at least 2 days ",
        ),
    ],
)
def test_a_backlog_takes_days_of_calls_and_minutes_of_sixty(calls, span, words):
    made = backlog(calls)
    assert made.reading == span
    assert words in made.line("Northwind Ltd")


def test_a_backlog_is_one_sentence_and_an_object():
    made = backlog({"users": 1, "invoices": 38, "payments": 5, "journals": 1})
    assert made.line("Northwind Ltd") == (
        "Left to read of Northwind Ltd: at least 45 calls (invoices 38, payments 5, users 1, …), "
        "which take at least 1 minute from 2026-03-02 04:30 UTC on."
    )
    assert made.entry("Northwind Ltd") == {
        "organisation": "Northwind Ltd",
        "tenant_id": "n",
        "calls": {"users": 1, "invoices": 38, "payments": 5, "journals": 1},
        "counted": False,
        "calls_a_day": 1000,
        "resumes": "2026-03-02T04:30:00Z",
        "seconds_of_reading": 45,
    }
    assert "within a day" in backlog({"users": 1}, resumes=None).line("Northwind Ltd")


def test_the_bill_of_a_run_that_the_day_cut_short_says_what_is_left(
    make_xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(10)
    sandbox = make_xero_sandbox(organisations=2, invoices=200, limits=Allowance(day=12))
    catalog = selecting("accounts", "invoices", "journals")
    run = run_tap(sandbox, catalog=catalog)
    assert run.error is None
    bill = run.tap.run.report
    for tenant in sandbox.tenants:
        left = bill.backlogs[tenant.name]
        window = run.partition("invoices", tenant.tenant_id)
        pages = -(-window["items"] // 10)
        assert left.calls == {"invoices": pages - window["page"] + 1, "journals": 1}
        assert left.resumes > datetime.now(UTC)
        assert any(line.startswith(f"Left to read of {tenant.name}: ") for line in bill.lines())
    told = json.loads(bill.summary())["backlog"]
    assert {each["tenant_id"] for each in told} == {each.tenant_id for each in sandbox.tenants}


def test_a_reserve_of_the_day_is_left_to_others(make_xero_sandbox, run_tap, selecting, small_pages):
    small_pages(10)
    sandbox = make_xero_sandbox(organisations=2, invoices=200, limits=Allowance(day=40))
    run = run_tap(sandbox, catalog=selecting("invoices", "payments"), daily_call_reserve=30)
    assert run.error is None
    assert len(run.remarks) == 2
    assert all("daily_call_reserve" in remark for remark in run.remarks)
    for tenant in sandbox.tenants:
        left = sandbox.limits.remaining(tenant.tenant_id).day
        # Calls that were on their way when the reserve was reached may go below it.
        assert 25 <= left <= 30
        assert run.tap.run.report.backlogs[tenant.name].resumes is None


def test_an_organisation_that_was_revoked_leaves_no_backlog(xero_sandbox, run_tap, selecting):
    gone = xero_sandbox.tenants[0]
    xero_sandbox.faults.add("tenant_revoked", path="*", tenant=gone.tenant_id, count=None)
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert run.tap.run.report.backlogs == {}
