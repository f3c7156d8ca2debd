"""What accounts and workspaces have in different ways, and what each of them refuses."""

from __future__ import annotations

import io
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from databricks import sql
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sql import client
from databricks_sandbox.errors import SqlError
from databricks_sandbox.limits import FILES_A_PAGE, STATEMENT_BYTES
from databricks_sandbox.switches import Switches

README = Path(__file__).parents[2] / "plugins" / "databricks-sandbox" / "README.md"


@pytest.fixture
def refused(databricks_sandbox):
    """Run a statement behind the protocol that is to be refused; gives what was said."""

    def run(text: str) -> str:
        with pytest.raises(Exception) as raised:  # noqa: PT011 - Spark's errors and the sandbox's
            databricks_sandbox.sql(text)
        return str(raised.value)

    return run


# Switches and profiles


def test_a_profile_sets_every_switch_and_a_reset_sets_it_again():
    switches = Switches()
    switches.set({"ansi_mode": False, "profile": "cloud"})
    cloud = asdict(switches)
    assert (switches.ansi_mode, switches.predictive_optimization) == (False, False)
    switches.set({"predictive_optimization": True})
    switches.restore()
    assert asdict(switches) == cloud
    for wrong in ({"profile": "moon"}, {"moon": True}):
        with pytest.raises(ValueError, match="there are"):
            switches.set(wrong)


def test_the_readme_has_every_switch_with_its_reason():
    text = README.read_text()
    for one in fields(Switches):
        if one.metadata:
            row = f"| `{one.name}` | {one.metadata['plain']} | {one.metadata['cloud']} |"
            assert row in text, one.name


def test_a_profile_is_chosen_over_http(databricks_sandbox):
    before = databricks_sandbox.switches.profile
    at = f"{databricks_sandbox.url}/sandbox/switches"
    assert requests.post(at, json={"profile": "cloud"}, timeout=10).json()["ansi_mode"] is False
    requests.post(at, json={"profile": before}, timeout=10)
    wrong = requests.post(at, json={"profile": "moon"}, timeout=10)
    assert (wrong.status_code, "there are plain, cloud" in wrong.text) == (400, True)


def test_ansi_mode_is_the_accounts_unless_a_session_sets_it(connect, databricks_sandbox):
    databricks_sandbox.switches.ansi_mode = False
    cursor = connect().cursor()
    cursor.execute("SELECT CAST('x' AS INT) AS n")
    assert cursor.fetchone()[0] is None
    pinned = connect(session_configuration={"ansi_mode": "true"}).cursor()
    with pytest.raises(sql.exc.ServerOperationError, match="CAST_INVALID_INPUT"):
        pinned.execute("SELECT CAST('x' AS INT) AS n")


def test_a_real_time_warehouse_refuses_sessions_over_thrift(
    connect, databricks_sandbox, monkeypatch
):
    databricks_sandbox.switches.real_time_warehouse = True
    # The connector remembers such a warehouse, and goes on to a way in that is not installed.
    monkeypatch.setattr(client, "mark_reyden", lambda *_: None)
    with pytest.raises(Exception, match=r"kernel") as raised:
        connect()
    assert "Lakehouse/RT is not supported for Thrift" in str(raised.value.__cause__)


def test_the_first_session_after_a_cold_start_is_refused(connect, databricks_sandbox):
    databricks_sandbox.switches.cold_start = True
    databricks_sandbox.warehouse.stop()
    with pytest.raises(sql.exc.DatabaseError, match="could not be scheduled"):
        connect()
    connect().cursor().execute("SELECT 1")


def test_a_unified_host_asks_which_workspace_a_call_is_for(connect, databricks_sandbox):
    databricks_sandbox.switches.unified_host = True
    with pytest.raises(sql.exc.Error):
        connect()
    cursor = connect(
        _connection_uri=f"{databricks_sandbox.url}{databricks_sandbox.http_path}?o=7405605318"
    ).cursor()
    cursor.execute("SELECT 1")
    admin = databricks_sandbox.admin
    there = Config(host=databricks_sandbox.url, token=admin.access_token, workspace_id="7405605318")
    assert WorkspaceClient(config=there).current_user.me().user_name == admin.name
    nowhere = WorkspaceClient(host=databricks_sandbox.url, token=admin.access_token)
    # What it gets is the page where people sign in.
    with pytest.raises(ValueError, match="Expecting value"):
        nowhere.current_user.me()


