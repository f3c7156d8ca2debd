"""A load in accounts, workspaces and catalogs that are not as one would like them."""

from __future__ import annotations

import pytest
from databricks.sql.exc import ServerOperationError
from target_databricks.errors import ConfigurationError, LoadError
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import (
    Connections,
    StatementError,
    session_settings,
)
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.client.rules import Kind

# Spark takes its time: `pytest -m stress` runs what stands behind this mark too.
SLOW = pytest.mark.stress

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
MONEY = {"type": "number", "multipleOf": 0.01}
OBJECT = {"type": "object", "properties": {"name": TEXT}}


def test_a_cast_that_overflows_is_an_error_whatever_the_account_says(warehouse):
    warehouse.sandbox.switches.ansi_mode = False
    access = make_access(warehouse.config(warehouse_timeout=5))
    connections = Connections(access, {}, Backoff(5.0), lambda: None)
    with pytest.raises(StatementError, match="CAST_OVERFLOW"):
        connections.run("SELECT CAST(3000000000L AS INT)")
    connections.close()


def test_dates_and_times_of_long_ago_are_loaded(warehouse, singer):
    properties = {
        "id": INTEGER,
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
    }
    record = {"id": 1, "day": "0001-01-01", "at": "0001-01-01T00:00:00Z"}
    warehouse.run(singer.schema("history", properties), singer.record("history", record))
    (row,) = warehouse.sandbox.sql(
        f"SELECT CAST(day AS STRING) AS day, CAST(at AS STRING) AS at FROM {warehouse.name}.history"
    )
    assert row == {"day": "0001-01-01", "at": "0001-01-01 00:00:00"}


@SLOW
def test_features_of_delta_are_switched_on_at_their_first_need_and_once(warehouse, singer):
    """Type widening and VARIANT shut out readers that do not know them."""
    properties = {"id": INTEGER, "v": INTEGER, "w": INTEGER}
    changes = [{}, {"v": MONEY, "extra": OBJECT}, {"w": MONEY}]
    for number, change in enumerate(changes):
        properties |= change
        warehouse.run(
            singer.schema("things", properties),
            singer.record("things", {"id": number, "extra": {"name": str(number)}}),
            nested="variant",
            load_method="append-only",
        )
        texts = warehouse.sandbox.log.texts("ALTER TABLE")
        switched = [t.partition(" SET ")[2] for t in texts if "TBLPROPERTIES ('delta." in t]
        assert switched == (
            [
                "TBLPROPERTIES ('delta.enableTypeWidening' = 'true')",
                "TBLPROPERTIES ('delta.feature.variantType' = 'supported')",
            ]
            if number
            else []
        )
    rows = warehouse.sandbox.sql(
        f"SELECT extra:name::string AS e FROM {warehouse.name}.things WHERE id = 2"
    )
    assert rows == [{"e": "2"}]


@SLOW
def test_variants_of_child_rows_come_through_a_merge(warehouse, singer):
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"n": INTEGER, "more": OBJECT}},
        "x-child-table": {"name": "lines"},
    }
    for name in "ab":
        record = {"id": 1, "lines": [{"n": 1, "more": {"name": name}}]}
        warehouse.run(
            singer.schema("things", {"id": INTEGER, "lines": lines}),
            singer.record("things", record),
            nested="variant",
        )
    rows = warehouse.sandbox.sql(f"SELECT more:name::string AS m FROM {warehouse.name}.lines")
    assert rows == [{"m": "b"}]


