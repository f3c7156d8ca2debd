"""Everything on the port by its path: the SQL protocol, OAuth, REST, staging, control."""

from __future__ import annotations

from databricks_sandbox.rest.routing import routes

__all__ = ["routes"]
