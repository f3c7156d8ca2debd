"""Tables and views of a DuckDB database, as dbt-duckdb leaves them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lakes import Messages, read
from singer_sdk.exceptions import ConfigurationError

TYPES = {
    "big": ("BIGINT", "9223372036854775807", 9223372036854775807),
    "huge": ("HUGEINT", "10", Decimal(10)),
    "price": ("DECIMAL(38,6)", "-1.000001", Decimal("-1.000001")),
    "name": ("VARCHAR", "'ā'", "ā"),
    "raw": ("BLOB", "'\\x00\\xFF'::BLOB", "AP8="),
    "day": ("DATE", "DATE '2026-02-03'", "2026-02-03"),
    "seen": ("TIMESTAMPTZ", "'2026-02-03 12:00:00.000001Z'", "2026-02-03T12:00:00.000001+00:00"),
    "local": ("TIMESTAMP", "'2026-02-03 12:00:00'", "2026-02-03T12:00:00.000000+00:00"),
    "inner": ("STRUCT(x DECIMAL(5,1))", "{'x': 1.0}", {"x": Decimal("1.0")}),
    "many": ("STRUCT(x INTEGER)[]", "[{'x': 1}, NULL]", [{"x": 1}, None]),
    "pairs": ("MAP(VARCHAR, INTEGER)", "MAP {'a': 1}", {"a": 1}),
    "kind": ("ENUM('a', 'b')", "'b'", "b"),
    "uuid": (
        "UUID",
        "'6f1e8a52-9f0c-4c8e-9b3a-0d9c5a1b2c3d'",
        "6f1e8a52-9f0c-4c8e-9b3a-0d9c5a1b2c3d",
    ),
    "time": ("TIME", "'12:00:00'", "12:00:00"),
}


@pytest.fixture
def books(tmp_path: Path) -> Path:
    path = tmp_path / "books.duckdb"
    columns = ", ".join(f'"{name}" {kind}' for name, (kind, *_) in TYPES.items())
    values = ", ".join(text for _, text, _ in TYPES.values())
    with duckdb.connect(str(path)) as database:
        database.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})")
        database.execute(f"INSERT INTO t VALUES (1, {values})")
        database.execute("INSERT INTO t (id) VALUES (2)")
        database.execute("CREATE SCHEMA more")
        database.execute("CREATE VIEW more.v AS SELECT id, name, seen, local, day FROM t")
    return path


def read_books(path: Path, state: dict[str, Any] | None = None, **settings: Any) -> Messages:
    return read({"duckdb_path": str(path), "schemas": ["main"], **settings}, state)


def test_every_type_of_a_table_is_sent_with_its_key(books: Path) -> None:
    run = read_books(books)
    full, empty = run.records("t")
    assert full == {"id": 1, **{name: sent for name, (*_, sent) in TYPES.items()}}
    assert empty == {"id": 2, **dict.fromkeys(TYPES)}
    assert run.of("SCHEMA", "t")[0]["key_properties"] == ["id"]
    assert run.schema("t")["properties"]["price"]["x-scale"] == 6


@pytest.mark.parametrize("column", ["seen", "local", "day", "name", "id"])
def test_a_view_is_read_from_a_bookmark_on(books: Path, column: str) -> None:
    settings = {"schemas": ["more"], "streams": {"v": {"replication_key": column}}}
    first = read_books(books, **settings)
    assert sorted(first.ids("v")) == [1, 2]
    with duckdb.connect(str(books)) as database:
        database.execute(
            "INSERT INTO t (id, name, seen, local, day) VALUES "
            "(0, 'Ā', '2026-02-03 12:00Z', '2026-02-03 11:59', '2026-02-02'), "
            "(3, 'ā', '2026-02-03 12:00:00.000001Z', '2026-02-03 12:00', '2026-02-03')"
        )
    again = read_books(books, first.state, **settings).ids("v")
    assert sorted(again) == ([2, 3] if column == "id" else [1, 2, 3])


def test_what_cannot_be_read_is_said(books: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigurationError, match="no tables or views"):
        read_books(books, schemas=["xero_writeback"])
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        read_books(books.with_name("nowhere.duckdb"))
    run = read_books(books, streams={"t": {"replication_method": "LOG_BASED"}})
    assert run.error is not None
    assert "has no versions" in caplog.text
