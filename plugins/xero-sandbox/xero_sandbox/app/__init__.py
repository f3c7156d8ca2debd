"""The HTTP face of the sandbox: one application, whose base URL stands for all of Xero's hosts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from xero_sandbox.app.visitors import refusal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from xero_sandbox.app.accounting import AccountingApi
    from xero_sandbox.app.control import ControlApi
    from xero_sandbox.app.identity import IdentityApi

Handler = Callable[["Request"], Awaitable["Response"]]
_ALL = ["GET", "PUT", "POST", "DELETE"]


def _both_cases(path: str, endpoint: Handler, methods: list[str]) -> list[Route]:
    """Xero's own clients write `/Connections`, its documentation `/connections`."""
    return [
        Route(spelling, endpoint, methods=methods)
        for spelling in (path, path.replace("/connections", "/Connections"))
    ]


def _of_this_machine(call: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        if (reason := refusal(request.headers)) is not None:
            return JSONResponse({"error": reason}, 403)
        return await call(request)

    return answer


def create_app(accounting: AccountingApi, identity: IdentityApi, control: ControlApi) -> Starlette:
    """Return the application of the three APIs."""
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", identity.configuration),
            Route("/identity/connect/authorize", identity.authorize, methods=["GET", "POST"]),
            Route("/connect/token", identity.token, methods=["POST"]),
            Route("/connect/revocation", identity.revocation, methods=["POST"]),
            *_both_cases("/connections", identity.connections, ["GET"]),
            *_both_cases("/connections/{connection_id}", identity.connections, ["DELETE"]),
            Route("/api.xro/2.0/{path:path}", accounting.answer, methods=_ALL),
            *(
                Route(f"/sandbox/{path}", _of_this_machine(call), methods=methods)
                for path, (call, methods) in {
                    "clock": (control.clock, ["GET", "POST"]),
                    "documents": (control.documents, ["POST"]),
                    "faults": (control.faults, ["GET", "POST", "DELETE"]),
                    "irregularities": (control.irregularities, ["GET", "POST", "DELETE"]),
                    "hooks": (control.hooks, ["POST"]),
                    "calls": (control.calls, ["GET", "DELETE"]),
                    "counts": (control.counts, ["GET"]),
                    "webhooks": (control.webhooks, ["GET", "POST", "DELETE"]),
                    "tokens": (control.tokens, ["DELETE"]),
                }.items()
            ),
        ]
    )
