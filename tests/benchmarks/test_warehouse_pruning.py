"""What the bounds of a batch's keys spare a MERGE into a large table, by how its files lie.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_warehouse_pruning.py

ROWS (default 10,000,000) of five organisations lie in FILES. A batch of 1,000 changed rows of one
organisation is merged as the target does it, and with the bounds taken out of the same statement.
Seconds are the engine's, on this machine: compare them with each other only. Which files a MERGE
reads for its rows is what Delta calls its scan (`operationMetrics` of the table's history).
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from databricks import sql
from measuring import show
from served_warehouse import Warehouse
from target_databricks.target import TargetDatabricks
from target_databricks.warehouse import writer

ROWS = int(os.environ.get("ROWS", "10000000"))
FILES, ORGANISATIONS, CHANGED, ROUNDS = 40, 5, 1000, 3

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(5400)]

TEXT = {"type": "string"}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "lines",
    "schema": {
        "properties": {"TenantID": TEXT, "ID": TEXT, "n": {"type": "integer"}, "note": TEXT}
    },
    "key_properties": ["TenantID", "ID"],
}

# How rows come to lie in files: the organisation and the key of row `i`, in SQL and in Python's
# words the rows that change. Rows of one file follow each other.
TENANT_BLOCKS = f"concat('org-', cast(floor(i / {ROWS // ORGANISATIONS}) AS INT))"
TENANT_MIXED = f"concat('org-', i % {ORGANISATIONS})"
SERIAL = "lpad(i, 12, '0')"
RANDOM = "md5(cast(i AS STRING))"
LAYOUTS = {
    "keys that grow, files by time": (TENANT_MIXED, SERIAL, f"i >= {ROWS - CHANGED * 5}"),
    "random keys, files by organisation": (TENANT_BLOCKS, RANDOM, f"i % {ROWS // 5000} = 0"),
    "random keys, files by time": (TENANT_MIXED, RANDOM, f"i >= {ROWS - CHANGED * 5}"),
}


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with Warehouse() as served:
        yield served


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bounds_of_keys_spare_files(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    tenant, key, changed = LAYOUTS[layout]
    schema = f"pruning_{list(LAYOUTS).index(layout)}"
    table = f"main.{schema}.lines"
    with _connected(warehouse) as connection, connection.cursor() as cursor:
        _load(warehouse, schema, [SCHEMA, _record("org-0", "first", 0, "x")])
        cursor.execute(
            f"INSERT INTO {table} (tenant_id, id, n, note, _sdc_record_hash) "
            f"SELECT {tenant}, {key}, i, 'before', 'of another row' "
            f"FROM range(0, {ROWS}, 1, {FILES}) AS r(i)"
        )
        cursor.execute(
            f"SELECT tenant_id, id, n FROM {table} WHERE n > 0 "
            f"AND {changed.replace('i ', 'n ')} AND tenant_id = 'org-1' LIMIT {CHANGED}"
        )
        rows = cursor.fetchall()
        assert len(rows) > CHANGED / 2
        figures: dict[str, list[tuple[float, float]]] = {}
        ways = {"with": writer.bounds_of, "without": lambda *_: {}}
        # The first MERGE of a table finds it cold: each way is tried again after the other.
        for number, name in enumerate([*ways] * ROUNDS):
            monkeypatch.setattr(writer, "bounds_of", ways[name])
            warehouse.statements()
            note = f"{name} {number}"
            _load(warehouse, schema, [SCHEMA, *(_record(t, k, n, note) for t, k, n in rows)])
            seconds = sum(
                s["engine_seconds"]
                for s in warehouse.statements()
                if s["text"].startswith("MERGE") and "`lines`" in s["text"]
            )
            cursor.execute(f"DESCRIBE HISTORY {table} LIMIT 1")
            metrics = dict(cursor.fetchone().operationMetrics)
            assert int(metrics["numTargetRowsUpdated"]) == len(rows)
            figures.setdefault(name, []).append((seconds, int(metrics["scanTimeMs"]) / 1000))
    best = {name: min(each) for name, each in figures.items()}
    show(
        f"{len(rows):,} changed rows of one organisation into {ROWS:,}: {layout}",
        [
            (f"{name} bounds", f"{seconds:6.1f} s, {scan:6.1f} of them to find the rows' files")
            for name, (seconds, scan) in best.items()
        ]
        + [("without / with", f"{best['without'][0] / best['with'][0]:.1f}")],
    )


def _connected(warehouse: Warehouse) -> Any:
    details = warehouse.details
    return sql.connect(
        server_hostname="127.0.0.1",
        http_path=details["http_path"],
        access_token=details["access_token"],
        _connection_uri=f"{details['url']}{details['http_path']}",
        enable_telemetry=False,
    )


def _record(tenant: str, key: str, number: int, note: str) -> dict[str, Any]:
    row = {"TenantID": tenant, "ID": key, "n": number, "note": note}
    return {"type": "RECORD", "stream": "lines", "record": row}


def _load(warehouse: Warehouse, schema: str, messages: list[dict[str, Any]]) -> None:
    text = "\n".join(map(json.dumps, messages)).encode()
    target = TargetDatabricks(config=warehouse.config(schema), validate_config=True)
    target.listen(io.BytesIO(text))
