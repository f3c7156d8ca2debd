"""Kind 15: whatever Xero answers, an answer costs at most its stream, and the stream is named."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import time
from collections import defaultdict

import pytest
import requests_mock
from hostile_xero import API, NAME, URL, HostileXero, Recording, endpoint
from singer_sdk.exceptions import (
    ConfigValidationError,
    FatalAPIError,
    RetriableAPIError,
    SkippableAPIError,
)
from tap_xero.annexes import table as annexes
from tap_xero.api.limits import Allowance
from tap_xero.counts import COUNTED
from tap_xero.models.resources import BY_STREAM, RESOURCES
from tap_xero.reports.table import REPORT_NAMES, REPORTS
from tap_xero.tap import TapXero
from xero_sandbox.sandbox import Sandbox

SETTINGS = {
    "reports": {
        name: {"periods": 1, **({"tracking_category": "Region"} if "profit" in name else {})}
        for name in REPORT_NAMES
    },
    "history": ["quotes"],
    "attachments": ["invoices"],
    "stream_counts": True,
}
FUZZ = {"FUZZ_SEED": "1000", "FUZZ_ROUNDS": "500"}
SEED, ROUNDS = (int(os.environ.get(name, usual)) for name, usual in FUZZ.items())
"""The first seed of the tests that are marked `stress`, and how many there are."""

NEEDS: dict[str, set[str]] = {
    **{each.stream: {each.path} for each in RESOURCES},
    **{
        each.stream: {f"Reports/{each.name}", "Organisation", "TrackingCategories"}
        for each in REPORTS
    },
    "history": {"Quotes"},
    "attachments": {"Invoices"},
    "stream_counts": {each.path for each in COUNTED},
}
"""Endpoints whose answers a stream is made of."""


@pytest.fixture(scope="module")
def recording(run_tap):
    """Answers for all streams of one small organisation, and what the tap makes of them."""
    with pytest.MonkeyPatch.context() as patch, Sandbox(organisations=1, invoices=20) as sandbox:
        patch.setattr("tap_xero.models.resources.PAGE_SIZE", 20)
        patch.setattr("tap_xero.api.limits.XERO", Allowance(minute=10_000, app_minute=10_000))
        run = run_tap(sandbox, **SETTINGS)
        assert run.error is None
        return Recording.of(sandbox)


@pytest.fixture
def read(run_tap, monkeypatch, tmp_path, small_pages):
    small_pages(20)
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, error, seconds: None)

    def read(xero, connections=None, token=None, **settings):
        tokens = {"access_token": "t", "expires_in": 1800, "refresh_token": "r"}
        listed = [{"tenantId": "one", "tenantName": NAME, "tenantType": "ORGANISATION"}]
        with requests_mock.Mocker() as mock:
            mock.post(f"{URL}/connect/token", **({"json": tokens} if token is None else token))
            mock.get(f"{URL}/connections", **(connections or {"json": listed}))
            mock.get(re.compile(re.escape(URL + API)), content=xero)
            store = tmp_path / f"store-{time.monotonic_ns()}"
            return run_tap(xero, credential_store=str(store), **SETTINGS, **settings)

    return read


def rows(run):
    """What came of each stream, without the times at which it was read."""
    made = defaultdict(list)
    for stream, records in run.records.items():
        for record in records:
            made[stream].append(json.dumps(record, sort_keys=True, default=str))
    return {stream: sorted(records) for stream, records in made.items()}


def keys(run, stream):
    named = run.tap.streams[stream].primary_keys
    return {tuple(str(record.get(name)) for name in named) for record in run.records[stream]}


def check(run, reference, xero):
    """Nothing else is lost than what the changed answers are about, and that is told."""
    told = f"seed {xero.seed}: " + "; ".join(xero.changes)
    assert run.error is None, f"{run.error!r}, {told}"
    failures = run.tap.run.report.failures
    got, expected = rows(run), rows(reference)
    for stream, endpoints in NEEDS.items():
        if endpoints.isdisjoint(xero.victims):
            assert got.get(stream, []) == expected.get(stream, []), f"{stream} lost, {told}"
            assert f"{stream} of {NAME}" not in failures, told
    for failure in failures:
        stream, _, organisation = failure.partition(" of ")
        assert (stream in NEEDS, organisation) == (True, NAME), f"{failure}, {told}"
    for line in run.messages:
        assert line["type"] in ("SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION")


def undisturbed(recording, read):
    """A run in which nothing is odd."""
    run = read(HostileXero(recording, 0, frozenset()))
    assert (run.error, run.tap.run.report.failures, run.remarks) == (None, [], [])
    assert set(run.records) >= NEEDS.keys()
    return run


def try_seeds(recording, read, caplog, seeds):
    reference = undisturbed(recording, read)
    endpoints = sorted({endpoint(path) for path in recording.answers})
    for seed in seeds:
        caplog.clear()
        dice = random.Random(seed)
        victims = frozenset(dice.sample(endpoints, dice.randrange(1, len(endpoints) // 2)))
        xero = HostileXero(recording, seed, victims)
        run = read(xero)
        check(run, reference, xero)
        tracebacks = [record for record in caplog.records if record.exc_info]
        assert tracebacks == [], f"seed {seed}: {xero.changes}"
        for failure in run.tap.run.report.failures:
            assert any(
                record.levelno >= logging.ERROR and failure in record.getMessage()
                for record in caplog.records
            ), f"seed {seed}: {failure} is not told"


def test_an_odd_answer_costs_at_most_its_stream(recording, read, caplog):
    try_seeds(recording, read, caplog, range(4))


@pytest.mark.stress
def test_an_odd_answer_costs_at_most_its_stream_over_and_over(recording, read, caplog):
    try_seeds(recording, read, caplog, range(SEED, SEED + ROUNDS))


def try_leaves(recording, read, seeds):
    reference = undisturbed(recording, read)
    endpoints = frozenset({endpoint(path) for path in recording.answers if path in LISTS})
    for seed in seeds:
        xero = HostileXero(recording, seed, endpoints, leaves_only=True)
        run = read(xero)
        told = f"seed {seed}: " + "; ".join(xero.changes)
        assert run.error is None, f"{run.error!r}, {told}"
        for stream in LISTED:
            assert keys(run, stream) == keys(reference, stream), f"{stream}, {told}"
            assert f"{stream} of {NAME}" not in run.tap.run.report.failures, told


LISTS = {each.path for each in RESOURCES}
LISTED = [name for name in BY_STREAM if name not in ("journals", "journals_cash")]


def test_an_odd_value_costs_no_row(recording, read):
    """Of rows that can be told apart all are written, whatever else stands in them."""
    try_leaves(recording, read, (0, 7_002))


@pytest.mark.stress
def test_an_odd_value_costs_no_row_over_and_over(recording, read):
    try_leaves(recording, read, range(SEED, SEED + ROUNDS))


def test_an_answer_of_another_shape_is_told_with_its_stream(recording, read, caplog):
    figures = {"RowType": "Row", "Cells": [{"Value": "Sales"}, {"Value": "5.00"}]}
    rows = [{"RowType": "Header", "Cells": [17]}, figures]
    report = {"ReportID": "TrialBalance", "Rows": rows}
    odd = json.dumps({"Status": "OK", "Reports": [report]}).encode()
    answers = {**recording.answers, "Reports/TrialBalance": {frozenset(): odd}}
    run = read(HostileXero(Recording(answers), 0, frozenset()))
    assert run.error is None
    failures = {f"{stream} of {NAME}" for stream in ("trial_balance", "trial_balance_cash")}
    assert set(run.tap.run.report.failures) == failures
    assert f"trial_balance of {NAME} failed" in caplog.text
    assert "figures whose columns have no heads" in caplog.text
    assert run.records["profit_and_loss"]


AS_LINES = (ConfigValidationError, FatalAPIError, RetriableAPIError, SkippableAPIError)
"""Errors that the command line shows as a line."""

ODD_TEXTS = ("", "[]", "{}", "null", "7", '"x"', "<html>", '[{"tenantId": 7}]', "[null]", "[[]]")


@pytest.mark.parametrize("text", ODD_TEXTS)
@pytest.mark.parametrize("where", ["connections", "token"])
def test_what_a_whole_run_needs_ends_it_with_a_line(recording, read, selecting, where, text):
    xero = HostileXero(recording, 0, frozenset())
    run = read(xero, catalog=selecting("accounts"), **{where: {"text": text}})
    if run.error is not None:
        assert isinstance(run.error, AS_LINES), repr(run.error)


def test_all_streams_are_in_it():
    tap = TapXero(config={"sandbox": {}, **SETTINGS}, validate_config=False)
    assert set(tap.streams) == set(NEEDS)
    assert set(annexes.NAMES) <= set(NEEDS)
