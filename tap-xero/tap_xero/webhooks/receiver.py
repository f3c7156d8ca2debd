"""The HTTP face: an ASGI application that takes deliveries, and tells how it is doing.

What comes is anybody's until its signature is checked: it is not parsed before, and nothing of it
is ever logged but its size, what became of it and how many events it had. A connection stays open
only after a request with a good signature.

Source: Xero, Configuring your server: POST only; 200 with an empty body and no cookies when the
signature is good, 401 when it is not, within five seconds; the intent to receive is a series of
requests without events, some of them badly signed.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Protocol

from tap_xero.models.resources import by_category
from tap_xero.webhooks import metrics as figures
from tap_xero.webhooks.events import NotUnderstoodError, parse
from tap_xero.webhooks.parts import Parts
from tap_xero.webhooks.signature import HEADER
from tap_xero.webhooks.writer import NotStoredError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from tap_xero.webhooks.events import Delivery, Event
    from tap_xero.webhooks.metrics import Metrics
    from tap_xero.webhooks.signature import SigningKeys

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

PATH = "/webhooks"
"""Where deliveries are taken."""

LARGEST = 1_048_576
"""Bytes of the largest delivery that is read: about 2,500 events."""

SMALL = 65_536
"""Bytes of a body that is read however many others are: about 150 events."""

CROWDED = 64 * 1_048_576
"""Bytes of bodies under way beyond which larger ones are refused: strangers fill no memory."""

BODY_WITHIN = 3.0
"""Seconds in which a body must come."""

VOUCH = "vouch"
"""In the state of a request: a function that says that its connection is Xero's."""

PART = "web server"

SHOWN_FOR = 60.0
"""Seconds for which `/healthz` tells of a request that ended in an error nobody expected."""

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Z][A-Z_]{0,39}")


class Store(Protocol):
    """Where events are kept before they are answered."""

    async def store(self, events: Sequence[Event], /) -> None:
        """Keep the events of a delivery; see `Writer.store`."""


class _RefusedError(Exception):
    """A request that is not taken.

    Attributes:
        status: HTTP status of the answer.
        result: What the metrics call it.
        bytes: How much of it was read.
    """

    def __init__(self, status: int, result: str, size: int = 0) -> None:
        super().__init__(result)
        self.status = status
        self.result = result
        self.bytes = size


