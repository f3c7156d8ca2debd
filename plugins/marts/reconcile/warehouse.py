"""The tables of a reconciliation where both marts and lakehouse are in Unity Catalog."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from databricks import sql
from databricks.sdk.core import Config, oauth_service_principal
from databricks.sql.exc import ServerOperationError

from reconcile.history import COLUMNS, NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconcile.judgement import Row

_ROWS = 2000
"""Rows of one INSERT: half a megabyte of text, a parameter of its statement."""


@dataclass(frozen=True)
class Warehouse:
    """Marts and history in Unity Catalog, by a SQL warehouse.

    Attributes:
        connection: What databricks-sql-connector takes to connect.
        catalog: The catalog of both.
        schema: The `default_target_schema` of target-databricks.
        marts: The schema of the marts.
    """

    connection: Mapping[str, Any] = field(repr=False)
    catalog: str
    schema: str
    marts: str

    def checks(self) -> list[Row]:
        """Rows of the model `reconciliation`."""
        table = self._name(self.marts, "reconciliation")
        return self._run(f"SELECT * FROM {table}")  # noqa: S608

    def organisations(self) -> dict[str, str]:
        """Names of organisations by tenant id; none before the marts were built once."""
        table = self._name(self.marts, "dim_organisation")
        try:
            rows = self._run(f"SELECT tenant_id, name FROM {table}")  # noqa: S608
        except ServerOperationError as error:
            if "NOT_FOUND" not in str(error):
                raise
            return {}
        return {row["tenant_id"]: row["name"] for row in rows}

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows to `xero_reconciliation`; nothing of it is ever changed."""
        table = self._name(self.schema, NAME)
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        texts = ", ".join(f"{name}: string" for name in COLUMNS)
        casts = ", ".join(
            f"cast(each.{name} AS {kind}) AS {name}" for name, kind in COLUMNS.items()
        )
        self._run(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        for first in range(0, len(rows), _ROWS):
            self._run(
                f"INSERT INTO {table} SELECT {casts} "  # noqa: S608
                f"FROM (SELECT explode(from_json(:rows, 'array<struct<{texts}>>')) AS each)",
                {"rows": json.dumps([_texts(row) for row in rows[first : first + _ROWS]])},
            )

    def _name(self, schema: str, table: str) -> str:
        return ".".join(f"`{part}`" for part in (self.catalog, schema, table))

    def _run(self, statement: str, parameters: dict[str, str] | None = None) -> list[Row]:
        with sql.connect(**self.connection) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall_arrow().to_pylist()) if cursor.description else []


def _texts(row: Row) -> dict[str, str]:
    """The values of a row as text that SQL casts back; a null is left out."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else str(value)
        for name in COLUMNS
        if (value := row.get(name)) is not None
    }


def connection(environment: Mapping[str, str]) -> dict[str, Any]:
    """What the connector takes, by the settings of the Meltano plugin.

    Args:
        environment: They are environment variables there.
    """
    host = environment["MARTS_HOST"].removeprefix("https://").rstrip("/")
    secret = environment.get("DBT_ENV_SECRET_MARTS_CLIENT_SECRET")
    if token := environment.get("DBT_ENV_SECRET_MARTS_TOKEN"):
        way: dict[str, Any] = {"access_token": token}
    else:
        client = Config(
            host=f"https://{host}", client_id=environment["MARTS_CLIENT_ID"], client_secret=secret
        )
        way = {"credentials_provider": lambda: oauth_service_principal(client)}
    return {
        "server_hostname": host,
        "http_path": environment["MARTS_HTTP_PATH"],
        "session_configuration": {"timezone": "UTC", "ansi_mode": "true"},
        "enable_telemetry": False,
        **way,
        **json.loads(environment.get("MARTS_CONNECTION_PARAMETERS") or "{}"),
    }
