"""Schema and settings that come later: a full refresh fills the rows that are there, and only those
that have something to fill; an upgrade of the package writes none (`tests/upgrade`)."""

from __future__ import annotations

import pytest
from target_databricks.errors import LoadError
from target_databricks.schema.additions import EVERYTHING, as_text, from_text

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
NESTED = {"type": "object", "properties": {"a": INTEGER}}
LINES = {"type": "array", "items": {"type": "object", "properties": {"N": INTEGER}}}


def written(place):
    """Rows that the last load of each table wrote."""
    return {r["table_name"]: r["rows_inserted"] + r["rows_updated"] for r in place.loads()}


def test_a_new_column_a_nested_field_and_a_child_table_fill_the_rows_that_have_something(
    place, singer
):
    first = {"id": INTEGER, "c": NESTED, "Lines": LINES}
    later = {**first, "n": INTEGER}
    later["c"] = {"type": "object", "properties": {"a": INTEGER, "b": TEXT}}
    rows = [
        {"id": 1, "n": 5, "c": {"a": 1}},
        {"id": 2, "c": {"a": 2, "b": "x"}},
        {"id": 3, "Lines": [{"N": 1}, {"N": 2}]},
        {"id": 4, "c": {"a": 4}, "Lines": []},
        {"id": 5},
    ]
    records = singer.records("items", *rows)
    place.run(singer.schema("items", first), records)
    # The columns come with another row, and only then the rest is sent again.
    settings = {"child_tables": {"items.Lines": "parts"}}
    schema = singer.schema("items", later)
    place.run(schema, singer.record("items", {"id": 6, "n": 6}), **settings)
    place.run(schema, records, **settings)
    assert place.rows("items", "n") == [5, None, None, None, None, 6]
    assert [r["c"] and r["c"]["b"] for r in place.rows("items")][:3] == [None, "x", None]
    assert place.rows("parts", "n", by=["id", "_sdc_position"]) == [1, 2]
    assert place.rows("items", "_rescued_data") == [None] * 6
    assert written(place)["items"] == 3
    assert [r["lines"] for r in place.rows("items")][:3] == [None] * 3
    before = place.versions()
    place.run(schema, records, **settings)
    assert place.versions() == before


def test_other_names_are_filled_and_keys_keep_theirs(folder, singer):
    schema = singer.schema("items", {"ItemID": INTEGER, "FullName": TEXT, "C": NESTED}, ["ItemID"])
    rows = [{"ItemID": 1, "FullName": "a", "C": {"a": 1}}, {"ItemID": 2}]
    folder.run(schema, singer.records("items", *rows))
    folder.run(schema, singer.records("items", *rows), column_names="keep")
    assert folder.rows("items", "FullName", by="item_id") == ["a", None]
    assert folder.rows("items", "item_id", by="item_id") == [1, 2]
    assert written(folder)["items"] == 1


def test_a_wider_type_takes_what_was_rescued(folder, singer):
    rows = singer.records("items", {"id": 1, "n": 1.5}, {"id": 2, "n": 2})
    folder.run(singer.schema("items", {"id": INTEGER, "n": INTEGER}), rows)
    number = singer.schema("items", {"id": INTEGER, "n": {"type": "number"}})
    folder.run(number, rows, number_type="decimal")
    assert [float(n) for n in folder.rows("items", "n")] == [1.5, 2]
    assert written(folder)["items"] == 1


def test_a_child_table_that_somebody_dropped_is_filled_again(folder, singer):
    import shutil

    schema = singer.schema("items", {"id": INTEGER, "Lines": {**LINES, "x-child-table": True}})
    rows = singer.records("items", {"id": 1, "Lines": [{"N": 1}]}, {"id": 2, "Lines": []})
    folder.run(schema, rows)
    shutil.rmtree(folder.schema_folder / "items_lines")
    folder.run(schema, rows)
    assert folder.rows("items_lines", "n", by="n") == [1]
    assert written(folder)["items"] == 1


def test_without_record_metadata_the_run_that_adds_a_column_fills_it(folder, singer):
    rows = singer.records("items", {"id": 1, "n": 5}, {"id": 2})
    bare = {"add_record_metadata": False}
    folder.run(singer.schema("items", {"id": INTEGER}), rows, **bare)
    folder.run(singer.schema("items", {"id": INTEGER, "n": INTEGER}), rows, **bare)
    assert folder.rows("items", "n") == [5, None]


def test_a_schema_without_rows_gives_the_table_its_columns_once(place, singer):
    place.run(singer.schema("items", {"id": INTEGER}), singer.record("items", {"id": 1}))
    schema = singer.schema("items", {"id": INTEGER, "n": INTEGER, "c": NESTED})
    place.run(schema)
    before = place.versions()
    assert {"n", "c"} <= set(place.types("items"))
    place.run(schema)
    assert place.versions() == before


def test_nor_is_a_column_in_its_way_that_has_another_description(place, singer):
    """The flag of the users is described by us, where a tap's own column has been before."""
    described = {"type": "boolean", "description": "Whether it is gone."}
    place.run(singer.schema("items", {"id": INTEGER, "IsDeleted": described}))
    place.run(singer.schema("items", {"id": INTEGER, "n": INTEGER}))
    assert {"is_deleted", "n"} <= set(place.types("items"))


def test_a_property_that_would_grow_too_long_names_everything():
    many = {f"a_column_with_a_long_name_{n}": n for n in range(400)}
    assert from_text(as_text(many)) == {EVERYTHING: 399}
    assert from_text(as_text({"a": 1})) == {"a": 1}
    assert from_text("not ours") == from_text("[1]") == from_text(None) == {}


def test_a_key_of_another_type_is_refused_by_the_name_of_the_table_s_type(place, singer, caplog):
    place.run(singer.schema("items", {"id": INTEGER}), singer.record("items", {"id": 1}))
    later = [
        singer.schema("items", {"id": TEXT}),
        *singer.records("items", {"id": "a"}, {"id": "2"}),
    ]
    with pytest.raises(LoadError, match=r"table's column 'id', which is BIGINT and keeps its type"):
        place.run(later)
    assert place.rows("items", "id") == [1, 2]
    assert any("items.id is BIGINT in the table" in r.getMessage() for r in caplog.records)
