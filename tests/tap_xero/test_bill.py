"""The bill: what a run cost, in few lines that people can read."""

from __future__ import annotations

import json

import pytest
from tap_xero.bill import Bill, plural, size
from tap_xero.client import Tenant

NORTH = Tenant("n", "Northwind Ltd")
SOUTH = Tenant("s", "Southwind Ltd")


def read(bill, tenant, stream, *, rows, calls, transferred, left=None):
    entry = bill.entry(tenant, stream)
    entry.rows = rows
    entry.usage.calls = calls
    entry.usage.bytes = transferred
    entry.usage.day_left = left


def test_the_bill_by_organisation_and_stream():
    bill = Bill()
    read(bill, NORTH, "invoices", rows=11_900, calls=12, transferred=7_300_000, left=4_988)
    read(bill, NORTH, "users", rows=1, calls=1, transferred=490, left=4_987)
    read(bill, SOUTH, "invoices", rows=0, calls=1, transferred=90)
    bill.remarks.append("journals of Southwind Ltd: not allowed.")
    assert bill.lines() == [
        "The bill of this run:",
        "Northwind Ltd: 11,901 rows, 13 calls, 7.3 MB; 4,987 calls left today",
        "  invoices 11,900 (12 calls, 7.3 MB), users 1 (490 B)",
        "Southwind Ltd: 0 rows, 1 call, 90 B",
        "  invoices 0 (90 B)",
        "Not read: journals of Southwind Ltd: not allowed.",
    ]


def test_long_lists_break_between_streams_only():
    bill = Bill()
    for number in range(30):
        read(bill, NORTH, f"stream_{number}", rows=number, calls=2, transferred=1000)
    listed = bill.lines()[2:]
    assert len(listed) > 1
    assert all(len(line) <= 100 for line in listed)
    assert all(line.rstrip(",").endswith(")") for line in listed)


def test_a_run_that_read_nothing_has_no_bill():
    assert Bill().lines() == []


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (24_600_000, "24.6 MB"), (3e9, "3.0 GB")],
)
def test_sizes_are_for_people(number, text):
    assert size(int(number)) == text


def test_one_is_singular():
    assert [plural(number, "row") for number in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]


def test_the_bill_for_machines_is_one_line():
    bill = Bill()
    read(bill, NORTH, "invoices", rows=5, calls=2, transferred=10, left=7)
    bill.entry(NORTH, "invoices").usage.tried_again(2.5)
    bill.entry(SOUTH, "users").skipped = "not due"
    bill.failures.append("x")
    (invoices, users) = json.loads(bill.summary())["bill"]
    assert invoices == {
        "organisation": "Northwind Ltd",
        "tenant_id": "n",
        "stream": "invoices",
        "rows": 5,
        "calls": 2,
        "retries": 1,
        "waited_seconds": 2.5,
        "bytes": 10,
        "skipped": None,
        "calls_left_today": 7,
    }
    assert users["skipped"] == "not due"
    assert "\n" not in bill.summary()
    assert "  not due: users" in bill.lines()
    assert "1 call tried again" in bill.lines()[1]
