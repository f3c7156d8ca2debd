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
