"""Members that the schema does not mention take no slower way, and hold what was sent."""

from __future__ import annotations

import json
import logging

import pyarrow as pa
import pytest
from target_databricks.reading.parsing import BlockParser, Lines
from target_databricks.reading.values import DoesNotFitError
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.planning import make_plan

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
ROWS = {"type": "array", "items": {"type": "object", "properties": {"n": INTEGER}}}
PROPERTIES = {
    "id": INTEGER,
    "t": TEXT,
    "o": {"type": "object", "properties": {"x": {"type": "number"}, "a.b": INTEGER}},
    "rows": ROWS,
}
FAST = {
    "a text": '"new": "é\\u2028\\n"',
    "a null": '"new": null',
    "a fraction": '"new": 12.50, "t": "12.5"',
    "an exponent": '"new": 1e5',
    "fractions within": '"new": {"a": [1.10, {"b": 2.0}]}, "more": 3.0',
    "a name that stands twice": '"x": 2.50, "o": {"x": 2.5}',
    "a name with an escape": '"n\\u0065w": 1.50, "t": "new"',
    "one name for two members": '"new": 1.5, "new": 2.50',
    "a path that is a name, too": '"o.y": 1.50, "o": {"y": 2.50}',
    "within structs and lists": '"rows": [{"n": 1, "m": 1.0}, {"n": 2}, null], "o": {"y": null}',
    "a deletion": '"_sdc_deleted_at": "2024-05-01T12:00:00Z", "new": 1',
    "metadata of the tap": '"_sdc_received_at": "x", "_sdc_lsn": 7',
}
SLOW = {
    "a number that only exact digits tell": '"new": 12345678901234567.5',
    "a deletion that is no time": '"_sdc_deleted_at": "yes"',
    "a value that does not fit": '"o": 5, "new": 1',
}


def parsed(members: list[str], *, extra: str = "", slowly: bool = False) -> tuple[pa.Table, int]:
    properties = {**PROPERTIES, **({extra: TEXT} if extra else {})}
    properties |= {"any": {"type": ["string", "object"]}} if extra else {}
    plan = make_plan("items", {"properties": properties}, ["id"], mapper=TypeMapper())
    parser = BlockParser(plan, job_id="j", started_at=0, clock=lambda: 1.0)
    if slowly:

        def refuse(*_, **__):
            raise DoesNotFitError

        parser._read = refuse
    lines = Lines()
    for number, text in enumerate(members):
        lines.add(f'{{"type":"RECORD","record":{{"id":{number},{text}}}}}'.encode(), number)
    return pa.Table.from_batches(parser.parse(lines)), parser.slow_lines


@pytest.mark.parametrize("extra", ["", "any"], ids=["plain", "with values of open type"])
def test_unexpected_members_are_rescued_alike_on_both_ways_and_on_the_fast_one(extra):
    fast, slow_lines = parsed([*FAST.values()], extra=extra)
    assert slow_lines == 0
    slow, _ = parsed([*FAST.values()], extra=extra, slowly=True)
    assert fast.column_names == slow.column_names
    for name in fast.column_names:
        assert fast.column(name).to_pylist() == slow.column(name).to_pylist(), name
    texts = dict(zip(FAST, fast.column("_rescued_data").to_pylist(), strict=True))
    assert texts["a null"] is None
    assert texts["a fraction"] == '{"new":12.50}'
    assert texts["fractions within"] == '{"new":{"a":[1.10,{"b":2.0}]},"more":3.0}'
    assert texts["a name with an escape"] == '{"new":1.50}'
    assert texts["one name for two members"] == '{"new":2.50}'
    assert texts["a path that is a name, too"] == '{"o.y":1.50,"o.y#2":2.50}'
    assert texts["within structs and lists"] == '{"rows[0].m":1.0}'
    assert texts["metadata of the tap"] == '{"_sdc_lsn":7}'
    assert fast.column("_sdc_deleted_at").null_count == len(FAST) - 1


@pytest.mark.parametrize("kind", SLOW)
def test_what_the_fast_way_cannot_tell_takes_the_slow_one(kind):
    rows, slow_lines = parsed([SLOW[kind]])
    assert slow_lines == 1
    (text,) = rows.column("_rescued_data").to_pylist()
    sent = json.loads(f"{{{SLOW[kind]}}}")
    assert json.loads(text) == sent


def test_digits_of_a_text_are_no_number_of_a_decimal_column():
    schema = {"properties": {"id": INTEGER, "t": TEXT, "d": {"type": "number", "multipleOf": 0.01}}}
    plan = make_plan("items", schema, ["id"], mapper=TypeMapper())
    parser = BlockParser(plan, job_id="j", started_at=0, clock=lambda: 1.0)
    lines = Lines()
    for number in range(200):
        record = {"id": number, "t": "Order 2195e180", "d": "12.34"}
        lines.add(json.dumps({"record": record}).encode(), number)
    parser.parse(lines)
    assert parser.slow_lines == 0


def test_a_stream_that_takes_the_slow_way_is_named_with_the_members(folder, singer, caplog):
    schema = singer.schema("items", {"id": INTEGER, "n": INTEGER})
    rows = [{"id": i, "n": "many"} for i in range(1500)]
    with caplog.at_level(logging.INFO, "target-databricks"):
        folder.run(schema, singer.records("items", *rows))
        folder.run(schema, singer.records("items", *({"id": i, "x": "new"} for i in range(1500))))
    said = [r.getMessage() for r in caplog.records if "value by value" in r.getMessage()]
    assert len(said) == 1
    assert "'items'" in said[0]
    assert "1,500 of 1,500" in said[0]
    assert "n" in said[0].rpartition("(")[2]
