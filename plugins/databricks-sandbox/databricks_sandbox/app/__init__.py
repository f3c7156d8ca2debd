"""Which path goes where, and what is checked before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from databricks_sandbox.app import control, oidc, sql, staging, workspace
from databricks_sandbox.app.messages import Request, Response
from databricks_sandbox.errors import SqlError
from databricks_sandbox.faults import HttpError

if TYPE_CHECKING:
    from databricks_sandbox.sandbox import Sandbox


def routes(sandbox: Sandbox) -> Callable[[Request], Response]:
    """A function that answers requests.

    Paths under `/sandbox` need no token: the port is open to this machine only.
    """
    protocol = sql.endpoint(sandbox)

    def answer(request: Request) -> Response:
        path = request.path
        if path.startswith("/sandbox/"):
            return control.answer(sandbox, request)
        if path.startswith("/staging/"):
            return staging.answer(sandbox, request)
        if path.startswith(("/oidc/", "/.well-known/")):
            return oidc.answer(sandbox, request)
        principal = sandbox.identity.principal_of(request.bearer())
        if path.startswith("/sql/"):
            return protocol(request, principal)
        try:
            sandbox.faults.strike("api", f"{request.method} {path}")
            return workspace.answer(sandbox, request, principal)
        except SqlError as error:
            status = 403 if error.condition == "INSUFFICIENT_PERMISSIONS" else 404
            code = "PERMISSION_DENIED" if status == 403 else "NOT_FOUND"
            raise HttpError(status, code, str(error)) from error

    return answer
