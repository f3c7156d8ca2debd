"""What a MERGE reads of a large table, with and without the bounds of its batch.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_warehouse_pruning.py

`ROWS` (10,000,000) rows of ten organisations in 64 files, whose keys are random, as Xero's, in
files by key (what clustering by the keys gives) or by time (what loads leave), or grow with time,
as journal numbers. The batch is the 1,000 newest rows, changed, of one organisation or of all.
Counted are the files and rows that Spark reads for it, by its own metrics of the scans; the one
staged file is among them, twice. Nothing is counted in seconds.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
from databricks_sandbox.sandbox import Sandbox
from measuring import show
from target_databricks.target import TargetDatabricks
from target_databricks.warehouse import writer
from target_databricks.warehouse.sql.bounds import NO_BOUNDS

ROWS = int(os.environ.get("ROWS", "10000000"))
FILES, ORGANISATIONS, CHANGED = 64, 10, 1000
RANDOM, GROWING = "md5(string(id))", "id"

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(large=True, memory="5g") as running:
        running.start_engine()
        yield running


@pytest.mark.parametrize(
    ("keys", "layout", "pruned"),
    [
        pytest.param(RANDOM, "tenant_id, key", {"one": 5}, id="random-keys-files-by-key"),
        pytest.param(RANDOM, "updated", {}, id="random-keys-files-by-time"),
        pytest.param(GROWING, "updated", {"one": 20, "all": 20}, id="growing-keys-files-by-time"),
    ],
)
def test_what_a_merge_reads(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    keys: str,
    layout: str,
    pruned: dict[str, int],
) -> None:
    config = {
        "server_hostname": sandbox.url,
        "http_path": sandbox.http_path,
        "access_token": sandbox.admin.access_token,
        "catalog": sandbox.catalog,
        "default_target_schema": f"books_{request.node.callspec.id}".replace("-", "_"),
        "clustering": "none",
    }
    table = f"{sandbox.catalog}.{config['default_target_schema']}.documents"
    _load(config, keys, [])
    sandbox.sql(
        f"INSERT INTO {table} (tenant_id, key, total, updated) "
        f"SELECT /*+ REPARTITION_BY_RANGE({FILES}, {layout}) */ "
        f"concat('tenant-', id % {ORGANISATIONS}) AS tenant_id, {keys} AS key, "
        f"CAST(id AS DOUBLE) AS total, timestamp_seconds(1700000000 + id) AS updated "
        f"FROM range({ROWS})"
    )
    numbers = {
        "one": range(ROWS - ORGANISATIONS * CHANGED, ROWS, ORGANISATIONS),
        "all": range(ROWS - CHANGED, ROWS),
    }
    read: dict[tuple[str, bool], tuple[int, int]] = {}
    for which, some in numbers.items():
        for bounded in (False, True):
            with monkeypatch.context() as patch:
                if not bounded:
                    patch.setattr(writer, "bounds_of", lambda *_: NO_BOUNDS)
                before = _executions(sandbox)
                _load(config, keys, some, edit=len(read))
                read[which, bounded] = _scanned(sandbox, before)
    merges = [t for t in sandbox.log.texts("MERGE") if "documents" in t]
    assert len(merges) == 4
    show(
        f"{ROWS:,} rows in {FILES} files, {request.node.callspec.id}",
        [
            (
                f"{CHANGED:,} rows of {which}, {'with' if bounded else 'without'} bounds",
                f"{files:>4} files, {rows:>12,} rows",
            )
            for (which, bounded), (files, rows) in read.items()
        ],
    )
    for which in numbers:
        assert read[which, False][0] >= FILES
        assert read[which, True][0] * pruned.get(which, 1) <= read[which, False][0]


def _load(config: dict[str, Any], keys: str, numbers: Any, edit: int = 0) -> None:
    kind = {"type": "string" if keys == RANDOM else "integer"}
    schema = {
        "type": "object",
        "properties": {
            "tenant_id": {"type": "string"},
            "key": kind,
            "total": {"type": "number"},
            "updated": {"type": "string", "format": "date-time"},
        },
    }
    messages: list[dict[str, Any]] = [
        {
            "type": "SCHEMA",
            "stream": "documents",
            "schema": schema,
            "key_properties": ["tenant_id", "key"],
        }
    ]
    for number in numbers:
        key = hashlib.md5(str(number).encode()).hexdigest() if keys == RANDOM else number
        record = {
            "tenant_id": f"tenant-{number % ORGANISATIONS}",
            "key": key,
            "total": edit + 0.5,
            "updated": "2026-01-01T00:00:00Z",
        }
        messages.append({"type": "RECORD", "stream": "documents", "record": record})
    text = "".join(json.dumps(message) + "\n" for message in messages).encode()
    with redirect_stdout(io.StringIO()):
        TargetDatabricks(config=config).listen(io.BytesIO(text))


def _store(sandbox: Sandbox) -> Any:
    return sandbox.engine.spark()._jsparkSession.sharedState().statusStore()


def _executions(sandbox: Sandbox) -> int:
    """How many queries Spark has run."""
    return int(_store(sandbox).executionsCount())


def _scanned(sandbox: Sandbox, before: int) -> tuple[int, int]:
    """Files and rows that were read by the queries since."""
    store, files, rows = _store(sandbox), 0, 0
    executions = store.executionsList(before, 1000)
    for place in range(executions.size()):
        identifier = executions.apply(place).executionId()
        values = store.executionMetrics(identifier)
        nodes = store.planGraph(identifier).allNodes()
        for number in range(nodes.size()):
            node = nodes.apply(number)
            if not node.name().startswith("Scan parquet"):
                continue
            metrics = node.metrics()
            for index in range(metrics.size()):
                metric = metrics.apply(index)
                value = values.get(metric.accumulatorId())
                count = int(value.get().split()[0].replace(",", "")) if value.isDefined() else 0
                files += count if metric.name() == "number of files read" else 0
                rows += count if metric.name() == "number of output rows" else 0
    return files, rows
