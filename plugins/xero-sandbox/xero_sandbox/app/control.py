"""The control API below `/sandbox`: what a test in another process may do to its sandbox.

Everything here is also a Python call on `Sandbox`; these routes only carry JSON to it. They need no
token, are not part of Xero, and count neither as calls nor towards limits.
"""

from __future__ import annotations

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

    from xero_sandbox.services import Services


class _RefusedError(Exception):
    """A control request that cannot be carried out; the text says why."""


async def clock(request: Request) -> Response:
    """GET tells the time; POST `{"advance": seconds}` or `{"set": "ISO"}` moves it."""
    services: Services = request.app.state.services

    def move(body: dict[str, Any]) -> object:
        if not isinstance(services.clock, ManualClock):
            raise _RefusedError("The clock runs by itself; start the sandbox with a manual clock.")
        if "set" in body:
            services.clock.set(parse_moment(body["set"]))
        services.clock.advance(float(body.get("advance", 0)))
        return {"now": services.clock.now().isoformat()}

    if request.method == "GET":
        return JSONResponse({"now": services.clock.now().isoformat()})
    return await _carry_out(request, move)


async def documents(request: Request) -> Response:
    """POST `{"do": "edit", "tenant", "resource", "id", "changes"}` and the like: see `change`."""
    services: Services = request.app.state.services
    return await _carry_out(request, lambda body: change(services, body))


def change(services: Services, body: dict[str, Any]) -> object:
    """Carry one change of the books out.

    Args:
        services: The sandbox.
        body: `do` (edit, add, pay, void or delete), `tenant` (id or name; the first one by
            default), `resource`, the `id` of what is there already, and `changes`: the properties
            to edit, or those of a new document (of an invoice, only what should not be made up).

    Returns:
        The document as stored, or nothing when it was deleted.
    """
    books, tenant_id = services.books, _tenant(services, body)
    resource = body.get("resource", "")
    if resource not in RESOURCES:
        raise _RefusedError(f"unknown resource '{resource}'")
    deeds: dict[str, Callable[[], object]] = {
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
    deed = body.get("do", "")
    if deed not in deeds:
        raise _RefusedError(f"unknown deed '{deed}'; known are: {', '.join(deeds)}")
    with services.writing:
        books.advance(tenant_id)
        return deeds[deed]()


async def faults(request: Request) -> Response:
    """GET lists the faults still to strike, POST adds one, DELETE forgets them."""
    services: Services = request.app.state.services

    def add(body: dict[str, Any]) -> object:
        effect = body.pop("effect", "")
        return asdict(services.faults.add(effect, **body))

    if request.method == "POST":
        return await _carry_out(request, add)
    if request.method == "DELETE":
        services.faults.clear()
    return JSONResponse([asdict(fault) for fault in services.faults.pending])


async def hooks(request: Request) -> Response:
    """POST `{"path", "page", "tenant", "change": {…}}`: a change once that page has been read."""
    services: Services = request.app.state.services

    def wait(body: dict[str, Any]) -> object:
        deed = body["change"]
        services.hooks.after_page(
            body["path"],
            body.get("page"),
            lambda: change(services, deed),
            tenant=body.get("tenant"),
        )
        return {}

    return await _carry_out(request, wait)


async def calls(request: Request) -> Response:
    """GET gives the call log (`?path=` pattern, `?status=`), DELETE empties it."""
    services: Services = request.app.state.services
    if request.method == "DELETE":
        services.calls.clear()
    status = request.query_params.get("status")
    found = services.calls.of(
        request.query_params.get("path", "*"), status=int(status) if status else None
    )
    return JSONResponse([call.as_json() for call in found])


async def counts(request: Request) -> Response:
    """GET counts the stored documents by organisation and resource."""
    services: Services = request.app.state.services

    def count() -> dict[str, dict[str, int]]:
        for tenant in services.identity.tenants:
            services.books.write_journals(tenant.tenant_id)
        return {
            tenant.tenant_id: {
                name: services.store.count(tenant.tenant_id, name) for name in RESOURCES
            }
            for tenant in services.identity.tenants
        }

    return JSONResponse(await run_in_threadpool(count))


async def webhooks(request: Request) -> Response:
    """GET reports, POST does one of the deeds of `_webhook_deed`, DELETE unsubscribes."""
    services: Services = request.app.state.services

    def carry_out(body: dict[str, Any]) -> object:
        told = _webhook_deed(services, body)
        return {**services.webhooks.report(), "told": told}

    if request.method == "POST":
        return await _carry_out(request, carry_out)
    if request.method == "DELETE":
        services.webhooks.unsubscribe()
    return JSONResponse(services.webhooks.report())


def _webhook_deed(services: Services, body: dict[str, Any]) -> object:
    """Do one thing with the webhook.

    Args:
        services: The sandbox.
        body: `{"subscribe": url, "categories": […]}`, `{"enable": true}`, `{"disturb": effect,
            "count": n}`, `{"hold": true or false}`, `{"add": event}` or `{"signing_key": key}`.
    """
    hook = services.webhooks
    if "subscribe" in body:
        categories = {"categories": body["categories"]} if "categories" in body else {}
        return hook.subscribe(body["subscribe"], **categories)
    deeds: dict[str, Callable[[Any], object]] = {
        "enable": lambda _: hook.enable(),
        "disturb": lambda effect: hook.disturb(effect, int(body.get("count", 1))),
        "hold": lambda held: hook.hold() if held else hook.release(),
        "add": hook.add,
        "signing_key": hook.replace_key,
    }
    deed = next((name for name in deeds if name in body), None)
    if deed is None:
        raise _RefusedError(f"nothing to do; known are: subscribe, {', '.join(deeds)}")
    return deeds[deed](body[deed])


async def tokens(request: Request) -> Response:
    """DELETE lets every access token issued so far expire now."""
    services: Services = request.app.state.services
    services.identity.expire_access_tokens()
    return JSONResponse({})


async def _carry_out(request: Request, deed: Callable[[dict[str, Any]], object]) -> Response:
    try:
        body = wire.decode(await request.body() or b"{}")
        result = await run_in_threadpool(deed, body)
        return Response(wire.encode(_plain(result)), media_type="application/json")
    except KeyError as error:
        return JSONResponse({"error": f"missing or unknown: {error.args[0]}"}, 400)
    except (_RefusedError, LookupError, ValueError, TypeError) as error:
        return JSONResponse({"error": str(error)}, 400)


def _tenant(services: Services, body: dict[str, Any]) -> str:
    for tenant in services.identity.tenants:
        if body.get("tenant", tenant.tenant_id) in (tenant.tenant_id, tenant.name):
            return tenant.tenant_id
    raise _RefusedError(f"unknown organisation '{body['tenant']}'")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
