"""How close a backfill comes to what Xero's limits and latency allow, and what it calls.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_tap_limits.py

The sandbox serves from a process of its own, with Xero's limits, 300 ms and 1 ms a row.
`INVOICES` and `ORGANISATIONS` change the size, `STREAMS` what is read.
"""

from __future__ import annotations

import heapq
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest
from measuring import installed, run, show
from served_xero import calls_of, command_of_the_tap, forget_calls, served
from tap_xero.models.resources import BY_STREAM, PAGE_SIZE, Paging

INVOICES = int(os.environ.get("INVOICES", "50000"))
ORGANISATIONS = int(os.environ.get("ORGANISATIONS", "3"))
STREAMS = os.environ.get(
    "STREAMS", "accounts,contacts,items,invoices,credit_notes,payments,bank_transactions"
).split(",")
LATENCY, PER_ROW = 0.3, 0.001
IN_FLIGHT, MINUTE = 5, 60

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]


def least_calls(rows: dict[str, int]) -> list[float]:
    """The calls of one organisation that cannot be spared, by the seconds each takes."""
    calls = []
    for stream in STREAMS:
        resource = BY_STREAM[stream]
        count = rows[stream]
        page = PAGE_SIZE if resource.paging is Paging.PAGES else max(count, 1)
        pages = max(1, math.ceil(count / page))
        calls += [LATENCY + PER_ROW * min(page, count - page * n) for n in range(pages)]
    return calls


def bound(calls: list[float]) -> float:
    """Seconds of the fastest run of these calls: five at once, sixty in any minute."""
    free, starts = [0.0] * IN_FLIGHT, []
    for seconds in sorted(calls, reverse=True):
        start = heapq.heappop(free)
        if len(starts) >= MINUTE:
            start = max(start, starts[-MINUTE] + 60)
        starts.append(start)
        heapq.heappush(free, start + seconds)
    return max(free)


def test_a_backfill_against_the_bound_and_an_hourly_run_after_it(tmp_path: Path) -> None:
    size = ("--organisations", ORGANISATIONS, "--invoices", INVOICES)
    pace = ("--latency", LATENCY * 1000, "--latency-per-row", PER_ROW * 1000)
    with served(*size, *pace) as xero:
        _measure(xero, tmp_path)


def _measure(xero: dict[str, Any], tmp_path: Path) -> None:
    command = command_of_the_tap(xero, tmp_path, STREAMS)

    started = run([installed("tap-xero"), "--version"]).seconds
    whole = run(["sh", "-c", f"{command} > {tmp_path / 'messages'}"])
    calls = calls_of(xero)
    rows: dict[str, dict[str, int]] = {}
    for each in _bill(whole.output):
        rows.setdefault(each["organisation"], {})[each["stream"]] = each["rows"]
    least = [least_calls(of) for of in rows.values()]
    fastest = max(map(bound, least))
    seconds = whole.seconds - started

    with (tmp_path / "messages").open() as messages:
        states = [line for line in messages if line.startswith('{"type":"STATE"')]
    state = json.loads(states[-1])["value"]
    (tmp_path / "state.json").write_text(json.dumps(state))
    # The backfill has used the minute up; an hour later nothing of that is left.
    time.sleep(61)
    forget_calls(xero)
    hourly = run(["sh", "-c", f"{command} --state {tmp_path / 'state.json'} > /dev/null"])
    hourly_calls = calls_of(xero)

    show(
        f"{ORGANISATIONS} organisations of {INVOICES:,} invoices, {', '.join(STREAMS)}",
        [
            ("rows", f"{sum(sum(of.values()) for of in rows.values()):>9,}"),
            ("bound by limits and latency", f"{fastest:>9.1f} s"),
            ("tap-xero once started", f"{seconds:>9.1f} s"),
            ("tap / bound", f"{seconds / fastest:>9.2f}"),
            ("least calls", f"{sum(map(len, least)):>9,}"),
            ("calls", f"{calls:>9,}"),
            ("peak memory", f"{whole.peak:>9,.0f} MiB"),
            ("calls of the run after it", f"{hourly_calls:>9,}"),
            ("seconds of the run after it", f"{hourly.seconds - started:>9.1f} s"),
        ],
    )
    assert calls <= 1.02 * sum(map(len, least))
    assert hourly_calls <= 1.02 * len(STREAMS) * ORGANISATIONS
    assert seconds <= 1.15 * fastest


def _bill(output: str) -> list[dict[str, Any]]:
    line = next(line for line in output.splitlines() if "bill: {" in line)
    bill: list[dict[str, Any]] = json.loads(line.split("bill: ", 1)[1])["bill"]
    return bill
