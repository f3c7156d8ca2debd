"""Volumes and the files in them, through the connector and the SDK."""

from __future__ import annotations

import io

import pytest
from databricks import sql
from databricks.sdk import WorkspaceClient


@pytest.fixture
def volume(databricks_sandbox, databricks_schema):
    databricks_sandbox.sql(f"CREATE VOLUME main.{databricks_schema}.stage COMMENT 'incoming'")
    return f"/Volumes/main/{databricks_schema}/stage"


def test_a_staged_file_is_merged_and_removed(cursor, rows, volume, databricks_schema, parquet):
    table, path = f"main.{databricks_schema}.t", f"{volume}/loads/one.parquet"
    cursor.execute(f"CREATE TABLE {table} (id STRING, n BIGINT)")
    cursor.execute(
        f"PUT '__input_stream__' INTO '{path}' OVERWRITE",
        input_stream=parquet({"id": ["a", "b"], "n": [1, 2]}),
    )
    merge = (
        f"MERGE INTO {table} t USING (SELECT id, CAST(n AS BIGINT) n FROM parquet.`{path}`) s "
        "ON t.id = s.id WHEN MATCHED AND NOT t.n <=> s.n THEN UPDATE SET * "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    cursor.execute(merge)
    assert cursor.rowcount == 2
    cursor.execute(merge)
    assert cursor.rowcount == 0
    assert [row["name"] for row in rows(f"LIST '{volume}/loads'")] == ["one.parquet"]
    cursor.execute(f"REMOVE '{path}'")
    assert rows(f"LIST '{volume}/loads'") == []


def test_local_files_go_up_and_down(connect, volume, tmp_path):
    cursor = connect(staging_allowed_local_path=str(tmp_path)).cursor()
    (tmp_path / "up.txt").write_text("content")
    cursor.execute(f"PUT '{tmp_path}/up.txt' INTO '{volume}/it.txt'")
    cursor.execute(f"GET '{volume}/it.txt' TO '{tmp_path}/down.txt'")
    assert (tmp_path / "down.txt").read_text() == "content"
    with pytest.raises(sql.exc.ServerOperationError, match="FILE_IN_STAGING_PATH_ALREADY_EXISTS"):
        cursor.execute(f"PUT '{tmp_path}/up.txt' INTO '{volume}/it.txt'")
    cursor.execute(f"PUT '{tmp_path}/up.txt' INTO '{volume}/it.txt' OVERWRITE")


def test_stagings_are_recorded(connect, volume, databricks_sandbox, over, monkeypatch):
    # The connector moves files with requests, past its own settings for TLS.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(databricks_sandbox.ca_file))
    cursor = connect(**over).cursor()
    cursor.execute(
        f"PUT '__input_stream__' INTO '{volume}/a' OVERWRITE", input_stream=io.BytesIO(b"12345")
    )
    cursor.execute(f"REMOVE '{volume}/a'")
    found = databricks_sandbox.log.stagings
    assert [(one.operation, one.path, one.size) for one in found] == [
        ("PUT", f"{volume}/a", 5),
        ("REMOVE", f"{volume}/a", 0),
    ]


def test_a_volume_that_is_not_there_is_named(cursor, databricks_schema):
    with pytest.raises(sql.exc.ServerOperationError, match=r"UC_VOLUME_NOT_FOUND.*`nope`"):
        cursor.execute(f"PUT '__input_stream__' INTO '/Volumes/main/{databricks_schema}/nope/a'")


def test_a_missing_file_is_told_from_an_empty_one(cursor, connect, volume, tmp_path):
    with pytest.raises(sql.exc.ServerOperationError, match="PATH_NOT_FOUND"):
        cursor.execute(f"SELECT * FROM parquet.`{volume}/gone.parquet`")
    getting = connect(staging_allowed_local_path=str(tmp_path)).cursor()
    with pytest.raises(sql.exc.OperationalError, match="404"):
        getting.execute(f"GET '{volume}/gone' TO '{tmp_path}/gone'")


def test_paths_cannot_leave_the_volume(cursor, volume):
    with pytest.raises(sql.exc.ServerOperationError, match="leads out of its volume"):
        cursor.execute(f"LIST '{volume}/../../..'")


def test_signed_urls_are_over_after_a_while(databricks_sandbox, volume):
    import requests

    url = databricks_sandbox.volumes.sign("PUT", f"{volume}/a", databricks_sandbox.url)
    assert requests.get(url, timeout=10).status_code == 403
    databricks_sandbox.clock.advance(901)
    assert requests.put(url, data=b"x", timeout=10).status_code == 403
    assert databricks_sandbox.volumes.files(volume) == []


def test_read_files_reads_a_folder(cursor, rows, volume, parquet):
    for name, n in (("a", 1), ("b", 2)):
        cursor.execute(
            f"PUT '__input_stream__' INTO '{volume}/many/{name}.parquet'",
            input_stream=parquet({"n": [n]}),
        )
    text = f"SELECT n FROM read_files('{volume}/many', format => 'parquet') ORDER BY n"
    assert rows(text) == [{"n": 1}, {"n": 2}]
    hints = text.replace("'parquet'", "'parquet', schemaHints => 'n INT'")
    with pytest.raises(sql.exc.ServerOperationError, match=r"FEATURE_NOT_SUPPORTED.*schemaHints"):
        cursor.execute(hints)


def test_strings_that_look_like_volumes_are_data(rows):
    assert rows("SELECT '/Volumes/a/b/c' AS p") == [{"p": "/Volumes/a/b/c"}]


def test_volumes_are_listed_described_and_dropped(cursor, rows, volume, databricks_schema):
    name = f"main.{databricks_schema}.stage"
    assert rows(f"SHOW VOLUMES IN main.{databricks_schema}") == [
        {"database": databricks_schema, "volume_name": "stage"}
    ]
    described = rows(f"DESCRIBE VOLUME {name}")[0]
    assert (described["comment"], described["storage_location"]) == ("incoming", volume)
    cursor.execute(f"CREATE VOLUME IF NOT EXISTS {name}")
    with pytest.raises(sql.exc.ServerOperationError, match="VOLUME_ALREADY_EXISTS"):
        cursor.execute(f"CREATE VOLUME {name}")
    cursor.execute(f"DROP VOLUME {name}")
    assert rows(f"SHOW VOLUMES IN main.{databricks_schema}") == []


def test_the_sdk_moves_files_too(databricks_sandbox, volume):
    client = WorkspaceClient(
        host=databricks_sandbox.url, token=databricks_sandbox.admin.access_token
    )
    client.files.upload(f"{volume}/sdk/file.bin", io.BytesIO(b"abc" * 1000), overwrite=True)
    assert client.files.download(f"{volume}/sdk/file.bin").contents.read() == b"abc" * 1000
    assert [f.name for f in client.files.list_directory_contents(f"{volume}/sdk")] == ["file.bin"]
    assert client.files.get_metadata(f"{volume}/sdk/file.bin").content_length == 3000
    client.files.delete(f"{volume}/sdk/file.bin")
    assert list(client.files.list_directory_contents(f"{volume}/sdk")) == []
