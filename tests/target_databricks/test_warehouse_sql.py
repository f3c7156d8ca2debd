"""All SQL that is generated for a warehouse, against golden files.

After a change that is meant: `GOLDEN=write pytest tests/target_databricks/test_warehouse_sql.py`,
and read the difference.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from target_databricks.loading.backend import Retirement
from target_databricks.loading.retirement import retirement_steps
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.plan import AT, RECORD_HASH, Reference
from target_databricks.schema.planning import make_plan
from target_databricks.schema.types import TIMESTAMP
from target_databricks.warehouse.constraints import references
from target_databricks.warehouse.sql import ddl, history
from target_databricks.warehouse.sql import dml as sql
from target_databricks.warehouse.sql.clauses import StagedRows, parquet_file, parquet_files
from target_databricks.warehouse.sql.columns import as_variant, fitted, missing, sql_type, widened
from target_databricks.warehouse.sql.names import Schema, Volume, constraint_name, literal, quoted
from target_databricks.warehouse.sql.retirement import statement

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Schema("main", "xero")
MONEY = {"type": "number", "multipleOf": 0.0001}
INVOICES = {
    "description": "Sales invoices and bills",
    "x-databricks-cluster-by": ["ContactID", "Date"],
    "x-databricks-properties": {"quality": "bronze"},
    "properties": {
        "TenantID": {"type": "string", "description": "The organisation's id"},
        "InvoiceID": {"type": "string"},
        "ContactID": {
            "type": "string",
            "x-references": {"stream": "contacts", "properties": ["TenantID", "ContactID"]},
        },
        "Date": {"type": "string", "format": "date"},
        "UpdatedDateUTC": {"type": "string", "format": "date-time"},
        "Total": MONEY,
        "Contact": {"type": "object", "properties": {"Name": {"type": "string"}}},
        "LineItems": {
            "type": "array",
            "x-child-table": {"name": "invoice_line_items", "key": ["LineItemID"]},
            "items": {
                "type": "object",
                "properties": {
                    "LineItemID": {"type": "string"},
                    "LineAmount": MONEY,
                    "ItemID": {
                        "type": "string",
                        "x-references": {"stream": "items", "properties": ["TenantID", "ItemID"]},
                    },
                },
            },
        },
    },
}


@pytest.fixture
def plan():
    return make_plan(
        "invoices",
        INVOICES,
        ["TenantID", "InvoiceID"],
        ["UpdatedDateUTC"],
        mapper=TypeMapper(),
        soft_delete="is_deleted",
    )


@pytest.fixture
def staged(plan):
    return StagedRows(parquet_file("/Volumes/main/xero/v/f.parquet"), plan.staged_schema)


def check(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.sql"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text + "\n")
    assert text + "\n" == path.read_text()


def table(name):
    return SCHEMA.table(name)


def test_create_table(plan):
    wishes = ddl.TableOptions(
        keys=plan.keys,
        required=plan.keys,
        cluster_by=plan.hints.cluster_by,
        properties=(("delta.enableTypeWidening", "true"), *plan.hints.properties),
    )
    (text,) = ddl.create(table("invoices"), plan.table_schema, plan.description, wishes)
    check("create_table", text)


def test_create_table_with_everything_switched_off(plan):
    wishes = ddl.TableOptions(comments=False)
    (text,) = ddl.create(table("t"), plan.table_schema, "about", wishes)
    check("create_table_plain", text)


def test_a_table_with_emoji_in_its_text_is_clustered_afterwards(plan):
    wishes = ddl.TableOptions(keys=("id",), cluster_by=("id",))
    columns = pa.schema([pa.field("id", pa.int64())])
    made, clustered = ddl.create(table("t"), columns, "📦", wishes)
    assert "📦" in made
    assert "CLUSTER BY" not in made
    assert clustered == ddl.cluster_by(table("t"), ("id",))


def test_create_child_table_clustered_by_databricks(plan):
    (child,) = plan.children
    wishes = ddl.TableOptions(required=child.keys, cluster_by="AUTO")
    (text,) = ddl.create(table(child.table), plan.child_schema(child), child.description, wishes)
    check("create_child_table", text)


@pytest.fixture
def bounds():
    """Of a batch with the invoices of one organisation."""
    return {"tenant_id": "= 'aaaa-1'", "invoice_id": "BETWEEN '0001' AND 'fffe'"}


def test_merge(plan, staged, bounds):
    text = sql.merge(table("invoices"), plan.table_schema, plan, staged, bounds=bounds)
    check("merge", text)


def test_merge_of_several_files(plan):
    files = parquet_files([f"/Volumes/main/xero/v/{name}.parquet" for name in "fg"])
    staged = StagedRows(files, plan.staged_schema)
    check("merge_files", sql.merge(table("invoices"), plan.table_schema, plan, staged))


def test_merge_of_a_batch_that_an_earlier_run_staged(plan, staged):
    text = sql.merge(table("invoices"), plan.table_schema, plan, staged, replayed=True)
    check("merge_replayed", text)


def test_changes(plan, staged):
    check("changes", sql.changes(table("invoices"), plan.table_schema, plan, staged))


def test_merge_children(plan, staged, bounds):
    (child,) = plan.children
    text = sql.merge_children(
        table(child.table),
        plan.child_schema(child),
        table("invoices"),
        plan.table_schema,
        plan,
        child,
        staged,
        bounds=bounds,
        parent_bounds=bounds,
    )
    check("merge_children", text)


def test_append(plan, staged):
    once = sql.not_appended(table("invoices"), ("job-1", 1_790_000_000_000), 40)
    check("append", sql.append(table("invoices"), plan.table_schema, plan, staged, once))


def test_append_to_a_new_table(plan, staged):
    first = sql.empty(table("invoices"))
    text = sql.append(table("invoices"), plan.table_schema, plan, staged, first)
    check("append_first", text)


def test_append_children(plan, staged):
    (child,) = plan.children
    columns = plan.child_schema(child)
    once = sql.not_appended(table(child.table), ("job-1", None), 0)
    text = sql.append_children(table(child.table), columns, plan, child, staged, once)
    check("append_children", text)


@pytest.mark.parametrize("delete", [True, False])
@pytest.mark.parametrize("appended", [True, False])
def test_retire(plan, delete, appended):
    seen = [parquet_file(f"/Volumes/main/xero/v/{name}.seen") for name in "ab" if not appended]
    repeats = frozenset({("0123", None), ("4567", None), ("0123", 6)} if appended else ())
    gone = Retirement(7, "job-1", 1_700_000_000_000, appended=appended, repeats=repeats)
    texts = [
        statement(step, table, plan, plan.table_schema, gone, seen)
        for step in retirement_steps(plan, appended=appended, hard=delete)
    ]
    name = f"retire_{'appended_' if appended else ''}{'delete' if delete else 'mark'}"
    check(name, ";\n".join(texts))


def test_history(plan, staged, bounds):
    (child,) = plan.children
    kept = replace(plan, history=True)
    schema = staged.schema.append(pa.field(AT, TIMESTAMP))
    moments = StagedRows(staged.source, schema)
    own, lines = kept.table_schema, kept.child_schema(child)
    gone = Retirement(7, "job-1", 1_700_000_000_000)
    seen = [parquet_file("/Volumes/main/xero/v/a.seen")]
    parent = table("invoices")
    check("history_changes", history.changes(parent, own, kept, moments))
    check("history_merge", history.merge(parent, own, kept, moments))
    text = history.merge_children(table(child.table), lines, parent, own, kept, child, moments)
    check("history_merge_children", text)
    files = StagedRows(parquet_files([f"/Volumes/main/xero/v/{n}.parquet" for n in "fg"]), schema)
    check("history_merge_files", history.merge(parent, own, kept, files, bounds))
    texts = [history.retire(parent, own, kept, gone, seen, datetime(2024, 5, 1, tzinfo=UTC))]
    texts.append(history.retire_children(table(child.table), parent, kept))
    check("history_retire", ";\n".join(texts))


def test_foreign_keys(plan):
    texts = [
        ddl.add_foreign_key(table(name), constraint_name(name, r), table(r.table), r)
        for name, r in references(plan)
    ]
    check("foreign_keys", "\n".join(texts))


def test_a_table_made_by_somebody_else_gets_only_what_it_has(plan, staged):
    """No flag, no hash, no bookmark of its own: nothing of them in the statement."""
    columns = pa.schema([c for c in plan.table_schema if c.name in {"tenant_id", "invoice_id"}])
    text = sql.merge(table("invoices"), columns, plan, staged)
    assert RECORD_HASH not in text
    assert "is_deleted" not in text
    assert "WHEN MATCHED AND NOT (false)" in text


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ({"a": pa.int64()}, {"a": pa.int64(), "b": pa.string()}, ["`b`"]),
        ({"A": pa.int64()}, {"a": pa.int64()}, []),
        (
            {"s": pa.struct({"x": pa.int64()})},
            {"s": pa.struct({"x": pa.int64(), "y": pa.int64()})},
            ["`s`.`y`"],
        ),
        (
            {"l": pa.list_(pa.struct({"x": pa.int64()}))},
            {"l": pa.list_(pa.struct({"y": pa.int64()}))},
            ["`l`.`element`.`y`"],
        ),
    ],
)
def test_what_a_table_lacks_is_named_by_its_place(old, new, places):
    def fields(columns):
        return pa.schema(list(columns.items()))

    lacking = missing(fields(old), fields(new))
    assert [place for place, _ in lacking] == places
    if places:
        text = ddl.add_columns("t", lacking)
        assert text == f"ALTER TABLE t ADD COLUMNS ({places[0]} {sql_type(lacking[0][1].type)})"


def test_only_the_leaves_that_differ_are_widened():
    old = pa.field("l", pa.list_(pa.struct({"a": pa.int32(), "b": pa.string()})))
    new = pa.list_(pa.struct({"a": pa.int64(), "b": pa.string()}))
    assert widened(old, new) == [("`l`.`element`.`a`", pa.int64())]


def test_a_struct_in_another_order_is_built_by_name():
    staged = pa.struct({"b": pa.string(), "a": pa.int64()})
    column = pa.field("s", pa.struct({"a": pa.int64(), "b": pa.string(), "c": pa.bool_()}))
    assert fitted("s.`s`", staged, column) == (
        "CAST(IF(s.`s` IS NULL, NULL, named_struct('a', CAST(s.`s`.`a` AS BIGINT), "
        "'b', CAST(s.`s`.`b` AS STRING), 'c', CAST(NULL AS BOOLEAN))) "
        "AS STRUCT<`a`: BIGINT, `b`: STRING, `c`: BOOLEAN>)"
    )


def test_json_text_becomes_a_variant_whether_or_not_it_is_json():
    column = as_variant(pa.field("v", pa.string()))
    text = fitted("s.`v`", pa.string(), column)
    assert text == "coalesce(try_parse_json(s.`v`), CAST(s.`v` AS VARIANT))"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.decimal128(38, 4), "DECIMAL(38,4)"),
        (pa.timestamp("us", tz="UTC"), "TIMESTAMP"),
        (pa.timestamp("us"), "TIMESTAMP_NTZ"),
        (pa.list_(pa.struct({"a b": pa.date32()})), "ARRAY<STRUCT<`a b`: DATE>>"),
    ],
)
def test_types(kind, text):
    assert sql_type(kind) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("it's", r"'it\'s'"), ("a\\b", r"'a\\b'"), ("a\nb", r"'a\nb'"), (None, "NULL"), (3, "3")],
)
def test_literals(value, text):
    assert literal(value) == text


def test_a_backtick_in_a_name_stays_inside_it():
    assert quoted("a`b") == "`a``b`"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("v", "/Volumes/main/xero/v"),
        ("staging.v", "/Volumes/main/staging/v"),
        ("`raw`.staging.v", "/Volumes/raw/staging/v"),
    ],
)
def test_a_volume_is_named_by_one_to_three_parts(text, path):
    assert Volume.parse(text, SCHEMA).path == path


def test_long_constraint_names_are_cut_and_stay_apart():
    names = {constraint_name("t" * 250, Reference((c,), "x", (c,))) for c in ("a", "b")}
    assert len(names) == 2
    assert all(len(name) <= 255 for name in names)


def test_a_text_is_no_variable():
    """Spark takes `${…}` for a variable before it parses a statement, also inside a text."""
    assert literal("cost ${user.home} $5") == "'cost \\u0024{user.home} $5'"
