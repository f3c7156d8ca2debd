"""What databricks-sql-connector's documentation promises, with the connector unmodified."""

from __future__ import annotations

import decimal
import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
import requests
from databricks import sql
from databricks.sql.parameters import (
    BigIntegerParameter,
    DecimalParameter,
    DoubleParameter,
    FloatParameter,
    SmallIntParameter,
    TimestampNTZParameter,
    TinyIntParameter,
)
from databricks_sandbox.engine.settings import FOR_LARGE_LOADS

NOON = datetime.fromisoformat("2026-01-02T12:00:00.123456")


@pytest.mark.parametrize(
    ("parameter", "expected", "kind"),
    [
        (True, True, "boolean"),
        (7, 7, "int"),
        (-7, -7, "int"),
        (2**40, 2**40, "bigint"),
        (1.5, 1.5, "double"),
        ("it's a \\ ?", "it's a \\ ?", "string"),
        (None, None, "null"),
        (date(2026, 1, 2), date(2026, 1, 2), "date"),
        (NOON, NOON.replace(tzinfo=UTC), "timestamp"),
        (Decimal("-12.3400"), Decimal("-12.3400"), "decimal"),
        (TinyIntParameter(1), 1, "tinyint"),
        (SmallIntParameter(1), 1, "smallint"),
        (BigIntegerParameter(1), 1, "bigint"),
        (FloatParameter(0.5), 0.5, "float"),
        (DoubleParameter(0.5), 0.5, "double"),
        (TimestampNTZParameter(NOON), NOON, "timestamp"),
        (DecimalParameter(Decimal("1.5"), scale=10, precision=4), Decimal("1.5000"), "decimal"),
        ([1, 2], [1, 2], "array"),
        ({"a": 1}, [("a", 1)], "map"),
    ],
)
def test_native_parameters_keep_value_and_type(cursor, parameter, expected, kind):
    cursor.execute("SELECT ? AS x", [parameter])
    assert cursor.description[0][:2] == ("x", kind)
    assert cursor.fetchall_arrow()["x"].to_pylist() == [expected]


def test_named_parameters_leave_variant_paths_casts_and_strings_alone(rows):
    found = rows(
        "SELECT parse_json('{\"a\": 5}'):a::int AS path, ':a' AS text, :a AS bound, 1 AS `:a`",
        {"a": "value"},
    )
    assert found == [{"path": 5, "text": ":a", "bound": "value", ":a": 1}]


def test_a_marker_without_a_parameter_fails(cursor):
    with pytest.raises(sql.exc.ServerOperationError, match="UNBOUND_SQL_PARAMETER"):
        cursor.execute("SELECT :a, :b", {"a": 1})


def test_description_and_arrow_types_of_every_kind(cursor):
    cursor.execute(
        "SELECT 1Y a, 1S b, 1 c, 1L d, 1.5F e, 1.5D f, 12345.6789BD g, true h, 'x' i, X'01' j, "
        "DATE'2026-01-02' k, TIMESTAMP'2026-01-02 03:04:05.678901' l, "
        "TIMESTAMP_NTZ'2026-01-02 03:04:05' m, array(1) n, map('k', 1) o, "
        "named_struct('p', 1, 'q', array(named_struct('r', 1.50BD))) p, "
        "parse_json('{\"a\": [1]}') q, CAST(NULL AS void) r, INTERVAL '1' DAY s"
    )
    assert [column[1] for column in cursor.description] == [
        *("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean"),
        *("string", "binary", "date", "timestamp", "timestamp", "array", "map", "struct"),
        *("variant", "null", "string"),
    ]
    assert cursor.description[6][4:6] == (9, 4)
    table = cursor.fetchall_arrow()
    assert table.schema.field("g").type == pa.decimal128(9, 4)
    assert table.schema.field("l").type == pa.timestamp("us", "Etc/UTC")
    assert table.schema.field("m").type == pa.timestamp("us")
    row = table.to_pylist()[0]
    assert row["p"] == {"p": 1, "q": [{"r": Decimal("1.50")}]}
    assert row["q"] == '{"a":[1]}'
    assert row["l"] == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_clients_that_decline_arrow_types_get_text(connect):
    cursor = connect(_use_arrow_native_complex_types=False).cursor()
    cursor.execute("SELECT array(1, 2) AS a, named_struct('x', 1.5BD) AS s, 2.50BD AS d")
    row = cursor.fetchone()
    assert (row.a, row.s, row.d) == ("[1,2]", '{"x":"1.5"}', Decimal("2.50"))


