"""The REST API as far as clients of a SQL warehouse use it: who am I, and warehouses.

Source: Databricks REST API reference: SCIM Me, SQL Warehouses. `files` has the Files API; anything
else is not found.
"""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from databricks_sandbox.app.messages import error_response, path_of
from databricks_sandbox.identity import Principal
from databricks_sandbox.protocol.operations import Registry
from databricks_sandbox.warehouse import Warehouse


async def me(request: Request, principal: Principal) -> Response:
    """`GET /api/2.0/preview/scim/v2/Me`."""
    if request.method != "GET":
        return await not_found(request, principal)
    return JSONResponse(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": str(principal.number),
            "userName": principal.name,
            "displayName": principal.display_name,
            "active": True,
            "entitlements": [{"value": "databricks-sql-access"}] if principal.sql_access else [],
            "groups": [{"display": group} for group in principal.groups],
        }
    )


async def not_found(request: Request, _: Principal) -> Response:
    """What the sandbox lacks."""
    call = f"{request.method} {path_of(request).rstrip('/')}"
    return error_response(404, "ENDPOINT_NOT_FOUND", f"databricks-sandbox has no {call}.")


class Warehouses:
    """`/api/2.0/sql/warehouses`: the one there is.

    Args:
        warehouse: the one there is.
        sessions: which are counted.
    """

    def __init__(self, warehouse: Warehouse, sessions: Registry) -> None:
        self._warehouse = warehouse
        self._sessions = sessions

    async def list(self, request: Request, principal: Principal) -> Response:
        """All warehouses."""
        if request.method != "GET":
            return await not_found(request, principal)
        return JSONResponse({"warehouses": [self._facts(request)]})

    async def answer(self, request: Request, principal: Principal) -> Response:
        """Show, start or stop one."""
        method, rest = request.method, path_of(request).rstrip("/").split("/warehouses/", 1)[1]
        identifier, _, action = rest.partition("/")
        warehouse = self._warehouse
        if identifier != warehouse.identifier:
            return error_response(
                404, "RESOURCE_DOES_NOT_EXIST", f"SQL warehouse {identifier} does not exist."
            )
        if not principal.can_use_warehouse:
            return error_response(
                403,
                "PERMISSION_DENIED",
                f"{principal.name} does not have permission to use the SQL warehouse {identifier}.",
            )
        if method == "GET" and not action:
            return JSONResponse(self._facts(request))
        if method == "POST" and action == "start":
            warehouse.start()
            return JSONResponse({})
        if method == "POST" and action == "stop":
            await run_in_threadpool(warehouse.stop)
            return JSONResponse({})
        return error_response(
            404, "ENDPOINT_NOT_FOUND", f"databricks-sandbox has no {method} {rest}."
        )

    def _facts(self, request: Request) -> dict[str, Any]:
        warehouse = self._warehouse
        return {
            "id": warehouse.identifier,
            "name": warehouse.name,
            "cluster_size": "2X-Small",
            "state": warehouse.state,
            "auto_stop_mins": round(warehouse.auto_stop_seconds / 60),
            "enable_serverless_compute": True,
            "warehouse_type": "PRO",
            "num_clusters": int(warehouse.state == "RUNNING"),
            "num_active_sessions": len(self._sessions.session_ids()),
            "odbc_params": {
                "hostname": "127.0.0.1",
                "path": warehouse.http_path,
                "protocol": "https",
                "port": request.scope["server"][1],
            },
        }
