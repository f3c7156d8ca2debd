"""The settings, as environment variables: `REPORT_OUTPUT` for `output`.

Those of the way into a workspace are target-databricks' own, and mean what they mean there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_databricks.settings import SETTINGS as TARGET

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "REPORT_"

WAYS_IN = (
    *("server_hostname", "http_path", "catalog", "access_token", "client_id", "client_secret"),
    *("azure_client_id", "azure_client_secret", "azure_tenant_id", "azure_workspace_resource_id"),
    *("profile", "warehouse_timeout"),
)
"""Settings of target-databricks that say where the warehouse is and who we are."""

_DEFAULTS = {
    "output": "output/report.html",
    "database": "output/books.duckdb",
    "lakehouse_path": "output/lakehouse",
    "xero_schema": "xero",
    "schema": "marts",
}


@dataclass(frozen=True)
class Settings:
    """What the page is made from, and where it goes.

    Attributes:
        output: The file to write.
        database: DuckDB's file with the marts.
        lakehouse_path: The `lakehouse_path` of target-databricks.
        storage_options: Its `storage_options`.
        xero_schema: Its `default_target_schema`.
        schema: Schema of the marts.
        load: What `xero-report reconciled` gives `meltano invoke` before it writes the page.
        access: The way into a workspace, by target-databricks' names; empty for a folder.
    """

    output: Path
    database: str
    lakehouse_path: str
    storage_options: Mapping[str, str] = field(repr=False)
    xero_schema: str
    schema: str
    load: str
    access: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """The settings that the environment states; what is empty counts as not stated."""

        def stated(name: str) -> str:
            return environment.get(f"{PREFIX}{name.upper()}") or _DEFAULTS.get(name, "")

        access = {name: value for name in WAYS_IN if (value := stated(name))}
        if "server_hostname" in access:
            known = TARGET["properties"]
            defaults = {name: known[name].get("default") for name in WAYS_IN}
            access = {**{k: v for k, v in defaults.items() if v is not None}, **access}
        else:
            access = {}
        return cls(
            Path(stated("output")),
            stated("database"),
            stated("lakehouse_path"),
            json.loads(stated("storage_options") or "{}"),
            stated("xero_schema"),
            stated("schema"),
            stated("load") or ("dbt-databricks:reconcile" if access else "marts:reconcile"),
            access,
        )
