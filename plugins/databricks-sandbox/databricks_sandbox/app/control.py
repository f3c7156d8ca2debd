"""`/sandbox/…`: faults, clock, log and warehouse over HTTP, for tests in other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from databricks_sandbox.app.messages import Request, Response
from databricks_sandbox.faults import Fault

if TYPE_CHECKING:
    from databricks_sandbox.sandbox import Sandbox


def answer(sandbox: Sandbox, request: Request) -> Response:
    """Answer one control call; a wrong one says what is wrong with it."""
    call = _CALLS.get((request.method, request.path.rstrip("/").removeprefix("/sandbox/")))
    if call is None:
        known = ", ".join(f"{method} /sandbox/{path}" for method, path in _CALLS)
        return Response.error(404, "NOT_FOUND", f"There are: {known}")
    try:
        return Response.json(call(sandbox, request.json() if request.body() else {}))
    except (KeyError, TypeError, ValueError) as error:
        return Response.error(400, "BAD_REQUEST", str(error))


def _add_fault(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    sandbox.faults.add(Fault(**body))
    return sandbox.faults.planned()


def _clear_faults(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    sandbox.faults.clear()
    return []


def _advance(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    sandbox.clock.advance(float(body["seconds"]))
    return {"now": sandbox.clock.now()}


def _warehouse(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    if "start_seconds" in body:
        sandbox.warehouse.start_seconds = float(body["start_seconds"])
    wanted = body.get("state")
    if wanted == "STOPPED":
        sandbox.warehouse.stop()
    elif wanted == "RUNNING":
        sandbox.warehouse.start()
    elif wanted is not None:
        raise ValueError("state is RUNNING or STOPPED")
    return {"state": sandbox.warehouse.state, "starts": sandbox.warehouse.starts}


def _close_sessions(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    sandbox.sessions.close_all()
    return {}


def _read_only(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    sandbox.volumes.set_read_only(body["volume"], bool(body.get("read_only", True)))
    return {}


def _switches(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    if "predictive_optimization" in body:
        sandbox.predictive_optimization = bool(body["predictive_optimization"])
    if "answer_seconds" in body:
        sandbox.answer_seconds = float(body["answer_seconds"])
    return {
        "predictive_optimization": sandbox.predictive_optimization,
        "answer_seconds": sandbox.answer_seconds,
    }


def _principal(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    principal = sandbox.identity.add_service_principal(
        body["display_name"],
        admin=bool(body.get("admin", False)),
        can_use_warehouse=bool(body.get("can_use_warehouse", True)),
    )
    return {
        "client_id": principal.client_id,
        "client_secret": principal.client_secret,
        "access_token": principal.access_token,
    }


def _clear_log(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    sandbox.log.clear()
    return {}


def _reset(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    sandbox.reset()
    return {}


_CALLS: dict[tuple[str, str], Callable[[Sandbox, dict[str, Any]], Any]] = {
    ("GET", "details"): lambda sandbox, _: sandbox.connection_details(),
    ("GET", "log"): lambda sandbox, _: sandbox.log.as_json(),
    ("DELETE", "log"): _clear_log,
    ("GET", "faults"): lambda sandbox, _: sandbox.faults.planned(),
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "clock"): lambda sandbox, _: {"now": sandbox.clock.now()},
    ("POST", "clock"): _advance,
    ("GET", "warehouse"): _warehouse,
    ("POST", "warehouse"): _warehouse,
    ("DELETE", "sessions"): _close_sessions,
    ("POST", "read-only"): _read_only,
    ("GET", "switches"): _switches,
    ("POST", "switches"): _switches,
    ("POST", "principals"): _principal,
    ("POST", "reset"): _reset,
}
