"""On the warehouse: Unity Catalog's keys, every type, views, and both ways by version."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from lakes import Messages, read

TYPES = {
    "tiny": ("TINYINT", "-128", -128),
    "big": ("BIGINT", "9223372036854775807", 9223372036854775807),
    "price": (
        "DECIMAL(38,6)",
        "-99999999999999999999999999999999.000001",
        Decimal("-99999999999999999999999999999999.000001"),
    ),
    "share": ("DOUBLE", "0.1D", Decimal("0.1")),
    "name": ("STRING", "'ā\\'`'", "ā'`"),
    "raw": ("BINARY", "X'00FF'", "AP8="),
    "ok": ("BOOLEAN", "false", False),
    "day": ("DATE", "DATE'2026-02-03'", "2026-02-03"),
    "at": (
        "TIMESTAMP",
        "TIMESTAMP'2026-02-03 12:00:00.000001Z'",
        "2026-02-03T12:00:00.000001+00:00",
    ),
    "local": (
        "TIMESTAMP_NTZ",
        "TIMESTAMP_NTZ'2026-02-03 12:00:00'",
        "2026-02-03T12:00:00.000000+00:00",
    ),
    "inner": (
        "STRUCT<at: DATE, x: DECIMAL(5,1)>",
        "named_struct('at', DATE'2026-01-02', 'x', 1.0BD)",
        {"at": "2026-01-02", "x": Decimal("1.0")},
    ),
    "many": ("ARRAY<STRUCT<x: INT>>", "array(named_struct('x', 1), NULL)", [{"x": 1}, None]),
    "pairs": ("MAP<STRING, DECIMAL(5,1)>", "map('a', 1.5BD)", {"a": Decimal("1.5")}),
}
FEED = "TBLPROPERTIES (delta.enableChangeDataFeed = true)"


@pytest.fixture
def place(databricks_sandbox: Any, databricks_schema: str) -> Place:
    return Place(databricks_sandbox, databricks_schema)


class Place:
    def __init__(self, sandbox: Any, schema: str) -> None:
        self.sandbox, self.schema = sandbox, schema
        self.name = f"{sandbox.catalog}.{schema}"

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.sandbox.sql(statement.replace("IT.", f"{self.name}."))

    def read(self, state: dict[str, Any] | None = None, **settings: Any) -> Messages:
        config = {
            "server_hostname": self.sandbox.url,
            "http_path": self.sandbox.http_path,
            "access_token": self.sandbox.admin.access_token,
            "catalog": self.sandbox.catalog,
            "schemas": [self.schema],
        }
        return read({**config, **settings}, state)


def test_tables_and_views_are_streams_with_the_keys_of_unity_catalog(place: Place) -> None:
    columns = ", ".join(f"`{name}` {kind}" for name, (kind, *_) in TYPES.items())
    values = ", ".join(text for _, text, _ in TYPES.values())
    place.run(
        f"CREATE TABLE IT.t (`a``b` INT NOT NULL COMMENT 'Who.', {columns}, "
        "CONSTRAINT k PRIMARY KEY (`a``b`))",
        f"INSERT INTO IT.t SELECT 1, {values} UNION ALL SELECT 2{', NULL' * len(TYPES)}",
        "CREATE VIEW IT.v AS SELECT `a``b` AS id, name, price, at FROM IT.t",
    )
    incremental = {"v": {"replication_key": "at", "key_properties": ["id"]}}
    run = place.read(streams=incremental)
    assert run.error is None
    full, empty = sorted(run.records("t"), key=lambda record: record["a`b"])
    assert full == {"a`b": 1, **{name: sent for name, (*_, sent) in TYPES.items()}}
    assert empty == {"a`b": 2, **dict.fromkeys(TYPES)}
    assert run.of("SCHEMA", "t")[0]["key_properties"] == ["a`b"]
    assert run.schema("t")["properties"]["a`b"] == {"type": ["integer"], "description": "Who."}
    assert run.schema("v")["properties"]["price"]["x-scale"] == 6
    assert run.ids("v") == [2, 1], "without a bookmark first"
    place.run("INSERT INTO IT.t (`a``b`, at) VALUES (3, TIMESTAMP'2026-02-03 11:00:00Z')")
    again = place.read(run.state, streams=incremental, tables=["v"])
    assert again.ids("v") == [2, 1]
    logged = place.read(tables=["v"], streams={"v": {"replication_method": "LOG_BASED"}})
    assert logged.error is not None
    assert (logged.ids("v"), logged.state["bookmarks"]) == ([], {"v": {}})


def test_changes_and_additions_are_read_by_version(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    logged = {"key_properties": ["id"], "replication_method": "LOG_BASED"}
    settings = {"streams": {"*": logged}}
    place.run(
        f"CREATE TABLE IT.feed (id INT, name STRING) {FEED}",
        "CREATE TABLE IT.files (id INT, name STRING)",
        "INSERT INTO IT.feed VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO IT.files VALUES (1, 'a'), (2, 'b')",
    )
    first = place.read(**settings)
    assert (sorted(first.ids("feed")), sorted(first.ids("files"))) == ([1, 2], [1, 2])
    place.run(
        "UPDATE IT.feed SET name = 'B' WHERE id = 2",
        "DELETE FROM IT.feed WHERE id = 1",
        "INSERT INTO IT.files VALUES (3, 'c')",
    )
    second = place.read(first.state, **settings)
    changed, deleted = second.records("feed")
    assert (changed["name"], changed["_sdc_deleted_at"]) == ("B", None)
    assert (deleted["id"], bool(deleted["_sdc_deleted_at"])) == (1, True)
    assert second.error is None, caplog.text
    assert second.ids("files") == [3]
    keyless = {"files": {"replication_method": "LOG_BASED", "log": "files"}}
    place.run("UPDATE IT.files SET name = 'C' WHERE id = 3")
    place.run("ALTER TABLE IT.feed SET TBLPROPERTIES (delta.enableChangeDataFeed = false)")
    third = place.read(second.state, streams={**settings["streams"], **keyless})
    assert third.ids("files") == [3]
    assert "ALTER TABLE" in caplog.text
    assert third.state["bookmarks"]["feed"] == second.state["bookmarks"]["feed"]
