"""Kind 15 of the trials: one odd answer costs at most its stream, and mostly nothing."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from tap_xero.api import wire
from tap_xero.api.errors import DayLimitError, Refusal, ThrottledError, classify

URL = "https://xero.test"
KEY = "InvoiceID"
ROWS = [{KEY: f"00000000-0000-4000-8000-00000000000{n}", "Reference": "x"} for n in range(3)]
COUNTS = {"page": 1, "pageSize": 1000, "pageCount": 1, "itemCount": 3}
USUAL = {"Status": "OK", "DateTimeUTC": "/Date(1769990400000)/", "pagination": COUNTS}


@pytest.fixture
def read_answer(requests_mock, selecting, run_tap):
    """Runs the tap against a Xero of which invoices are answered so."""

    class Xero:
        url = URL
        client_id, client_secret, refresh_token = "app", "secret", "seed"

    def answer(request, _):
        path = urlsplit(request.url).path
        if path.endswith("/Invoices"):
            size = parse_qs(urlsplit(request.url).query).get("pageSize")
            assert size is not None
            return Xero.body
        return json.dumps({"Status": "OK", "Accounts": [{"AccountID": "a", "Code": "1"}]}).encode()

    def run(body):
        Xero.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        tokens = {"access_token": "t", "expires_in": 1800, "refresh_token": "r"}
        requests_mock.post(f"{URL}/connect/token", json=tokens)
        listed = [{"tenantId": "one", "tenantName": "Kauri", "tenantType": "ORGANISATION"}]
        requests_mock.get(f"{URL}/connections", json=listed)
        requests_mock.get(f"{URL}/api.xro/2.0/Invoices", content=answer)
        requests_mock.get(f"{URL}/api.xro/2.0/Accounts", content=answer)
        return run_tap(Xero, catalog=selecting("invoices", "accounts"))

    return run


ODD = {
    "a null row": {"Invoices": [*ROWS, None]},
    "a row that is text": {"Invoices": ["x", *ROWS]},
    "a row without its id": {"Invoices": [ROWS[0], {"Type": "ACCREC"}, *ROWS[1:]]},
    "a row whose id is null": {"Invoices": [ROWS[0], {KEY: None}, *ROWS[1:]]},
    "counts as text": {"pagination": {k: str(v) for k, v in COUNTS.items()}},
    "counts with a point": {"pagination": {k: float(v) for k, v in COUNTS.items()}},
    "counts that are none": {"pagination": {"pageCount": "many", "itemCount": []}},
    "counts below nothing": {"pagination": {"pageCount": -1, "itemCount": -1}},
    "no counts": {"pagination": None},
    "a time that is none": {"DateTimeUTC": "yesterday"},
    "a time that is a number": {"DateTimeUTC": 17},
    "a time that is an object": {"DateTimeUTC": {}},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_kind_15_what_is_odd_stands_for_nothing(read_answer, odd):
    run = read_answer({**USUAL, "Invoices": ROWS, **odd})
    assert run.error is None
    assert run.tap.run.report.failures == []
    assert {row[KEY] for row in run.records["invoices"]} == {row[KEY] for row in ROWS}
    assert run.records["accounts"]


@pytest.mark.parametrize("count", [4, 5])
def test_kind_15_rows_that_nothing_can_be_made_of_are_told(read_answer, count):
    odd = [None, {"Type": "ACCREC"}][: count - 3]
    counts = {**COUNTS, "itemCount": count}
    run = read_answer({**USUAL, "Invoices": [*ROWS, *odd], "pagination": counts})
    assert run.tap.run.report.failures == []
    assert any("without InvoiceID" in remark for remark in run.remarks)
    (partition,) = run.state["bookmarks"]["invoices"]["partitions"]
    assert partition["replication_key_value"]


def test_kind_15_null_for_an_empty_list_is_an_empty_list(read_answer):
    counts = {**COUNTS, "itemCount": 0, "pageCount": 0}
    run = read_answer({**USUAL, "Invoices": None, "pagination": counts})
    assert run.tap.run.report.failures == []
    assert run.records["accounts"]


BODY = json.dumps({**USUAL, "Invoices": ROWS})
BYTES = {
    "a byte order mark": (b"\xef\xbb\xbf" + BODY.encode(), "x"),
    "bytes that are no text": (BODY.encode().replace(b'"x"', b'"\xff"'), "\ufffd"),
    "half a character": (BODY.encode().replace(b'"x"', rb'"\ud83d"'), "\ufffd"),
    "the other half": (BODY.encode().replace(b'"x"', rb'"a\ude00b"'), "a\ufffdb"),
}


@pytest.mark.parametrize(("body", "reference"), BYTES.values(), ids=BYTES.keys())
def test_kind_15_text_that_is_none_is_shown_as_u_fffd(read_answer, body, reference):
    run = read_answer(body)
    assert run.tap.run.report.failures == []
    assert [row["Reference"] for row in run.records["invoices"]] == [reference] * 3


def test_kind_15_a_text_is_mended_where_it_is_broken_only():
    whole = rb'{"a": "\\ud83d \ud83d\ude00 \n \u00e9", "b": "\ud83d"}'
    assert wire.decode(wire.mended(whole), verbatim=True) == {
        "a": "\\ud83d \U0001f600 \n \u00e9",
        "b": "\ufffd",
    }


BEYOND = {
    "no list": {k: v for k, v in USUAL.items() if k != "Invoices"},
    "a list that is text": {**USUAL, "Invoices": "x"},
    "an array": ROWS,
    "two bodies": BODY.encode() * 2,
    "half a body": BODY.encode()[: len(BODY) // 2],
    "a page of HTML": b"<!DOCTYPE html><html></html>",
    "nothing": b"",
    "not a number": BODY.encode().replace(b'"x"', b"NaN"),
}


@pytest.mark.parametrize("body", BEYOND.values(), ids=BEYOND.keys())
def test_invariant_13_an_answer_that_is_none_costs_its_stream_alone(read_answer, monkeypatch, body):
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, error, seconds: None)
    run = read_answer(body)
    assert run.error is None
    assert run.tap.run.report.failures == ["invoices of Kauri"]
    assert run.records["accounts"]


@pytest.mark.parametrize(
    ("after", "wait"), [("inf", 60.0), ("nan", 60.0), ("soon", 60.0), ("-5", 0.0), ("1e2", 100.0)]
)
def test_kind_15_a_wait_that_is_none_is_a_minute(after, wait):
    headers = {"X-Rate-Limit-Problem": "minute", "Retry-After": after}
    error = classify(Refusal(429, headers, None, "Invoices of Kauri"))
    assert isinstance(error, ThrottledError)
    assert error.wait == wait


@pytest.mark.parametrize("after", ["1e12", "99999999999", "1e300"])
def test_kind_15_a_day_is_over_after_a_day(after):
    error = classify(Refusal(429, {"Retry-After": after}, None, "Invoices of Kauri"))
    assert isinstance(error, DayLimitError)
    assert "24.0 hours" in str(error)
