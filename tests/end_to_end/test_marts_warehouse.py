"""The marts in a SQL warehouse: the rows that DuckDB has, model by model, by the real Meltano.

dbt-databricks has an environment of its own, which Meltano downloads, and Spark needs minutes for
all of it: `just stress tests/end_to_end/test_marts_warehouse.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from conftest import Project
from warehouse_marts import settings
from xero_sandbox.sandbox import Sandbox

pytestmark = [pytest.mark.stress, pytest.mark.timeout(3600)]


def comparable(value: Any) -> str:
    """A value as both engines have it, whatever Python type their clients give it."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, dict):
        return str({name: comparable(each) for name, each in value.items()})
    if not isinstance(value, str) and isinstance(value, Iterable):
        return str([comparable(each) for each in value])
    return str(value)


@pytest.fixture
def in_warehouse(loaded, databricks_sandbox) -> Iterator[None]:
    """The tables of the lakehouse folder, shown to the warehouse where they are."""
    project, _ = loaded
    databricks_sandbox.sql("CREATE SCHEMA main.xero")
    for name in project.tables():
        place = project.lakehouse / name
        databricks_sandbox.sql(f"CREATE TABLE main.xero.{name} USING DELTA LOCATION 'file:{place}'")
    yield
    for schema in ("marts", "xero"):
        databricks_sandbox.sql(f"DROP SCHEMA IF EXISTS main.{schema} CASCADE")


def test_invariant_15_every_model_has_the_same_rows_on_both_engines(
    marts, in_warehouse, databricks_sandbox
) -> None:
    project, xero, connection = marts
    project.meltano("install", "utility", "dbt-databricks", timeout=900)
    printed = project.meltano(
        "run",
        "dbt-databricks:build",
        timeout=3000,
        MARTS_AS_OF=xero.clock.now().date().isoformat(),
        **settings(project.root, databricks_sandbox),
    )
    assert "ERROR=0" in printed
    assert databricks_sandbox.admin.access_token not in printed
    columns = connection.execute(
        "SELECT c.table_name, string_agg(c.column_name, ', ' ORDER BY ordinal_position) "
        "FROM information_schema.columns AS c JOIN information_schema.tables AS t "
        "USING (table_schema, table_name) "
        "WHERE table_schema = 'marts' AND table_type = 'BASE TABLE' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert len(columns) > 50
    for table, names in columns:
        ours = connection.execute(f"SELECT {names} FROM marts.{table}").fetchall()
        theirs = databricks_sandbox.sql(f"SELECT {names} FROM main.marts.{table}")
        assert sorted([comparable(v) for v in row.values()] for row in theirs) == sorted(
            [comparable(v) for v in row] for row in ours
        ), table


def test_the_whole_reconciliation_says_of_a_warehouse_what_it_says_of_a_folder(
    project: Project, xero: Sandbox, prod: dict[str, str], databricks_sandbox, databricks_schema
) -> None:
    """Load, marts, comparison and history are those of the warehouse; then a cent is missing."""
    project.read_from(xero)
    project.meltano("install", "utility", "dbt-databricks", timeout=900)
    environment = {
        **prod,
        **settings(project.root, databricks_sandbox),
        "MARTS_XERO_SCHEMA": databricks_schema,
        "MARTS_SCHEMA": f"{databricks_schema}_marts",
        "MARTS_AS_OF": xero.clock.now().date().isoformat(),
        "MARTS_RECONCILED_MODELS": "+reconciliation",
    }
    here = f"main.{databricks_schema}"
    reconcile = ("invoke", "dbt-databricks:reconcile")
    try:
        printed = project.meltano(*reconcile, timeout=2400, **environment)
        assert "The books agree with Xero." in printed
        statuses = databricks_sandbox.sql(
            f"SELECT status, count(*) AS n FROM {here}.xero_reconciliation GROUP BY 1"
        )
        assert {row["status"] for row in statuses} <= {"agrees", "explained", "not_checkable"}
        (line,) = databricks_sandbox.sql(
            f"SELECT journal_line_id FROM {here}.journal_lines WHERE net_amount > 1 "
            "ORDER BY journal_line_id LIMIT 1"
        )
        changed = line["journal_line_id"]
        databricks_sandbox.sql(
            f"UPDATE {here}.journal_lines SET net_amount = net_amount + 0.01, "
            f"gross_amount = gross_amount + 0.01 WHERE journal_line_id = '{changed}'"
        )
        printed = project.meltano(*reconcile, code=1, timeout=2400, **environment)
        assert "0.01" in printed
        differing = databricks_sandbox.sql(
            f"SELECT DISTINCT check_name, difference FROM {here}.xero_reconciliation "
            "WHERE status = 'differs'"
        )
        assert any(abs(row["difference"]) == Decimal("0.01") for row in differing)
    finally:
        databricks_sandbox.sql(f"DROP SCHEMA IF EXISTS {here}_marts CASCADE")
