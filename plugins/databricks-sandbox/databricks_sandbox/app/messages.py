"""Requests and responses as handlers see them: plain functions that run in threads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request as AsgiRequest
from starlette.responses import JSONResponse, Response


class Request:
    """One HTTP request; its body is read when it is asked for.

    Args:
        request: as it came in.
        body: all of its body, where that was read before; None to read it from the connection.
        loop: what the connection is read in.

    Attributes:
        method: in upper case.
        path: decoded, without the query.
        query: the last value of each parameter.
        base_url: scheme, host and port as the client reached the server.
        port: that the client reached.
    """

    def __init__(
        self, request: AsgiRequest, body: bytes | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.method = request.method
        self.path: str = request.scope["path"]
        self.query = dict(request.query_params)
        host = request.headers.get("host", "127.0.0.1")
        self.base_url = f"{request.scope['scheme']}://{host}"
        self.port: int = request.scope["server"][1]
        self._request = request
        self._body = body
        self._loop = loop

    def header(self, name: str) -> str:
        """A header, whatever its case; empty when it is missing."""
        return self._request.headers.get(name, "")

    def body(self) -> bytes:
        """All of the body."""
        if self._body is None:
            self._body = self._read(self._request.body())
        return self._body

    def first_bytes(self, count: int) -> bytes:
        """The first bytes of the body, the rest left unread: for connections about to be reset."""
        if self._body is None:
            self._body = self._read(_first_bytes(self._request, count))
        return self._body[:count]

    def json(self) -> Any:
        """The body as JSON; an empty one is an empty object."""
        return json.loads(self.body() or b"{}")

    def form(self) -> dict[str, str]:
        """The body as an HTML form."""
        return {name: values[-1] for name, values in parse_qs(self.body().decode()).items()}

    def bearer(self) -> str:
        """The bearer token; empty when there is none."""
        kind, _, token = self.header("Authorization").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    def _read(self, reading: Any) -> bytes:
        return bytes(asyncio.run_coroutine_threadsafe(reading, self._loop).result())


Handler = Callable[[Request], Response]


def endpoint(handler: Handler, threads: Executor) -> Callable[[AsgiRequest], Awaitable[Response]]:
    """The endpoint that lets a handler answer in a thread, where it may wait as long as it likes.

    Args:
        handler: answers a request.
        threads: where it runs.
    """

    async def answer(request: AsgiRequest) -> Response:
        loop = asyncio.get_running_loop()
        # Files are left to the handler: a fault may strike in the middle of one.
        body = None if request.method == "PUT" else await request.body()
        return await loop.run_in_executor(threads, handler, Request(request, body, loop))

    return answer


def error_response(status: int, code: str, message: str) -> Response:
    """An error as Databricks' REST API gives it."""
    return JSONResponse({"error_code": code, "message": message}, status)


def header_value(text: str) -> str:
    """A text as a header may carry it: one line, in the characters of HTTP."""
    return " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")


async def _first_bytes(request: AsgiRequest, count: int) -> bytes:
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) >= count:
            break
    return content
