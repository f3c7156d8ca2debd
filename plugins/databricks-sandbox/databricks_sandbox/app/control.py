"""`/sandbox/…`: faults, clock, log and warehouse over HTTP, for tests in other processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from databricks_sandbox.app.messages import bearer, error_response, path_of
from databricks_sandbox.app.visitors import refusal
from databricks_sandbox.clock import Clock
from databricks_sandbox.faults import Fault, FaultPlan
from databricks_sandbox.identity import Identity
from databricks_sandbox.protocol.operations import Registry
from databricks_sandbox.statements import StatementLog
from databricks_sandbox.switches import Switches
from databricks_sandbox.unity.volumes import Volumes
from databricks_sandbox.warehouse import Warehouse

Calls = dict[tuple[str, str], Callable[[dict[str, Any]], Any]]
"""What answers by method and path below `/sandbox/`; it gets the body and gives JSON values."""


_OF_ADMIN = frozenset({"details", "principals"})
"""Calls that hand out tokens, which want the admin's: it is printed once, at the start."""


class Control:
    """Answers control calls.

    Args:
        calls: all there are.
        is_admin: whether a bearer token is an admin's.
    """

    def __init__(self, calls: Calls, is_admin: Callable[[str], bool]) -> None:
        self._calls = calls
        self._is_admin = is_admin

    async def answer(self, request: Request) -> Response:
        """Answer one control call; a wrong one says what is wrong with it."""
        if (reason := refusal(request.headers)) is not None:
            return error_response(403, "PERMISSION_DENIED", reason)
        path = path_of(request).rstrip("/").removeprefix("/sandbox/")
        call = self._calls.get((request.method, path))
        if call is None:
            names = ", ".join(f"{method} /sandbox/{path}" for method, path in self._calls)
            return error_response(404, "NOT_FOUND", f"There are: {names}")
        if path in _OF_ADMIN and not self._is_admin(bearer(request)):
            return error_response(
                401, "UNAUTHENTICATED", "Send the admin's access_token as Bearer."
            )
        try:
            body = json.loads(await request.body() or b"{}")
            # Reading is quick; what changes something may end statements in Spark.
            reading = request.method == "GET"
            return JSONResponse(call(body) if reading else await run_in_threadpool(call, body))
        except (KeyError, TypeError, ValueError) as error:
            return error_response(400, "BAD_REQUEST", str(error))


def log_calls(log: StatementLog) -> Calls:
    """The statement log, read and emptied."""
    return {("GET", "log"): lambda _: log.as_json(), ("DELETE", "log"): _then_empty(log.clear)}


def fault_calls(faults: FaultPlan) -> Calls:
    """The fault plan, read, added to and emptied."""

    def add(body: dict[str, Any]) -> Any:
        faults.add(Fault(**body))
        return faults.planned()

    def clear(_: dict[str, Any]) -> Any:
        faults.clear()
        return []

    return {
        ("GET", "faults"): lambda _: faults.planned(),
        ("POST", "faults"): add,
        ("DELETE", "faults"): clear,
    }


def clock_calls(clock: Clock) -> Calls:
    """The clock, read and advanced."""

    def advance(body: dict[str, Any]) -> Any:
        clock.advance(float(body["seconds"]))
        return {"now": clock.now()}

    return {("GET", "clock"): lambda _: {"now": clock.now()}, ("POST", "clock"): advance}


def warehouse_calls(warehouse: Warehouse) -> Calls:
    """The warehouse, looked at, started and stopped."""

    def change(body: dict[str, Any]) -> Any:
        if "start_seconds" in body:
            warehouse.start_seconds = float(body["start_seconds"])
        if "auto_stop_seconds" in body:
            warehouse.auto_stop_seconds = float(body["auto_stop_seconds"])
        state = body.get("state")
        if state == "STOPPED":
            warehouse.stop()
        elif state == "RUNNING":
            warehouse.start()
        elif state is not None:
            raise ValueError("state is RUNNING or STOPPED")
        return {
            "state": warehouse.state,
            "starts": warehouse.starts,
            "awake_seconds": warehouse.awake_seconds,
        }

    return {("GET", "warehouse"): change, ("POST", "warehouse"): change}


def session_calls(sessions: Registry) -> Calls:
    """Open sessions, closed."""
    return {("DELETE", "sessions"): _then_empty(sessions.close_all)}


def volume_calls(volumes: Volumes) -> Calls:
    """Volumes, locked and unlocked."""

    def set_read_only(body: dict[str, Any]) -> Any:
        volumes.set_read_only(body["volume"], bool(body.get("read_only", True)))
        return {}

    return {("POST", "read-only"): set_read_only}


def switch_calls(switches: Switches) -> Calls:
    """The switches and the profile, read and set."""

    def change(body: dict[str, Any]) -> Any:
        switches.set(body)
        return asdict(switches)

    return {("GET", "switches"): change, ("POST", "switches"): change}


def principal_calls(identity: Identity) -> Calls:
    """Service principals, added."""

    def add(body: dict[str, Any]) -> Any:
        principal = identity.add_service_principal(
            body["display_name"],
            admin=bool(body.get("admin", False)),
            can_use_warehouse=bool(body.get("can_use_warehouse", True)),
            sql_access=bool(body.get("sql_access", True)),
        )
        return {
            "client_id": principal.client_id,
            "client_secret": principal.client_secret,
            "access_token": principal.access_token,
        }

    return {("POST", "principals"): add}


def detail_calls(details: Callable[[], dict[str, Any]]) -> Calls:
    """Everything a client needs to reach the sandbox."""
    return {("GET", "details"): lambda _: details()}


def reset_calls(reset: Callable[[], None]) -> Calls:
    """Back to the beginning."""
    return {("POST", "reset"): _then_empty(reset)}


def _then_empty(act: Callable[[], None]) -> Callable[[dict[str, Any]], Any]:
    def call(_: dict[str, Any]) -> Any:
        act()
        return {}

    return call
