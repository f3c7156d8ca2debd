"""Columns that somebody else made, of types that the target would not: equal, or rescued."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from deltalake import write_deltalake

TEXT, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def load(place, singer, column, values):
    """Values of the column `v` and what was rescued of them, by the order of `values`."""
    schema = singer.schema("things", {"id": INTEGER, "v": column})
    for i, value in enumerate(values):
        # Each alone: beside a value that Arrow refuses it would be read carefully.
        place.run(
            schema,
            f'{{"type":"RECORD","stream":"things","record":{{"id":{i},"v":{value}}}}}',
            type_widening=False,
        )
    rows = place.rows("things")
    return [(row["v"], json.loads(row["_rescued_data"] or "{}").get("v")) for row in rows]


@pytest.fixture
def table_with(folder):
    def make(kind):
        columns = {"id": pa.array([], pa.int64()), "v": pa.array([], kind)}
        write_deltalake(folder.schema_folder / "things", pa.table(columns))
        return folder

    return make


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.map_(pa.string(), pa.string()), pa.list_(pa.binary())]
)
def test_kind_12_what_the_target_has_no_value_for_is_rescued(table_with, singer, kind):
    place = table_with(kind)
    assert load(place, singer, TEXT, ['"00ff"', "null"]) == [(None, "00ff"), (None, None)]


@pytest.mark.stress
def test_kind_14_an_integer_beyond_a_narrow_column_is_rescued(warehouse, singer):
    """Where the table may not widen; a folder's always may."""
    warehouse.ask(f"CREATE TABLE {warehouse.name}.things (id BIGINT, v INT, f FLOAT, b BINARY)")
    schema = singer.schema("things", {"id": INTEGER, "v": INTEGER, "f": NUMBER, "b": TEXT})
    warehouse.run(
        schema,
        '{"type":"RECORD","stream":"things","record":{"id":1,"v":3000000000,"f":16777217}}',
        '{"type":"RECORD","stream":"things","record":{"id":2,"v":-2147483648,"f":0.1,"b":"x"}}',
        type_widening=False,
    )
    first, second = warehouse.rows("things")
    assert (first["v"], first["f"]) == (None, None)
    assert json.loads(first["_rescued_data"]) == {"v": 3000000000, "f": 16777217}
    assert (second["v"], second["b"], f"{second['f']:.6g}") == (-2147483648, None, "0.1")
    assert json.loads(second["_rescued_data"]) == {"b": "x"}
