"""`<table>_current`: the rows that are there, in a warehouse; what there is of it without one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.plan import FLAG_COMMENT, Hints
from target_databricks.schema.planning import make_plan
from target_databricks.schema.types import commented
from target_databricks.warehouse.upkeep_items import Item, statements, wanted

NONE = {"comments": False, "tags": {}, "properties": {}}
IDS = {"properties": {"id": {"type": "integer"}}}


def conditions(columns):
    items = wanted(None, columns, Hints(), views=True, **NONE)
    return [item.value for item in items if item.kind == "view"]


def plan(**options):
    return make_plan("items", IDS, ["id"], mapper=TypeMapper(), sdk_metadata=False, **options)


@pytest.mark.parametrize(
    ("options", "condition"),
    [
        ({}, "`_sdc_deleted_at` IS NULL"),
        (
            {"soft_delete": "is_deleted"},
            "`_sdc_deleted_at` IS NULL AND NOT coalesce(`is_deleted`, false)",
        ),
        ({"history": True}, "`_sdc_deleted_at` IS NULL AND `is_current`"),
    ],
)
def test_a_row_is_there_that_is_neither_deleted_nor_flagged_nor_superseded(options, condition):
    assert conditions(plan(**options).table_schema) == [condition]


def test_a_flag_of_the_source_is_its_own_affair_and_a_table_without_deletions_has_no_view():
    theirs = pa.schema([("_sdc_deleted_at", pa.timestamp("us", "UTC")), ("is_deleted", pa.bool_())])
    assert conditions(theirs) == ["`_sdc_deleted_at` IS NULL"]
    ours = theirs.set(1, commented(theirs.field(1), FLAG_COMMENT))
    assert conditions(ours) == ["`_sdc_deleted_at` IS NULL AND NOT coalesce(`is_deleted`, false)"]
    assert conditions(pa.schema([("id", pa.int64())])) == []


def test_the_view_is_made_only_where_nothing_has_its_name():
    (text,) = statements("`c`.`s`.`t`", [Item("view", "", "", "`x`")], "`c`.`s`.`t_current`")
    assert text == (
        "CREATE VIEW IF NOT EXISTS `c`.`s`.`t_current` COMMENT 'The rows of c.s.t that are there: "
        "WHERE `x`' WITH SCHEMA EVOLUTION AS SELECT * FROM `c`.`s`.`t` WHERE `x`"
    )


def test_a_view_shows_what_is_there_through_deletions_flags_and_new_columns(warehouse, singer):
    schema = singer.schema("items", IDS["properties"], ["id"])
    records = [singer.record("items", {"id": number}, version=1) for number in (1, 2, 3)]
    warehouse.run(schema, *records, current_views=True)
    table = f"{warehouse.name}.items"

    def there(column="id"):
        rows = warehouse.sandbox.sql(f"SELECT {column} FROM {table}_current")
        return sorted(row[column] for row in rows)

    assert there() == [1, 2, 3]
    names = [row["tableName"] for row in warehouse.sandbox.sql(f"SHOW TABLES IN {warehouse.name}")]
    assert [name for name in names if name.endswith("_current")] == ["items_current"]
    warehouse.sandbox.sql(f"UPDATE {table} SET is_deleted = true WHERE id = 1")
    assert there() == [2, 3]
    wider = singer.schema("items", {**IDS["properties"], "note": {"type": "string"}}, ["id"])
    warehouse.run(
        wider,
        singer.record("items", {"id": 2, "note": "new"}, version=2),
        singer.activate("items", 2),
        current_views=True,
    )
    assert there() == [2]
    assert there("note") == ["new"]
