"""Requests and responses as the routes see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


class Request:
    """One HTTP request; its body is read when it is asked for.

    Attributes:
        method: in upper case.
        path: decoded, without the query.
        base_url: scheme, host and port as the client reached the server.
    """

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Iterable[tuple[str, str]],
        base_url: str,
        reader: Callable[[int | None], bytes],
    ) -> None:
        self.method = method
        self.path = path
        self.query = {name: values[-1] for name, values in parse_qs(query).items()}
        self._headers = {name.lower(): value for name, value in headers}
        self.base_url = base_url
        self._reader = reader
        self._body: bytes | None = None

    def header(self, name: str) -> str:
        """A header, whatever its case; empty when it is missing."""
        return self._headers.get(name.lower(), "")

    def body(self) -> bytes:
        """All of the body."""
        if self._body is None:
            self._body = self._reader(None)
        return self._body

    def first_bytes(self, count: int) -> bytes:
        """The first bytes of the body, the rest left unread: for connections about to be cut."""
        self._body = self._reader(count)
        return self._body

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


@dataclass
class Response:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Response:
        """A JSON answer."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    @classmethod
    def error(cls, status: int, code: str, message: str) -> Response:
        """An error as Databricks' REST API gives it."""
        return cls.json({"error_code": code, "message": message}, status)
