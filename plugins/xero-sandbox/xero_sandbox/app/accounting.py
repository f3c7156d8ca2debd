"""The route of the Accounting API: every call passes here, from first header to last byte.

The order of things is Xero's: token, organisation, scope, limits, then the work. Faults come last,
so that they disturb calls that would have succeeded.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from xero_sandbox.app import effects
from xero_sandbox.app.answers import (
    Answer,
    ApiError,
    CutResponse,
    compress,
    render,
    render_error,
    wants_json,
)
from xero_sandbox.app.idempotency import IdempotencyKeys
from xero_sandbox.app.request import AccountingCall
from xero_sandbox.calls import Call
from xero_sandbox.endpoints import canonical
from xero_sandbox.faults import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from xero_sandbox.app.gate import Gate
    from xero_sandbox.calls import CallLog
    from xero_sandbox.clock import Clock
    from xero_sandbox.faults import Fault, FaultPlan
    from xero_sandbox.hooks import Hooks
    from xero_sandbox.identity import Tenant
    from xero_sandbox.irregularities import Irregularities
    from xero_sandbox.limits import Limits

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


class AccountingApi:
    """Everything below `/api.xro/2.0/`.

    Args:
        gate: Lets calls in.
        read: Answers a GET.
        write: Answers a PUT, POST or DELETE.
        clock: The sandbox's clock.
        limits: Counts calls.
        faults: What goes wrong.
        hooks: What happens once a page has been read.
        calls: The log of calls.
        irregularities: In what its answers are unusual.
        write_lock: Held by whoever writes: Xero settles concurrent writes one after the other.
        latency: Seconds that every call takes at least.
        latency_per_row: Seconds more for each record in the answer.
    """

    def __init__(
        self,
        gate: Gate,
        read: Callable[[AccountingCall], Answer],
        write: Callable[[AccountingCall], Answer],
        clock: Clock,
        limits: Limits,
        faults: FaultPlan,
        hooks: Hooks,
        calls: CallLog,
        irregularities: Irregularities,
        write_lock: threading.RLock,
        *,
        latency: float = 0.0,
        latency_per_row: float = 0.0,
    ) -> None:
        self._gate, self._read, self._write, self._clock = gate, read, write, clock
        self._limits, self._faults, self._hooks, self._calls = limits, faults, hooks, calls
        self._irregularities, self._write_lock = irregularities, write_lock
        self._latency, self._latency_per_row = latency, latency_per_row
        self._idempotency_keys = IdempotencyKeys()

    async def answer(self, request: Request) -> Response:
        """Answer one request below `/api.xro/2.0/`."""
        headers = dict(request.headers)
        first, *others = [part for part in request.path_params["path"].split("/") if part] or [""]
        segments = (canonical(first), *others)
        query = {name.lower(): value for name, value in request.query_params.items()}
        body = await request.body()
        tenant: Tenant | None = None
        try:
            tenant = self._gate.admit(request.method, segments, headers)
            call = AccountingCall(request.method, segments, query, headers, tenant, body)
            reply = await self._within_limits(call)
        except ApiError as error:
            reply = _refusal(error, headers)
        except Exception:  # noqa: BLE001 - whatever failed, the client is answered and the log told
            _log.exception("The sandbox failed at %s %s", request.method, "/".join(segments))
            reply = _refusal(ApiError(500, "The sandbox itself failed; see its log."), headers)
        # On a worker thread, where it leaves the loop free to send what is ready.
        packed, encoding = await run_in_threadpool(
            compress, reply.body, headers.get("accept-encoding", "")
        )
        self._calls.add(
            Call(
                self._clock.now(),
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
            {**self._date_header(), **self._limit_headers(tenant), **reply.headers, **encoding},
            reply.kind,
        )

    async def _within_limits(self, call: AccountingCall) -> _Reply:
        """Serve a call unless it is one too many."""
        refusal = self._limits.enter(call.tenant.tenant_id)
        if refusal is not None:
            raise effects.too_many(refusal.problem, refusal.retry_after)
        try:
            return await self._serve(call)
        finally:
            self._limits.leave(call.tenant.tenant_id)

    async def _serve(self, call: AccountingCall) -> _Reply:
        """The work of one call that the limits have let in."""
        page = call.query.get("page")
        target = Target(
            call.method,
            call.path,
            call.tenant.tenant_id,
            call.tenant.name,
            int(page) if page and page.isdigit() else None,
        )
        fault = self._faults.next_for(target)
        try:
            if fault is not None and not _is_remembered(fault, call):
                effects.refuse(fault, self._clock.now())
            reply = await run_in_threadpool(self._work, call, fault)
        except ApiError as error:
            reply = _refusal(error, call.headers)
        delay = self._latency + self._latency_per_row * reply.rows
        if fault is not None and fault.effect == "slow":
            delay += fault.seconds
        if delay:
            await asyncio.sleep(delay)
        return replace(reply, fault=fault)

    def _work(self, call: AccountingCall, fault: Fault | None) -> _Reply:
        """Read or write, and render; runs on a worker thread."""
        json = wants_json(call.headers.get("accept", ""))
        if call.method == "GET":
            answer = self._read(call)
            self._hooks.page_read(call.path, answer.page, call.tenant.tenant_id, call.tenant.name)
            return self._rendered(answer, json=json, fault=fault)
        key = call.headers.get("idempotency-key") if call.method in ("PUT", "POST") else None
        fingerprint = (call.method, call.path, tuple(sorted(call.query.items())), call.body)
        tenant_id = call.tenant.tenant_id
        with self._write_lock:
            if key:
                earlier = self._idempotency_keys.recall(
                    tenant_id, key, fingerprint, self._clock.now()
                )
                if earlier is not None:
                    return _Reply(*earlier)
            try:
                if fault is not None:
                    effects.refuse(fault, self._clock.now())
                reply = self._rendered(self._write(call), json=json, fault=fault)
            except ApiError as error:
                reply = _refusal(error, call.headers)
            if key:
                self._idempotency_keys.remember(
                    tenant_id,
                    key,
                    fingerprint,
                    (reply.status, reply.body, reply.kind),
                    self._clock.now(),
                )
            return reply

    def _rendered(self, answer: Answer, *, json: bool, fault: Fault | None) -> _Reply:
        if answer.status == _NO_CONTENT:
            return _Reply(answer.status, b"", "application/json; charset=utf-8")
        if fault is not None and fault.effect == "unknown_field":
            answer = replace(answer, rows=effects.with_unknown_field(answer.rows))
        ahead = timedelta(seconds=self._irregularities.switches.clock_ahead)
        body, kind = render(answer, self._clock.now() + ahead, json=json)
        if fault is not None:
            body, kind = effects.spoil(fault, body, kind)
        return _Reply(answer.status, body, kind, len(answer.rows))

    def _date_header(self) -> dict[str, str]:
        ahead = timedelta(seconds=self._irregularities.switches.date_ahead)
        return {"Date": format_datetime(self._clock.now() + ahead, usegmt=True)}

    def _limit_headers(self, tenant: Tenant | None) -> dict[str, str]:
        left = self._limits.remaining(tenant.tenant_id if tenant else None)
        return {
            "X-DayLimit-Remaining": str(left.day),
            "X-MinLimit-Remaining": str(left.minute),
            "X-AppMinLimit-Remaining": str(left.app_minute),
        }


def _is_remembered(fault: Fault, call: AccountingCall) -> bool:
    """Whether a fault is an answer that Xero repeats to the same Idempotency-Key.

    Source: Xero, Idempotent requests: internal errors are kept as well.
    """
    return fault.effect == "server_error" and call.method in ("PUT", "POST")


def _refusal(error: ApiError, headers: Mapping[str, str]) -> _Reply:
    body, kind = render_error(error, json=wants_json(headers.get("accept", "")))
    return _Reply(error.status, body, kind, headers=error.headers)
