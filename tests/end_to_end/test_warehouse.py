"""The environment `prod` and a SQL warehouse: the same rows as in a lakehouse folder."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from conftest import Project
from databricks import sql
from shown_commands import as_shown
from target_databricks.warehouse.sql.columns import as_read
from xero_sandbox.sandbox import Sandbox

# The whole pipeline and a minute of Spark: `uv run --group test pytest -m stress` runs them.
pytestmark = pytest.mark.stress

RUN = ("run", "tap-xero", "target-databricks")
LOADED_INTO_WAREHOUSE = as_shown(
    "uv run --extra warehouse meltano --environment=prod run tap-xero target-databricks"
)
GRANTS = as_shown(
    "uv run --extra warehouse meltano --environment=prod invoke target-databricks:grants"
)
FLEETING = {
    "_sdc_job_id",
    "_sdc_received_at",
    "_sdc_batched_at",
    "_sdc_sequence",
    "_sdc_extracted_at",
    "_sdc_sync_started_at",
    "_sdc_table_version",
}


STREAMS = [
    *("accounts", "bank_transactions", "contacts", "credit_notes", "invoices", "items"),
    *("manual_journals", "payments", "purchase_orders", "tracking_categories"),
]
"""The record types that finance teams wait for; all of them would take Spark minutes."""


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    kept = [c for c in table.column_names if c not in FLEETING]
    return sorted(table.select(kept).to_pylist(), key=repr)


@pytest.mark.timeout(600)
def test_prod_fills_the_warehouse_with_the_rows_of_the_folder(
    project: Project,
    prod: dict[str, str],
    databricks_sandbox: Any,
    databricks_schema: str,
) -> None:
    with Sandbox(organisations=1, invoices=40, machine_reaches_all=True) as xero:
        project.read_from(xero)
        project.env["TAP_XERO__SELECT"] = json.dumps([f"{stream}.*" for stream in STREAMS])
        project.meltano(*RUN)
        project.run(LOADED_INTO_WAREHOUSE, **prod)
        # The same again writes nothing: every table's last commit is the one it was. (Spark leaves
        # an empty file of a MERGE that has nothing to do, which no commit names.)
        folder = databricks_sandbox.folder / "warehouse" / f"{databricks_schema}.db"
        before = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.json"))
        project.meltano("run", "--full-refresh", "tap-xero", "target-databricks", **prod)
    after = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.json"))
    assert after == before
    with (
        sql.connect(**databricks_sandbox.connect_arguments()) as connection,
        connection.cursor() as cursor,
    ):
        names = {log.parent.name for log in folder.glob("*/_delta_log")}
        assert names == set(project.tables())
        for name in sorted(names - {"_sdc_loads", "_sdc_versions"}):
            cursor.execute(f"SELECT * FROM main.{databricks_schema}.`{name}`")
            found = cursor.fetchall_arrow()
            stored = found.cast(as_read(found.schema))
            mine = project.table(name)
            # A warehouse's keys stand first: it has statistics of so many columns only.
            assert sorted(stored.schema.names) == sorted(mine.schema.names), name
            stored = stored.select(mine.schema.names)
            assert _rows(stored) == _rows(mine.cast(stored.schema)), name
        cursor.execute(
            f"SELECT count(*) FROM main.information_schema.referential_constraints "
            f"WHERE constraint_schema = '{databricks_schema}'"
        )
        assert cursor.fetchone()[0] >= 10


def test_the_commands_say_what_is_missing_and_that_all_is_well(
    project: Project, prod: dict[str, str], databricks_sandbox: Any, databricks_schema: str
) -> None:
    nobody = databricks_sandbox.nobody
    stranger = {
        "TARGET_DATABRICKS_CLIENT_ID": nobody.client_id,
        "TARGET_DATABRICKS_CLIENT_SECRET": nobody.client_secret,
    }
    output = project.meltano("invoke", "target-databricks:check", code=1, **{**prod, **stranger})
    assert "Not ready" in output
    assert "target-databricks-grants" in output
    output = project.run(GRANTS, **{**prod, **stranger})
    statements = [line for line in output.splitlines() if line.endswith(";")]
    assert any(f"GRANT READ VOLUME, WRITE VOLUME ON VOLUME `main`.`{databricks_schema}`" in s
               for s in statements)  # fmt: skip
    for statement in statements:
        databricks_sandbox.sql(statement.removesuffix(";"))
    output = project.meltano("invoke", "target-databricks:check", **{**prod, **stranger})
    assert output.rstrip().endswith("Ready.")
    assert nobody.client_id in output
    assert nobody.client_secret not in output
    tables = databricks_sandbox.sql(f"SHOW TABLES IN main.{databricks_schema}")
    assert tables == []
