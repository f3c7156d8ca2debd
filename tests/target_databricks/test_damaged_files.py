"""Damaged staged files: noticed, named, set aside; never read as something else."""

from __future__ import annotations

import random
from contextlib import suppress

import pyarrow as pa
import pytest
from target_databricks.errors import DamagedFileError, LoadError
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.batch import Batch, make_batch
from target_databricks.loading.staged_file import read_staged, write_staged
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.plan import RECORD_HASH
from target_databricks.schema.planning import make_plan

INTEGER, TEXT = {"type": "integer"}, {"type": ["null", "string"]}


@pytest.fixture(scope="module")
def content():
    plan = make_plan(
        "docs", {"properties": {"id": INTEGER, "v": TEXT}}, ["id"], mapper=TypeMapper()
    )
    count = 50
    values = {"id": range(count), "v": [f"v{i}" for i in range(count)]}
    values[RECORD_HASH] = [f"{i:032x}" for i in range(count)]
    columns = [pa.array(values.get(c.name, [None] * count), c.type) for c in plan.staged_schema]
    rows = pa.record_batch(columns, schema=plan.staged_schema)
    return bytes(write_staged(make_batch(plan, [rows], count)))


def test_a_staged_file_is_read_as_it_was_written(content):
    batch = read_staged(content)
    assert isinstance(batch, Batch)
    assert batch.rows.column("v").to_pylist() == [f"v{i}" for i in range(50)]


def test_any_change_of_a_staged_file_is_noticed(content):
    chance = random.Random(13)

    def changed():
        for place in range(len(content)):
            yield (
                content[:place]
                + bytes([content[place] ^ (1 << chance.randrange(8))])
                + content[place + 1 :]
            )
        for _ in range(200):
            at, size = chance.randrange(len(content)), chance.randrange(1, 99)
            yield content[:at]
            yield content[:at] + content[at + size :]
            yield content[:at] + bytes(size) + content[at + size :]
            yield content[:at] + content[:size] + content[at:]

    for other in changed():
        if other != content:
            with pytest.raises(DamagedFileError):
                read_staged(other)


def test_what_is_no_staged_file_is_said_to_be_none():
    for other in (b"", b"PAR1", b"PAR1PAR1", bytes(999)):
        with pytest.raises(DamagedFileError):
            read_staged(other)


def test_damaged_files_are_set_aside_and_the_tap_sends_their_rows_again(
    folder, singer, monkeypatch
):
    docs = [singer.schema("docs", {"id": INTEGER}), singer.record("docs", {"id": 1})]
    logs = [singer.schema("logs", {"x": INTEGER}, []), singer.record("logs", {"x": 1})]
    folder.run(docs, logs, singer.state({"n": 1}))
    with monkeypatch.context() as patched:
        patched.setattr(LakehouseTable, "append", lambda *_: 1 / 0)
        with pytest.raises(LoadError, match="_sdc_loads"):
            folder.run(docs[0], singer.record("docs", {"id": 2}))
    with suppress(BaseException):
        folder.run(logs)  # without a state: remembered
    spool = folder.schema_folder / "_spool"
    for file in (
        *spool.glob("docs-*.parquet"),
        *spool.glob("*.applied"),
        *spool.glob("*.quarantine"),
    ):
        file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(LoadError, match="damaged"):
        folder.run(docs[0], singer.record("docs", {"id": 2}), singer.state({"n": 2}))
    assert folder.rows("docs", "id") == [1, 2]
    assert folder.last.states == [{"n": 2}]
    folder.run(docs[0], singer.record("docs", {"id": 3}))
    assert all(": quarantined" in line for line in folder.decide("list"))
    folder.decide("drop")
    assert folder.staged() == []
