"""Resources of the bundle: the Databricks CLI calls `load_resources` when it validates or deploys.

Paths are relative to the folder of databricks.yml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks.bundles.core import Resources

from resources import jobs, places

if TYPE_CHECKING:
    from databricks.bundles.core import Bundle


def load_resources(bundle: Bundle) -> Resources:
    """All resources of a target.

    Args:
        bundle: The target, and the values of the variables of databricks.yml.
    """
    resources = Resources()  # type: ignore[no-untyped-call]
    for name, schema in places.schemas(bundle).items():
        resources.add_schema(name, schema)
    for name, volume in places.volumes(bundle).items():
        resources.add_volume(name, volume)
    resources.add_secret_scope("xero", places.scope(bundle))
    resources.add_dashboard("books", places.dashboard())
    for name, job in jobs.of(bundle).items():
        resources.add_job(name, job)
    return resources
