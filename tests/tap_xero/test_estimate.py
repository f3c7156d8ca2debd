"""The estimate of a first load: its calls are compared with those that a first load then makes."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from tap_xero.api.connection import connect
from tap_xero.api.retries import Retries
from tap_xero.commands.estimate import estimate as command
from tap_xero.commands.estimate import lines
from tap_xero.estimate import WITHIN, Estimate, Part, estimated
from tap_xero.models.resources import RESOURCES
from tap_xero.tap import TapXero
from xero_sandbox.clock import ManualClock

NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def books(make_xero_sandbox):
    return make_xero_sandbox(organisations=2, invoices=120, clock=ManualClock(NOW))


@pytest.fixture
def estimates(config_of):
    """Estimates each organisation of a sandbox, with settings."""

    def run(sandbox, wanted=lambda _: True, **settings):
        config = TapXero(config=config_of(sandbox, **settings)).config
        with closing(connect(config, Retries(), print)) as connection:
            tenants = connection.client.tenants()
            return {t.name: estimated(connection.client, t, config, wanted) for t in tenants}

    return run


def calls_of(run):
    """Calls that a run made, by organisation and stream."""
    entries = run.tap.run.report.entries
    names = {name for name, _ in entries}
    return {n: {s: e.usage.calls for (o, s), e in entries.items() if o == n} for n in names}


def test_the_calls_are_those_of_the_first_load_that_follows(books, estimates, run_tap, small_pages):
    small_pages(30)
    found = estimates(books, history=["credit_notes"])
    before = len(books.calls.of("*"))
    asked = sum(each.asked for each in found.values())
    assert asked <= 2 * 13
    # Nothing but what the estimate says it took, the list of connections and the token.
    assert before - asked <= 2
    run = run_tap(books, history=["credit_notes"])
    assert run.error is None
    for name, made in calls_of(run).items():
        total, estimate = sum(made.values()), found[name]
        assert total / WITHIN <= estimate.calls <= total * WITHIN, (total, estimate.calls)
        parts = {part.stream: part for part in estimate.parts}
        assert made.keys() == parts.keys()
        counted = {stream for stream, part in parts.items() if part.counted}
        assert {s: parts[s].calls for s in counted} == {s: made[s] for s in counted}
        assert {"invoices", "contacts", "budgets", "contact_groups", "accounts"} <= counted
        assert max(made.values()) > 4
        records = {
            s: [r for r in rs if r["TenantID"] == estimate.tenant.id]
            for s, rs in run.records.items()
        }
        assert parts["invoices"].rows == len(records["invoices"])
        sizes = run.tap.run.report.entries
        for stream in ("invoices", "payments", "contacts"):
            real = sizes[name, stream].usage.bytes
            assert real / 4 <= parts[stream].bytes <= real * 4, (stream, real, parts[stream].bytes)


def test_nothing_is_read_before(books, estimates):
    estimates(books)
    sizes = [dict(each.query).get("pageSize") for each in books.calls.of("Invoices")]
    assert set(sizes) == {"1"}


def test_a_start_date_leaves_out_what_has_not_changed_since(books, estimates):
    whole, some = (
        {n: {p.stream: p.rows for p in e.parts} for n, e in estimates(books, **settings).items()}
        for settings in ({}, {"start_date": "2026-01-01T00:00:00Z"})
    )
    for name, rows in whole.items():
        assert 0 < some[name]["invoices"] < rows["invoices"]
        assert some[name]["budgets"] == rows["budgets"]


def test_what_is_withheld_is_said_and_the_rest_is_estimated(books, estimates):
    books.faults.add("scope_missing", path="Journals", count=None)
    for each in estimates(books).values():
        refused = {part.stream: part for part in each.parts if part.refused}
        assert set(refused) == {"journals", "journals_cash"}
        assert "accounting.journals.read" in refused["journals"].refused
        assert len(each.parts) == len(RESOURCES)


def test_only_some_streams_are_asked_for(books, estimates):
    for each in estimates(books, lambda stream: stream == "payments").values():
        assert [part.stream for part in each.parts] == ["payments"]
        assert each.asked == 1


@pytest.mark.parametrize(
    ("calls", "a_day", "left", "days", "minutes"),
    [
        (45, 5_000, None, 1, 1),
        (61, 1_000, 1_000, 1, 2),
        (1_001, 1_000, 1_000, 2, 17),
        (1_500, 1_000, 100, 3, 25),
        (900, 1_000, 0, 2, 15),
    ],
)
def test_days_and_minutes_are_those_of_xeros_limits(calls, a_day, left, days, minutes):
    estimate = Estimate(None, a_day, left, [Part("invoices", calls)])
    assert (estimate.days, estimate.minutes) == (days, minutes)


def test_the_command_prints_a_table_and_json(books, config_of, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config_of(books, reports={"trial_balance": {}})))
    shown = CliRunner().invoke(command, ["--config", str(path)])
    assert shown.exit_code == 0, shown.output
    assert "organisation, stream" in shown.output
    for tenant in books.tenants:
        assert tenant.name in shown.output
    assert "a call each: organisations, currencies" in shown.output
    assert "Not estimated: trial_balance" in shown.output
    printed = CliRunner().invoke(command, ["--config", str(path), "--json", "--stream", "inv*"])
    told = json.loads(printed.stdout)
    assert [each["organisation"] for each in told["estimate"]] == [t.name for t in books.tenants]
    (part,) = told["estimate"][0]["streams"]
    assert part["stream"] == "invoices"
    assert part["counted"] is True
    assert part["rows"] > 100


def test_a_stream_that_is_none_is_named(books, config_of, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config_of(books)))
    done = CliRunner().invoke(command, ["--config", str(path), "--stream", "invoicez"])
    assert done.exit_code == 1
    assert "invoicez is no stream" in done.output


def test_without_an_organisation_it_says_how_to_connect_one():
    assert list(lines([], [])) == [
        "No organisation is connected: run tap-xero-login and choose one."
    ]
