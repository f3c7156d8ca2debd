"""The bill: what a run cost, in few lines that people can read."""

from __future__ import annotations

import json

import pytest
from tap_xero.api.client import Tenant
from tap_xero.sync.commentary import Commentary
from tap_xero.sync.page import Page
from tap_xero.sync.usage_report import UsageReport
from tap_xero.sync.window import Window
from tap_xero.text import plural, size

NORTH = Tenant("n", "Northwind Ltd")
SOUTH = Tenant("s", "Southwind Ltd")


def read(bill, tenant, stream, *, rows, calls, transferred, left=None):
    entry = bill.entry(tenant, stream)
    entry.rows = rows
    entry.usage.calls = calls
    entry.usage.bytes = transferred
    entry.usage.day_left = left


def test_the_bill_by_organisation_and_stream():
    bill = UsageReport()
    read(bill, NORTH, "invoices", rows=11_900, calls=12, transferred=7_300_000, left=4_988)
    read(bill, NORTH, "users", rows=1, calls=1, transferred=490, left=4_987)
    read(bill, NORTH, "items", rows=0, calls=1, transferred=90)
    read(bill, NORTH, "quotes", rows=0, calls=1, transferred=90)
    bill.entry(NORTH, "contacts").skipped = "not due"
    bill.entry(NORTH, "invoices").usage.count_retry(61.25)
    read(bill, SOUTH, "journals", rows=0, calls=1, transferred=90)
    bill.entry(SOUTH, "journals").skipped = "Not allowed."
    bill.gated["journals", "Not allowed."] = [SOUTH.name, "Westwind Ltd"]
    bill.remarks.append("Southwind Ltd, from here on: gone.")
    north, south = "invoices 11,900, users 1", "nothing new; 1 stream not read"
    assert bill.lines() == [
        "The bill of this run:",
        "organisation     rows  calls  retries  waited   bytes  left today  what came",
        f"Northwind Ltd  11,901     15        1  61.2 s  7.3 MB       4,987  {north}",
        f"Southwind Ltd       0      1                     90 B              {south}",
        "Not due: contacts (of some).",
        "Not read: journals of Southwind Ltd, Westwind Ltd: Not allowed.",
        "Not read: Southwind Ltd, from here on: gone.",
    ]
    assert bill.details() == [
        "By stream:",
        "organisation, stream    rows  calls  retries  waited   bytes",
        "Northwind Ltd         11,901     15        1  61.2 s  7.3 MB  4,987 calls left today",
        "  invoices            11,900     12        1  61.2 s  7.3 MB",
        "  users                    1      1                    490 B",
        "  nothing, a call each: items, quotes",
        "  not due: contacts",
        "Southwind Ltd              0      1                     90 B",
        "  journals                 0      1                     90 B  not read, see above",
    ]


def test_an_hourly_run_without_news_is_a_few_lines_for_each_organisation():
    bill = UsageReport()
    for number in range(28):
        read(bill, NORTH, f"stream_{number}", rows=0, calls=1, transferred=90)
    assert len(bill.lines()) == 3
    lines = bill.details()
    assert len(lines) < 9
    assert all(len(line) <= 100 for line in lines)
    assert ", ".join(f"stream_{number}" for number in range(28)) in " ".join(
        line.strip() for line in lines
    )


def test_a_run_that_read_nothing_has_no_bill():
    assert UsageReport().lines() == []


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (24_600_000, "24.6 MB"), (3e9, "3.0 GB")],
)
def test_sizes_are_for_people(number, text):
    assert size(int(number)) == text


def test_one_is_singular():
    assert [plural(number, "row") for number in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]


def test_the_bill_for_machines_is_one_line():
    bill = UsageReport()
    read(bill, NORTH, "invoices", rows=5, calls=2, transferred=10, left=7)
    bill.entry(NORTH, "invoices").usage.count_retry(2.5)
    bill.entry(SOUTH, "users").skipped = "not due"
    bill.failures.append("x")
    (invoices, users) = json.loads(bill.summary())["bill"]
    assert invoices == {
        "organisation": "Northwind Ltd",
        "tenant_id": "n",
        "unchanged": False,
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
    assert "  not due: users" in bill.details()


def test_the_bill_of_many_organisations_is_a_screen():
    bill = UsageReport()
    for number in range(200):
        tenant = Tenant(str(number), f"Shop {number}")
        for stream in range(5):
            read(bill, tenant, f"s{stream}", rows=number, calls=1, transferred=9, left=number)
        bill.entry(tenant, "unchanged").unchanged = True
    bill.remarks += [f"remark {number}" for number in range(100)]
    _, columns, *shops, more = bill.lines()[: -12 - 1]
    assert " ".join(columns.split()) == "organisation rows calls bytes left today what came"
    assert [shop.split("  ")[0] for shop in shops] == [f"Shop {n}" for n in range(189, 200)]
    assert shops[0].endswith("  s0 189, s1 189, 3 streams more")
    assert more.split()[:2] == ["189", "more"]
    assert more.endswith(" 0"), "calls that the organisation has left which has fewest"
    assert bill.lines()[-1].startswith("… and 88 reasons more: ")


def test_progress_is_told_every_few_seconds_with_rate_and_end():
    said, seconds = [], [0.0]
    commentary = Commentary(said.append, lambda: seconds[0])
    commentary.begin(30)
    for number in range(1, 31):
        page = Page([], Window(), number, 40, "")
        commentary.note_page("invoices of Northwind Ltd", page, 100)
        seconds[0] += 2
    commentary.note_end()
    place = "0 of 30 streams done; invoices of Northwind Ltd at page"
    assert said[:2] == [
        f"6 s: 400 rows, 67 a second, {place} 4 of 40, 72 s left",
        f"12 s: 700 rows, 58 a second, {place} 7 of 40, 66 s left",
    ]
    assert said[-1] == "60 s: 3,000 rows, 50 a second, 1 of 30 streams done"
    seconds[0] = 7200
    commentary.note_end()
    seconds[0] += 59
    commentary.note_end()
    seconds[0] += 1
    commentary.note_page("quotes of Northwind Ltd", Page([], Window(), 1, None, ""), 0)
    assert [line[:6] for line in said[-2:]] == ["2.0 h:", "2.0 h:"]
    assert said[-1].endswith("; quotes of Northwind Ltd at page 1")
