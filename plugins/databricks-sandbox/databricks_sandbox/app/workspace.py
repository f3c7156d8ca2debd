"""The REST API as far as clients of a SQL warehouse use it: who am I, warehouses, files.

Source: Databricks REST API reference: SCIM Me, SQL Warehouses, Files. Anything else is not found.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from databricks_sandbox.app import staging
from databricks_sandbox.app.messages import Request, Response
from databricks_sandbox.identity import Principal
from databricks_sandbox.unity.metastore import Securable
from databricks_sandbox.unity.volumes import normal_path

if TYPE_CHECKING:
    from databricks_sandbox.sandbox import Sandbox

_FILES = "/api/2.0/fs/files"
_DIRECTORIES = "/api/2.0/fs/directories"
_WAREHOUSES = "/api/2.0/sql/warehouses"


def answer(sandbox: Sandbox, request: Request, principal: Principal) -> Response:
    """Answer one REST call of a known principal."""
    method, path = request.method, request.path.rstrip("/")
    if path == "/api/2.0/preview/scim/v2/Me" and method == "GET":
        return Response.json(_me(principal), 200)
    if path == _WAREHOUSES and method == "GET":
        return Response.json({"warehouses": [_warehouse(sandbox)]})
    if path.startswith(f"{_WAREHOUSES}/"):
        return _one_warehouse(sandbox, method, path.removeprefix(f"{_WAREHOUSES}/"), principal)
    if path.startswith(f"{_FILES}/"):
        return _file(sandbox, request, path.removeprefix(_FILES), principal)
    if path.startswith(f"{_DIRECTORIES}/"):
        return _directory(sandbox, method, path.removeprefix(_DIRECTORIES), principal)
    return Response.error(404, "ENDPOINT_NOT_FOUND", f"databricks-sandbox has no {method} {path}.")


def _me(principal: Principal) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": str(principal.number),
        "userName": principal.name,
        "displayName": principal.display_name,
        "active": True,
        "groups": [{"display": group} for group in principal.groups],
    }


def _warehouse(sandbox: Sandbox) -> dict[str, Any]:
    warehouse = sandbox.warehouse
    return {
        "id": warehouse.identifier,
        "name": warehouse.name,
        "cluster_size": "2X-Small",
        "state": warehouse.state,
        "auto_stop_mins": 10,
        "enable_serverless_compute": True,
        "warehouse_type": "PRO",
        "num_clusters": int(warehouse.state == "RUNNING"),
        "num_active_sessions": len(sandbox.sessions.session_ids()),
        "odbc_params": {
            "hostname": "127.0.0.1",
            "path": warehouse.http_path,
            "protocol": "https",
            "port": sandbox.port,
        },
    }


def _one_warehouse(sandbox: Sandbox, method: str, rest: str, principal: Principal) -> Response:
    identifier, _, action = rest.partition("/")
    warehouse = sandbox.warehouse
    if identifier != warehouse.identifier or warehouse.state == "DELETED":
        return Response.error(
            404, "RESOURCE_DOES_NOT_EXIST", f"SQL warehouse {identifier} does not exist."
        )
    if not principal.can_use_warehouse:
        return Response.error(
            403,
            "PERMISSION_DENIED",
            f"{principal.name} does not have permission to use the SQL warehouse {identifier}.",
        )
    if method == "GET" and not action:
        return Response.json(_warehouse(sandbox))
    if method == "POST" and action == "start":
        warehouse.start()
        return Response.json({})
    if method == "POST" and action == "stop":
        warehouse.stop()
        return Response.json({})
    return Response.error(404, "ENDPOINT_NOT_FOUND", f"databricks-sandbox has no {method} {rest}.")


def _file(sandbox: Sandbox, request: Request, name: str, principal: Principal) -> Response:
    path = normal_path(name)
    volume = Securable("VOLUME", sandbox.volumes.of_path(path).name)
    privilege = "READ VOLUME" if request.method in ("GET", "HEAD") else "WRITE VOLUME"
    sandbox.grants.require(principal, privilege, volume)
    local = sandbox.volumes.local(path)
    if request.method == "PUT":
        if local.exists() and request.query.get("overwrite", "true") != "true":
            return Response.error(409, "ALREADY_EXISTS", f"The file exists already: {path}")
        staging.upload(sandbox, request, path)
        return Response(204)
    if not local.is_file():
        return Response.error(404, "NOT_FOUND", f"The file being accessed is not found: {path}")
    if request.method == "DELETE":
        return staging.remove(sandbox, path)
    if request.method not in ("GET", "HEAD"):
        return Response.error(405, "BAD_REQUEST", f"{request.method} is not for files.")
    response = staging.download(sandbox, path)
    response.headers["Last-Modified"] = formatdate(local.stat().st_mtime, usegmt=True)
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.header("Range"))
    if wanted:
        size, first = len(response.body), int(wanted[1])
        last = min(int(wanted[2] or size - 1), size - 1)
        response.body = response.body[first : last + 1]
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        response.status = 206
    return response


def _directory(sandbox: Sandbox, method: str, name: str, principal: Principal) -> Response:
    path = normal_path(name)
    volume = Securable("VOLUME", sandbox.volumes.of_path(path).name)
    privilege = "READ VOLUME" if method in ("GET", "HEAD") else "WRITE VOLUME"
    sandbox.grants.require(principal, privilege, volume)
    local = sandbox.volumes.local(path)
    if method == "PUT":
        local.mkdir(parents=True, exist_ok=True)
        return Response(204)
    if not local.is_dir():
        return Response.error(
            404, "NOT_FOUND", f"The directory being accessed is not found: {path}"
        )
    if method == "HEAD":
        return Response(200)
    if method == "GET":
        return Response.json(
            {
                "contents": [
                    {
                        "path": found,
                        "name": found.rsplit("/", 1)[-1],
                        "is_directory": is_folder,
                        "file_size": 0 if is_folder else facts.st_size,
                        "last_modified": int(facts.st_mtime * 1000),
                    }
                    for found, facts, is_folder in sandbox.volumes.files(path)
                ]
            }
        )
    if method == "DELETE":
        if any(local.iterdir()):
            return Response.error(400, "DIRECTORY_NOT_EMPTY", f"The directory is not empty: {path}")
        local.rmdir()
        return Response(204)
    return Response.error(405, "BAD_REQUEST", f"{method} is not for directories.")
