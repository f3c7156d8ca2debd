"""How each fault is carried out: refusals that look like Xero's, and answers gone bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xero_sandbox.app.answers import (
    ApiError,
    forbidden,
    not_found,
    token_expired,
    unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from xero_sandbox.faults import Fault

_HTML = b"<!DOCTYPE html><html><head><title>Xero</title></head><body>Please wait</body></html>"
_BLOCKED = "<!DOCTYPE html><html><body><h1>403</h1>The proxy lets nobody through</body></html>"
_UNKNOWN = b'{"SandboxUnknownField":{"Nested":[1,"two"]},'


def too_many(problem: str, retry_after: int | None) -> ApiError:
    """429 for one of the four limits."""
    headers = {"X-Rate-Limit-Problem": problem}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return ApiError(429, f"You have exceeded the {problem} rate limit.", headers)


def refuse(fault: Fault, now: datetime) -> None:
    """Raise the refusal of a fault that is one; return for the faults that spoil answers.

    Raises:
        ApiError: As the table `faults.EFFECTS` says.
    """
    later = max(1, round(fault.seconds))
    refusals: dict[str, Callable[[], ApiError]] = {
        "token_expired": lambda: token_expired(now),
        "scope_missing": lambda: unauthorized("AuthorizationUnsuccessful"),
        "tenant_revoked": forbidden,
        "blocked": lambda: ApiError(403, _BLOCKED),
        "not_found": lambda: not_found("a fault of the sandbox"),
        "rate_minute": lambda: too_many("minute", later),
        "rate_day": lambda: too_many("day", later),
        "rate_concurrent": lambda: too_many("concurrent", None),
        "rate_app_minute": lambda: too_many("appminute", None),
        "server_error": lambda: ApiError(500, "An error occurred in Xero."),
        "unavailable": lambda: ApiError(503, "The Xero API is currently unavailable."),
        "organisation_offline": lambda: ApiError(
            503, "The organisation is temporarily offline. Please try again later."
        ),
    }
    if fault.effect in refusals:
        error = refusals[fault.effect]()
        raise error


def spoil(fault: Fault, body: bytes, kind: str) -> tuple[bytes, str]:
    """The body and content type after the fault has had its way."""
    if fault.effect == "html":
        return _HTML, "text/html; charset=utf-8"
    if fault.effect == "truncated_json":
        return body[: len(body) // 2], kind
    return body, kind


def with_unknown_field(rows: Sequence[bytes]) -> list[bytes]:
    """The documents with a property that no schema knows."""
    return [_UNKNOWN + row[1:] for row in rows]
