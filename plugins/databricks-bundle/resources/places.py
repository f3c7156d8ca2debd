"""Where things are: schemas, volumes of states and of deliveries, secret scope, dashboard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from databricks.bundles.dashboards import Dashboard
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope, SecretScopePermission
from databricks.bundles.volumes import Volume

if TYPE_CHECKING:
    from databricks.bundles.core import Bundle

_VOLUMES = "/Volumes/${var.catalog}/${resources.schemas.xero.name}"
VOLUME = f"{_VOLUMES}/${{resources.volumes.pipeline.name}}"
EVENTS = f"{_VOLUMES}/${{resources.volumes.events.name}}"
"""Paths of the volumes; that they name the resources makes the jobs wait for them."""

READS = ("USE_SCHEMA", "SELECT")
WRITES = (*READS, "CREATE_TABLE", "MODIFY")
FILES = ("READ_VOLUME", "WRITE_VOLUME")
"""Source: what `target-databricks-grants` states; a view of dbt needs CREATE TABLE, too."""


def _granted(to: str, *privileges: str) -> list[Any]:
    """A grant, as schemas and volumes take it."""
    return [{"principal": to, "privileges": list(privileges)}]


def _to_principal(bundle: Bundle, *privileges: str) -> list[Any]:
    """What the principal that jobs run as may do with what somebody else deploys, and owns."""
    named = bundle.variables.get("principal")
    return _granted("${var.principal}", *privileges) if named else []


def schemas(bundle: Bundle) -> dict[str, Schema]:
    """That of Xero's tables and that of the marts."""
    return {
        "xero": Schema.from_dict(
            {
                "catalog_name": "${var.catalog}",
                "name": "${var.schema}",
                "comment": "Xero's books, as tap-xero and target-databricks load them.",
                # The target stages in a volume of its own.
                "grants": _to_principal(bundle, *WRITES, "CREATE_VOLUME"),
                "lifecycle": {"prevent_destroy": True},
            }
        ),
        "marts": Schema.from_dict(
            {
                "catalog_name": "${var.catalog}",
                "name": "${var.marts_schema}",
                "comment": "Dimensions, facts, ledger and statements of Xero's books.",
                "grants": [
                    *_granted("${var.readers}", *READS),
                    *_to_principal(bundle, *WRITES),
                ],
            }
        ),
    }


def volumes(bundle: Bundle) -> dict[str, Volume]:
    """That of states and leases, and that of deliveries, where others may write."""
    comments = {
        "pipeline": "States and leases of the Xero jobs.",
        "events": "Deliveries of Xero's webhooks, one file each; what is loaded goes.",
    }
    return {
        name: Volume.from_dict(
            {
                "catalog_name": "${var.catalog}",
                "schema_name": "${resources.schemas.xero.name}",
                "name": name,
                "volume_type": "MANAGED",
                "comment": comment,
                "grants": _to_principal(bundle, *FILES),
                "lifecycle": {"prevent_destroy": True},
            }
        )
        for name, comment in comments.items()
    }


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
