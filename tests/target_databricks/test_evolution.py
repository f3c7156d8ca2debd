"""Evolution: tables follow the tap's schema where they can, and rescue where they cannot."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

INTEGER, TEXT, NUMBER = {"type": "integer"}, {"type": "string"}, {"type": "number"}
MOMENT = {"type": "string", "format": "date-time"}
DATE = {"type": "string", "format": "date"}


def money(scale):
    return {"type": "number", "multipleOf": 10**-scale}


def load(place, singer, properties, *records, **settings):
    schema = singer.schema("things", {"id": INTEGER, **properties})
    return place.run(schema, singer.records("things", *records), **settings)


def test_a_new_property_becomes_a_new_column(place, singer):
    load(place, singer, {}, {"id": 1}, {"id": 2})
    load(place, singer, {"new": money(4)}, {"id": 2, "new": 1.5}, {"id": 3, "new": 2})
    assert place.types("things")["new"] == "DECIMAL(38,4)"
    assert place.rows("things", "new") == [None, Decimal("1.5"), Decimal(2)]


def test_a_property_that_is_gone_keeps_its_column_and_values(place, singer):
    load(place, singer, {"old": TEXT}, {"id": 1, "old": "a"}, {"id": 2, "old": "b"})
    load(place, singer, {"v": INTEGER}, {"id": 1, "v": 1}, {"id": 3, "v": 3})
    assert place.rows("things", "old") == ["a", "b", None]
    assert place.rows("things", "v") == [1, None, 3]


def test_new_nested_members_are_added_at_every_depth(place, singer, monkeypatch):
    def nested(*names):
        inner = {"type": "object", "properties": dict.fromkeys(names, INTEGER)}
        return {
            "o": {"type": "object", "properties": {"p": inner, names[-1]: TEXT}},
            "l": {"type": "array", "items": inner},
        }

    def value(name, n):
        return {"o": {"p": {name: n}, name: "t"}, "l": [{name: n}]}

    load(place, singer, nested("a"), *({"id": i, **value("a", i)} for i in range(4)))
    load(place, singer, nested("a", "b"), {"id": 1, **value("b", 10)}, {"id": 9, **value("b", 90)})
    # And on the way that rewrites the whole table because many rows changed.
    monkeypatch.setattr("target_databricks.lakehouse.table.MOST_REPLACED_BY_PREDICATE", 1)
    load(place, singer, nested("c"), *({"id": i, **value("c", 7)} for i in (2, 3)))
    assert place.types("things")["o"] == (
        "STRUCT<p: STRUCT<a: BIGINT, b: BIGINT, c: BIGINT>, a: STRING, b: STRING, c: STRING>"
    )
    assert place.types("things")["l"] == "ARRAY<STRUCT<a: BIGINT, b: BIGINT, c: BIGINT>>"
    inner = [r["p"] for r in place.rows("things", "o")]
    assert inner == [
        {"a": 0, "b": None, "c": None},
        {"a": None, "b": 10, "c": None},
        {"a": None, "b": None, "c": 7},
        {"a": None, "b": None, "c": 7},
        {"a": None, "b": 90, "c": None},
    ]
    assert place.rows("things", "l") == [[v] for v in inner]


def test_an_unchanged_row_stays_unwritten_when_the_schema_grows(place, singer):
    load(place, singer, {}, {"id": 1})
    before = place.files("things")
    load(place, singer, {"new": TEXT}, {"id": 1})
    assert place.files("things") == before


@pytest.mark.rule("evolution")
@pytest.mark.parametrize(
    ("old", "new", "before", "after", "sql", "values"),
    [
        (INTEGER, money(4), 7, 1.5, "DECIMAL(38,4)", [Decimal(7), Decimal("1.5")]),
        (INTEGER, NUMBER, 7, 1.5, "DECIMAL(38,10)", [Decimal(7), Decimal("1.5")]),
        (
            DATE,
            DATE,
            "2024-01-01",
            "2024-01-02",
            "DATE",
            [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
        ),
        (NUMBER, INTEGER, 1.5, 7, "DOUBLE", [1.5, 7.0]),
        (money(4), INTEGER, 1.5, 7, "DECIMAL(38,4)", [Decimal("1.5"), Decimal(7)]),
        (TEXT, INTEGER, "x", 7, "STRING", ["x", "7"]),
        (TEXT, {"type": "object"}, "x", {"a": 1}, "STRING", ["x", '{"a":1}']),
        (TEXT, MOMENT, "x", "2024-01-01T00:00:00Z", "STRING", ["x", "2024-01-01T00:00:00Z"]),
        (INTEGER, {"type": ["integer", "string"]}, 7, 8, "BIGINT", [7, 8]),
    ],
    ids=lambda v: None,
)
def test_a_column_widens_where_it_can_and_takes_what_fits(
    place, singer, old, new, before, after, sql, values
):
    load(place, singer, {"v": old}, {"id": 1, "v": before})
    load(place, singer, {"v": new}, {"id": 2, "v": after})
    assert place.types("things")["v"] == sql
    assert place.rows("things", "v") == values
    assert place.rows("things", "_rescued_data") == [None, None]


def test_a_narrow_decimal_widens_and_the_widest_one_keeps_its_places(place, singer):
    narrow = {"type": "string", "format": "singer.decimal", "precision": 10, "scale": 2}
    wide = {"type": "string", "format": "singer.decimal", "precision": 20, "scale": 4}
    load(place, singer, {"v": narrow}, {"id": 1, "v": "1.25"})
    load(place, singer, {"v": wide}, {"id": 2, "v": "1.2525"})
    assert place.types("things")["v"] == "DECIMAL(20,4)"
    # 38 digits are all a DECIMAL has: no place can be added without losing one in front.
    load(place, singer, {"w": money(2)}, {"id": 1, "w": 0.25})
    load(place, singer, {"w": money(4)}, {"id": 2, "w": 0.2525}, {"id": 3, "w": 0.5})
    assert place.types("things")["w"] == "DECIMAL(38,2)"
    assert place.rows("things", "w") == [Decimal("0.25"), None, Decimal("0.50")]
    assert place.rows("things", "_rescued_data") == [None, '{"w":0.2525}', None]


@pytest.mark.parametrize(
    ("old", "new", "before", "after", "rescued"),
    [
        (INTEGER, TEXT, 1, "text", '{"v":"text"}'),
        (MOMENT, TEXT, "2024-01-01T00:00:00Z", "soon", '{"v":"soon"}'),
        ({"type": "boolean"}, INTEGER, True, 2, '{"v":2}'),
        (INTEGER, {"type": "object", "properties": {"x": INTEGER}}, 1, {"x": 1}, '{"v":{"x":1}}'),
        ({"type": "object", "properties": {"x": INTEGER}}, TEXT, {"x": 1}, "a", '{"v":"a"}'),
        ({"type": "array", "items": INTEGER}, INTEGER, [1], 2, '{"v":2}'),
        (DATE, MOMENT, "2024-01-01", "2024-01-01T10:00:00Z", '{"v":"2024-01-01T10:00:00Z"}'),
    ],
    ids=lambda v: None,
)
def test_invariant_8_what_cannot_widen_is_rescued_with_a_warning(
    place, singer, caplog, old, new, before, after, rescued
):
    load(place, singer, {"v": old}, {"id": 1, "v": before})
    types = place.types("things")
    load(place, singer, {"v": new}, {"id": 2, "v": after})
    assert place.types("things") == types
    first, second = place.rows("things")
    assert (first["_rescued_data"], second["_rescued_data"]) == (None, rescued)
    assert second["v"] is None
    assert any("things.v" in r.message for r in caplog.records if r.levelname == "WARNING")


def test_nested_numbers_widen_too(place, singer):
    def properties(kind):
        item = {"type": "object", "properties": {"x": kind}}
        return {"o": item, "l": {"type": "array", "items": item}}

    load(place, singer, properties(INTEGER), {"id": 1, "o": {"x": 1}, "l": [{"x": 2}]})
    load(place, singer, properties(money(2)), {"id": 2, "o": {"x": 1.5}, "l": [{"x": 2.5}]})
    assert place.types("things")["o"] == "STRUCT<x: DECIMAL(38,2)>"
    assert place.types("things")["l"] == "ARRAY<STRUCT<x: DECIMAL(38,2)>>"
    assert place.rows("things", "o") == [{"x": Decimal("1.00")}, {"x": Decimal("1.50")}]
    assert place.rows("things", "_rescued_data") == [None, None]


def test_a_schema_that_changes_in_mid_stream_applies_from_there_on(place, singer):
    place.run(
        singer.schema("things", {"id": INTEGER, "a": INTEGER}),
        singer.records("things", {"id": 1, "a": 1}, {"id": 2, "a": 2}),
        singer.schema("things", {"id": INTEGER, "b": TEXT}),
        singer.records("things", {"id": 2, "b": "x"}, {"id": 3, "b": "y", "a": 9}),
        singer.state({"done": True}),
    )
    assert place.rows("things", "a") == [1, 2, None]
    assert place.rows("things", "b") == [None, "x", "y"]
    assert place.rows("things", "_rescued_data") == [None, None, '{"a":9}']


def test_the_same_schema_again_in_mid_stream_changes_nothing(place, singer):
    schema = singer.schema("things", {"id": INTEGER})
    place.run(
        schema, singer.record("things", {"id": 1}), schema, singer.record("things", {"id": 2})
    )
    assert place.rows("things", "id") == [1, 2]
    assert len(place.loads()) == 1


def test_a_key_column_can_widen(place, singer):
    load(place, singer, {"v": TEXT}, {"id": 1, "v": "a"})
    schema = singer.schema("things", {"id": {"type": "integer", "maximum": 2**80}, "v": TEXT})
    place.run(schema, singer.records("things", {"id": 1, "v": "b"}, {"id": 2**70, "v": "c"}))
    assert place.types("things")["id"] == "DECIMAL(38,0)"
    assert place.rows("things", "v") == ["b", "c"]


def test_a_column_that_a_tap_left_is_no_flag_of_the_users(folder, singer):
    text = {"type": "string"}
    folder.run(
        singer.schema("s", {"id": INTEGER, "IsDeleted": text}),
        singer.record("s", {"id": 1, "IsDeleted": "x"}),
    )
    folder.run(
        singer.schema("s", {"id": INTEGER, "v": INTEGER}),
        singer.records("s", {"id": 1, "v": 2}, {"id": 2, "v": 2}),
    )
    assert folder.rows("s", "is_deleted") == ["x", None]
    assert folder.rows("s", "v") == [2, 2]


def test_new_members_of_elements_are_kept_where_others_are_left_out(place, singer):
    def lines(*names):
        members = {name: {"type": ["string", "null"]} for name in names}
        element = {
            "type": "object",
            "properties": {"deep": {"type": "object", "properties": members}},
        }
        return {"id": {"type": "integer"}, "lines": {"type": "array", "items": element}}

    def record(key, **members):
        return {"id": key, "lines": [{"deep": members}]}

    place.run(singer.schema("items", lines("a", "b")), singer.record("items", record(1, a="1")))
    sent = [record(1, b="2", c="3"), record(2, b="4", c="5")]
    place.run(singer.schema("items", lines("b", "c")), *singer.records("items", *sent))
    deep = [row["lines"][0]["deep"] for row in place.rows("items")]
    assert deep == [{"a": None, "b": "2", "c": "3"}, {"a": None, "b": "4", "c": "5"}]
