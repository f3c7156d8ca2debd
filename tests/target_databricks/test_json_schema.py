"""From JSON Schema to columns: where a scale is read from, several types at once, odd words."""

from __future__ import annotations

import json
from decimal import Decimal

import pyarrow as pa
import pytest
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.types import Kind

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
DAY, MOMENT = {**TEXT, "format": "date"}, {**TEXT, "format": "date-time"}
DECIMAL = {**TEXT, "format": "singer.decimal"}


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "number", "x-scale": 4}, (38, 4)),
        ({"type": ["null", "number"], "x-scale": "10"}, (38, 10)),
        ({"type": "number", "x-scale": 0}, (38, 0)),
        ({"type": "number", "x-scale": 2, "multipleOf": 0.0001}, (38, 2)),
        ({"type": "number", "x-scale": "many", "multipleOf": 0.0001}, (38, 4)),
        ({"type": "number", "x-scale": -1, "multipleOf": 0.01}, (38, 2)),
        ({"type": "number", "x-scale": True}, None),
        ({"type": "number", "x-scale": 30}, (38, 10)),
        ({"type": "number", "x-scale": 30, "minimum": -1, "maximum": 1}, (38, 30)),
        ({**DECIMAL, "precision": 9, "scale": 4, "x-scale": 2}, (38, 2)),
        ({**DECIMAL, "precision": 9, "scale": 4, "multipleOf": 0.1}, (38, 1)),
        ({**DECIMAL, "type": ["null", "number"], "precision": 9, "scale": 4}, (9, 4)),
        ({"anyOf": [{"type": "number", "x-scale": 4}, {"type": "null"}]}, (38, 4)),
        ({"anyOf": [{"type": "number", "x-scale": 4}, {"type": "number", "x-scale": 6}]}, (38, 6)),
    ],
)
def test_a_scale_is_read_from_x_scale_then_multiple_of_then_singer_decimal(schema, kind):
    assert TypeMapper().node(schema).arrow == (pa.decimal128(*kind) if kind else pa.float64())


def test_moving_a_column_from_one_scale_to_another_keeps_its_type_and_rewrites_no_row(
    place, singer
):
    number = {"type": ["null", "number"]}
    scales = [{"multipleOf": 0.0001}, {"x-scale": 4}]
    decimal = {"format": "singer.decimal", "precision": 19, "scale": 4}
    record = singer.record("amounts", {"id": 1, "n": 12.5, "m": 1.25})
    versions = []
    for scale in [*scales, decimal, scales[1]]:
        columns = {"id": INTEGER, "n": {**number, **scale}, "m": {**number, **decimal}}
        if versions:
            columns["m"] = {**number, **scale}
        place.run(singer.schema("amounts", columns), record)
        versions.append(place.version("amounts"))
    assert {n: t for n, t in place.types("amounts").items() if n in "nm"} == {
        "n": "DECIMAL(38,4)",
        "m": "DECIMAL(19,4)",
    }
    assert place.rows("amounts", "n", "m") == [{"n": Decimal("12.5"), "m": Decimal("1.25")}]
    assert len(set(versions)) == 1


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"anyOf": [DAY, MOMENT]}, Kind.TIMESTAMP),
        ({"oneOf": [{"type": "null"}, MOMENT, DAY]}, Kind.TIMESTAMP),
        ({"anyOf": [DAY, TEXT]}, Kind.DATE),
        ({"anyOf": [MOMENT, DECIMAL]}, Kind.DECIMAL),
        ({"allOf": [{"type": "string"}, {"format": "date"}]}, Kind.DATE),
        ({"allOf": [TEXT, {"allOf": [{"format": "date-time"}]}]}, Kind.TIMESTAMP),
        *(({"type": word}, Kind.ANY) for word in ("timestamp", "float", "any", "uuid", "", 7)),
        ({"type": [{"type": "string"}, "null"]}, Kind.ANY),
        ({"type": ["null"]}, Kind.ANY),
        ({"type": "string", "format": ["date"]}, Kind.TEXT),
        ({"type": "object", "properties": ["a"]}, Kind.ANY),
        ({"type": "array", "items": [TEXT, INTEGER]}, Kind.ANY),
        ({"type": "integer", "maximum": "9e30"}, Kind.DECIMAL),
        ({"type": "integer", "minimum": "low"}, Kind.INTEGER),
        ({"enum": "abc"}, Kind.ANY),
        ({"anyOf": "all"}, Kind.ANY),
    ],
)
def test_kinds_12_and_14_every_schema_has_a_column(schema, kind):
    assert TypeMapper().node(schema).kind is kind


def test_kind_12_the_properties_of_all_schemas_are_there():
    a, b, c = ({"properties": {name: INTEGER}} for name in "abc")
    every = {"type": "object", "allOf": [a, {**b, "allOf": [c]}], "properties": {"d": TEXT}}
    node = TypeMapper().node(every)
    assert {f.name: f.node.kind for f in node.fields} == {
        **dict.fromkeys("abc", Kind.INTEGER),
        "d": Kind.TEXT,
    }
    either = {"anyOf": [{"properties": {"a": TEXT}}, {"properties": {"a": INTEGER, "b": DAY}}]}
    assert {f.name: f.node.kind for f in TypeMapper().node(either).fields} == {
        "a": Kind.ANY,
        "b": Kind.DATE,
    }
    both = {"allOf": [{"properties": {"a": TEXT}}, {"properties": {"a": {"format": "date"}}}]}
    assert [f.node.kind for f in TypeMapper().node(both).fields] == [Kind.DATE]


DIGITS = "1234567890123456789.0123456789"


@pytest.mark.parametrize(
    ("number_type", "column", "value"),
    [
        ("double", "DOUBLE", None),
        ("decimal", "DECIMAL(38,10)", Decimal(DIGITS)),
        ("string", "STRING", DIGITS),
    ],
)
def test_a_number_of_29_digits_keeps_them(place, singer, number_type, column, value):
    place.run(
        singer.schema("amounts", {"id": INTEGER, "n": {"type": "number"}}),
        f'{{"type":"RECORD","stream":"amounts","record":{{"id":1,"n":{DIGITS}}}}}',
        number_type=number_type,
    )
    (row,) = place.rows("amounts")
    assert (place.types("amounts")["n"], row["n"]) == (column, value)
    rescued = json.loads(row["_rescued_data"] or "{}", parse_float=str)
    assert rescued == ({} if value else {"n": DIGITS})
