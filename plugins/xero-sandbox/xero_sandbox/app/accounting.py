"""The route of the Accounting API: every call passes here, from first header to last byte.

The order of things is Xero's: token, organisation, scope, limits, then the work. Faults come last,
so that they disturb calls that would have succeeded.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from xero_sandbox.app import faulty, gate
from xero_sandbox.app.answers import (
    Answer,
    ApiError,
    CutResponse,
    compress,
    render,
    render_error,
    wants_json,
)
from xero_sandbox.app.reading import read
from xero_sandbox.app.request import AccountingCall
from xero_sandbox.app.writing import write
from xero_sandbox.calls import Call
from xero_sandbox.endpoints import canonical
from xero_sandbox.faults import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from xero_sandbox.faults import Fault
    from xero_sandbox.identity import Tenant
    from xero_sandbox.services import Services

_log = logging.getLogger(__name__)
_NO_CONTENT = 204


@dataclass
class _Reply:
    """What will be sent."""

    status: int
    body: bytes
    kind: str
    rows: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None


async def accounting(request: Request) -> Response:
    """Answer one request below `/api.xro/2.0/`."""
    services: Services = request.app.state.services
    headers = dict(request.headers)
    first, *others = [part for part in request.path_params["path"].split("/") if part] or [""]
    segments = (canonical(first), *others)
    query = {name.lower(): value for name, value in request.query_params.items()}
    body = await request.body()
    tenant: Tenant | None = None
    try:
        tenant = gate.admit(request.method, segments, headers, services)
        call = AccountingCall(request.method, segments, query, headers, tenant, body)
        reply = await _within_limits(services, call)
    except ApiError as error:
        reply = _refusal(error, headers)
    except Exception:  # noqa: BLE001 - whatever failed, the client is answered and the log told
        _log.exception("The sandbox failed at %s %s", request.method, "/".join(segments))
        reply = _refusal(ApiError(500, "The sandbox itself failed; see its log."), headers)
    # On a worker thread, where it leaves the loop free to send what is ready.
    packed, encoding = await run_in_threadpool(
        compress, reply.body, headers.get("accept-encoding", "")
    )
    services.calls.add(
        Call(
            services.clock.now(),
            request.method,
            "/".join(segments),
            dict(request.query_params),
            tenant.tenant_id if tenant else None,
            reply.status,
            reply.rows,
            len(packed),
            reply.fault.effect if reply.fault else None,
            headers.get("if-modified-since"),
        )
    )
    cut = reply.fault is not None and reply.fault.effect == "cut"
    return (CutResponse if cut else Response)(
        packed,
        reply.status,
        {**_limit_headers(services, tenant), **reply.headers, **encoding},
        reply.kind,
    )


async def _within_limits(services: Services, call: AccountingCall) -> _Reply:
    """Serve a call unless it is one too many."""
    refusal = services.limits.enter(call.tenant.tenant_id)
    if refusal is not None:
        raise faulty.too_many(refusal.problem, refusal.retry_after)
    try:
        return await _serve(services, call)
    finally:
        services.limits.leave(call.tenant.tenant_id)


async def _serve(services: Services, call: AccountingCall) -> _Reply:
    """The work of one call that the limits have let in."""
    page = call.query.get("page")
    target = Target(
        call.method,
        call.path,
        call.tenant.tenant_id,
        call.tenant.name,
        int(page) if page and page.isdigit() else None,
    )
    fault = services.faults.next_for(target)
    try:
        if fault is not None:
            faulty.refuse(fault, services)
        reply = await run_in_threadpool(_work, services, call, fault)
    except ApiError as error:
        reply = _refusal(error, call.headers)
    behaviour = services.behaviour
    delay = behaviour.latency + behaviour.latency_per_row * reply.rows
    if fault is not None and fault.effect == "slow":
        delay += fault.seconds
    if delay:
        await asyncio.sleep(delay)
    return replace(reply, fault=fault)


def _work(services: Services, call: AccountingCall, fault: Fault | None) -> _Reply:
    """Read or write, and render; runs on a worker thread."""
    json = wants_json(call.headers.get("accept", ""))
    if call.method == "GET":
        reader = partial(read, services)
        answer = reader(call) if fault is None else faulty.at_the_end(fault, call, reader)
        services.hooks.page_read(call.path, answer.page, call.tenant.tenant_id, call.tenant.name)
        return _rendered(services, answer, json=json, fault=fault)
    key = call.headers.get("idempotency-key") if call.method in ("PUT", "POST") else None
    fingerprint = (call.method, call.path, tuple(sorted(call.query.items())), call.body)
    tenant_id = call.tenant.tenant_id
    with services.writing:
        if key:
            known = services.idempotency.recall(tenant_id, key, fingerprint, services.clock.now())
            if known is not None:
                return _Reply(*known)
        try:
            reply = _rendered(services, write(services, call), json=json, fault=fault)
        except ApiError as error:
            reply = _refusal(error, call.headers)
        if key:
            services.idempotency.remember(
                tenant_id,
                key,
                fingerprint,
                (reply.status, reply.body, reply.kind),
                services.clock.now(),
            )
        return reply


def _rendered(services: Services, answer: Answer, *, json: bool, fault: Fault | None) -> _Reply:
    if answer.status == _NO_CONTENT:
        return _Reply(answer.status, b"", "application/json; charset=utf-8")
    if fault is not None and fault.effect == "unknown_field":
        answer = replace(answer, rows=faulty.with_unknown_field(answer.rows))
    if fault is not None and fault.effect == "overcounted":
        answer = faulty.overcounted(answer)
    body, kind = render(answer, services.clock.now(), json=json)
    if fault is not None:
        body, kind = faulty.spoil(fault, body, kind)
    return _Reply(answer.status, body, kind, len(answer.rows))


def _refusal(error: ApiError, headers: Mapping[str, str]) -> _Reply:
    body, kind = render_error(error, json=wants_json(headers.get("accept", "")))
    return _Reply(error.status, body, kind, headers=error.headers)


def _limit_headers(services: Services, tenant: Tenant | None) -> dict[str, str]:
    left = services.limits.remaining(tenant.tenant_id if tenant else None)
    return {
        "X-DayLimit-Remaining": str(left.day),
        "X-MinLimit-Remaining": str(left.minute),
        "X-AppMinLimit-Remaining": str(left.app_minute),
    }
