"""The marts in a SQL warehouse: the rows that DuckDB has, model by model, by the real Meltano.

dbt-databricks has an environment of its own, which Meltano downloads, and Spark needs minutes for
all of it: `just stress tests/end_to_end/test_marts_warehouse.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from conftest import Project
from deltalake import write_deltalake
from reconcile.folder import Folder as History
from shown_commands import as_shown
from shown_figures import answers, compared
from warehouse_marts import settings
from xero_report.folder import Folder
from xero_report.page import content
from xero_report.settings import Settings
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


@pytest.fixture(scope="module")
def built(
    reconciled, faults, _databricks_sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, str]]:
    """A project with the marts of its books on both engines, and what dbt said of the warehouse's.

    Of its two organisations one was gone when they were reconciled; of the other the last
    reconciliation is one of tables with faults. The last load of contacts failed. The warehouse is
    shown the tables of the lakehouse folder where they are.
    """
    origin, xero, _, _ = reconciled
    project = origin.copy(tmp_path_factory.mktemp("both") / "project")
    run = {"run_id": "with faults", "checked_at": datetime.now(UTC)}
    gone = xero.tenants[1].tenant_id
    found = [row | run for row in faults[1] if row["tenant_id"] != gone]
    History("", str(project.lakehouse.parent), project.lakehouse.name).append(found)
    loads = project.table("_sdc_loads")
    later = max(row["finished_at"] for row in loads.to_pylist()) + timedelta(hours=1)
    failed = next(row for row in loads.to_pylist() if row["stream"] == "contacts") | {
        "error": "a column is in the way",
        "finished_at": later,
    }
    write_deltalake(
        str(project.lakehouse / "_sdc_loads"),
        pa.Table.from_pylist([failed], loads.schema),
        mode="append",
    )
    sandbox = _databricks_sandbox
    sandbox.sql("CREATE SCHEMA main.xero")
    for name in project.tables():
        place = project.lakehouse / name
        sandbox.sql(f"CREATE TABLE main.xero.{name} USING DELTA LOCATION 'file:{place}'")
    as_of = {"MARTS_AS_OF": xero.clock.now().date().isoformat()}
    project.meltano("run", "dbt-duckdb:build", **as_of)
    project.meltano("install", "utility", "dbt-databricks", timeout=900)
    yield (
        project,
        project.meltano(
            "run",
            "dbt-databricks:build",
            timeout=3000,
            **as_of,
            **settings(project.root, sandbox),
        ),
    )
    for schema in ("marts", "xero"):
        sandbox.sql(f"DROP SCHEMA IF EXISTS main.{schema} CASCADE")


def database(project: Project) -> Path:
    """The marts in DuckDB."""
    return project.root / "output" / "books.duckdb"


def test_invariant_15_every_model_has_the_same_rows_on_both_engines(
    built, databricks_sandbox
) -> None:
    project, printed = built
    assert "ERROR=0" in printed
    assert databricks_sandbox.admin.access_token not in printed
    with duckdb.connect(str(database(project)), read_only=True) as connection:
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


def test_every_dataset_of_the_dashboard_answers_what_the_page_shows(
    built, databricks_sandbox
) -> None:
    """All rows of all organisations and months, decimal by decimal, findings and freshness too."""
    project, _ = built
    stated = {
        "REPORT_DATABASE": str(database(project)),
        "REPORT_LAKEHOUSE_PATH": str(project.lakehouse.parent),
    }
    books = Folder(Settings.of(stated))
    shown = content(books, datetime.now(UTC))
    books.close()
    answered = answers(databricks_sandbox, "main", "marts")
    for name, page, board in compared(shown, answered):
        assert page, name
        assert board == page, name
    assert sorted(row["state"] for row in answered["agreement"]) == ["differs", "incomplete"]
    assert len(answered["reconciliation"]) > 10
    (failing,) = (row for row in answered["health"] if row["status"] != "right")
    assert (failing["stream"], failing["reason"]) == ("contacts", "a column is in the way")


def test_one_line_loads_and_makes_the_marts_in_a_warehouse_and_another_shows_them(
    project: Project, prod: dict[str, str], databricks_sandbox, databricks_schema
) -> None:
    """As the README has it; of one small organisation, as Spark needs minutes for the models."""
    build = as_shown(
        "uv run --extra warehouse meltano --environment=prod "
        "run tap-xero target-databricks dbt-databricks:build"
    )
    show = as_shown("uv run --extra warehouse meltano --environment=prod run report")
    project.meltano("install", "utility", "dbt-databricks", timeout=900)
    environment = {
        **prod,
        **settings(project.root, databricks_sandbox),
        "MARTS_XERO_SCHEMA": databricks_schema,
        "MARTS_SCHEMA": f"{databricks_schema}_marts",
        "REPORT_XERO_SCHEMA": databricks_schema,
        "REPORT_SCHEMA": f"{databricks_schema}_marts",
    }
    try:
        with Sandbox(organisations=1, invoices=30, machine_reaches_all=True) as xero:
            project.read_from(xero)
            assert "ERROR=0" in project.run(build, timeout=3000, **environment)
        printed = project.run(show, timeout=900, **environment)
        assert f"{project.root}/output/report.html" in printed
    finally:
        databricks_sandbox.sql(f"DROP SCHEMA IF EXISTS main.{databricks_schema}_marts CASCADE")


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
    reconcile = as_shown(
        "uv run --extra warehouse meltano --environment=prod invoke dbt-databricks:reconcile"
    )
    try:
        printed = project.run(reconcile, timeout=2400, **environment)
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
        printed = project.run(reconcile, code=1, timeout=2400, **environment)
        assert "0.01" in printed
        differing = databricks_sandbox.sql(
            f"SELECT DISTINCT check_name, difference FROM {here}.xero_reconciliation "
            "WHERE status = 'differs'"
        )
        assert any(abs(row["difference"]) == Decimal("0.01") for row in differing)
    finally:
        databricks_sandbox.sql(f"DROP SCHEMA IF EXISTS {here}_marts CASCADE")
