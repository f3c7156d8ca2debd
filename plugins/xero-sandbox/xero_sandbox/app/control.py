"""The control API below `/sandbox`: what a test in another process may do to its sandbox.

Everything here is also a Python call on `Sandbox`; these routes only carry JSON to it. They need no
token, are not part of Xero, and count neither as calls nor towards limits.
"""

from __future__ import annotations

import threading
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from xero_sandbox import wire
from xero_sandbox.clock import ManualClock
from xero_sandbox.query import parse_moment
from xero_sandbox.shapes import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from xero_sandbox.books import Books
    from xero_sandbox.calls import CallLog
    from xero_sandbox.clock import Clock
    from xero_sandbox.faults import FaultPlan
    from xero_sandbox.hooks import Hooks
    from xero_sandbox.identity import Identity
    from xero_sandbox.irregularities import Irregularities
    from xero_sandbox.store import Store
    from xero_sandbox.webhooks import Webhooks


class _RefusedError(Exception):
    """A control request that cannot be carried out; the text says why."""


class ControlApi:
    """The routes below `/sandbox`.

    Args:
        clock: The sandbox's clock.
        books: What `documents` changes.
        store: What `counts` counts.
        identity: Organisations and tokens.
        faults: The fault plan.
        hooks: Actions between pages.
        calls: The log of calls.
        webhooks: The app's webhook.
        irregularities: In what answers are unusual.
        write_lock: Held by whoever writes.
    """

    def __init__(
        self,
        clock: Clock,
        books: Books,
        store: Store,
        identity: Identity,
        faults: FaultPlan,
        hooks: Hooks,
        calls: CallLog,
        webhooks: Webhooks,
        irregularities: Irregularities,
        write_lock: threading.RLock,
    ) -> None:
        self._clock, self._books, self._store, self._identity = clock, books, store, identity
        self._faults, self._hooks, self._calls, self._webhooks = faults, hooks, calls, webhooks
        self._irregularities, self._write_lock = irregularities, write_lock

    async def clock(self, request: Request) -> Response:
        """GET tells the time; POST `{"advance": seconds}` or `{"set": "ISO"}` moves it."""

        def move(body: dict[str, Any]) -> object:
            if not isinstance(self._clock, ManualClock):
                raise _RefusedError(
                    "The clock runs by itself; start the sandbox with a manual clock."
                )
            if "set" in body:
                self._clock.set(parse_moment(body["set"]))
            self._clock.advance(float(body.get("advance", 0)))
            return {"now": self._clock.now().isoformat()}

        if request.method == "GET":
            return JSONResponse({"now": self._clock.now().isoformat()})
        return await _carry_out(request, move)

    async def documents(self, request: Request) -> Response:
        """POST `{"do": "edit", "tenant", "resource", "id", "changes"}` and so on: see `_change`."""
        return await _carry_out(request, self._change)

    def _change(self, body: dict[str, Any]) -> object:
        """Carry one change of the books out.

        Args:
            body: `do` (edit, add, pay, void or delete), `tenant` (id or name; the first one by
                default), `resource`, the `id` of what is there already, and `changes`: the
                properties to edit, or those of a new document (of an invoice, only what should
                not be made up).

        Returns:
            The document as stored, or nothing when it was deleted.
        """
        books, tenant_id = self._books, self._tenant(body)
        resource = body.get("resource", "")
        if resource not in RESOURCES:
            raise _RefusedError(f"unknown resource '{resource}'")
        actions: dict[str, Callable[[], object]] = {
            "edit": lambda: books.edit(tenant_id, resource, body["id"], **body["changes"]),
            "add": lambda: (
                books.add_invoice(tenant_id, **body.get("changes", {}))
                if resource == "Invoices"
                else books.add(tenant_id, resource, **body["changes"])
            ),
            "pay": lambda: books.pay(tenant_id, body["id"], body.get("changes", {}).get("Amount")),
            "void": lambda: books.void(tenant_id, resource, body["id"]),
            "delete": lambda: books.delete(tenant_id, resource, body["id"]),
        }
        action = body.get("do", "")
        if action not in actions:
            raise _RefusedError(f"unknown deed '{action}'; known are: {', '.join(actions)}")
        with self._write_lock:
            books.advance(tenant_id)
            return actions[action]()

    async def faults(self, request: Request) -> Response:
        """GET lists the faults still to strike, POST adds one, DELETE forgets them."""

        def add(body: dict[str, Any]) -> object:
            effect = body.pop("effect", "")
            return asdict(self._faults.add(effect, **body))

        if request.method == "POST":
            return await _carry_out(request, add)
        if request.method == "DELETE":
            self._faults.clear()
        return JSONResponse([asdict(fault) for fault in self._faults.pending])

    async def irregularities(self, request: Request) -> Response:
        """GET gives the switches, POST sets some, DELETE switches all off."""

        def switch(body: dict[str, Any]) -> object:
            self._irregularities.set(**body)
            return asdict(self._irregularities.switches)

        if request.method == "POST":
            return await _carry_out(request, switch)
        if request.method == "DELETE":
            self._irregularities.clear()
        return JSONResponse(asdict(self._irregularities.switches))

    async def hooks(self, request: Request) -> Response:
        """POST `{"path", "page", "tenant", "change": {…}}`: a change once that page is read."""

        def wait(body: dict[str, Any]) -> object:
            action = body["change"]
            self._hooks.after_page(
                body["path"],
                body.get("page"),
                lambda: self._change(action),
                tenant=body.get("tenant"),
            )
            return {}

        return await _carry_out(request, wait)

    async def calls(self, request: Request) -> Response:
        """GET gives the call log (`?path=` pattern, `?status=`), DELETE empties it."""
        if request.method == "DELETE":
            self._calls.clear()
        status = request.query_params.get("status")
        calls = self._calls.of(
            request.query_params.get("path", "*"), status=int(status) if status else None
        )
        return JSONResponse([call.as_json() for call in calls])

    async def counts(self, _: Request) -> Response:
        """GET counts the stored documents by organisation and resource."""

        def count() -> dict[str, dict[str, int]]:
            for tenant in self._identity.tenants:
                self._books.write_journals(tenant.tenant_id)
            return {
                tenant.tenant_id: {
                    name: self._store.count(tenant.tenant_id, name) for name in RESOURCES
                }
                for tenant in self._identity.tenants
            }

        return JSONResponse(await run_in_threadpool(count))

    async def webhooks(self, request: Request) -> Response:
        """GET reports, POST does one of the actions of `_webhook_action`, DELETE unsubscribes."""

        def carry_out(body: dict[str, Any]) -> object:
            result = self._webhook_action(body)
            return {**self._webhooks.report(), "told": result}

        if request.method == "POST":
            return await _carry_out(request, carry_out)
        if request.method == "DELETE":
            self._webhooks.unsubscribe()
        return JSONResponse(self._webhooks.report())

    def _webhook_action(self, body: dict[str, Any]) -> object:
        """Do one thing with the webhook.

        Args:
            body: `{"subscribe": url, "categories": […]}`, `{"enable": true}`, `{"disturb": effect,
                "count": n}`, `{"hold": true or false}`, `{"add": event}` or `{"signing_key": key}`.
        """
        hook = self._webhooks
        if "subscribe" in body:
            categories = {"categories": body["categories"]} if "categories" in body else {}
            return hook.subscribe(body["subscribe"], **categories)
        actions: dict[str, Callable[[Any], object]] = {
            "enable": lambda _: hook.enable(),
            "disturb": lambda effect: hook.disturb(effect, int(body.get("count", 1))),
            "hold": lambda held: hook.hold() if held else hook.release(),
            "add": hook.add,
            "signing_key": hook.replace_key,
        }
        action = next((name for name in actions if name in body), None)
        if action is None:
            raise _RefusedError(f"nothing to do; known are: subscribe, {', '.join(actions)}")
        return actions[action](body[action])

    async def tokens(self, _: Request) -> Response:
        """DELETE lets every access token issued so far expire now."""
        self._identity.expire_access_tokens()
        return JSONResponse({})

    def _tenant(self, body: dict[str, Any]) -> str:
        for tenant in self._identity.tenants:
            if body.get("tenant", tenant.tenant_id) in (tenant.tenant_id, tenant.name):
                return tenant.tenant_id
        raise _RefusedError(f"unknown organisation '{body['tenant']}'")


async def _carry_out(request: Request, action: Callable[[dict[str, Any]], object]) -> Response:
    try:
        body = wire.decode(await request.body() or b"{}")
        result = await run_in_threadpool(action, body)
        return Response(wire.encode(_as_json(result)), media_type="application/json")
    except KeyError as error:
        return JSONResponse({"error": f"missing or unknown: {error.args[0]}"}, 400)
    except (_RefusedError, LookupError, ValueError, TypeError) as error:
        return JSONResponse({"error": str(error)}, 400)


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    return value
