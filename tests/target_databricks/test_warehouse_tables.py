"""What only a warehouse has: constraints, comments, clustering, VARIANT, inline staging, leases."""

from __future__ import annotations

import re
import threading

import pyarrow as pa
import pytest
from target_databricks.warehouse import writer
from target_databricks.warehouse.sql import dml
from target_databricks.warehouse.staging import inline

# Spark takes its time: `pytest -m stress` runs what stands behind this mark too.
SLOW = pytest.mark.stress

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
REFERRING = {**INTEGER, "x-references": {"stream": "customers", "properties": ["id"]}}
MONEY = {"type": "number", "multipleOf": 0.01}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "v": TEXT}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}
CUSTOMER = {
    "type": "object",
    "properties": {"name": TEXT, "tags": {"type": "array", "items": TEXT}},
}


WIDENING, CLUSTERED = "delta.enableTypeWidening", "clusterByAuto"


def orders(singer, *records, **schema):
    properties = {"id": INTEGER, "customer_id": REFERRING, "lines": LINES, "customer": CUSTOMER}
    return [singer.schema("orders", properties, **schema), *singer.records("orders", *records)]


def customers(singer):
    return [
        singer.schema("customers", {"id": INTEGER, "name": TEXT}),
        singer.record("customers", {"id": 7, "name": "Kauri & Co"}),
    ]


def constraints(place):
    rows = place.sandbox.sql(
        "SELECT table_name, constraint_type FROM main.information_schema.table_constraints "
        f"WHERE table_schema = '{place.schema}'"
    )
    return sorted((r["table_name"], r["constraint_type"]) for r in rows)


def properties_of(place, table):
    rows = place.sandbox.sql(f"SHOW TBLPROPERTIES {place.name}.{table}")
    return {r["key"]: r["value"] for r in rows}


@pytest.mark.parametrize("first", [pytest.param("customers", marks=SLOW), "orders"])
def test_keys_and_references_become_constraints_whatever_comes_first(warehouse, singer, first):
    referring = orders(singer, {"id": 1, "customer_id": 7, "lines": [{"n": 1, "v": "a"}]})
    both = [customers(singer), referring]
    for messages in both if first == "customers" else both[::-1]:
        warehouse.run(messages)
    if first == "orders":
        # What it refers to was not there yet; the next rows find it.
        warehouse.run(orders(singer, {"id": 2, "customer_id": 7}))
    assert constraints(warehouse) == [
        ("customers", "PRIMARY KEY"),
        ("lines", "FOREIGN KEY"),
        ("lines", "PRIMARY KEY"),
        ("orders", "FOREIGN KEY"),
        ("orders", "PRIMARY KEY"),
    ]


@SLOW
def test_everything_that_unity_catalog_is_told_can_be_switched_off(warehouse, singer):
    warehouse.run(
        orders(singer, {"id": 1, "lines": [{"n": 1}]}, description="What was ordered"),
        table_constraints=False,
        table_comments=False,
        clustering="none",
        type_widening=False,
    )
    assert constraints(warehouse) == []
    detail = warehouse.sandbox.sql(f"DESCRIBE DETAIL {warehouse.name}.orders")[0]
    assert (detail["clusteringColumns"], detail["description"]) == ([], None)
    assert [k for k in properties_of(warehouse, "orders") if k in (WIDENING, CLUSTERED)] == []
    columns = warehouse.sandbox.sql(f"DESCRIBE TABLE {warehouse.name}.orders")
    assert [r["comment"] for r in columns if r["comment"]] == []


@SLOW
def test_hints_of_the_schema_are_honoured(warehouse, singer):
    warehouse.run(
        orders(
            singer,
            {"id": 1, "customer_id": 7},
            **{
                "x-databricks-cluster-by": ["customer_id"],
                "x-databricks-properties": {"quality": "gold"},
            },
        ),
        table_properties={"team": "finance"},
    )
    found = properties_of(warehouse, "orders")
    assert (found["quality"], found["team"]) == ("gold", "finance")
    detail = warehouse.sandbox.sql(f"DESCRIBE DETAIL {warehouse.name}.orders")[0]
    assert detail["clusteringColumns"] == ["customer_id"]
    warehouse.run(customers(singer))
    assert properties_of(warehouse, "customers")[CLUSTERED] == "true"


