"""Where things are: schemas, the volume of states and deliveries, secret scope, dashboard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from databricks.bundles.dashboards import Dashboard
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope, SecretScopePermission
from databricks.bundles.volumes import Volume

if TYPE_CHECKING:
    from databricks.bundles.core import Bundle

VOLUME = "/Volumes/${var.catalog}/${resources.schemas.xero.name}/${resources.volumes.pipeline.name}"
"""Path of the volume; that it names the resources makes the jobs wait for them."""


def schemas() -> dict[str, Schema]:
    """That of Xero's tables and that of the marts."""
    return {
        "xero": Schema.from_dict(
            {
                "catalog_name": "${var.catalog}",
                "name": "${var.schema}",
                "comment": "Xero's books, as tap-xero and target-databricks load them.",
                "lifecycle": {"prevent_destroy": True},
            }
        ),
        "marts": Schema.from_dict(
            {
                "catalog_name": "${var.catalog}",
                "name": "${var.marts_schema}",
                "comment": "Dimensions, facts, ledger and statements of Xero's books.",
                "grants": [
                    {"principal": "${var.readers}", "privileges": ["USE_SCHEMA", "SELECT"]},
                ],
            }
        ),
    }


def volume() -> Volume:
    """States and leases of the jobs, and deliveries of webhooks."""
    return Volume.from_dict(
        {
            "catalog_name": "${var.catalog}",
            "schema_name": "${resources.schemas.xero.name}",
            "name": "pipeline",
            "volume_type": "MANAGED",
            "comment": "States and leases of the Xero jobs; events/ takes deliveries of webhooks.",
            "lifecycle": {"prevent_destroy": True},
        }
    )


def scope(bundle: Bundle) -> SecretScope:
    """Credentials and tokens: nobody but the jobs' principal and who deployed it may read them."""
    principal = bundle.variables.get("principal")
    made = SecretScope.from_dict(
        # `databricks bundle destroy` stops before it drops what cannot be had again.
        {"name": "${var.secret_scope}", "lifecycle": {"prevent_destroy": True}}
    )
    if not principal:
        return made
    writer = SecretScopePermission.from_dict(
        {"level": "WRITE", "service_principal_name": str(principal)}
    )
    return replace(made, permissions=[writer])


def dashboard() -> Dashboard:
    """The pages of the books, on the marts."""
    return Dashboard.from_dict(
        {
            "display_name": "Xero: the books",
            "file_path": "dashboards/books.lvdash.json",
            "warehouse_id": "${var.warehouse_id}",
            "dataset_catalog": "${var.catalog}",
            "dataset_schema": "${resources.schemas.marts.name}",
            "embed_credentials": False,
            "permissions": [{"level": "CAN_READ", "group_name": "${var.readers}"}],
        }
    )