def test_rowcount_and_result_row_of_changes(cursor, databricks_schema):
    table = f"main.{databricks_schema}.t"
    cursor.execute(f"CREATE TABLE {table} (id INT, n INT)")
    cursor.execute(f"INSERT INTO {table} VALUES (1, 1), (2, 2), (3, 3)")
    assert cursor.rowcount == 3
    assert cursor.fetchone().asDict() == {"num_affected_rows": 3, "num_inserted_rows": 3}
    cursor.execute(f"UPDATE {table} SET n = 0 WHERE id < 3")
    assert cursor.rowcount == 2
    cursor.execute(f"DELETE FROM {table} WHERE id = 1")
    assert cursor.rowcount == 1
    cursor.execute(
        f"MERGE INTO {table} t USING (SELECT 3 id, 9 n UNION ALL SELECT 4, 4) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    assert cursor.fetchone().asDict() == {
        "num_affected_rows": 2,
        "num_updated_rows": 1,
        "num_deleted_rows": 0,
        "num_inserted_rows": 1,
    }
    cursor.execute(f"SELECT id, n FROM {table} ORDER BY id")
    assert cursor.rowcount == -1
    assert cursor.fetchall() == [(2, 0), (3, 9), (4, 4)]


def test_results_come_in_pieces(cursor):
    cursor.arraysize = 1000
    cursor.execute("SELECT id, repeat('x', 100) AS x FROM range(25000) ORDER BY id")
    first = cursor.fetchmany_arrow(10)
    assert first["id"].to_pylist() == list(range(10))
    rest = cursor.fetchall_arrow()
    assert rest.num_rows == 24990
    assert rest["id"].to_pylist()[-1] == 24999


def test_a_result_without_rows_keeps_its_columns(cursor):
    cursor.execute("SELECT 1 AS a, 'x' AS b WHERE false")
    assert [column[:2] for column in cursor.description] == [("a", "int"), ("b", "string")]
    assert cursor.fetchall() == []


@pytest.mark.parametrize(
    ("statement", "condition", "state"),
    [
        ("SELECT * FROM nothing_here", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELEC 1", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT CAST('x' AS INT)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT nope FROM range(1)", "UNRESOLVED_COLUMN", "42703"),
    ],
)
def test_errors_carry_condition_and_sqlstate(cursor, statement, condition, state):
    with pytest.raises(sql.exc.ServerOperationError) as raised:
        cursor.execute(statement)
    assert condition in str(raised.value)
    assert f"SQLSTATE: {state}" in str(raised.value)


def test_a_running_statement_can_be_cancelled(cursor, databricks_sandbox):
    slow = "SELECT count(*) FROM range(400000) a JOIN range(400000) b ON a.id % 7 > b.id % 5"
    cursor.execute_async(slow)
    assert cursor.is_query_pending()
    cursor.cancel()
    line = next(line for line in databricks_sandbox.log.statements if line.text == slow)
    assert line.state == "canceled"
    cursor.execute("SELECT 1 AS a")
    assert cursor.fetchone().a == 1


def test_an_asynchronous_statement_gives_its_rows_later(cursor):
    cursor.execute_async("SELECT 41 + 1 AS answer")
    cursor.get_async_execution_result()
    assert cursor.fetchone().answer == 42


def test_metadata_calls(cursor, databricks_schema):
    cursor.execute(
        f"CREATE TABLE main.{databricks_schema}.orders "
        "(id STRING NOT NULL COMMENT 'key', amount DECIMAL(19,4)) COMMENT 'what was sold'"
    )
    cursor.execute(f"CREATE VIEW main.{databricks_schema}.big AS SELECT 1 AS one")
    assert [row.TABLE_CAT for row in cursor.catalogs().fetchall()] == ["main"]
    found = cursor.schemas(catalog_name="main", schema_name=databricks_schema[:-1] + "%")
    assert databricks_schema in [row.TABLE_SCHEM for row in found.fetchall()]
    found = cursor.tables(schema_name=databricks_schema).fetchall()
    assert [(row.TABLE_NAME, row.TABLE_TYPE, row.REMARKS) for row in found] == [
        ("big", "VIEW", ""),
        ("orders", "TABLE", "what was sold"),
    ]
    found = cursor.tables(schema_name=databricks_schema, table_types=["VIEW"]).fetchall()
    assert [row.TABLE_NAME for row in found] == ["big"]
    found = cursor.columns(schema_name=databricks_schema, table_name="orders").fetchall()
    assert [(row.COLUMN_NAME, row.TYPE_NAME, row.NULLABLE, row.REMARKS) for row in found] == [
        ("id", "STRING", 0, "key"),
        ("amount", "DECIMAL(19,4)", 1, ""),
    ]
    assert (found[1].COLUMN_SIZE, found[1].DECIMAL_DIGITS) == (19, 4)


