"""What the handlers share: what they read from a request, and errors of the REST API."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response


def base_url(request: Request) -> str:
    """Scheme, host and port as the client reached the server."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '127.0.0.1')}"


def path_of(request: Request) -> str:
    """The path, decoded, without the query."""
    return str(request.scope["path"])


_WORKSPACE = ("x-databricks-org-id", "x-databricks-workspace-id")
"""Headers in which the connector and the SDK say which workspace a call is for."""


def names_workspace(request: Request, identifier: str) -> bool:
    """Whether a request says that it is for this workspace."""
    said = {request.headers.get(name) for name in _WORKSPACE} | {request.query_params.get("o")}
    return identifier in said


async def login_page(_: Request) -> Response:
    """The page where people sign in, which is what a program gets that is not let in."""
    return HTMLResponse("<!DOCTYPE html><html><title>Sign in</title></html>")


def bearer(request: Request) -> str:
    """The bearer token; empty when there is none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def form(request: Request) -> dict[str, str]:
    """The body as an HTML form."""
    body = await request.body()
    return {name: values[-1] for name, values in parse_qs(body.decode()).items()}


async def first_bytes(request: Request, count: int) -> bytes:
    """The first bytes of the body, the rest left unread: for connections about to be reset."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) >= count:
            break
    return bytes(content[:count])


def error_response(status: int, code: str, message: str) -> Response:
    """An error as Databricks' REST API gives it."""
    return JSONResponse({"error_code": code, "message": message}, status)


def header_value(text: str) -> str:
    """A text as a header may carry it: one line, in the characters of HTTP."""
    return " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")
