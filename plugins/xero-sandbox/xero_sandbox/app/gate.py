"""What stands between a request and the books: token, organisation, scope.

Source: Xero, "Response codes" and the error bodies that clients have recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xero_sandbox.app.answers import ApiError, forbidden, not_found, unauthorized
from xero_sandbox.endpoints import ENDPOINTS, REPORT_SCOPES
from xero_sandbox.scopes import opening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xero_sandbox.identity import Access, Tenant
    from xero_sandbox.services import Services


def bearer(headers: Mapping[str, str], services: Services) -> Access:
    """The live token of a request.

    Raises:
        ApiError: 401, the token is missing, unknown or expired.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    access = services.identity.access(token) if scheme.lower() == "bearer" else None
    if access is None:
        raise unauthorized("AuthenticationUnsuccessful")
    if services.clock.now() >= access.expires:
        raise token_expired(services)
    return access


def admit(
    method: str, segments: Sequence[str], headers: Mapping[str, str], services: Services
) -> Tenant:
    """The organisation a call is about, if the call may be made.

    Raises:
        ApiError: 401, 403 or 404, whichever Xero's gateway would answer.
    """
    access = bearer(headers, services)
    check_scope(access, method, segments, services)
    return tenant_of(access, headers, services)


def token_expired(services: Services) -> ApiError:
    """401 as an expired token gets it."""
    moment = services.clock.now().strftime("%m/%d/%Y %H:%M:%S")
    return unauthorized(f"TokenExpired: token expired at {moment}")


def tenant_of(access: Access, headers: Mapping[str, str], services: Services) -> Tenant:
    """The organisation a call is about.

    Raises:
        ApiError: 403, it is not named (where it must be) or not connected.
    """
    wanted = headers.get("xero-tenant-id", "").lower()
    for row in services.identity.connections_of(access.grant):
        if row.tenant.tenant_id == wanted or (not wanted and not access.grant.needs_tenant):
            return row.tenant
    raise forbidden()


def check_scope(access: Access, method: str, segments: Sequence[str], services: Services) -> None:
    """Let a call pass whose token has a scope for the endpoint.

    Raises:
        ApiError: 404 for an endpoint that does not exist, 401 for one that stays closed.
    """
    stems = _stems(segments)
    write = method not in ("GET", "HEAD")
    opened = any(opening(stem, write=write) & access.grant.scopes for stem in stems)
    if not opened or (segments[0] == "Journals" and not services.behaviour.journals):
        raise unauthorized("AuthorizationUnsuccessful")


def _stems(segments: Sequence[str]) -> tuple[str, ...]:
    if segments[0] == "Reports" and len(segments) > 1 and segments[1] in REPORT_SCOPES:
        return (REPORT_SCOPES[segments[1]],)
    if segments[0] not in ENDPOINTS:
        raise not_found("/".join(segments))
    if segments[-1] == "PaymentServices":
        return ("paymentservices",)
    return ENDPOINTS[segments[0]].scopes