def clustering(place, table):
    return place.sandbox.sql(f"DESCRIBE DETAIL {place.name}.{table}")[0]["clusteringColumns"]


def test_without_predictive_optimization_the_first_load_clusters_by_keys(warehouse, singer, caplog):
    """Delta clusters by no BOOLEAN, so one of the tables is not even clustered by its key."""
    warehouse.sandbox.predictive_optimization = False
    flags = [
        singer.schema("flags", {"on": {"type": "boolean"}, "n": INTEGER}, ["on"]),
        singer.record("flags", {"on": True, "n": 1}),
    ]
    # One by one, so that each table is made after the one before it was refused.
    warehouse.run(customers(singer), flags, parallel_streams=1)
    assert warehouse.rows("customers", "id", by="id") == [7]
    assert warehouse.rows("flags", "n", by="n") == [1]
    tables = ("customers", "flags", "_sdc_loads")
    assert [clustering(warehouse, t) for t in tables] == [["id"], [], []]
    tried = [s for s in warehouse.sandbox.log.texts("CREATE TABLE") if "CLUSTER BY AUTO" in s]
    assert len(tried) == 1
    (told,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "REQUIRES_PREDICTIVE_OPTIMIZATION" in told
    assert "catalog main" in told


@SLOW
def test_clustering_columns_of_the_schema_that_are_refused_are_left_out(warehouse, singer, caplog):
    properties = {"id": INTEGER, "customer": CUSTOMER}
    schema = singer.schema("docs", properties, **{"x-databricks-cluster-by": ["customer"]})
    warehouse.run(schema, singer.record("docs", {"id": 1, "customer": {"name": "Moana"}}))
    assert clustering(warehouse, "docs") == []
    assert any("x-databricks-cluster-by" in r.getMessage() for r in caplog.records)
    assert warehouse.rows("docs", "id") == [1]


@SLOW
def test_statements_carry_job_stream_and_version_as_query_tags(warehouse, singer):
    warehouse.run(customers(singer))
    (load,) = [s for s in warehouse.sandbox.log.statements if "FROM parquet." in s.text]
    assert load.query_tags["stream"] == "customers"
    assert load.query_tags["plugin"].startswith("target-databricks ")
    assert load.query_tags["job"]


def test_three_statements_load_a_stream_and_one_when_nothing_changed(warehouse, singer):
    batch = orders(singer, {"id": 1, "lines": [{"n": 1, "v": "a"}]})
    more = singer.records("orders", *({"id": i, "lines": [{"n": 1, "v": "b"}]} for i in (2, 3)))
    warehouse.run(batch)
    question = f"WITH batch against `main`.`{warehouse.schema}`.`orders`"
    merges = [f"MERGE INTO `main`.`{warehouse.schema}`.`{name}`" for name in ("lines", "orders")]
    # Three batches, two of them with news.
    run = statements_of_a_run(warehouse, *batch, *more, batch_size_rows=1)
    assert run == [question, *merges]
    assert statements_of_a_run(warehouse, *batch, *more) == [question]


def statements_of_a_run(warehouse, *messages, **config):
    """What a run sends for its batches, each cut to its verb and table."""
    warehouse.sandbox.log.clear()
    warehouse.run(*messages, **config)
    return [
        re.sub(r" AS .*JOIN (\S+) .*", r" against \1", s.text, flags=re.DOTALL)
        if s.text.startswith("WITH")
        else s.text.split(" AS ")[0]
        for s in warehouse.sandbox.log.statements
        if "_sdc_loads" not in s.text
    ]


@SLOW
def test_streams_are_loaded_side_by_side(warehouse, singer):
    streams = [f"s{number}" for number in range(3)]
    warehouse.run(*([singer.schema(s, {"id": INTEGER}), singer.record(s, {"id": 1})]
                    for s in streams))  # fmt: skip
    warehouse.sandbox.log.clear()
    gate = threading.Barrier(2, timeout=60)
    real = warehouse.sandbox.executor.execute

    def waiting(session, text, *rest):
        # Two statements that must be under way at once to get past here.
        if text.startswith("MERGE") and "`s2`" not in text:
            gate.wait()
        return real(session, text, *rest)

    warehouse.sandbox.executor.execute = waiting
    try:
        warehouse.run(*([singer.schema(s, {"id": INTEGER}), singer.record(s, {"id": 2})]
                        for s in streams))  # fmt: skip
    finally:
        warehouse.sandbox.executor.execute = real
    assert [warehouse.rows(s, "id") for s in streams] == [[1, 2]] * 3


@SLOW
@pytest.mark.parametrize(("nested", "kind"), [("json", "STRING"), ("variant", "VARIANT")])
def test_nested_data_can_be_text_or_variant(warehouse, singer, nested, kind):
    record = {"id": 1, "customer": {"name": "Moana", "tags": ["a"]}, "lines": [{"n": 1, "v": "x"}]}
    warehouse.run(orders(singer, record), nested=nested)
    warehouse.run(orders(singer, {**record, "customer_id": 5}), nested=nested)
    rows = warehouse.sandbox.sql(f"DESCRIBE TABLE {warehouse.name}.orders")
    assert {r["col_name"]: r["data_type"].upper() for r in rows}["customer"] == kind
    path = "customer:name::string" if nested == "variant" else "get_json_object(customer, '$.name')"
    found = warehouse.sandbox.sql(f"SELECT customer_id, {path} AS n FROM {warehouse.name}.orders")
    assert found == [{"customer_id": 5, "n": "Moana"}]
    assert warehouse.rows("lines", "v", by="n") == ["x"]


# Inline staging


@pytest.mark.parametrize("value", ["x", "'", "\\", '"\n', "${", "Größe 🍏"])
def test_inline_statements_are_cut_by_the_length_of_their_text(value, monkeypatch):
    """A character may take six in JSON, and twice as many in SQL."""
    monkeypatch.setattr(inline, "MOST_BYTES", 60_000)
    keys = pa.table({"id": [f"{i}{value * 50}" for i in range(2_000)]})
    staging = inline.InlineStaging()
    staging.note_keys("docs", 1, "", keys)
    texts = staging.keys_of_version("docs", 1, ["id"])
    assert len(texts) > 1
    assert max(len(text.encode()) for text in texts) <= 61_000
    assert sum(len(piece) for piece in inline._pieces(keys)) == len(keys)
    assert min(len(text) for text in texts[:-1]) > 55_000
    # A row that is too long for itself is alone, and none is no statement less.
    one = pa.table({"id": ["x" * 70_000, "y"]})
    assert [len(piece) for piece in inline._pieces(one)] == [1, 1]
    assert [len(piece) for piece in inline._pieces(one.slice(0, 0))] == [0]


def test_keys_that_make_a_statement_too_long_are_put_into_a_table():
    statements = dml.keys_table("`k`", ["(SELECT 1)", "(SELECT 2)"], ["id"])
    assert statements == [
        "CREATE TABLE `k` AS SELECT `id` FROM (SELECT 1)",
        "INSERT INTO `k` (`id`) SELECT `id` FROM (SELECT 2)",
    ]


@SLOW
def test_a_version_of_more_keys_than_a_statement_takes_is_activated(warehouse, singer, monkeypatch):
    monkeypatch.setattr(inline, "MOST_BYTES", 200)
    monkeypatch.setattr(writer, "LONGEST_STATEMENT", 500)
    schema = singer.schema("things", {"id": INTEGER})

    def version(number, ids):
        records = [singer.record("things", {"id": i}, version=number) for i in ids]
        return [schema, *records, singer.activate("things", number)]

    warehouse.run(version(1, range(60)), staging="inline")
    warehouse.run(version(2, range(50)), staging="inline")
    rows = warehouse.rows("things", "id", "_sdc_deleted_at")
    assert [r["id"] for r in rows if r["_sdc_deleted_at"] is not None] == list(range(50, 60))
    assert warehouse.tables() == {"things"}


@SLOW
def test_inline_staging_loads_the_same_rows_without_a_volume(
    warehouse, new_place, singer, monkeypatch
):
    monkeypatch.setattr(inline, "MOST_BYTES", 2000)
    everything = {
        "id": INTEGER,
        "amount": MONEY,
        "rate": {"type": "number"},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "open": {"type": "boolean"},
        "text": TEXT,
        "customer": CUSTOMER,
        "lines": LINES,
    }
    texts = ["it's", 'a "quote"', "back\\slash", "${x}", "line\nbreak", "Größe 🍏", "", ":p ?"]
    records = [
        {
            "id": i,
            "amount": 12345678.91 + i,
            "rate": 0.1 + i,
            "at": f"2026-02-0{1 + i}T03:04:05.678901Z",
            "day": f"2024-02-2{i}",
            "open": i % 2 == 0,
            "text": text,
            "customer": None if i == 3 else {"name": text, "tags": [text, text]},
            "lines": [{"n": n, "v": text} for n in range(i % 3)],
            "odd": {"a": i},
        }
        for i, text in enumerate(texts)
    ]
    log = [singer.schema("log", {"x": INTEGER}, []), *singer.records("log", {"x": 1}, {"x": 1})]
    messages = [singer.schema("things", everything), *singer.records("things", *records), *log]
    messages.append(singer.state({"done": True}))
    folder = new_place("folder")
    folder.run(messages)
    warehouse.run(messages, staging="inline")
    assert warehouse.books() == folder.books()
    assert warehouse.last.states == [{"done": True}]
    assert warehouse.sandbox.sql(f"SHOW VOLUMES IN {warehouse.name}") == []
    before = warehouse.files("things"), warehouse.files("lines")
    warehouse.run(messages[: len(records) + 1], staging="inline")
    assert (warehouse.files("things"), warehouse.files("lines")) == before


@SLOW
def test_two_runs_at_once_lose_and_double_nothing(warehouse, singer):
    """Each run brings documents of its own and later versions of some of the other's."""

    def run(tag, ids, day):
        properties = {"id": INTEGER, "v": TEXT, "at": {"type": "string", "format": "date-time"}}
        schema = singer.schema("docs", {**properties, "lines": LINES}, bookmarks=["at"])
        records = [
            {"id": i, "v": tag, "at": f"2026-02-0{day}T00:00:00Z", "lines": [{"n": i, "v": tag}]}
            for i in ids
        ]
        log = singer.schema("logs", {"x": TEXT}, [])
        return [schema, *singer.records("docs", *records), log,
                *singer.records("logs", {"x": tag}, {"x": tag})]  # fmt: skip

    stories = [run("old", range(6), 1), run("new", range(3, 9), 2)]
    warehouse.run(run("older", range(1), 1))
    errors = []

    def load(place, messages):
        try:
            place.run_text(singer.text(messages), batch_size_rows=3)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    # Standard output belongs to the process, so only one of them may be caught here.
    threads = [threading.Thread(target=load, args=(warehouse, story)) for story in stories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    newest = {i: "new" if i >= 3 else "old" for i in range(9)}
    assert warehouse.rows("docs", "id", "v") == [{"id": i, "v": v} for i, v in newest.items()]
    lines = warehouse.rows("lines", "id", "v", by="id")
    assert lines == [{"id": i, "v": v} for i, v in newest.items()]
    assert warehouse.rows("logs", "x", by="x") == ["new", "new", "old", "old", "older", "older"]
    assert warehouse.staged() == []
