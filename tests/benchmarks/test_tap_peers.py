"""The same backfill with other taps: singer-io's, and a plain one made with the Meltano SDK.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_tap_peers.py

One organisation, its invoices only, since the others read one organisation in a run; Xero's
limits, 300 ms and 1 ms a row. singer-io's tap is fetched by `uv tool run` for the moment.
`INVOICES` changes the size.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from measuring import HERE, Cost, run, script, show
from served_xero import calls_of, command_of_the_tap, forget_calls, served

INVOICES = int(os.environ.get("INVOICES", "9000"))
SINGER_IO = ("tool", "run", "--from", "tap-xero==2.6.0", "--with", "six", "python")
UV = shutil.which("uv") or ""

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not UV, reason="uv fetches the other tap"),
]


def _wait_for_a_new_minute(xero: dict[str, Any]) -> None:
    """So that no tap pays for the calls of the one before."""
    time.sleep(61)
    forget_calls(xero)


def _singer_io(xero: dict[str, Any], folder: Path) -> Cost:
    config, catalog = folder / "theirs.json", folder / "their-catalog.json"
    config.write_text(
        json.dumps(
            {
                "client_id": xero["client_id"],
                "client_secret": xero["client_secret"],
                "refresh_token": xero["refresh_token"],
                "tenant_id": xero["tenants"][0]["tenantId"],
                "start_date": "2000-01-01T00:00:00Z",
            }
        )
    )
    command = [UV, *SINGER_IO, HERE / "singer_io_tap.py", "--config", config]
    env = {**os.environ, "XERO_URL": xero["url"]}
    found = subprocess.run([*command, "--discover"], capture_output=True, check=True, env=env)
    listed = json.loads(found.stdout)
    for stream in listed["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == "invoices"
    catalog.write_text(json.dumps(listed))
    _wait_for_a_new_minute(xero)
    words = " ".join(map(str, [*command, "--catalog", catalog]))
    return run(["sh", "-c", f"{words} > {folder / 'theirs'}"], XERO_URL=xero["url"])


def _plain(xero: dict[str, Any], folder: Path) -> Cost:
    token = requests.post(
        f"{xero['url']}/connect/token",
        data={"grant_type": "client_credentials"},
        auth=(xero["client_id"], xero["client_secret"]),
        timeout=60,
    ).json()["access_token"]
    config = folder / "plain.json"
    tenant = xero["tenants"][0]["tenantId"]
    config.write_text(
        json.dumps({"api_url": xero["url"], "access_token": token, "tenant_id": tenant})
    )
    words = " ".join(map(str, [*script("plain_sdk_tap.py"), "--config", config]))
    return run(["sh", "-c", f"{words} > {folder / 'plain'}"])


def _ours(xero: dict[str, Any], folder: Path) -> Cost:
    command = command_of_the_tap(xero, folder, ["invoices"])
    return run(["sh", "-c", f"{command} > {folder / 'ours'}"])


def _rows(messages: Path) -> set[str]:
    """Ids of the invoices that a tap wrote."""
    with messages.open() as lines:
        records = (json.loads(line) for line in lines if '"RECORD"' in line[:200])
        return {record["record"]["InvoiceID"] for record in records}


def test_a_backfill_with_other_taps(tmp_path: Path) -> None:
    pace = ("--latency", 300, "--latency-per-row", 1)
    lines, costs, rows = [], {}, {}
    with served("--organisations", 1, "--invoices", INVOICES, *pace) as xero:
        for name, measure in (("ours", _ours), ("plain", _plain), ("theirs", _singer_io)):
            _wait_for_a_new_minute(xero)
            cost = costs[name] = measure(xero, tmp_path)
            rows[name] = _rows(tmp_path / name)
            lines.append(
                f"{cost.seconds:>7.1f} s  {len(rows[name]) / cost.seconds:>6,.0f} invoices/s  "
                f"{calls_of(xero):>4,} calls  {cost.peak:>5,.0f} MiB"
            )
    names = ("tap-xero", "plain singer-sdk tap", "singer-io tap-xero 2.6.0")
    title = f"{len(rows['ours']):,} invoices of one organisation, start-up included"
    show(title, list(zip(names, lines, strict=True)))
    assert rows["ours"] == rows["plain"] == rows["theirs"]
    assert costs["ours"].seconds < min(costs["plain"].seconds, costs["theirs"].seconds) / 3
