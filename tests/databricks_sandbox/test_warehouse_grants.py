"""Permissions: what is missing is named as Databricks names it."""

from __future__ import annotations

import io

import pytest
from databricks import sql


@pytest.fixture
def table(databricks_sandbox, databricks_schema):
    name = f"main.{databricks_schema}.t"
    databricks_sandbox.sql(f"CREATE TABLE {name} (id INT)")
    databricks_sandbox.sql(f"CREATE VOLUME main.{databricks_schema}.stage")
    return name


@pytest.fixture
def grant(databricks_sandbox):
    def give(privileges: str, on: str) -> None:
        who = databricks_sandbox.nobody.name
        databricks_sandbox.sql(f"GRANT {privileges} ON {on} TO `{who}`")

    return give


def missing(cursor, statement, **more):
    with pytest.raises(sql.exc.ServerOperationError) as raised:
        cursor.execute(statement, **more)
    message = str(raised.value)
    assert "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:" in message
    assert "SQLSTATE: 42501" in message
    return message.split("User does not have ")[1].split(".\x20SQLSTATE")[0]


def test_one_grant_after_the_other_is_asked_for(
    connect, databricks_sandbox, grant, table, databricks_schema
):
    cursor = connect(databricks_sandbox.nobody).cursor()
    merge = (
        f"MERGE INTO {table} t USING (SELECT 1 AS id) s ON t.id = s.id "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    assert missing(cursor, merge) == "USE CATALOG on Catalog 'main'"
    grant("USE CATALOG", "CATALOG main")
    assert missing(cursor, merge) == f"USE SCHEMA on Schema 'main.{databricks_schema}'"
    grant("USE SCHEMA", f"SCHEMA main.{databricks_schema}")
    assert missing(cursor, merge) == f"MODIFY on Table '{table}'"
    grant("MODIFY", f"TABLE {table}")
    assert missing(cursor, merge) == f"SELECT on Table '{table}'"
    grant("SELECT", f"SCHEMA main.{databricks_schema}")
    cursor.execute(merge)
    assert cursor.rowcount == 1


def test_creating_needs_what_databricks_asks(
    connect, databricks_sandbox, grant, table, databricks_schema
):
    cursor = connect(databricks_sandbox.nobody).cursor()
    here = f"main.{databricks_schema}"
    grant("USE CATALOG, USE SCHEMA", "CATALOG main")
    assert missing(cursor, "CREATE SCHEMA main.mine") == "CREATE SCHEMA on Catalog 'main'"
    assert missing(cursor, f"CREATE TABLE {here}.mine (a INT)") == (
        f"CREATE TABLE on Schema '{here}'"
    )
    assert missing(cursor, f"CREATE VOLUME {here}.mine") == f"CREATE VOLUME on Schema '{here}'"
    assert missing(cursor, "CREATE CATALOG mine") == "CREATE CATALOG on Metastore ''"
    put = f"PUT '__input_stream__' INTO '/Volumes/main/{databricks_schema}/stage/a' OVERWRITE"
    assert missing(cursor, put, input_stream=io.BytesIO(b"x")) == (
        f"WRITE VOLUME on Volume '{here}.stage'"
    )
    assert missing(cursor, f"ALTER TABLE {table} ADD COLUMNS (b INT)") == (
        f"MODIFY on Table '{table}'"
    )
    assert missing(cursor, f"DROP TABLE {table}") == f"MANAGE on Table '{table}'"
    assert missing(cursor, f"GRANT SELECT ON TABLE {table} TO `account users`") == (
        f"MANAGE on Table '{table}'"
    )


def test_owners_may_do_everything_to_what_they_made(
    connect, databricks_sandbox, grant, databricks_schema
):
    cursor = connect(databricks_sandbox.nobody).cursor()
    grant("USE CATALOG", "CATALOG main")
    grant("USE SCHEMA, CREATE TABLE, CREATE VOLUME", f"SCHEMA main.{databricks_schema}")
    mine = f"main.{databricks_schema}.mine"
    cursor.execute(f"CREATE TABLE {mine} (a INT NOT NULL)")
    cursor.execute(f"ALTER TABLE {mine} ADD CONSTRAINT k PRIMARY KEY (a)")
    cursor.execute(f"ALTER TABLE {mine} SET TAGS ('x')")
    cursor.execute(f"COMMENT ON TABLE {mine} IS 'mine'")
    cursor.execute(f"INSERT INTO {mine} VALUES (1)")
    cursor.execute(f"WITH q AS (SELECT a FROM {mine}) SELECT a FROM q")
    assert cursor.fetchone().a == 1
    cursor.execute(f"CREATE VOLUME main.{databricks_schema}.my_stage")
    path = f"/Volumes/main/{databricks_schema}/my_stage/a"
    cursor.execute(f"PUT '__input_stream__' INTO '{path}'", input_stream=io.BytesIO(b"x"))
    cursor.execute(f"DROP TABLE {mine}")


def test_grants_are_shown_inherited_and_taken_back(
    connect, cursor, rows, databricks_sandbox, grant, table
):
    who = databricks_sandbox.nobody.name
    grant("ALL PRIVILEGES", "CATALOG main")
    restricted = connect(databricks_sandbox.nobody).cursor()
    restricted.execute(f"SELECT * FROM {table}")
    assert missing(restricted, f"SHOW GRANTS ON TABLE {table}") == f"MANAGE on Table '{table}'"
    restricted.execute(f"SHOW GRANTS `{who}` ON TABLE {table}")
    assert [tuple(row) for row in restricted.fetchall()] == [
        (who, "ALL PRIVILEGES", "CATALOG", "main")
    ]
    cursor.execute(f"REVOKE ALL PRIVILEGES ON CATALOG main FROM `{who}`")
    assert rows(f"SHOW GRANTS `{who}` ON TABLE {table}") == []
    assert "USE CATALOG" in missing(restricted, f"SELECT * FROM {table}")


def test_grants_to_groups_hold_for_their_members(connect, cursor, databricks_sandbox, table):
    for privilege, on in (("USE CATALOG, USE SCHEMA", "CATALOG main"), ("SELECT", table)):
        cursor.execute(f"GRANT {privilege} ON {on} TO `account users`")
    restricted = connect(databricks_sandbox.nobody).cursor()
    restricted.execute(f"SELECT * FROM {table}")
    assert restricted.fetchall() == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("GRANT SELECT ON TABLE {t} TO `stranger`", "PRINCIPAL_DOES_NOT_EXIST"),
        ("GRANT USE CATALOG ON TABLE {t} TO `account users`", "not applicable to this entity"),
        ("GRANT SELECT ON TABLE {t}_no TO `account users`", "TABLE_OR_VIEW_NOT_FOUND"),
    ],
)
def test_grants_that_make_no_sense_are_refused(cursor, table, statement, message):
    with pytest.raises(sql.exc.ServerOperationError, match=message):
        cursor.execute(statement.format(t=table))


def test_the_information_schema_hides_what_one_may_not_see(
    connect, databricks_sandbox, grant, table, databricks_schema
):
    cursor = connect(databricks_sandbox.nobody).cursor()
    counting = "SELECT count(*) AS n FROM main.information_schema.tables"
    cursor.execute(counting)
    assert cursor.fetchone().n == 0
    grant("USE CATALOG", "CATALOG main")
    grant("SELECT", f"TABLE {table}")
    cursor.execute(counting)
    assert cursor.fetchone().n == 1
    cursor.execute("SELECT privilege_type FROM main.information_schema.table_privileges")
    assert sorted(row[0] for row in cursor.fetchall()) == ["SELECT", "USE_CATALOG"]
    cursor.execute("SHOW CATALOGS")
    assert [row[0] for row in cursor.fetchall()] == ["main"]
