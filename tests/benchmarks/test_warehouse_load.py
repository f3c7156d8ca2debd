"""How fast the target loads into a warehouse, and how much of the time is its own.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_warehouse_load.py

ROWS sets the size (default 200,000); the VALUES statements get a fortieth, they need no more to
show their rate. Engine and target share this machine's cores.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from measuring import Cost, installed, run, script, show
from served_warehouse import Warehouse

ROWS = int(os.environ.get("ROWS", "200000"))
FEW = ROWS // 40

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]


def _messages(path: Path, rows: int) -> Path:
    with path.open("wb") as file:
        subprocess.run([*script("invoice_messages.py"), str(rows)], stdout=file, check=True)
    return path


def test_throughput_and_share_of_the_engine(tmp_path: Path) -> None:
    messages = _messages(tmp_path / "messages.jsonl", ROWS)
    few = _messages(tmp_path / "few.jsonl", FEW)
    config = tmp_path / "config.json"
    with Warehouse() as warehouse:
        config.write_text(json.dumps(warehouse.config("warm")))
        run([installed("target-databricks"), "--config", config], few)
        config.write_text(json.dumps(warehouse.config("books")))
        warehouse.statements()
        first = run([installed("target-databricks"), "--config", config], messages)
        engine_first = warehouse.statements()
        again = run([installed("target-databricks"), "--config", config], messages)
        engine_again = warehouse.statements()
        values = run(
            script("values_script.py"),
            few,
            URL=warehouse.details["url"],
            HTTP_PATH=warehouse.details["http_path"],
            TOKEN=warehouse.details["access_token"],
            SCHEMA="main.values",
        )
    merges = [s for s in engine_again if s["text"].startswith("MERGE")]
    show(
        f"{ROWS:,} invoices with four lines each into the warehouse sandbox",
        [
            ("first load", _figure(first, ROWS)),
            ("  outside the engine", _outside(first, engine_first)),
            ("unchanged", _figure(again, ROWS)),
            ("  outside the engine", _outside(again, engine_again)),
            ("  MERGE statements", f"{len(merges)}"),
            ("VALUES statements", _figure(values, FEW)),
            ("first load / VALUES", f"{first.rate(ROWS) / values.rate(FEW):.1f}"),
        ],
    )
    # Nothing is written, so not even the ledger has a row; in the end a question is all it takes.
    assert not [s for s in engine_again if s["text"].startswith("INSERT") or s["modified_rows"]]
    assert not merges
    assert _share_outside(first, engine_first) <= 0.25
    assert first.rate(ROWS) >= 10 * values.rate(FEW)


def _figure(cost: Cost, rows: int) -> str:
    return f"{cost.rate(rows):>9,.0f} rows/s  {cost.seconds:6.1f} s  {cost.peak:6,.0f} MiB"


def _share_outside(cost: Cost, statements: list[dict[str, Any]]) -> float:
    """Share of the run in which the engine had nothing; one stream is one statement at a time."""
    return 1 - sum(s["engine_seconds"] for s in statements) / cost.seconds


def _outside(cost: Cost, statements: list[dict[str, Any]]) -> str:
    share = _share_outside(cost, statements)
    return f"{share:.0%} of {cost.seconds:.1f} s, {len(statements)} statements"