def test_sessions_have_their_own_namespace_and_settings(connect, databricks_schema):
    here = connect(catalog="main", schema=databricks_schema).cursor()
    there = connect(session_configuration={"ansi_mode": "false", "timezone": "UTC"}).cursor()
    here.execute("CREATE TABLE only_here (a INT)")
    here.execute("SELECT current_catalog(), current_schema(), current_user()")
    assert here.fetchone()[:2] == ("main", databricks_schema)
    there.execute("SELECT current_schema() AS s, CAST('x' AS INT) AS n")
    assert there.fetchone().asDict() == {"s": "default", "n": None}
    with pytest.raises(sql.exc.ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        there.execute("SELECT * FROM only_here")


def test_sessions_can_be_given_settings_of_spark(connect, databricks_sandbox):
    databricks_sandbox.session_settings.update(FOR_LARGE_LOADS)
    for mode in ("FALLBACK", "NO_CODEGEN"):
        connect()
        (session,) = databricks_sandbox.sessions.session_ids()
        engine = databricks_sandbox.sessions.session(session).engine
        assert engine.get_conf("spark.sql.codegen.factoryMode") == mode
        databricks_sandbox.reset()


def test_an_unknown_session_setting_is_refused(connect):
    with pytest.raises(sql.exc.DatabaseError, match=r"CONFIG_NOT_AVAILABLE.*make_it_fast"):
        connect(session_configuration={"make_it_fast": "true"})
    shuffle = "spark.sql.shuffle.partitions"
    with pytest.raises(sql.exc.DatabaseError, match=rf"CONFIG_NOT_AVAILABLE.*{shuffle}"):
        connect(session_configuration={shuffle: "3"})
    cursor = connect().cursor()
    with pytest.raises(sql.exc.ServerOperationError, match=rf"{shuffle} is not .*42K0I"):
        cursor.execute(f"SET {shuffle} = 3")
    cursor.execute("SET ansi_mode = false")
    cursor.execute("SET ansi_mode")
    assert cursor.fetchone()[:] == ("ansi_mode", "false")


def test_a_session_may_begin_in_a_schema_it_is_about_to_create(connect, databricks_sandbox):
    cursor = connect(catalog="main", schema="not_yet").cursor()
    for statement in ("CREATE TABLE t (a INT)", "SELECT * FROM t"):
        with pytest.raises(sql.exc.ServerOperationError, match="NOT_FOUND"):
            cursor.execute(statement)
    cursor.execute("CREATE SCHEMA not_yet")
    cursor.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert databricks_sandbox.sql("SELECT a FROM main.not_yet.t") == [{"a": 1}]
    cursor.execute("DROP SCHEMA not_yet CASCADE")


def test_several_connections_work_at_once(connect, databricks_schema):
    errors, found = [], []

    def load(number: int) -> None:
        try:
            cursor = connect().cursor()
            table = f"main.{databricks_schema}.t{number}"
            cursor.execute(f"CREATE TABLE {table} AS SELECT {number} AS n")
            cursor.execute(f"SELECT n FROM {table}")
            found.append(cursor.fetchone().n)
        except sql.exc.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (errors, sorted(found)) == ([], [0, 1, 2, 3])


def test_a_session_over_tls_and_one_over_plain_http_share_the_port(connect, databricks_sandbox):
    tls = connect(
        _connection_uri=databricks_sandbox.tls_url + databricks_sandbox.http_path,
        _tls_trusted_ca_file=str(databricks_sandbox.ca_file),
    ).cursor()
    plain = connect().cursor()
    for number in range(3):
        for cursor in (tls, plain):
            cursor.execute(f"SELECT {number} AS n")
            assert cursor.fetchone().n == number


def test_tls_with_the_generated_certificate(databricks_sandbox):
    with sql.connect(
        server_hostname="127.0.0.1",
        _port=databricks_sandbox.port,
        http_path=databricks_sandbox.http_path,
        access_token=databricks_sandbox.admin.access_token,
        _tls_trusted_ca_file=str(databricks_sandbox.ca_file),
        enable_telemetry=False,
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 'over TLS' AS how")
        assert cursor.fetchone().how == "over TLS"


def test_query_tags_of_session_and_statement_are_noted(connect, databricks_sandbox):
    cursor = connect(query_tags={"job": "xero: daily", "bare": None}).cursor()
    cursor.execute("SELECT 1", query_tags={"stream": "invoices"})
    line = databricks_sandbox.log.statements[-1]
    assert line.query_tags == {"job": "xero: daily", "bare": None, "stream": "invoices"}
    assert line.principal == databricks_sandbox.admin.name
    assert 0 < line.engine_seconds <= line.seconds


def test_decimals_keep_every_digit(rows):
    digits = decimal.Decimal("12345678901234567890123456789012.345678")
    assert rows("SELECT CAST(:d AS DECIMAL(38,6)) AS d", {"d": str(digits)}) == [{"d": digits}]


def test_a_connection_that_is_forgotten_ends_its_session_and_holds_nobody_up(databricks_sandbox):
    forgotten = sql.connect(**databricks_sandbox.connect_arguments())
    forgotten.itself = forgotten
    del forgotten
    end = time.monotonic() + 30
    while databricks_sandbox.sessions.session_ids() and time.monotonic() < end:
        for _ in range(5000):
            garbage = []
            garbage.append(garbage)
        requests.get(f"{databricks_sandbox.url}/.well-known/databricks-config", timeout=20)
    assert databricks_sandbox.sessions.session_ids() == []
