"""What is known without a look at a table: bounds of keys, and what Unity Catalog says."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from target_databricks.warehouse.catalog import column_of
from target_databricks.warehouse.sql.bounds import bounds_of
from target_databricks.warehouse.sql.columns import COLLATION, as_variant

ROWS = (
    '{"type":"array","containsNull":true,"elementType":{"type":"struct","fields":'
    '[{"name":"d","type":"date","nullable":true,"metadata":{"comment":"when"}}]}}'
)


@pytest.mark.parametrize(
    ("values", "kind", "bound"),
    [
        (["x"], pa.string(), "= 'x'"),
        (["b", "a", "b"], pa.string(), "IN ('a', 'b')"),
        ([3], pa.int64(), "= 3"),
        (range(100), pa.int64(), "BETWEEN 0 AND 99"),
        ([f"{n:04x}-0" for n in range(17)], pa.string(), "BETWEEN '0000-0' AND '0010-0'"),
        ([date(2026, 1, 2)], pa.date32(), "= CAST('2026-01-02' AS DATE)"),
        # Not every collation orders these as bytes are ordered, or equality is not as plain.
        (["a", "B"], pa.string(), None),
        (["é"], pa.string(), None),
        (["a_b"], pa.string(), None),
        (["x" * 101], pa.string(), None),
        ([1.5], pa.float64(), None),
        ([None, "x"], pa.string(), None),
        ([], pa.string(), None),
    ],
)
def test_keys_are_bounded_where_their_order_is_certain(values, kind, bound):
    rows = pa.table({"k": pa.array(list(values), kind)})
    column = pa.field("k", kind)
    of_table = {} if bound is None else {"k": bound}
    assert bounds_of(rows, pa.schema([column]), ["k"]) == of_table
    # A column of another type, or that compares in its own way, is not bounded.
    others = [pa.field("k", pa.decimal128(38, 4)), column.with_metadata({COLLATION: b"UNICODE_CI"})]
    for other in others:
        assert bounds_of(rows, pa.schema([other]), ["k"]) == {}


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ('"long"', pa.field("c", pa.int64())),
        ('"decimal(9,2)"', pa.field("c", pa.decimal128(9, 2))),
        ('"varchar(10)"', pa.field("c", pa.string())),
        ('"timestamp_ntz"', pa.field("c", pa.timestamp("us"))),
        ('"variant"', as_variant(pa.field("c", pa.string()))),
        ('"string collate UTF8_LCASE"', pa.field("c", pa.string(), metadata={COLLATION: "other"})),
        (
            ROWS,
            pa.field(
                "c",
                pa.list_(
                    pa.field(
                        "element",
                        pa.struct([pa.field("d", pa.date32(), metadata={"comment": "when"})]),
                    )
                ),
            ),
        ),
        (
            '{"type":"map","keyType":"string","valueType":"integer","valueContainsNull":true}',
            pa.field("c", pa.map_(pa.string(), pa.int32())),
        ),
    ],
)
def test_a_column_is_read_from_what_unity_catalog_says(kind, column):
    read = column_of(f'{{"name":"c","type":{kind},"nullable":true,"metadata":{{}}}}')
    assert read.equals(column, check_metadata=True)


@pytest.mark.parametrize("text", ['{"name":"c","type":"interval"}', '"c"', "{}", '{"name":"c"}'])
def test_what_is_not_known_is_left_to_the_warehouse(text):
    with pytest.raises((KeyError, TypeError, ValueError)):
        column_of(text)
