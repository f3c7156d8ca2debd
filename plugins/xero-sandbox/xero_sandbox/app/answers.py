"""What an Accounting call is answered with, and how that becomes bytes.

Handlers return an `Answer` or raise an `ApiError`; only this module knows envelopes, error bodies,
JSON, XML and gzip.

Source: Xero, "Requests and responses" and "Response codes"; the examples of its OpenAPI
description.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import Response

from xero_sandbox import wire
from xero_sandbox.app.xml import to_xml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from starlette.types import Receive, Scope, Send

PROVIDER = "Xero sandbox"
_GZIP_FROM = 1024
# Deflate spends its time well at level 1: a page of invoices shrinks to about a seventh.
_GZIP_LEVEL = 1


@dataclass
class Answer:
    """A successful answer.

    Attributes:
        key: Envelope key, e.g. `Invoices`.
        rows: The documents as JSON text.
        pagination: Xero's pagination object, where the endpoint has one.
        page: Page (or offset) that was read, for hooks; None when the list was not paged.
        warnings: Messages for the envelope's `Warnings`.
        status: 200, or 204 without a body.
    """

    key: str
    rows: Sequence[bytes] = ()
    pagination: Mapping[str, int] | None = None
    page: int | None = None
    warnings: Sequence[str] = ()
    status: int = 200


@dataclass
class ApiError(Exception):
    """A refusal.

    Attributes:
        status: HTTP status.
        body: JSON object, or text for the errors that Xero's outer layers answer in plain text.
        headers: Extra headers.
    """

    status: int
    body: Mapping[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, title: str, detail: str) -> ApiError:
    """An error of Xero's gateway (401, 403, 404), which is JSON whatever the client accepts."""
    return ApiError(
        status,
        {
            "Type": None,
            "Title": title,
            "Status": status,
            "Detail": detail,
            "Instance": str(uuid4()),
            "Extensions": {},
        },
    )


def unauthorized(detail: str) -> ApiError:
    """401 with one of Xero's details."""
    return problem(401, "Unauthorized", detail)


def token_expired(now: datetime) -> ApiError:
    """401 as an expired token gets it."""
    return unauthorized(f"TokenExpired: token expired at {now.strftime('%m/%d/%Y %H:%M:%S')}")


def forbidden() -> ApiError:
    """403: the organisation is not connected, or no longer."""
    return problem(403, "Forbidden", "AuthenticationUnsuccessful")


def not_found(what: str) -> ApiError:
    """404 that says what was looked for."""
    return problem(404, "NotFound", f"The resource you're looking for cannot be found: {what}")


def not_implemented(method: str, path: str) -> ApiError:
    """501: Xero can do this and the sandbox cannot."""
    return ApiError(501, f"The sandbox does not implement {method} {path}.")


def bad_query(message: str) -> ApiError:
    """400 for a `where` or `order` that cannot be understood."""
    return ApiError(400, {"ErrorNumber": 16, "Type": "QueryParseException", "Message": message})


def bad_request(message: str) -> ApiError:
    """400 without elements: a parameter, header or body that cannot be used."""
    return ApiError(400, {"ErrorNumber": 10, "Type": "ValidationException", "Message": message})


def bad_body(message: str) -> ApiError:
    """400 for a body that is not what the endpoint takes."""
    return ApiError(
        400, {"ErrorNumber": 14, "Type": "PostDataInvalidException", "Message": message}
    )


def unsortable() -> ApiError:
    """400 for an order over too many rows, as users of the API have published it."""
    message = "The request is not efficient: sort fewer rows, or none."
    return ApiError(400, {"ErrorNumber": 51, "Type": "HighVolumeException", "Message": message})


def timed_out() -> ApiError:
    """504 with the page of a gateway that has waited long enough."""
    return ApiError(504, "<html><body><h1>504 Gateway Time-out</h1></body></html>")


def invalid(elements: Sequence[Mapping[str, Any]]) -> ApiError:
    """400 that lists the elements that failed validation."""
    return ApiError(
        400,
        {
            "ErrorNumber": 10,
            "Type": "ValidationException",
            "Message": "A validation exception occurred",
            "Elements": list(elements),
        },
    )


def wants_json(accept: str) -> bool:
    """Whether an Accept header asks for JSON; without it Xero answers in XML."""
    return "application/json" in accept.lower()


def render(answer: Answer, now: datetime, *, json: bool) -> tuple[bytes, str]:
    """The body of a successful answer and its content type."""
    head: dict[str, Any] = {
        "Id": str(uuid4()),
        "Status": "OK",
        "ProviderName": PROVIDER,
        "DateTimeUTC": wire.net_date_short(wire.to_ms(now)),
    }
    if answer.warnings:
        head["Warnings"] = [{"Message": text} for text in answer.warnings]
    if answer.pagination is not None:
        head["pagination"] = answer.pagination
    if not json:
        rows = [wire.decode(row) for row in answer.rows]
        return to_xml("Response", {**head, answer.key: rows}), "text/xml; charset=utf-8"
    start = wire.encode(head)[:-1] + f',"{answer.key}":['.encode()
    return b"".join((start, b",".join(answer.rows), b"]}")), "application/json; charset=utf-8"


def render_error(error: ApiError, *, json: bool) -> tuple[bytes, str]:
    """The body of a refusal and its content type."""
    if isinstance(error.body, str):
        kind = "html" if error.body.startswith("<") else "plain"
        return error.body.encode(), f"text/{kind}; charset=utf-8"
    if json or "Title" in error.body:
        return wire.encode(error.body), "application/json; charset=utf-8"
    return to_xml("ApiException", error.body), "text/xml; charset=utf-8"


def compress(body: bytes, accept_encoding: str) -> tuple[bytes, dict[str, str]]:
    """Gzip a body when the client takes it and it is worth it; also the headers that say so."""
    if "gzip" not in accept_encoding.lower() or len(body) < _GZIP_FROM:
        return body, {}
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
    packed = packer.compress(body) + packer.flush()
    return packed, {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


class CutResponse(Response):
    """A response whose connection closes when half of the promised body has been sent."""

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - the signature of an ASGI application
        receive: Receive,  # noqa: ARG002
        send: Send,
    ) -> None:
        """Send the head and half the body; the server then drops the connection."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
