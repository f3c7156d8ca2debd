"""How fast the tap reads, against a bare loop over the same pages with requests and msgspec.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_tap_throughput.py

The sandbox serves from a process of its own, without limits and without latency.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from measuring import installed, run, show
from served_xero import command_of_the_tap, served

INVOICES = int(os.environ.get("INVOICES", "30000"))

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


def _bare_loop(xero: dict[str, Any]) -> int:
    """Read every page of invoices and decode it; nothing else."""
    session = requests.Session()
    token = session.post(
        f"{xero['url']}/connect/token",
        data={"grant_type": "client_credentials"},
        auth=(xero["client_id"], xero["client_secret"]),
        timeout=60,
    ).json()["access_token"]
    session.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})
    decode = msgspec.json.Decoder().decode
    page, pages, rows = 1, 1, 0
    while page <= pages:
        answer = session.get(
            f"{xero['url']}/api.xro/2.0/Invoices",
            params={"page": page, "pageSize": 1000, "unitdp": 4},
            timeout=60,
        )
        answer.raise_for_status()
        body = decode(answer.content)
        pages, page = body["pagination"]["pageCount"], page + 1
        rows += len(body["Invoices"])
    return rows


def test_reading_invoices_against_a_bare_loop(tmp_path: Path) -> None:
    size = ("--organisations", 1, "--invoices", INVOICES, "--clock", "=2026-01-01T00:00:00Z")
    with served("--no-limits", *size) as xero:
        _measure(xero, tmp_path)


def _measure(xero: dict[str, Any], tmp_path: Path) -> None:
    command = command_of_the_tap(xero, tmp_path, ["invoices"])
    _bare_loop(xero)  # warm: the sandbox reads its pages for the first time
    started = time.perf_counter()
    rows = _bare_loop(xero)
    bare = time.perf_counter() - started

    nothing = run([installed("tap-xero"), "--version"])
    whole = run(["sh", "-c", f"{command} > /dev/null"])
    reading = whole.seconds - nothing.seconds
    show(
        f"{rows:,} invoices from the sandbox",
        [
            ("bare loop, requests and msgspec", _figure(rows, bare)),
            ("tap-xero to /dev/null, with start-up", _figure(rows, whole.seconds)),
            ("tap-xero's peak memory", f"{whole.peak:>9,.0f} MiB"),
            ("tap-xero once started", _figure(rows, reading)),
            ("tap / bare loop", f"{bare / reading:.2f}"),
        ],
    )
    assert f"{rows:,} rows" in whole.output


def _figure(rows: int, seconds: float) -> str:
    return f"{rows / seconds:>9,.0f} rows/s  {seconds:6.1f} s"
