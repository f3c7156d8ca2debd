"""Numbers: the digits that go out are the digits that came in."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_xero.api import wire

DIGITS = [
    "12.50",
    "0.0000001",
    "1E-7",
    "1e5",
    "-0.0",
    "100",
    "0.10",
    "123456789012345678.12345678901",
]


@pytest.mark.parametrize("digits", DIGITS)
def test_digits_are_copied_verbatim(digits):
    body = f'{{"a":{digits},"b":[{{"c":{digits}}}]}}'.encode()
    assert wire.encode(wire.decode(body, verbatim=True)) == body


@pytest.mark.parametrize("digits", DIGITS)
def test_decimals_keep_value_and_scale(digits):
    body = f'{{"a":{digits}}}'.encode()
    value = wire.decode(body, verbatim=False)["a"]
    assert Decimal(value).as_tuple() == Decimal(digits).as_tuple()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_amounts_survive_both_ways(amount):
    body = f'{{"Total":{amount:f}}}'.encode()
    assert wire.encode(wire.decode(body, verbatim=True)) == body
    assert wire.encode(wire.decode(body, verbatim=False)) == body


@given(st.integers())
def test_integers_of_any_size_survive(number):
    body = str(number).encode()
    assert wire.encode(wire.decode(body, verbatim=True)) == body


@pytest.mark.parametrize(
    ("sent", "written"), [("1000", "1000"), ("12.50", "12.50"), ("-3E-2", "-3E-2")]
)
def test_quoted_numbers_become_numbers(sent, written):
    assert wire.encode(wire.number(sent, verbatim=True)).decode() == written
    assert wire.number(sent, verbatim=False) == Decimal(sent)


@pytest.mark.parametrize(
    "sent", ["", "01", "1.", "1,000", "NaN", "Infinity", "0x1", "--1", None, 3]
)
def test_what_is_no_number_stays(sent):
    assert wire.number(sent, verbatim=True) == sent


@pytest.mark.parametrize(
    ("sent", "expected"), [("false", False), ("True", True), ("maybe", "maybe"), (True, True)]
)
def test_quoted_booleans_become_booleans(sent, expected):
    assert wire.boolean(sent) == expected


def test_record_lines_are_singer_messages():
    rows = wire.decode(b'[{"Total":12.50},{"Total":7}]', verbatim=True)
    lines = wire.record_lines("invoices", rows, "2026-01-01T00:00:00Z", version=3)
    assert lines.endswith(b"\n")
    assert [json.loads(line) for line in lines.splitlines()] == [
        {
            "type": "RECORD",
            "stream": "invoices",
            "record": {"Total": total},
            "time_extracted": "2026-01-01T00:00:00Z",
            "version": 3,
        }
        for total in (12.5, 7)
    ]
    assert b"12.50" in lines


def test_no_records_are_no_lines():
    assert wire.record_lines("invoices", [], "2026-01-01T00:00:00Z") == b""


def test_what_is_no_json_is_an_error():
    with pytest.raises(msgspec.DecodeError):
        wire.decode(b"<html></html>", verbatim=True)
