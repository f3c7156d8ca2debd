"""Signed URLs: where clients send, fetch and remove the files of volumes.

The signature is the permission; no token is asked for, as with a cloud's object store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks_sandbox.app.messages import Request, Response
from databricks_sandbox.faults import ConnectionCutError, HttpError

if TYPE_CHECKING:
    from databricks_sandbox.sandbox import Sandbox

_OPERATIONS = {"PUT": "PUT", "GET": "GET", "DELETE": "REMOVE"}


def answer(sandbox: Sandbox, request: Request) -> Response:
    """Move one file."""
    path = request.path.removeprefix("/staging")
    ticket = sandbox.volumes.ticket(request.query.get("signature", ""), path)
    operation = _OPERATIONS.get(request.method)
    if ticket is None or ticket.operation != operation:
        return Response.error(403, "PERMISSION_DENIED", "The signature of this URL is not valid.")
    if operation == "PUT":
        return upload(sandbox, request, path)
    if operation == "GET":
        return download(sandbox, path)
    return remove(sandbox, path)


def upload(sandbox: Sandbox, request: Request, path: str) -> Response:
    """Store the body of a request."""
    fault = sandbox.faults.take("upload", path, ("cut", "disk_full"))
    if fault is not None:
        if fault.effect == "cut":
            sent = request.first_bytes(fault.after_bytes)
            sandbox.log.add_staging("PUT failed", path, len(sent))
            raise ConnectionCutError
        sandbox.log.add_staging("PUT failed", path, len(request.body()[: fault.after_bytes]))
        raise HttpError(507, "INSUFFICIENT_STORAGE", f"No space left on device: {path}")
    sandbox.faults.strike("upload", path)
    content = request.body()
    _writable(sandbox, path)
    try:
        sandbox.volumes.write(path, content)
    except OSError as error:
        # The disk may be full in earnest.
        raise HttpError(507, "INSUFFICIENT_STORAGE", f"{error.strerror}: {path}") from error
    sandbox.log.add_staging("PUT", path, len(content))
    return Response(200)


def download(sandbox: Sandbox, path: str) -> Response:
    """Send a file."""
    sandbox.faults.strike("download", path)
    local = sandbox.volumes.local(path)
    if not local.is_file():
        return Response.error(404, "NOT_FOUND", f"The file being accessed is not found: {path}")
    content = local.read_bytes()
    sandbox.log.add_staging("GET", path, len(content))
    return Response(200, content, {"Content-Type": "application/octet-stream"})


def remove(sandbox: Sandbox, path: str) -> Response:
    """Remove a file; one that is not there is no error, as with object stores."""
    sandbox.faults.strike("remove", path)
    _writable(sandbox, path)
    local = sandbox.volumes.local(path)
    if local.is_file():
        local.unlink()
    sandbox.log.add_staging("REMOVE", path, 0)
    return Response(204)


def _writable(sandbox: Sandbox, path: str) -> None:
    if sandbox.volumes.of_path(path).read_only:
        raise HttpError(403, "PERMISSION_DENIED", f"The volume is read-only: {path}")
