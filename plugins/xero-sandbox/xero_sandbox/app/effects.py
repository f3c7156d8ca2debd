"""How each fault is carried out: refusals that look like Xero's, and answers gone bad."""

from __future__ import annotations

from dataclasses import replace
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

    from xero_sandbox.app.answers import Answer
    from xero_sandbox.app.request import AccountingCall
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


# As users of the API have published it.
_UNSORTABLE = {
    "ErrorNumber": 51,
    "Type": "HighVolumeException",
    "Message": "The request is not efficient: sort fewer rows, or none.",
}


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


def at_the_end(
    fault: Fault, call: AccountingCall, read: Callable[[AccountingCall], Answer]
) -> Answer:
    """The answer to a GET, which a fault may refuse for how it is asked for, or past the last page.

    Raises:
        ApiError: 404 for a page past the end, 400 for an order, 504 for a large page.
    """
    if fault.effect == "unsortable" and "order" in call.query:
        raise ApiError(400, _UNSORTABLE)
    if fault.effect == "slow_pages" and (call.number("pageSize") or 100) > fault.rows:
        raise ApiError(504, "<html><body><h1>504 Gateway Time-out</h1></body></html>")
    answer, page = read(call), call.number("page") or 1
    past = not answer.rows and page > 1
    if past and fault.effect == "end_not_found":
        raise not_found(f"page {page}")
    if past and fault.effect == "end_repeats":
        before = replace(call, query={**call.query, "page": str(page - 1)})
        return at_the_end(fault, before, read)
    return answer


def overcounted(answer: Answer) -> Answer:
    """The answer with a row more in its counts, where it has counts."""
    if answer.pagination is None:
        return answer
    items = answer.pagination["itemCount"] + 1
    pages = -(-items // answer.pagination["pageSize"])
    counts = {**answer.pagination, "pageCount": pages, "itemCount": items}
    return replace(answer, pagination=counts)


def with_unknown_field(rows: Sequence[bytes]) -> list[bytes]:
    """The documents with a property that no schema knows."""
    return [_UNKNOWN + row[1:] for row in rows]
