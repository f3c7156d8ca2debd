"""What unusual shapes of a stream cost: thousands of columns, and members that no schema mentions.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_target_shapes.py

Ratios of one run of this machine. ROWS sets the number of invoices (default 500,000).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable
from measuring import Cost, installed, run, script, show

ROWS = int(os.environ.get("ROWS", "500000"))
CELLS = 600_000
UNEXPECTED = b', "NewField": "of a version of the API to come"}'

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


def _load(folder: Path, messages: Path) -> Cost:
    config = folder / f"{messages.stem}.json"
    config.write_text(json.dumps({"lakehouse_path": str(folder / messages.stem)}))
    return run([installed("target-databricks"), "--config", config], messages)


def _cells(columns: int) -> Iterator[str]:
    """Records of as many cells in all, in so many columns: a third numbers, the rest text."""
    names = [f"c{i}" for i in range(columns)]
    kinds = ["string" if i % 3 else "number" for i in range(columns)]
    properties = {n: {"type": ["null", k]} for n, k in zip(names, kinds, strict=True)}
    schema = {"properties": {"id": {"type": "integer"}, **properties}}
    yield json.dumps({"type": "SCHEMA", "stream": "s", "schema": schema, "key_properties": ["id"]})
    for row in range(CELLS // columns):
        cells = {n: f"{row} {i}" if i % 3 else row + i / 4 for i, n in enumerate(names)}
        yield json.dumps({"type": "RECORD", "stream": "s", "record": {"id": row, **cells}})


def test_three_thousand_columns_against_a_hundred(tmp_path: Path) -> None:
    costs = {}
    for columns in (100, 3000):
        messages = tmp_path / f"{columns}.jsonl"
        messages.write_text("\n".join(_cells(columns)) + "\n")
        costs[columns] = [_load(tmp_path, messages) for _ in range(2)]
        table = DeltaTable(str(tmp_path / str(columns) / "default" / "s"))
        assert table.count() == CELLS // columns
    ratios = [b.seconds / a.seconds for a, b in zip(costs[100], costs[3000], strict=True)]
    show(
        f"{CELLS:,} cells in 3,000 columns, to the same in 100",
        [("first load", f"{ratios[0]:.2f}"), ("unchanged", f"{ratios[1]:.2f}")],
    )
    assert max(ratios) <= 3


def test_an_unexpected_member_in_every_record_against_none(tmp_path: Path) -> None:
    plain, unexpected = tmp_path / "plain.jsonl", tmp_path / "unexpected.jsonl"
    with plain.open("wb") as file:
        subprocess.run([*script("invoice_messages.py"), str(ROWS)], stdout=file, check=True)
    with plain.open("rb") as source, unexpected.open("wb") as file:
        for line in source:
            head, mark, tail = line.rpartition(b'},"time_extracted"')
            file.write(head + UNEXPECTED[:-1] + mark + tail if mark else line)
    expected, found = _load(tmp_path, plain), _load(tmp_path, unexpected)
    table = DeltaTable(str(tmp_path / "unexpected" / "default" / "invoices"))
    assert table.to_pyarrow_dataset().scanner(columns=["_rescued_data"]).head(1).to_pylist() == [
        {"_rescued_data": '{"NewField":"of a version of the API to come"}'}
    ]
    share = expected.seconds / found.seconds
    show(
        f"{ROWS:,} invoices with a member that the schema does not mention, to those without",
        [
            ("without", f"{expected.rate(ROWS):,.0f} rows/s"),
            ("with", f"{found.rate(ROWS):,.0f} rows/s"),
            ("share of full speed", f"{share:.2f}"),
        ],
    )
    assert share >= 0.5
