"""Invariant 9: what is read arrives, in the target of ours and in others'."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import foreign_targets as foreign
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from foreign_targets import BIN, Target
from lakes import FEED, Lake
from target_databricks.target import TargetDatabricks
from test_types import CASES, table

KEYED = {"*": {"key_properties": ["id"]}}
LOGGED = {"*": {"key_properties": ["id"], "replication_method": "LOG_BASED"}}
ALTERED = ("timestamp_ntz", "binary", "array", "map", "map_of_numbers")
"""Columns that JSON has no type for, and that come as instants, base64, objects and lists."""


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], None]:
    def run(text: str) -> None:
        settings = {"lakehouse_path": str(tmp_path / "copy"), "default_target_schema": "books"}
        with redirect_stdout(io.StringIO()):
            TargetDatabricks(config=settings).listen(io.BytesIO(text.encode()))

    return run


def rows(path: Path | str, *columns: str) -> list[dict[str, Any]]:
    return DeltaTable(path).to_pyarrow_table().select(list(columns)).sort_by("id").to_pylist()


def test_invariant_9_rows_are_equal_in_target_databricks(
    lake: Lake, load: Callable[[str], None], tmp_path: Path
) -> None:
    lake.write("t", table())
    load(lake.read(streams=KEYED).text)
    same = ["id", *(name for name in CASES if name not in ALTERED)]
    copy = tmp_path / "copy" / "books" / "t"
    assert rows(copy, *same) == rows(lake.path("t"), *same)
    kinds = pa.schema(DeltaTable(copy).schema().to_arrow())
    assert kinds.field("decimal").type == pa.decimal128(38, 6)
    assert kinds.field("timestamp").type == pa.timestamp("us", "UTC")
    (first, _) = rows(copy, "id", "binary", "timestamp_ntz")
    assert first["binary"] == "AP8="
    assert first["timestamp_ntz"].isoformat() == "2026-02-03T12:00:00+00:00"


def test_a_copy_follows_updates_and_deletes_by_the_feed(
    lake: Lake, load: Callable[[str], None], tmp_path: Path
) -> None:
    original = lake.write("t", [{"id": n, "name": "a"} for n in range(6)], configuration=FEED)
    copy = tmp_path / "copy" / "books" / "t"
    first = lake.read(streams=LOGGED)
    load(first.text)
    original.update(updates={"name": "'b'"}, predicate="id > 3")
    original.delete("id < 2")
    load(lake.read(first.state, streams=LOGGED).text)
    there = [r for r in rows(copy, "id", "name", "_sdc_deleted_at") if not r["_sdc_deleted_at"]]
    assert [(r["id"], r["name"]) for r in there] == [(2, "a"), (3, "a"), (4, "b"), (5, "b")]
    assert [r["id"] for r in rows(copy, "id", "_sdc_deleted_at") if r["_sdc_deleted_at"]] == [0, 1]


@pytest.fixture(scope="module")
def environments(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.cache.mkdir("foreign_targets")


@pytest.mark.parametrize("target", [foreign.JSONL, foreign.DUCKDB], ids=lambda each: each.name)
def test_invariant_9_rows_arrive_in_targets_of_others(
    lake: Lake, environments: Path, tmp_path: Path, target: Target
) -> None:
    # target-duckdb 0.8 reads what it wrote as text of its own, which has no line breaks.
    plain = table().drop_columns(["string", "double"]).slice(0, 1)
    lake.write("t", plain)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(lake.config(streams=KEYED)))
    done = subprocess.run(
        [BIN / "tap-databricks", "--config", config], capture_output=True, text=True, check=True
    )
    messages = tmp_path / "messages.jsonl"
    messages.write_text(done.stdout)
    sent = [
        message["record"]
        for message in map(json.loads, done.stdout.splitlines())
        if message["type"] == "RECORD"
    ]
    assert len(sent) == 1
    assert target.load(environments, messages, tmp_path).returncode == 0
    assert list(foreign.differences({"t": sent}, {"t": ["id"]}, target.rows(tmp_path))) == []
