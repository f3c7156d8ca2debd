"""How a request ends whose handler raised: an error of the REST API, or no answer at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from databricks_sandbox.app.messages import error_response, header_value
from databricks_sandbox.errors import SqlError
from databricks_sandbox.faults import ConnectionCutError, HttpError
from databricks_sandbox.identity import ExpiredError, UnauthorizedError
from databricks_sandbox.server import RESET


def _refusal(error: HttpError) -> Response:
    response = error_response(error.status, error.code, error.message)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(int(error.retry_after))
    response.headers["X-Thriftserver-Error-Message"] = header_value(error.message)
    return response


async def _refuse(_: Request, error: HttpError) -> Response:
    return _refusal(error)


async def _deny(_: Request, error: SqlError) -> Response:
    if error.condition == "INSUFFICIENT_PERMISSIONS":
        return _refusal(HttpError(403, "PERMISSION_DENIED", str(error)))
    return _refusal(HttpError(404, "NOT_FOUND", str(error)))


async def _ask_for_token(_: Request, error: UnauthorizedError) -> Response:
    response = error_response(401, "UNAUTHENTICATED", str(error))
    response.headers["WWW-Authenticate"] = "Bearer"
    response.headers["X-Databricks-Reason-Phrase"] = str(error)
    return response


async def _reset(request: Request, _: ConnectionCutError) -> Response:
    request.scope["extensions"][RESET]()
    # Nothing can be sent any more once the server has seen the end of the connection.
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()


async def _ask_for_new_token(_: Request, error: UnauthorizedError) -> Response:
    return _refusal(HttpError(403, "PERMISSION_DENIED", str(error)))


EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
    HttpError: _refuse,
    SqlError: _deny,
    UnauthorizedError: _ask_for_token,
    ExpiredError: _ask_for_new_token,
    ConnectionCutError: _reset,
}
"""What answers instead of a handler, by the class of what it raised."""