class Receiver:
    """The application.

    Args:
        keys: Signing keys.
        store: Keeps events.
        metrics: Is told what becomes of requests.
        state: Tells how many events are pending and failed, and the age of the oldest pending
            one in seconds.
        parts: Told of errors that nobody expected, and asked what does not work.
        body_within: Seconds in which a body must come.
    """

    def __init__(
        self,
        keys: SigningKeys,
        store: Store,
        metrics: Metrics,
        state: Callable[[], tuple[int, int, float]],
        parts: Parts | None = None,
        *,
        body_within: float = BODY_WITHIN,
    ) -> None:
        self._keys = keys
        self._store = store
        self._metrics = metrics
        self._state = state
        self._parts = parts or Parts()
        self._body_within = body_within
        self._unknown: set[str] = set()
        self._under_way = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        except Exception as error:  # noqa: BLE001 (nobody else would tell of it)
            # Not how the error reads: it may quote what came.
            self._parts.fails(PART, type(error).__name__, SHOWN_FOR)
            self._metrics.count("deliveries", "error")
            await _answer(send, 500)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] in (PATH, f"{PATH}/"):
            await self._deliver(scope, receive, send)
        elif scope["path"] == "/healthz" and scope["method"] in ("GET", "HEAD"):
            await self._health(send)
        elif scope["path"] == "/metrics" and scope["method"] == "GET":
            await self._figures(send)
        else:
            self._metrics.count("deliveries", "wrong_path")
            await _answer(send, 404)

    # -- deliveries --

    async def _deliver(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        started = time.monotonic()
        try:
            body = await self._signed_body(scope, receive)
            delivery = parse(body)
            if delivery.events:
                await self._store.store(delivery.events)
        except _RefusedError as refusal:
            self._note(refusal.result, refusal.bytes)
            await _answer(send, refusal.status)
            return
        except NotUnderstoodError:
            # It is Xero's, so asking for the same bytes again for a day would help nobody, and
            # end with no webhooks at all. Polling finds what it was about.
            self._note("not_understood", len(body))
            await _answer(send, 200, closing=False)
            return
        except NotStoredError:
            self._note("not_stored", len(body))
            await _answer(send, 503, closing=False)
            return
        self._metrics.observe("answer_seconds", time.monotonic() - started)
        self._taken(delivery, len(body))
        await _answer(send, 200, closing=False)

    async def _signed_body(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes:
        """The body, once it is known to be Xero's.

        Raises:
            _RefusedError: It is not, or does not come.
        """
        if scope["method"] != "POST":
            raise _RefusedError(405, "wrong_method")
        headers = scope["headers"]
        announced = [value for name, value in headers if name == b"content-length"]
        if announced and int(announced[0]) > LARGEST:
            raise _RefusedError(413, "too_large")
        try:
            body = await asyncio.wait_for(self._body(receive), self._body_within)
        except TimeoutError:
            raise _RefusedError(408, "too_slow") from None
        if not self._keys.signed(body, [value for name, value in headers if name == HEADER]):
            raise _RefusedError(401, "unsigned", len(body))
        if (vouch := scope.get("state", {}).get(VOUCH)) is not None:
            vouch()
        return body

    async def _body(self, receive: Receive) -> bytes:
        """The body of a request, up to the largest that is taken.

        Raises:
            _RefusedError: It is larger, or there is no room for it now, or the client is gone.
        """
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _RefusedError(400, "cut", size)
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                self._under_way += len(parts[-1])
                if size > LARGEST:
                    raise _RefusedError(413, "too_large", size)
                if size > SMALL and self._under_way > CROWDED:
                    raise _RefusedError(503, "crowded", size)
                if not message.get("more_body"):
                    return b"".join(parts)
        finally:
            self._under_way -= size

    def _taken(self, delivery: Delivery, size: int) -> None:
        self._metrics.count("events", "received", len(delivery.events))
        self._metrics.count("events", "malformed", delivery.malformed)
        handshake = not delivery.events and not delivery.malformed
        self._note("handshake" if handshake else "stored", size, len(delivery.events))
        for event in delivery.events:
            if by_category(event.category) is None:
                self._tell_of(event.category if _NAME.fullmatch(event.category) else "other")

    def _tell_of(self, category: str) -> None:
        self._metrics.count("unknown_category_events", category)
        if category not in self._unknown and len(self._unknown) < 100:
            self._unknown.add(category)
            _log.warning(
                "Events of a category that no stream is for are kept", extra={"category": category}
            )

    def _note(self, result: str, size: int, events: int = 0) -> None:
        self._metrics.count("deliveries", result)
        _log.info("request", extra={"result": result, "bytes": size, "events": events})

    # -- how it is doing --

    async def _health(self, send: Send) -> None:
        """200 when all parts work, else 503 with the names of those that do not."""
        failing = self._parts.failing()
        if await self._looked() is None:
            failing.append("inbox")
        if failing:
            await _answer(send, 503, f"not working: {', '.join(failing)}\n".encode())
        else:
            await _answer(send, 200, b"ok\n")

    async def _looked(self) -> tuple[int, int, float] | None:
        """What `state` tells, or None when the inbox cannot be read."""
        try:
            return await asyncio.to_thread(self._state)
        except (sqlite3.Error, OSError) as error:
            _log.error("The inbox cannot be read: %s", error)
            return None

    async def _figures(self, send: Send) -> None:
        state = await self._looked()
        if state is None:
            await _answer(send, 503, b"not working: inbox\n")
            return
        pending, failed, age = state
        self._metrics.set("pending_events", pending)
        self._metrics.set("failed_events", failed)
        self._metrics.set("oldest_pending_seconds", age)
        await _answer(send, 200, self._metrics.text().encode(), figures.CONTENT_TYPE)


async def _answer(
    send: Send,
    status: int,
    body: bytes = b"",
    kind: bytes = b"text/plain; charset=utf-8",
    *,
    closing: bool = True,
) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", kind))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if closing:
        # Nobody but Xero keeps a connection, and what may still come of a request that was not read
        # to its end is no next request.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
