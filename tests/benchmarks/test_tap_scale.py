"""Two hundred organisations in one process: what states, memory, calls and bytes come to.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_tap_scale.py

Kind 16 of the trials. First all of the books, then a run an hour later in which one organisation of
twenty has a new invoice. `ORGANISATIONS` says how many there are. The sandbox answers without
limits and latency; with Xero's, an organisation has 60 calls a minute, and eight are read at once.
`ARCHITECTURE.md` has the figures.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
from measuring import Cost, run, show
from served_xero import command_of_the_tap, served
from tap_xero.models.resources import RESOURCES

ORGANISATIONS = int(os.environ.get("ORGANISATIONS", "200"))
INVOICES = 20
MEMORY = 512

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


class Output:
    """What a run wrote, by the type of message, and its last state."""

    def __init__(self, path: Path) -> None:
        self.bytes: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.state: Any = None
        with path.open("rb") as file:
            for line in file:
                kind = line[:32].split(b'"')[3].decode()
                self.bytes[kind] += len(line)
                self.messages[kind] += 1
                if kind == "STATE":
                    self.state = json.loads(line)["value"]

    @property
    def share(self) -> float:
        return self.bytes["STATE"] / self.bytes.total()


def bill_of(cost: Cost) -> list[dict[str, Any]]:
    """Streams of organisations, from the last line of the log."""
    line = next(line for line in cost.output.splitlines() if "bill: {" in line)
    return json.loads(line.partition("bill: ")[2])["bill"]


def figures(cost: Cost, output: Output) -> list[tuple[str, str]]:
    bill = bill_of(cost)
    calls, received = sum(each["calls"] for each in bill), sum(each["bytes"] for each in bill)
    states = f"{output.messages['STATE']}, {output.bytes['STATE'] / 2**20:,.2f} MiB"
    return [
        ("seconds, of CPU", f"{cost.seconds:,.0f}, {cost.cpu:,.0f}"),
        ("peak memory", f"{cost.peak:,.0f} MiB"),
        ("calls, of each organisation", f"{calls:,}, {calls / ORGANISATIONS:.1f}"),
        ("from Xero", f"{received / 2**20:,.1f} MiB"),
        ("records", f"{output.messages['RECORD']:,}, {output.bytes['RECORD'] / 2**20:,.1f} MiB"),
        ("states", f"{states}, {output.share:.2%} of the output"),
    ]


def test_kind_16_two_hundred_organisations_in_one_process(tmp_path: Path) -> None:
    books = ("--organisations", ORGANISATIONS, "--invoices", INVOICES)
    with served("--no-limits", *books, "--clock", "=2026-02-01T00:00:00Z") as xero:
        command = command_of_the_tap(xero, tmp_path, [each.stream for each in RESOURCES])
        first = run(["sh", "-c", f"exec {command} > {tmp_path}/first"])
        whole = Output(tmp_path / "first")
        show(f"{ORGANISATIONS} organisations, first run", figures(first, whole))
        (tmp_path / "state.json").write_text(json.dumps(whole.state))
        (tmp_path / "first").unlink()
        requests.post(f"{xero['url']}/sandbox/clock", json={"advance": 3600}, timeout=60)
        _edit(xero, [each["tenant_id"] for each in bill_of(first)])
        # The calls of the first run are an hour ago, by the sandbox's clock.
        for file in tmp_path.glob("store.calls*"):
            file.unlink()
        state = f"--state {tmp_path}/state.json"
        later = run(["sh", "-c", f"exec {command} {state} > {tmp_path}/later"])
        idle = Output(tmp_path / "later")
        show("an hour later, one of twenty has changed", figures(later, idle))
    assert whole.share <= 0.01
    # The one that the SDK repeats before anything is read, and that of the end.
    assert idle.messages["STATE"] == 2
    assert max(first.peak, later.peak) < MEMORY


def _edit(xero: dict[str, Any], tenants: list[str]) -> None:
    """Add an invoice to one organisation of twenty."""
    for tenant in sorted(set(tenants))[::20]:
        answer = requests.post(
            f"{xero['url']}/sandbox/documents",
            json={"do": "add", "tenant": tenant, "resource": "Invoices"},
            timeout=60,
        )
        answer.raise_for_status()
