"""Data files that every reader gets right: true statistics, plain strings."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake

BIG = {"type": "integer", "minimum": 0, "maximum": 2**64}
MONEY = {"type": "number", "x-scale": 4}
TEXT = {"type": "string"}
KEYS = [2**63, 2**64 - 1, 5]
AMOUNT = "999999999999.9992"


@pytest.mark.rule("kind 10")
def test_kind_10_keys_beyond_a_long_are_found_again(place, singer):
    inner = {"type": "object", "properties": {"m": MONEY}}
    schema = singer.schema("things", {"id": BIG, "m": MONEY, "o": inner, "v": TEXT}, ["id", "m"])
    for v in ("a", "b"):
        records = (
            f'{{"type":"RECORD","stream":"things","record":{{"id":{key},"m":{AMOUNT},'
            f'"o":{{"m":{AMOUNT}}},"v":"{v}{key}"}}}}'
            for key in KEYS
        )
        place.run(schema, list(records))
    assert place.rows("things", "v") == [f"b{key}" for key in sorted(KEYS)]
    if place.quick:
        # Of a number that a double rounds there are no bounds, by which readers would skip files.
        actions = pa.table(DeltaTable(place.schema_folder / "things").get_add_actions(flatten=True))
        assert {actions.column(f"min.{c}")[0].as_py() for c in ("id", "m", "o.m")} == {None}
        assert actions.column("min.v")[0].as_py().startswith("b")


def test_kind_10_rows_in_files_of_wrong_bounds_are_found_again(folder, singer):
    """As delta-rs wrote them for earlier versions."""
    keys = pa.array([Decimal(key) for key in KEYS], pa.decimal128(38, 0))
    write_deltalake(folder.schema_folder / "things", pa.table({"id": keys, "v": ["old"] * 3}))
    schema = singer.schema("things", {"id": BIG, "v": TEXT})
    for v in ("a", "b"):
        records = singer.records("things", *({"id": key, "v": f"{v}{key}"} for key in KEYS))
        folder.run(schema, records)
    assert folder.rows("things", "v") == [f"b{key}" for key in sorted(KEYS)]


def test_kind_22_rewritten_files_hold_plain_strings(folder, singer):
    schema = singer.schema(
        "s", {"id": {"type": "integer"}, "v": TEXT, "o": {"properties": {"t": TEXT}}}
    )

    def records(version, *ids):
        return [
            singer.record("s", {"id": i, "v": f"v{i}", "o": {"t": "x"}}, version=version)
            for i in ids
        ]

    def check(expected):
        table = DeltaTable(folder.schema_folder / "s")
        for file in table.file_uris():
            types = str(ds.dataset(file).schema.types)
            assert "view" not in types
        rows = ds.dataset(table.file_uris())  # noqa: F841 - DuckDB finds it by its name
        found = duckdb.sql("SELECT id FROM rows WHERE v LIKE 'v%' AND _sdc_deleted_at IS NULL")
        assert sorted(found.fetchall()) == [(i,) for i in expected]

    folder.run(schema, records(1, 1, 2, 3), singer.activate("s", 1))
    folder.run(schema, records(2, 1, 2), singer.activate("s", 2))
    check([1, 2])
    folder.run(schema, records(3, 1), singer.activate("s", 3), hard_delete=True)
    check([1])
    folder.run(schema, records(4, 1), {**records(4, 1)[0], "record": {"id": 1, "v": "v!"}})
    check([1])