def test_lists_of_an_object_store_come_in_pages_with_times_in_seconds(
    databricks_sandbox, databricks_schema
):
    databricks_sandbox.switches.object_store_volumes = True
    databricks_sandbox.sql(f"CREATE VOLUME main.{databricks_schema}.v")
    folder = f"/Volumes/main/{databricks_schema}/v"
    names = [f"f{n}" for n in range(2 * FILES_A_PAGE + 1)]
    for name in names:
        databricks_sandbox.volumes.write(f"{folder}/{name}", b"x")
    token = databricks_sandbox.admin.access_token
    workspace = WorkspaceClient(host=databricks_sandbox.url, token=token)
    files = list(workspace.files.list_directory_contents(folder))
    assert [one.name for one in files] == names
    assert {one.last_modified % 1000 for one in files} == {0}


# What every workspace refuses


def test_dates_of_long_ago_need_a_file_that_names_its_calendar(
    databricks_sandbox, databricks_schema, refused
):
    databricks_sandbox.sql(f"CREATE VOLUME main.{databricks_schema}.v")
    folder = f"/Volumes/main/{databricks_schema}/v"
    values = {
        "d": pa.array([date(1, 1, 1)], pa.date32()),
        "t": pa.array([datetime(1, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")),
    }
    for name, metadata in (("plain", None), ("named", {"org.apache.spark.version": "4.0.0"})):
        content = io.BytesIO()
        pq.write_table(pa.table(values).replace_schema_metadata(metadata), content)
        databricks_sandbox.volumes.write(f"{folder}/{name}.parquet", content.getvalue())
    query = f"SELECT CAST(d AS STRING) AS d, CAST(t AS STRING) AS t FROM parquet.`{folder}"
    assert "READ_ANCIENT_DATETIME" in refused(f"{query}/plain.parquet`")
    assert databricks_sandbox.sql(f"{query}/named.parquet`") == [
        {"d": "0001-01-01", "t": "0001-01-01 00:00:00"}
    ]


def test_a_statement_has_an_end(databricks_sandbox):
    with pytest.raises(SqlError, match=r"INVALID_PARAMETER_VALUE.*16777216"):
        databricks_sandbox.sql("SELECT '" + "é" * (STATEMENT_BYTES // 2) + "'")


def test_a_foreign_key_is_for_the_owner_of_both_tables(
    connect, databricks_sandbox, databricks_schema
):
    here, who = f"main.{databricks_schema}", databricks_sandbox.nobody.name
    databricks_sandbox.sql(f"GRANT ALL PRIVILEGES ON CATALOG main TO `{who}`")
    databricks_sandbox.sql(f"CREATE TABLE {here}.parents (id INT, CONSTRAINT p PRIMARY KEY (id))")
    cursor = connect(databricks_sandbox.nobody).cursor()
    cursor.execute(f"CREATE TABLE {here}.mine (id INT)")
    key = f"FOREIGN KEY (id) REFERENCES {here}.parents"
    add = f"ALTER TABLE {here}.mine ADD CONSTRAINT k {key}"
    for statement in (add, f"CREATE TABLE {here}.other (id INT, {key})"):
        with pytest.raises(sql.exc.ServerOperationError, match=r"not an owner of.*parents'.*42501"):
            cursor.execute(statement)
    databricks_sandbox.sql(f"ALTER TABLE {here}.parents SET OWNER TO `{who}`")
    cursor.execute(add)


def test_a_foreign_key_has_its_parents_types_and_a_name_of_its_own(
    databricks_sandbox, databricks_schema, refused
):
    here = f"main.{databricks_schema}"
    databricks_sandbox.sql(f"CREATE TABLE {here}.parents (id INT, CONSTRAINT p PRIMARY KEY (id))")
    key = f"FOREIGN KEY (id) REFERENCES {here}.parents"
    databricks_sandbox.sql(f"CREATE TABLE {here}.fits (id INT, CONSTRAINT k {key})")
    columns = (("BIGINT", "l", "FOREIGN_KEY_MISMATCH"), ("INT", "k", "`k` exists already"))
    for number, (kind, name, words) in enumerate(columns):
        table = f"{here}.t{number}"
        assert words in refused(f"CREATE TABLE {table} (id {kind}, CONSTRAINT {name} {key})")
        databricks_sandbox.sql(f"CREATE TABLE {table} (id {kind})")
        assert words in refused(f"ALTER TABLE {table} ADD CONSTRAINT {name} {key}")


def test_variant_asks_for_its_feature_and_takes_no_set_operator(
    databricks_sandbox, databricks_schema, refused
):
    table = f"main.{databricks_schema}.t"
    databricks_sandbox.sql(f"CREATE TABLE {table} (id INT)")
    add = f"ALTER TABLE {table} ADD COLUMNS (v VARIANT)"
    assert "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT" in refused(add)
    databricks_sandbox.sql(
        f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.feature.variantType' = 'supported')"
    )
    databricks_sandbox.sql(add)
    rows = "SELECT 1 AS id, parse_json('1') AS v UNION ALL SELECT 2, parse_json('2')"
    assert "SET_OPERATION_ON_VARIANT_TYPE" in refused(f"INSERT INTO {table} {rows}")


def test_filters_masks_and_pipelines_keep_loads_out(databricks_sandbox, databricks_schema, refused):
    here = f"main.{databricks_schema}"
    databricks_sandbox.sql(f"CREATE TABLE {here}.t (id INT)")
    merge = f"MERGE INTO {here}.t t USING (SELECT 1 AS id) s ON t.id = s.id WHEN NOT MATCHED THEN "
    for change, words in (
        ("SET ROW FILTER main.default.f ON (id)", "row level security policies"),
        ("DROP ROW FILTER", ""),
        ("ALTER COLUMN id SET MASK main.default.f", "column masks"),
    ):
        databricks_sandbox.sql(f"ALTER TABLE {here}.t {change}")
        if words:
            assert words in refused(f"{merge} INSERT *")
    masks = databricks_sandbox.sql(
        f"SELECT column_name FROM main.information_schema.column_masks WHERE table_schema = "
        f"'{databricks_schema}'"
    )
    assert masks == [{"column_name": "id"}]
    databricks_sandbox.sql(f"CREATE STREAMING TABLE {here}.s (id INT)")
    for statement in ("INSERT INTO {} VALUES (1)", "ALTER TABLE {} ADD COLUMNS (n INT)"):
        said = refused(statement.format(f"{here}.s"))
        assert "STREAMING_TABLE_OPERATION_NOT_ALLOWED" in said


def test_policies_are_shown_with_the_columns_that_they_take(databricks_sandbox, databricks_schema):
    here = f"main.{databricks_schema}"
    databricks_sandbox.sql(f"CREATE TABLE {here}.t (id INT, region STRING)")
    for change in (
        "SET ROW FILTER main.default.f ON (id, region)",
        "ALTER COLUMN id SET MASK main.default.m USING COLUMNS (region)",
    ):
        databricks_sandbox.sql(f"ALTER TABLE {here}.t {change}")
    shown = [
        databricks_sandbox.sql(
            f"SELECT {columns} FROM main.information_schema.{relation} "
            f"WHERE table_schema = '{databricks_schema}'"
        )
        for relation, columns in (
            ("row_filters", "filter_name, target_columns"),
            ("column_masks", "mask_name, using_columns"),
        )
    ]
    assert shown == [
        [{"filter_name": "main.default.f", "target_columns": "id, region"}],
        [{"mask_name": "main.default.m", "using_columns": "region"}],
    ]


def test_catalogs_of_others_take_no_schema(databricks_sandbox, refused):
    databricks_sandbox.sql("CREATE CATALOG shared USING SHARE provider.books")
    databricks_sandbox.sql("CREATE FOREIGN CATALOG postgres USING CONNECTION pg")
    for catalog, kind in (("shared", "DELTASHARING"), ("postgres", "FOREIGN")):
        assert f"of type {kind}_CATALOG" in refused(f"CREATE SCHEMA {catalog}.s")
        databricks_sandbox.sql(f"DROP CATALOG {catalog}")
