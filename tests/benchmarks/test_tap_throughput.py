"""How fast the tap reads, against a bare loop over the same pages with requests and msgspec.

    uv run --group test pytest -m benchmark -s tests/benchmarks/test_tap_throughput.py

The sandbox serves from a process of its own, without limits and without latency.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from measuring import installed, run, show

INVOICES = int(os.environ.get("INVOICES", "30000"))

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


@pytest.fixture
def served() -> Iterator[dict[str, Any]]:
    """A sandbox in a process of its own; what it printed when it was ready."""
    command = ["-m", "xero_sandbox", "serve", "--organisations", "1", "--no-limits"]
    options = ["--invoices", str(INVOICES), "--clock", "=2026-01-01T00:00:00Z"]
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


def _bare_loop(served: dict[str, Any]) -> int:
    """Read every page of invoices and decode it; nothing else."""
    session = requests.Session()
    token = session.post(
        f"{served['url']}/connect/token",
        data={"grant_type": "client_credentials"},
        auth=(served["client_id"], served["client_secret"]),
        timeout=60,
    ).json()["access_token"]
    session.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})
    decode = msgspec.json.Decoder().decode
    page, pages, rows = 1, 1, 0
    while page <= pages:
        answer = session.get(
            f"{served['url']}/api.xro/2.0/Invoices",
            params={"page": page, "pageSize": 1000, "unitdp": 4},
            timeout=60,
        )
        answer.raise_for_status()
        body = decode(answer.content)
        pages, page = body["pagination"]["pageCount"], page + 1
        rows += len(body["Invoices"])
    return rows


def test_reading_invoices_against_a_bare_loop(served: dict[str, Any], tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "client_id": served["client_id"],
                "client_secret": served["client_secret"],
                "api_url": served["url"],
                "identity_url": served["url"],
            }
        )
    )
    tap = installed("tap-xero")
    found = subprocess.run(
        [tap, "--config", config, "--discover"], capture_output=True, check=True, text=True
    )
    catalog = json.loads(found.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == "invoices"
    chosen = tmp_path / "catalog.json"
    chosen.write_text(json.dumps(catalog))

    _bare_loop(served)  # warm: the sandbox reads its pages for the first time
    started = time.perf_counter()
    rows = _bare_loop(served)
    bare = time.perf_counter() - started

    command = [tap, "--config", config, "--catalog", chosen]
    nothing = run([tap, "--version"])
    whole = run(["sh", "-c", f"{' '.join(map(str, command))} > /dev/null"])
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
