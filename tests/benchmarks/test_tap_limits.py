"""How close a backfill comes to what Xero's limits and latency allow, and what it calls.

    uv run --group test pytest -m benchmark -s tests/benchmarks/test_tap_limits.py

The sandbox serves from a process of its own, with Xero's limits, 300 ms and 1 ms a row.
`INVOICES` and `ORGANISATIONS` change the size, `STREAMS` what is read.
"""

from __future__ import annotations

import heapq
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from measuring import installed, run, show
from tap_xero.resources import BY_STREAM, PAGE_SIZE, Paging

INVOICES = int(os.environ.get("INVOICES", "50000"))
ORGANISATIONS = int(os.environ.get("ORGANISATIONS", "3"))
STREAMS = os.environ.get(
    "STREAMS", "accounts,contacts,items,invoices,credit_notes,payments,bank_transactions"
).split(",")
LATENCY, PER_ROW = 0.3, 0.001
IN_FLIGHT, MINUTE = 5, 60

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]


@pytest.fixture
def served() -> Iterator[dict[str, Any]]:
    """A sandbox in a process of its own; what it printed when it was ready."""
    command = ["-m", "xero_sandbox", "serve", "--organisations", str(ORGANISATIONS)]
    options = ["--invoices", str(INVOICES), "--latency", "300", "--latency-per-row", "1"]
    process = subprocess.Popen(
        [sys.executable, *command, *options, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=30)


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


def test_a_backfill_against_the_bound_and_an_hourly_run_after_it(
    served: dict[str, Any], tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "client_id": served["client_id"],
                "client_secret": served["client_secret"],
                "refresh_token": served["refresh_token"],
                "credential_store": str(tmp_path / "store"),
                "api_url": served["url"],
                "identity_url": served["url"],
            }
        )
    )
    tap = installed("tap-xero")
    found = subprocess.run([tap, "--discover"], capture_output=True, check=True, text=True)
    catalog = json.loads(found.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    command = f"{tap} --config {config} --catalog {tmp_path / 'catalog.json'}"

    started = run([tap, "--version"]).seconds
    whole = run(["sh", "-c", f"{command} > {tmp_path / 'messages'}"])
    calls = _calls(served)
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
    requests.delete(f"{served['url']}/sandbox/calls", timeout=60)
    hourly = run(["sh", "-c", f"{command} --state {tmp_path / 'state.json'} > /dev/null"])
    hourly_calls = _calls(served)

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


def _calls(served: dict[str, Any]) -> int:
    """Calls of the Accounting API that the sandbox has seen."""
    log = requests.get(f"{served['url']}/sandbox/calls", timeout=60).json()
    listed = log["calls"] if isinstance(log, dict) else log
    return sum(1 for call in listed if call["tenant_id"])


def _bill(output: str) -> list[dict[str, Any]]:
    line = next(line for line in output.splitlines() if "bill: {" in line)
    bill: list[dict[str, Any]] = json.loads(line.split("bill: ", 1)[1])["bill"]
    return bill
