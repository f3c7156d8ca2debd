"""What Spark lacks of Unity Catalog: keys, tags, catalogs, information_schema, clustering."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from databricks import sql


@pytest.fixture
def contacts(cursor, databricks_schema):
    name = f"main.{databricks_schema}.contacts"
    cursor.execute(
        f"CREATE TABLE {name} (tenant_id STRING NOT NULL, contact_id STRING COMMENT 'key, really', "
        "name STRING, amounts DECIMAL(19,4), tags ARRAY<STRUCT<a: INT, b: MAP<STRING, INT>>>, "
        "CONSTRAINT contacts_key PRIMARY KEY (tenant_id, contact_id) RELY) "
        "COMMENT 'people' CLUSTER BY AUTO TBLPROPERTIES ('quality' = 'gold')"
    )
    return name


def constraints(rows, schema):
    return rows(
        "SELECT table_name, constraint_name, constraint_type FROM "
        "main.information_schema.table_constraints WHERE constraint_schema = :s "
        "ORDER BY table_name, constraint_name",
        {"s": schema},
    )


def test_keys_are_taken_out_remembered_and_told(cursor, rows, contacts, databricks_schema):
    cursor.execute(
        f"CREATE TABLE main.{databricks_schema}.invoices (invoice_id STRING PRIMARY KEY, "
        "tenant_id STRING, contact_id STRING, n INT DEFAULT 1, "
        f"FOREIGN KEY (tenant_id, contact_id) REFERENCES {contacts}) "
        "TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"
    )
    assert [tuple(row.values()) for row in constraints(rows, databricks_schema)] == [
        ("contacts", "contacts_key", "PRIMARY KEY"),
        ("invoices", "invoices_contacts_fk", "FOREIGN KEY"),
        ("invoices", "invoices_pk", "PRIMARY KEY"),
    ]
    used = rows(
        "SELECT column_name, ordinal_position AS n, position_in_unique_constraint AS m FROM "
        "information_schema.key_column_usage WHERE constraint_name = 'invoices_contacts_fk' "
        f"AND table_schema = '{databricks_schema}' ORDER BY n"
    )
    assert used == [
        {"column_name": "tenant_id", "n": 1, "m": 1},
        {"column_name": "contact_id", "n": 2, "m": 2},
    ]
    pointed = rows(
        "SELECT unique_constraint_name AS name FROM information_schema.referential_constraints "
        f"WHERE constraint_schema = '{databricks_schema}'"
    )
    assert pointed == [{"name": "contacts_key"}]


def test_columns_of_a_primary_key_become_not_null(cursor, contacts):
    with pytest.raises(sql.exc.ServerOperationError, match=r"NOT NULL|DELTA_NOT_NULL"):
        cursor.execute(f"INSERT INTO {contacts} (tenant_id, contact_id) VALUES ('t', NULL)")


def test_a_column_without_nulls_becomes_not_null_and_part_of_a_key(cursor, rows, databricks_schema):
    table = f"main.{databricks_schema}.features"
    cursor.execute(f"CREATE TABLE {table} AS SELECT 'c' AS contact, date'2026-01-31' AS month_end")
    for column in ("contact", "month_end"):
        cursor.execute(f"ALTER TABLE {table} ALTER COLUMN `{column}` SET NOT NULL")
    cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (contact, month_end TIMESERIES)")
    with pytest.raises(sql.exc.ServerOperationError, match=r"NOT NULL|DELTA_NOT_NULL"):
        cursor.execute(f"INSERT INTO {table} VALUES (NULL, date'2026-02-28')")
    cursor.execute(f"INSERT INTO {table} VALUES ('d', date'2026-02-28')")
    assert rows(f"SELECT contact FROM {table} ORDER BY contact") == [
        {"contact": "c"},
        {"contact": "d"},
    ]
    cursor.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT CAST(NULL AS STRING) AS contact")
    with pytest.raises(sql.exc.ServerOperationError, match="NOT NULL"):
        cursor.execute(f"ALTER TABLE {table} ALTER COLUMN contact SET NOT NULL")


def test_keys_are_not_enforced(cursor, rows, contacts):
    for _ in range(2):
        cursor.execute(f"INSERT INTO {contacts} (tenant_id, contact_id) VALUES ('t', 'c')")
    assert rows(f"SELECT count(*) AS n FROM {contacts}") == [{"n": 2}]


def test_keys_are_added_and_dropped(cursor, rows, contacts, databricks_schema):
    other = f"main.{databricks_schema}.payments"
    cursor.execute(f"CREATE TABLE {other} (id STRING NOT NULL, t STRING, c STRING)")
    cursor.execute(f"ALTER TABLE {other} ADD CONSTRAINT payments_key PRIMARY KEY (id)")
    cursor.execute(
        f"ALTER TABLE {other} ADD CONSTRAINT to_contacts FOREIGN KEY (t, c) "
        f"REFERENCES {contacts} (tenant_id, contact_id) NOT ENFORCED"
    )
    with pytest.raises(sql.exc.ServerOperationError, match="UC_CONSTRAINT_ALREADY_EXISTS"):
        cursor.execute(f"ALTER TABLE {other} ADD CONSTRAINT another PRIMARY KEY (id)")
    with pytest.raises(sql.exc.ServerOperationError, match="to_contacts"):
        cursor.execute(f"ALTER TABLE {contacts} DROP PRIMARY KEY")
    cursor.execute(f"ALTER TABLE {other} DROP CONSTRAINT to_contacts")
    cursor.execute(f"ALTER TABLE {contacts} DROP PRIMARY KEY")
    cursor.execute(f"ALTER TABLE {other} DROP CONSTRAINT IF EXISTS payments_key")
    assert constraints(rows, databricks_schema) == []


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("ADD CONSTRAINT k PRIMARY KEY (name)", r"child column\(s\) `name` is nullable"),
        ("ADD CONSTRAINT k PRIMARY KEY (nope)", "column `nope` cannot be found"),
        ("ADD CONSTRAINT k FOREIGN KEY (name) REFERENCES main.default.nope", "cannot be found"),
        ("DROP FOREIGN KEY (name)", "no such constraint"),
    ],
)
def test_keys_that_unity_catalog_refuses(cursor, databricks_schema, clause, message):
    cursor.execute(f"CREATE TABLE main.{databricks_schema}.t (name STRING)")
    with pytest.raises(sql.exc.ServerOperationError, match=message):
        cursor.execute(f"ALTER TABLE main.{databricks_schema}.t {clause}")


def test_what_is_dropped_is_forgotten_and_what_is_renamed_goes_along(
    cursor, rows, contacts, databricks_schema
):
    cursor.execute(f"ALTER TABLE {contacts} RENAME TO main.{databricks_schema}.people")
    assert [row["table_name"] for row in constraints(rows, databricks_schema)] == ["people"]
    cursor.execute(f"DROP TABLE main.{databricks_schema}.people")
    assert constraints(rows, databricks_schema) == []


def test_check_constraints_are_deltas_own(cursor, databricks_schema):
    table = f"main.{databricks_schema}.t"
    cursor.execute(f"CREATE TABLE {table} (n INT)")
    cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT positive CHECK (n > 0)")
    with pytest.raises(sql.exc.ServerOperationError, match="positive"):
        cursor.execute(f"INSERT INTO {table} VALUES (-1)")
    cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT positive")
    cursor.execute(f"INSERT INTO {table} VALUES (-1)")
    assert cursor.rowcount == 1


def test_tables_columns_and_schemata_of_the_information_schema(
    rows, contacts, databricks_schema, databricks_sandbox
):
    where = f"WHERE table_schema = '{databricks_schema}'"
    assert rows(
        f"SELECT table_name, table_type, table_owner, comment, data_source_format FROM "
        f"main.information_schema.tables {where}"
    ) == [
        {
            "table_name": "contacts",
            "table_type": "MANAGED",
            "table_owner": databricks_sandbox.admin.name,
            "comment": "people",
            "data_source_format": "DELTA",
        }
    ]
    # Columns may be named through the relation although it has no alias.
    found = rows(
        "SELECT columns.column_name AS name, full_data_type AS type, is_nullable AS open, comment "
        f"FROM system.information_schema.columns {where} ORDER BY ordinal_position"
    )
    assert [tuple(row.values()) for row in found] == [
        ("tenant_id", "string", "NO", None),
        ("contact_id", "string", "NO", "key, really"),
        ("name", "string", "YES", None),
        ("amounts", "decimal(19,4)", "YES", None),
        ("tags", "array<struct<a:int,b:map<string,int>>>", "YES", None),
    ]
    found = rows("SELECT schema_name FROM information_schema.schemata")
    assert {"default", "information_schema", databricks_schema} <= {
        row["schema_name"] for row in found
    }


def test_unknown_relations_of_the_information_schema_are_refused(cursor):
    with pytest.raises(sql.exc.ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        cursor.execute("SELECT * FROM main.information_schema.routines")


def test_tags_on_schema_table_and_column(cursor, rows, contacts, databricks_schema):
    cursor.execute(f"ALTER SCHEMA main.{databricks_schema} SET TAGS ('owner' = 'finance')")
    cursor.execute(f"ALTER TABLE {contacts} SET TAGS ('pii', 'source' = 'xero')")
    cursor.execute(f"ALTER TABLE {contacts} ALTER COLUMN name SET TAGS ('pii' = 'yes')")
    cursor.execute(f"SET TAG ON COLUMN {contacts}.amounts money = 'yes'")
    cursor.execute(f"ALTER TABLE {contacts} UNSET TAGS ('source')")
    where = f"WHERE schema_name = '{databricks_schema}'"
    assert rows(f"SELECT tag_name, tag_value FROM information_schema.table_tags {where}") == [
        {"tag_name": "pii", "tag_value": ""}
    ]
    assert [
        tuple(row.values())
        for row in rows(
            f"SELECT column_name, tag_name, tag_value FROM information_schema.column_tags {where}"
        )
    ] == [("amounts", "money", "yes"), ("name", "pii", "yes")]
    assert rows(f"SELECT tag_value FROM information_schema.schema_tags {where}") == [
        {"tag_value": "finance"}
    ]
    with pytest.raises(sql.exc.ServerOperationError, match="`nope` cannot be found"):
        cursor.execute(f"ALTER TABLE {contacts} ALTER COLUMN nope SET TAGS ('a')")


def test_clustering_by_auto_shows_as_a_property(cursor, rows, contacts, databricks_schema):
    shown = {row["key"]: row["value"] for row in rows(f"SHOW TBLPROPERTIES {contacts}")}
    assert (shown["clusterByAuto"], shown["quality"]) == ("true", "gold")
    cursor.execute(f"CREATE TABLE main.{databricks_schema}.t (a INT) CLUSTER BY (a)")
    cursor.execute(f"ALTER TABLE main.{databricks_schema}.t CLUSTER BY AUTO")
    shown = rows(f"SHOW TBLPROPERTIES main.{databricks_schema}.t ('clusterByAuto')")
    assert shown[0]["value"] == "true"


def test_clustering_by_auto_asks_for_predictive_optimization(
    cursor, databricks_sandbox, databricks_schema
):
    table = f"main.{databricks_schema}.t"
    databricks_sandbox.predictive_optimization = False
    refused = (
        r"^\[CLUSTER_BY_AUTO_REQUIRES_PREDICTIVE_OPTIMIZATION\] CLUSTER BY AUTO requires "
        r"Predictive Optimization to be enabled. SQLSTATE: 56038$"
    )
    with pytest.raises(sql.exc.ServerOperationError, match=refused):
        cursor.execute(f"CREATE TABLE {table} (a INT) CLUSTER BY AUTO")
    cursor.execute(f"CREATE TABLE {table} (a INT) CLUSTER BY (a)")
    with pytest.raises(sql.exc.ServerOperationError, match=refused):
        cursor.execute(f"ALTER TABLE {table} CLUSTER BY AUTO")
    # A table that is there is not made, however it would be clustered.
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} (a INT) CLUSTER BY AUTO")
    databricks_sandbox.reset()
    assert databricks_sandbox.predictive_optimization


def test_describe_as_json(rows, contacts):
    found = json.loads(rows(f"DESCRIBE TABLE EXTENDED {contacts} AS JSON")[0]["json_metadata"])
    assert found["catalog_name"] == "main"
    assert found["columns"][3] == {
        "name": "amounts",
        "type": {"name": "decimal", "precision": 19, "scale": 4},
        "nullable": True,
    }
    assert "contacts_key" in found["table_constraints"]


def test_a_temporary_view_of_the_session_is_described_as_json(cursor, rows):
    cursor.execute("CREATE TEMPORARY VIEW totals AS SELECT 1 AS a, CAST(2 AS DECIMAL(18, 4)) AS b")
    described = json.loads(rows("DESCRIBE TABLE EXTENDED `totals` AS JSON")[0]["json_metadata"])
    assert [(c["name"], c["type"]["name"]) for c in described["columns"]] == [
        ("a", "int"),
        ("b", "decimal"),
    ]


def test_catalogs_are_made_used_and_dropped(cursor, rows):
    cursor.execute("CREATE CATALOG IF NOT EXISTS second COMMENT 'another'")
    try:
        cursor.execute("CREATE SCHEMA second.only_there")
        cursor.execute("CREATE TABLE second.only_there.t AS SELECT 1 AS a")
        cursor.execute("USE CATALOG second")
        assert rows("SELECT current_catalog() AS c") == [{"c": "second"}]
        assert rows("SELECT * FROM only_there.t") == [{"a": 1}]
        assert [row["databaseName"] for row in rows("SHOW SCHEMAS")] == [
            "information_schema",
            "only_there",
        ]
        with pytest.raises(sql.exc.ServerOperationError, match="SCHEMA_NOT_FOUND"):
            cursor.execute("SELECT * FROM main.only_there.t")
        with pytest.raises(sql.exc.ServerOperationError, match="one name in two catalogs"):
            cursor.execute("CREATE SCHEMA main.only_there")
        assert [row["catalog"] for row in rows("SHOW CATALOGS")] == ["main", "second"]
    finally:
        cursor.execute("USE CATALOG main")
        cursor.execute("DROP CATALOG second CASCADE")
    with pytest.raises(sql.exc.ServerOperationError, match="CATALOG_NOT_FOUND"):
        cursor.execute("USE CATALOG second")


def test_columns_are_commented_on_by_name(cursor, rows, databricks_schema):
    table = f"main.{databricks_schema}.t"
    cursor.execute(f"CREATE TABLE {table} (`order` INT, c INT COMMENT 'old')")
    cursor.execute(f"COMMENT ON COLUMN {table}.`order` IS 'it\\'s told'")
    cursor.execute(f"COMMENT ON COLUMN {table}.c IS NULL")
    told = rows(
        "SELECT column_name, comment FROM main.information_schema.columns "
        f"WHERE table_schema = '{databricks_schema}' ORDER BY ordinal_position"
    )
    assert [row["comment"] or "" for row in told] == ["it's told", ""]


@pytest.mark.parametrize(
    "statement",
    [
        "COPY INTO main.default.t FROM '/Volumes/a/b/c' FILEFORMAT = PARQUET",
        "CREATE EXTERNAL VOLUME main.default.v LOCATION 's3://bucket'",
        "CREATE CATALOG c MANAGED LOCATION 's3://bucket'",
        "CREATE STREAMING TABLE t AS SELECT * FROM STREAM s",
        "CREATE TABLE main.default.k (a INT PRIMARY KEY ENFORCED)",
        "SELECT ai_query('model', 'text')",
        "REFRESH MATERIALIZED VIEW v",
        "CALL system.something()",
        "ALTER TABLE main.default.t SET ROW FILTER f ON (a)",
        "ALTER TABLE main.default.t ALTER COLUMN a SET MASK f",
    ],
)
def test_what_is_not_supported_fails_loudly(cursor, statement):
    with pytest.raises(sql.exc.ServerOperationError):
        cursor.execute(statement)


def test_everything_else_goes_to_spark_verbatim(cursor, databricks_sandbox, databricks_schema):
    table = f"main.{databricks_schema}.t"
    statements = [
        f"ALTER TABLE {table} ADD COLUMNS (s.c STRING COMMENT 'nested', late DATE)",
        f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')",
        f"ALTER TABLE {table} ALTER COLUMN n TYPE BIGINT",
        f"COMMENT ON TABLE {table} IS 'told'",
        f"ALTER TABLE {table} ALTER COLUMN n COMMENT 'number'",
        f"DESCRIBE HISTORY {table} LIMIT 1",
        f"SELECT s.c FROM {table} VERSION AS OF 1",
        f"/* a comment */ OPTIMIZE {table}",
    ]
    cursor.execute(f"CREATE TABLE {table} (n INT, s STRUCT<a: INT>)")
    for statement in statements:
        cursor.execute(statement)
    lines = databricks_sandbox.log.statements
    assert [(line.text, line.answered_by) for line in lines[-len(statements) :]] == [
        (statement, "add columns" if "ADD COLUMNS" in statement else "spark")
        for statement in statements
    ]


def test_the_readme_lists_every_rule_with_its_reason(databricks_sandbox):
    executor = databricks_sandbox.executor
    rules = [*executor.statement_rules, *executor.text_rules]
    assert len({rule.name for rule in rules}) == len(rules)
    readme = Path(__file__).parents[2] / "plugins" / "databricks-sandbox" / "README.md"
    section = readme.read_text(encoding="utf-8").split("## What Spark is not simply given")[1]
    lines = section.split("\n## ")[0].splitlines()
    listed = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
    assert [(name, reason) for name, _, reason in listed] == [
        (rule.name, rule.reason) for rule in rules
    ]
