"""The books of a SQL warehouse: the same page as that of the same marts in DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import synthetic
from deltalake import write_deltalake
from xero_report import tables
from xero_report.books import BooksError
from xero_report.folder import Folder
from xero_report.page import content
from xero_report.places import open_books
from xero_report.settings import Settings
from xero_report.warehouse import Warehouse

NOW = datetime(2026, 2, 4, tzinfo=UTC)
TABLE_ORDER = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts'"


def loaded(lakehouse: Path) -> None:
    """Loads and reconciliations as the pipeline leaves them."""
    loads = [
        {
            "stream": "invoices",
            "rows_inserted": new,
            "rows_updated": 0,
            "rows_deleted": 0,
            "finished_at": NOW - timedelta(hours=hours),
        }
        for new, hours in ((5, 3), (0, 1))
    ]
    write_deltalake(str(lakehouse / tables.LOADS), pa.Table.from_pylist(loads))
    figure = {
        **dict.fromkeys(tables.RECONCILIATION_COLUMNS, "x"),
        "tenant_id": "t00",
        "period_end": NOW.date(),
        "lakehouse": Decimal("10.0000"),
        "xero": Decimal("12.5000"),
        "difference": Decimal("-2.5000"),
        "status": "differs",
        "locked": False,
        "first_agreed": NOW,
        "checked_at": NOW - timedelta(days=1),
    }
    earlier = figure | {"status": "agrees", "checked_at": NOW - timedelta(days=2)}
    write_deltalake(str(lakehouse / tables.RECONCILIATION), pa.Table.from_pylist([earlier, figure]))


@pytest.fixture
def marts(tmp_path: Path) -> Settings:
    loaded(tmp_path / "lakehouse" / "xero")
    synthetic.make(tmp_path / "books.duckdb", organisations=2, months=2, contacts=2)
    return Settings.of(
        {
            "REPORT_DATABASE": str(tmp_path / "books.duckdb"),
            "REPORT_LAKEHOUSE_PATH": str(tmp_path / "lakehouse"),
        }
    )


def warehouse(sandbox, schema: str) -> Settings:
    return Settings.of(
        {
            "REPORT_SERVER_HOSTNAME": sandbox.url,
            "REPORT_HTTP_PATH": sandbox.http_path,
            "REPORT_CATALOG": sandbox.catalog,
            "REPORT_ACCESS_TOKEN": sandbox.admin.access_token,
            "REPORT_SCHEMA": schema,
            "REPORT_XERO_SCHEMA": schema,
        }
    )


@pytest.mark.stress
def test_the_page_of_a_warehouse_is_that_of_a_folder(
    marts, databricks_sandbox, databricks_schema, tmp_path
):
    with duckdb.connect(marts.database, read_only=True) as database:
        for (name,) in database.execute(TABLE_ORDER).fetchall():
            path = tmp_path / f"{name}.parquet"
            database.execute(f"COPY marts.{name} TO '{path}' (FORMAT parquet)")
            databricks_sandbox.sql(
                f"CREATE TABLE main.{databricks_schema}.{name} AS SELECT * FROM parquet.`{path}`"
            )
    for name in (tables.LOADS, tables.RECONCILIATION):
        place = Path(marts.lakehouse_path) / "xero" / name
        databricks_sandbox.sql(
            f"CREATE TABLE main.{databricks_schema}.{name} USING DELTA LOCATION 'file:{place}'"
        )
    folder, there = Folder(marts), open_books(warehouse(databricks_sandbox, databricks_schema))
    assert isinstance(there, Warehouse)
    ours, theirs = content(folder, NOW), content(there, NOW)
    folder.close()
    there.close()
    assert theirs == ours
    assert ours["organisations"][0]["verdict"]["state"] == "differs"
    invoices, _, contacts = ours["streams"]
    assert (contacts["place"], contacts["reason"]) == (None, "a column is in the way")
    assert (invoices["place"], invoices["right_at"], invoices["changed_at"]) == (
        *("0", "2026-02-03T20:00:00+00:00", "2026-02-03T21:00:00+00:00"),
    )


def test_before_the_first_build_it_is_said_what_to_do(databricks_sandbox, databricks_schema):
    books = open_books(warehouse(databricks_sandbox, databricks_schema))
    with pytest.raises(BooksError, match="dbt-databricks:build"):
        content(books, NOW)
    assert books.loaded(tables.LOADS, (), tables.LOADS_QUERY) is None
    books.close()


def test_without_a_database_it_is_said_what_to_do(tmp_path):
    with pytest.raises(BooksError, match=r"no database .* dbt-duckdb:build"):
        open_books(Settings.of({"REPORT_DATABASE": str(tmp_path / "none.duckdb")}))


def test_without_loads_and_reconciliations_the_page_says_so(tmp_path):
    synthetic.make(tmp_path / "books.duckdb", organisations=1, months=1, contacts=1)
    books = open_books(
        Settings.of(
            {
                "REPORT_DATABASE": str(tmp_path / "books.duckdb"),
                "REPORT_LAKEHOUSE_PATH": str(tmp_path),
            }
        )
    )
    made = content(books, NOW)
    books.close()
    assert {stream["changed_at"] for stream in made["streams"]} == {None}
    assert made["organisations"][0]["verdict"]["state"] == "never"