def test_a_table_is_clustered_by_what_has_an_order_wherever_it_stands(warehouse, singer, caplog):
    """Delta keeps statistics of a table's first 32 columns, of whose types some have no order."""
    columns = {
        **{f"c{number}": TEXT for number in range(40)},
        "open": {"type": "boolean"},
        "customer": OBJECT,
        "day": {"type": "string", "format": "date"},
        "id": INTEGER,
    }
    hint = {"x-databricks-cluster-by": ["customer", "day", "open"]}
    warehouse.run(
        singer.schema("hinted", columns, **hint),
        singer.record("hinted", {"id": 1}),
        singer.schema("keyed", columns, ["open", "id"]),
        singer.record("keyed", {"id": 1, "open": True}),
        clustering="keys",
    )
    clustered = {
        table: warehouse.sandbox.sql(f"DESCRIBE DETAIL {warehouse.name}.{table}")[0]
        for table in ("hinted", "keyed")
    }
    assert {t: d["clusteringColumns"] for t, d in clustered.items()} == {
        "hinted": ["day"],
        "keyed": ["id"],
    }
    (told,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "hinted is not clustered by customer, open" in told


def test_what_cannot_be_loaded_into_is_told_before_it_is_tried(warehouse, singer, caplog):
    here, run = warehouse.name, warehouse.sandbox.sql
    run(f"CREATE VIEW {here}.v AS SELECT 1 AS id")
    run(f"CREATE STREAMING TABLE {here}.p (id BIGINT)")
    for table, policy in (("f", "SET ROW FILTER a.b.f ON (id)"), ("m", "ALTER id SET MASK a.b.f")):
        run(f"CREATE TABLE {here}.{table} (id BIGINT)")
        run(f"ALTER TABLE {here}.{table} {policy}")
    streams = [
        [singer.schema(name, {"id": INTEGER}), singer.record(name, {"id": 1})] for name in "vpfm"
    ]
    warehouse.sandbox.log.clear()
    with pytest.raises(LoadError) as raised:
        warehouse.run(*streams)
    for table, words in {
        "v": "is a view",
        "p": "is a streaming table, which only its pipeline may write to",
        "f": "has a row filter",
        "m": "has a mask on id",
    }.items():
        assert f"{warehouse.name}.{table} {words}." in str(raised.value)
    assert "have filters and masks on a view of it" in str(raised.value)
    written = ("MERGE", "INSERT", "ALTER", "SELECT")
    texts = warehouse.sandbox.log.texts()
    assert [t for t in texts if t.startswith(written) and "_sdc_loads" not in t] == []


@pytest.mark.parametrize(
    ("catalog", "made", "words"),
    [
        ("hive_metastore", "", "old Hive metastore"),
        ("shared_books", "CREATE CATALOG {} USING SHARE provider.books", "shared by somebody"),
        ("postgres", "CREATE FOREIGN CATALOG {} USING CONNECTION pg", "a database elsewhere"),
    ],
)
def test_a_catalog_that_nobody_loads_into_ends_the_run_at_once(
    warehouse, singer, catalog, made, words
):
    if made:
        warehouse.sandbox.sql(made.format(catalog))
    warehouse.sandbox.log.clear()
    with pytest.raises(ConfigurationError, match=rf"{catalog}.*{words}.*Set 'catalog'"):
        warehouse.run(
            singer.schema("s", {"id": INTEGER}), singer.record("s", {"id": 1}), catalog=catalog
        )
    assert warehouse.sandbox.log.texts() == []
    warehouse.sandbox.sql(f"DROP CATALOG IF EXISTS {catalog}")


@SLOW
def test_foreign_keys_to_tables_of_others_are_left_out_with_one_warning(warehouse, singer, caplog):
    somebody = warehouse.sandbox.identity.add_service_principal("bookkeeper")
    schema = singer.schema("customers", {"id": INTEGER})
    warehouse.run(schema, singer.record("customers", {"id": 7}))
    for privilege, on in (("USE CATALOG", "CATALOG main"), ("ALL PRIVILEGES", warehouse.name)):
        where = on if " " in on else f"SCHEMA {on}"
        warehouse.sandbox.sql(f"GRANT {privilege} ON {where} TO `{somebody.name}`")
    reference = {**INTEGER, "x-references": {"stream": "customers", "properties": ["id"]}}
    properties = {"id": INTEGER, "payer": reference, "payee": reference}
    warehouse.run(
        schema,
        singer.schema("orders", properties),
        singer.record("orders", {"id": 1, "payer": 7, "payee": 7}),
        access_token=somebody.access_token,
    )
    assert warehouse.rows("orders", "payer") == [7]
    (told,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "foreign keys are left out (2)" in told
    assert "not an owner" in told


def test_a_schema_that_is_made_has_the_location_and_sessions_the_settings_that_were_chosen(
    warehouse, singer
):
    messages = [singer.schema("docs", {"id": INTEGER}), singer.record("docs", {"id": 1})]
    made = warehouse.schema + "_located"
    chosen = {
        "default_target_schema": made,
        "session_settings": {"USE_CACHED_RESULT": "false"},
        "statement_timeout": 900,
    }
    with pytest.raises(ConfigurationError) as error:
        warehouse.run(messages, managed_location="s3://elsewhere/books", **chosen)
    assert "No parent external location" in str(error.value)
    assert "Set 'managed_location' to a URL within an external location" in str(error.value)
    warehouse.run(messages, managed_location="s3://external/it's books", **chosen)
    locations = warehouse.sandbox.metastore.locations
    assert locations[made] == "s3://external/it's books"
    # A schema that is there stays where it is.
    warehouse.run(messages, managed_location="s3://external/other", **chosen)
    assert locations[made] == "s3://external/it's books"
    with pytest.raises(ConfigurationError) as error:
        warehouse.run(messages, **chosen | {"session_settings": {"spark.sql.x": "1"}})
    assert "take it out of the setting 'session_settings'" in str(error.value)
    with pytest.raises(ConfigurationError, match="'session_settings' has timezone, which the tar"):
        warehouse.run(messages, session_settings={"TimeZone": "CET"})


def test_a_statement_that_took_too_long_is_not_sent_again():
    problem = classify(
        ServerOperationError(
            "[QUERY_EXECUTION_TIMEOUT_EXCEEDED] Query execution was cancelled due to exceeding the "
            "timeout (900s). You can increase the limit in seconds by setting `STATEMENT_TIMEOUT`. "
            "SQLSTATE: 57KD0"
        )
    )
    assert problem.kind is Kind.TABLE
    assert "Raise the setting 'statement_timeout'" in problem.sentence
    assert session_settings({"statement_timeout": 900}) == {"statement_timeout": "900"}
