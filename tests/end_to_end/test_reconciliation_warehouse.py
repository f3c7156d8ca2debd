"""Where the marts are in a warehouse, their history is, too."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from reconcile import warehouse
from reconcile.history import COLUMNS
from reconcile.warehouse import Warehouse, connection

MOMENT = datetime(2026, 2, 2, 9, 0, 0, 123456, UTC)
ROW = {
    "run_id": "r1",
    "checked_at": MOMENT,
    "tenant_id": "t",
    "organisation": "Harakeke 'Trading' \\ Ltd",
    "check_name": "trial balance",
    "basis": "accrual",
    "period_end": date(2026, 1, 31),
    "lakehouse": Decimal("12345678901234567890.0100"),
    "xero": Decimal("-0.01"),
    "locked": True,
}


@pytest.fixture
def tables(databricks_sandbox, databricks_schema) -> Warehouse:
    environment = {
        "MARTS_HOST": databricks_sandbox.url,
        "MARTS_HTTP_PATH": databricks_sandbox.http_path,
        "DBT_ENV_SECRET_MARTS_TOKEN": databricks_sandbox.admin.access_token,
        "MARTS_CONNECTION_PARAMETERS": (
            f'{{"_connection_uri": "{databricks_sandbox.url}{databricks_sandbox.http_path}"}}'
        ),
    }
    return Warehouse(connection(environment), "main", databricks_schema, databricks_schema)


def test_what_a_reconciliation_found_is_added_and_never_changed(
    tables, databricks_sandbox, databricks_schema, monkeypatch
):
    monkeypatch.setattr(warehouse, "_ROWS", 2)
    tables.append([ROW])
    tables.append([{**ROW, "run_id": f"r{n}"} for n in (2, 3, 4)])
    rows = databricks_sandbox.sql(
        f"SELECT * FROM main.{databricks_schema}.xero_reconciliation ORDER BY run_id"
    )
    assert [row["run_id"] for row in rows] == ["r1", "r2", "r3", "r4"]
    for row in rows:
        assert row["checked_at"].replace(tzinfo=UTC) == MOMENT
        for name in COLUMNS.keys() - {"run_id", "checked_at"}:
            assert row[name] == ROW.get(name), name


def test_checks_and_organisations_come_from_the_marts(
    tables, databricks_sandbox, databricks_schema
):
    here = f"main.{databricks_schema}"
    databricks_sandbox.sql(
        f"CREATE TABLE {here}.reconciliation AS "
        "SELECT 't' AS tenant_id, date'2026-01-31' AS period_end, 1.50BD AS xero"
    )
    databricks_sandbox.sql(
        f"CREATE TABLE {here}.dim_organisation AS SELECT 't' tenant_id, 'N' name"
    )
    assert tables.checks() == [
        {"tenant_id": "t", "period_end": date(2026, 1, 31), "xero": Decimal("1.50")}
    ]
    assert tables.organisations() == {"t": "N"}
