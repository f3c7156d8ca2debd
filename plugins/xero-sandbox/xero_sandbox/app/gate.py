"""What stands between a request and the books: token, organisation, scope.

Source: Xero, "Response codes" and the error bodies that clients have recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xero_sandbox.annexes import ATTACHMENTS_SCOPE
from xero_sandbox.app.answers import forbidden, not_found, token_expired, unauthorized
from xero_sandbox.endpoints import ENDPOINTS, REPORT_SCOPES
from xero_sandbox.scopes import opening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xero_sandbox.clock import Clock
    from xero_sandbox.identity import Access, Identity, Tenant


@dataclass(frozen=True)
class Gate:
    """Lets calls in.

    Attributes:
        identity: Knows tokens and connections.
        clock: Decides when tokens run out.
        journals: Whether the app may read journals.
    """

    identity: Identity
    clock: Clock
    journals: bool = True

    def admit(self, method: str, segments: Sequence[str], headers: Mapping[str, str]) -> Tenant:
        """The organisation a call is about, if the call may be made.

        Raises:
            ApiError: 401, 403 or 404, whichever Xero's gateway would answer.
        """
        access = self.bearer(headers)
        self._check_scope(access, method, segments)
        return self._tenant(access, headers)

    def bearer(self, headers: Mapping[str, str]) -> Access:
        """The live token of a request.

        Raises:
            ApiError: 401, the token is missing, unknown or expired.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        access = self.identity.access(token) if scheme.lower() == "bearer" else None
        if access is None:
            raise unauthorized("AuthenticationUnsuccessful")
        now = self.clock.now()
        if now >= access.expires:
            raise token_expired(now)
        return access

    def _check_scope(self, access: Access, method: str, segments: Sequence[str]) -> None:
        """Let a call pass whose token has a scope for the endpoint."""
        stems = _stems(segments)
        write = method not in ("GET", "HEAD")
        is_open = any(opening(stem, write=write) & access.grant.scopes for stem in stems)
        if not is_open or (segments[0] == "Journals" and not self.journals):
            raise unauthorized("AuthorizationUnsuccessful")

    def _tenant(self, access: Access, headers: Mapping[str, str]) -> Tenant:
        """The organisation that is named (where it must be) and connected."""
        tenant_id = headers.get("xero-tenant-id", "").lower()
        for row in self.identity.connections_of(access.grant):
            if row.tenant.tenant_id == tenant_id or (
                not tenant_id and not access.grant.needs_tenant
            ):
                return row.tenant
        raise forbidden()


def _stems(segments: Sequence[str]) -> tuple[str, ...]:
    if segments[0] == "Reports" and len(segments) > 1 and segments[1] in REPORT_SCOPES:
        return (REPORT_SCOPES[segments[1]],)
    if segments[0] not in ENDPOINTS:
        raise not_found("/".join(segments))
    if segments[-1] == "PaymentServices":
        return ("paymentservices",)
    if segments[-1] == "Attachments" and len(segments) > 1:
        return (ATTACHMENTS_SCOPE,)
    return ENDPOINTS[segments[0]].scopes
