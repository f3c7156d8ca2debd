"""Everything on the port by its path: the SQL protocol, OAuth, REST, staging, control."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from databricks_sandbox.app.catalog import CatalogCalls
from databricks_sandbox.app.control import Control
from databricks_sandbox.app.files import Files
from databricks_sandbox.app.messages import bearer, login_page, names_workspace, path_of
from databricks_sandbox.app.oidc import WORKSPACE_ID, OAuth
from databricks_sandbox.app.refusals import EXCEPTION_HANDLERS
from databricks_sandbox.app.secrets import SecretScopes
from databricks_sandbox.app.sql import SqlEndpoint
from databricks_sandbox.app.staging import Staging
from databricks_sandbox.app.workspace import Warehouses, me, not_found
from databricks_sandbox.faults import FaultPlan, HttpError
from databricks_sandbox.identity import Identity, Principal
from databricks_sandbox.statements import StatementLog
from databricks_sandbox.switches import Switches

Handler = Callable[[Request], Awaitable[Response]]
"""Answers a request; what blocks in it has a thread of its own."""

PrincipalHandler = Callable[[Request, Principal], Awaitable[Response]]
"""The same for requests whose token is looked at before."""

_NOT_ENTITLED = (
    "This API is disabled for users without the databricks-sql-access or workspace-consume "
    "entitlement."
)
"""Source: what workspaces answer, in reports of users; no document has it."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")


def create_app(
    *,
    catalog: CatalogCalls,
    control: Control,
    faults: FaultPlan,
    files: Files,
    identity: Identity,
    log: StatementLog,
    oauth: OAuth,
    secrets: SecretScopes,
    sql: SqlEndpoint,
    staging: Staging,
    switches: Switches,
    warehouses: Warehouses,
) -> Starlette:
    """The application.

    Paths under `/sandbox` are for programs of this machine and need no token, except those that
    hand tokens out. Signed URLs are their own permission.

    Args:
        catalog: the Unity Catalog API.
        control: faults, clock, log and warehouse for tests in other processes.
        faults: what goes wrong with REST calls.
        files: the Files API.
        identity: whose tokens are looked at.
        log: where REST calls are noted.
        oauth: discovery and tokens.
        secrets: the Secrets API.
        sql: the SQL protocol.
        staging: signed URLs.
        switches: whether the host is one of several workspaces.
        warehouses: the SQL Warehouses API.
    """

    def route(path: str, handler: Handler) -> Route:
        return Route(path, handler, methods=_METHODS)

    def authenticated(handler: PrincipalHandler) -> Handler:
        async def answer(request: Request) -> Response:
            if switches.unified_host and not names_workspace(request, WORKSPACE_ID):
                # As the proxy of such a host does, which then does not know whom to ask.
                return RedirectResponse("/login", 302)
            return await handler(request, identity.principal_of(bearer(request)))

        return answer

    def rest(handler: PrincipalHandler) -> Handler:
        async def answer(request: Request, principal: Principal) -> Response:
            call = f"{request.method} {path_of(request)}"
            log.add_call(call)
            await faults.strike_call("api", call)
            return await handler(request, principal)

        return authenticated(answer)

    def entitled(handler: PrincipalHandler) -> PrincipalHandler:
        async def answer(request: Request, principal: Principal) -> Response:
            if not principal.sql_access:
                raise HttpError(403, "PERMISSION_DENIED", _NOT_ENTITLED)
            return await handler(request, principal)

        return answer

    return Starlette(
        routes=[
            route("/sandbox/{path:path}", control.answer),
            route("/staging/{path:path}", staging.answer),
            route("/oidc/{path:path}", oauth.answer),
            route("/.well-known/{path:path}", oauth.answer),
            route("/login", login_page),
            route("/sql/{path:path}", authenticated(entitled(sql.answer))),
            route("/api/2.0/preview/scim/v2/Me", rest(me)),
            route("/api/2.0/sql/warehouses", rest(entitled(warehouses.list))),
            route("/api/2.0/sql/warehouses/{path:path}", rest(entitled(warehouses.answer))),
            route("/api/2.1/unity-catalog/catalogs/{path:path}", rest(entitled(catalog.catalog))),
            route("/api/2.1/unity-catalog/tables/{path:path}", rest(entitled(catalog.table))),
            route("/api/2.1/unity-catalog/schemas/{path:path}", rest(entitled(catalog.schema))),
            route("/api/2.0/fs/files/{path:path}", rest(entitled(files.file))),
            route("/api/2.0/fs/directories/{path:path}", rest(entitled(files.directory))),
            route("/api/2.0/secrets/{path:path}", rest(secrets.answer)),
            route("/{path:path}", rest(not_found)),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )
