"""Everything on the port by its path: the SQL protocol, OAuth, REST, staging, control."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from databricks_sandbox.app.control import Control
from databricks_sandbox.app.files import Files
from databricks_sandbox.app.messages import Handler, Request, endpoint
from databricks_sandbox.app.oidc import OAuth
from databricks_sandbox.app.refusals import EXCEPTION_HANDLERS
from databricks_sandbox.app.sql import SqlEndpoint
from databricks_sandbox.app.staging import Staging
from databricks_sandbox.app.workspace import Warehouses, me, not_found
from databricks_sandbox.faults import FaultPlan
from databricks_sandbox.identity import Identity, Principal

# Every call that waits for its statement has a thread, so this is more than all clients of a test
# session together; those without a request cost nothing.
_THREADS = 256

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")


def create_app(
    *,
    control: Control,
    faults: FaultPlan,
    files: Files,
    identity: Identity,
    oauth: OAuth,
    sql: SqlEndpoint,
    staging: Staging,
    warehouses: Warehouses,
) -> Starlette:
    """The application.

    Paths under `/sandbox` need no token: the port is open to this machine only. Signed URLs are
    their own permission.

    Args:
        control: faults, clock, log and warehouse for tests in other processes.
        faults: what goes wrong with REST calls.
        files: the Files API.
        identity: whose tokens are looked at.
        oauth: discovery and tokens.
        sql: the SQL protocol.
        staging: signed URLs.
        warehouses: the SQL Warehouses API.
    """
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="request")

    def route(path: str, handler: Handler) -> Route:
        return Route(path, endpoint(handler, threads), methods=_METHODS)

    def authenticated(handler: Callable[[Request, Principal], Response]) -> Handler:
        return lambda request: handler(request, identity.principal_of(request.bearer()))

    def rest(handler: Callable[[Request, Principal], Response]) -> Handler:
        def answer(request: Request, principal: Principal) -> Response:
            faults.strike("api", f"{request.method} {request.path}")
            return handler(request, principal)

        return authenticated(answer)

    return Starlette(
        routes=[
            route("/sandbox/{path:path}", control.answer),
            route("/staging/{path:path}", staging.answer),
            route("/oidc/{path:path}", oauth.answer),
            route("/.well-known/{path:path}", oauth.answer),
            route("/sql/{path:path}", authenticated(sql.answer)),
            route("/api/2.0/preview/scim/v2/Me", rest(me)),
            route("/api/2.0/sql/warehouses", rest(warehouses.list)),
            route("/api/2.0/sql/warehouses/{path:path}", rest(warehouses.answer)),
            route("/api/2.0/fs/files/{path:path}", rest(files.file)),
            route("/api/2.0/fs/directories/{path:path}", rest(files.directory)),
            route("/{path:path}", rest(not_found)),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )
