"""How fast the target loads, against the bare script and against a do-nothing SDK target.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_target_throughput.py

ROWS sets the size (default 500,000); the do-nothing target gets a twentieth, it needs no more to
show its rate.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from deltalake import DeltaTable
from measuring import Cost, installed, run, script, show

ROWS = int(os.environ.get("ROWS", "500000"))
FEW = ROWS // 20

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


def _messages(path: Path, rows: int, *options: str) -> Path:
    with path.open("wb") as file:
        subprocess.run(
            [*script("invoice_messages.py"), str(rows), *options], stdout=file, check=True
        )
    return path


def _load(config: Path, messages: Path) -> Cost:
    return run([installed("target-databricks"), "--config", config], messages)


def _data_files(lakehouse: Path) -> int:
    """Data files of all tables but the ledger, which has a row of every run."""
    return sum("_sdc_loads" not in path.parts for path in lakehouse.rglob("*.parquet"))


def test_throughput_against_bare_script_and_do_nothing_target(tmp_path: Path) -> None:
    messages = _messages(tmp_path / "messages.jsonl", ROWS)
    few = _messages(tmp_path / "few.jsonl", FEW)
    lakehouse = tmp_path / "lakehouse"
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"lakehouse_path": str(lakehouse)}))

    nothing = run(script("do_nothing_target.py"), few)
    bare = [run([*script("bare_script.py"), tmp_path / "bare"], messages) for _ in range(2)]
    ours_first = _load(config, messages)
    files = _data_files(lakehouse)
    ours_again = _load(config, messages)

    table = DeltaTable(str(lakehouse / "default" / "invoices"))
    assert table.count() == ROWS
    assert DeltaTable(str(lakehouse / "default" / "invoice_line_items")).count() == 4 * ROWS
    assert _data_files(lakehouse) == files
    show(
        f"{ROWS:,} invoices, first load and unchanged",
        [
            ("do-nothing SDK target", _figure(nothing, FEW)),
            ("bare script, first load", _figure(bare[0], ROWS)),
            ("bare script, unchanged", _figure(bare[1], ROWS)),
            ("target-databricks, first load", _figure(ours_first, ROWS)),
            ("target-databricks, unchanged", _figure(ours_again, ROWS)),
            ("first load / bare", f"{bare[0].seconds / ours_first.seconds:.2f}"),
            ("unchanged / bare", f"{bare[1].seconds / ours_again.seconds:.2f}"),
            ("first load / do-nothing", f"{ours_first.rate(ROWS) / nothing.rate(FEW):.1f}"),
        ],
    )


def _figure(cost: Cost, rows: int) -> str:
    return f"{cost.rate(rows):>9,.0f} rows/s  {cost.seconds:6.1f} s  {cost.peak:6,.0f} MiB"
