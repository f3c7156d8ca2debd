"""Who may see what: the app, its consents, tokens and connections.

The OAuth 2.0 rules of Xero's identity service as plain methods over an injected clock; the routes
in `app.identity` only translate HTTP. Nothing is stored: a restarted sandbox has forgotten every
token but the first refresh token, which follows from the seed.

Source: Xero, "The standard authorization code flow", "PKCE flow", "Custom connections",
"OAuth 2.0 FAQ" and "Token types" (30-minute access tokens, 60-day refresh tokens that rotate on
use, 30 minutes of grace for the previous one).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from xero_sandbox.scopes import ALL_SCOPES, OLD_SCOPES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from xero_sandbox.clock import Clock

ACCESS_LIFE = timedelta(minutes=30)
REFRESH_LIFE = timedelta(days=60)
GRACE = timedelta(minutes=30)
CODE_LIFE = timedelta(minutes=5)


class OAuthError(Exception):
    """A refused request to the identity service.

    Attributes:
        code: OAuth error code, e.g. `invalid_grant`.
        status: HTTP status.
    """

    def __init__(self, code: str, description: str = "", status: int = 400) -> None:
        super().__init__(description or code)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Tenant:
    """An organisation that can be connected."""

    tenant_id: str
    name: str


@dataclass
class Connection:
    """One row of `/connections`: an app's access to one organisation."""

    connection_id: str
    tenant: Tenant
    auth_event_id: str
    created: datetime
    updated: datetime


@dataclass
class Grant:
    """A consent (or a custom connection) that tokens are issued for."""

    scopes: frozenset[str]
    auth_event_id: str
    tenant_ids: frozenset[str]
    needs_tenant: bool = True
    revoked: bool = False
    public: bool = False  # given to an app of the PKCE kind, which has no secret


@dataclass
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str | None
    issued: datetime


@dataclass
class _Refresh:
    grant: Grant
    issued: datetime
    used: datetime | None = None


@dataclass
class Access:
    """A live access token: what the Accounting API needs to know of it."""

    grant: Grant
    expires: datetime


@dataclass
class Identity:
    """The identity service for one app.

    Attributes:
        clock: The sandbox's clock; tokens age by it.
        tenants: The organisations that can be connected.
        seed: Decides client id, secret and the first refresh token.
        scopes: What the app may ask for; the first refresh token has all of it.
        granular_only: Refuse the broad scopes, as for apps created since March 2026.
        machine_reaches_all: Client credentials reach every organisation (and then need the tenant
            header) instead of the first one only.
    """

    clock: Clock
    tenants: Sequence[Tenant]
    seed: int = 1
    scopes: Collection[str] = ALL_SCOPES
    granular_only: bool = False
    machine_reaches_all: bool = False
    connections: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.granular_only:
            self.scopes = frozenset(self.scopes) - OLD_SCOPES
        self.client_id = self._derived("client id")[:32].upper()
        self.client_secret = self._derived("client secret")[:48]
        self.webhook_key = base64.b64encode(self._derived("webhook key").encode()).decode()
        self._key = secrets.token_bytes(32)
        self._lock = threading.RLock()
        self._codes: dict[str, _Code] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._access: dict[str, Access] = {}
        self._first = self._consent(frozenset(self.scopes), [t.tenant_id for t in self.tenants])
        self.refresh_token = self._derived("refresh token")[:43]
        self._refresh[self.refresh_token] = _Refresh(self._first, self.clock.now())

    def _derived(self, name: str) -> str:
        return hashlib.sha256(f"xero-sandbox {self.seed} {name}".encode()).hexdigest()

    # -- clients and scopes ---------------------------------------------------------------------

    def check_client(
        self, client_id: str | None, client_secret: str | None, refresh_token: str = ""
    ) -> None:
        """Refuse anybody but the app.

        Args:
            client_id: Who it says it is.
            client_secret: The proof; only the refresh tokens of a consent that was exchanged
                without a secret are renewed without one.
            refresh_token: The token it wants to renew, if it does.

        Raises:
            OAuthError: `invalid_client`.
        """
        if client_id is None or not hmac.compare_digest(client_id, self.client_id):
            raise OAuthError("invalid_client", status=400)
        issued_token = self._refresh.get(refresh_token)
        if client_secret is None and issued_token is not None and issued_token.grant.public:
            return
        if client_secret is None or not hmac.compare_digest(client_secret, self.client_secret):
            raise OAuthError("invalid_client", status=400)

    def check_scopes(self, text: str) -> frozenset[str]:
        """Read a space-separated scope parameter.

        Raises:
            OAuthError: `invalid_scope`, naming the scopes that the app may not have.
        """
        scopes = frozenset(text.split())
        unknown = scopes - frozenset(self.scopes)
        if unknown:
            raise OAuthError("invalid_scope", f"not available: {' '.join(sorted(unknown))}")
        return scopes

    # -- grants ---------------------------------------------------------------------------------

    def authorize(
        self,
        scopes: frozenset[str],
        tenant_ids: Sequence[str],
        redirect_uri: str,
        challenge: str | None,
    ) -> str:
        """Record a user's consent and give the code that is exchanged for tokens."""
        with self._lock:
            grant = self._consent(scopes, tenant_ids)
            code = secrets.token_urlsafe(32)
            self._codes[code] = _Code(grant, redirect_uri, challenge, self.clock.now())
            return code

    def exchange_code(
        self,
        code: str,
        redirect_uri: str,
        verifier: str | None,
        client_id: str | None,
        client_secret: str | None,
    ) -> dict[str, object]:
        """Exchange a code for tokens; with PKCE the verifier stands in for the secret.

        Raises:
            OAuthError: `invalid_client`, or `invalid_grant` for a code that is unknown, used,
                older than five minutes, or meant for another redirect URI or verifier.
        """
        with self._lock:
            consent = self._codes.pop(code, None)
            public = consent is not None and consent.challenge is not None and client_secret is None
            self.check_client(client_id, self.client_secret if public else client_secret)
            if (
                consent is None
                or self.clock.now() - consent.issued > CODE_LIFE
                or redirect_uri != consent.redirect_uri
                or (consent.challenge is not None and _challenge(verifier) != consent.challenge)
            ):
                raise OAuthError("invalid_grant")
            consent.grant.public = public
            return self._issue(consent.grant)

    def refresh(self, token: str) -> dict[str, object]:
        """Rotate a refresh token.

        A token already used works again for 30 minutes, for clients that never saw the answer.

        Raises:
            OAuthError: `invalid_grant` for a token unknown, revoked, older than 60 days or used
                more than 30 minutes ago.
        """
        with self._lock:
            now = self.clock.now()
            issued_token = self._refresh.get(token)
            if (
                issued_token is None
                or issued_token.grant.revoked
                or now - issued_token.issued > REFRESH_LIFE
                or (issued_token.used is not None and now - issued_token.used > GRACE)
            ):
                raise OAuthError("invalid_grant")
            issued_token.used = issued_token.used or now
            return self._issue(issued_token.grant)

    def client_credentials(self, scope: str) -> dict[str, object]:
        """A token of the app itself: no refresh token, and by default one organisation only."""
        with self._lock:
            scopes = self.check_scopes(scope) if scope else frozenset(self.scopes)
            reached = self.tenants if self.machine_reaches_all else self.tenants[:1]
            grant = Grant(
                scopes - {"offline_access", "openid"},
                str(uuid4()),
                frozenset(tenant.tenant_id for tenant in reached),
                needs_tenant=self.machine_reaches_all,
            )
            return self._issue(grant)

    def revoke(self, token: str) -> None:
        """Revoke a refresh token and with it the consent; unknown tokens are ignored."""
        with self._lock:
            issued_token = self._refresh.get(token)
            if issued_token is None:
                return
            issued_token.grant.revoked = True
            self.connections[:] = [
                row
                for row in self.connections
                if row.auth_event_id != issued_token.grant.auth_event_id
            ]

    # -- access ---------------------------------------------------------------------------------

    def access(self, token: str) -> Access | None:
        """The access token's grant; expired ones are returned too, unknown ones are None."""
        with self._lock:
            return self._access.get(token)

    def connections_of(self, grant: Grant) -> list[Connection]:
        """The organisations a token reaches."""
        with self._lock:
            return [row for row in self.connections if row.tenant.tenant_id in grant.tenant_ids]

    def disconnect(self, connection_id: str) -> bool:
        """Delete a connection; False when there is none with this id."""
        with self._lock:
            remaining = [row for row in self.connections if row.connection_id != connection_id]
            exists = len(remaining) < len(self.connections)
            self.connections[:] = remaining
            return exists

    def access_token(self) -> str:
        """A new access token of the first consent, without using its refresh token up."""
        with self._lock:
            return str(self._issue(self._first)["access_token"])

    def another_consent(self, tenant_ids: Collection[str]) -> str:
        """The refresh token of another user's consent, which reaches these organisations only."""
        with self._lock:
            event = str(uuid4())
            grant = Grant(frozenset(self.scopes), event, frozenset(tenant_ids))
            return str(self._issue(grant)["refresh_token"])

    def forget_access_tokens(self) -> None:
        """Know no access token that was issued so far, whatever its life."""
        with self._lock:
            self._access.clear()

    def expire_access_tokens(self) -> None:
        """Let every access token issued so far be past its life."""
        with self._lock:
            for access in self._access.values():
                access.expires = min(access.expires, self.clock.now())

    # -- inside ---------------------------------------------------------------------------------

    def _consent(self, scopes: frozenset[str], tenant_ids: Sequence[str]) -> Grant:
        now = self.clock.now()
        event = str(self._event_id())
        connected = {row.tenant.tenant_id: row for row in self.connections}
        for tenant in self.tenants:
            if tenant.tenant_id not in tenant_ids:
                continue
            row = connected.get(tenant.tenant_id)
            if row is None:
                # Derived, so that two sandboxes with one seed agree on the first connections.
                number = UUID(self._derived(f"connection {tenant.tenant_id} {event}")[:32])
                self.connections.append(Connection(str(number), tenant, event, now, now))
            else:
                row.updated, row.auth_event_id = now, event
        reached = frozenset(tenant_ids) | frozenset(connected)
        return Grant(scopes, event, reached)

    def _event_id(self) -> UUID:
        return uuid4() if self.connections else UUID(self._derived("consent")[:32])

    def _issue(self, grant: Grant) -> dict[str, object]:
        now = self.clock.now()
        self._forget_expired(now)
        access = self._token(grant, now, {"scope": sorted(grant.scopes), "jti": uuid4().hex})
        self._access[access] = Access(grant, now + ACCESS_LIFE)
        answer: dict[str, object] = {
            "access_token": access,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(sorted(grant.scopes)),
        }
        if "openid" in grant.scopes:
            answer["id_token"] = self._token(grant, now, {"aud": self.client_id})
        if "offline_access" in grant.scopes:
            refresh = secrets.token_urlsafe(32)
            self._refresh[refresh] = _Refresh(grant, now)
            answer["refresh_token"] = refresh
        return answer

    def _forget_expired(self, now: datetime) -> None:
        # Kept for a day after death, so that a late call is told that its token has expired.
        for token, access in list(self._access.items()):
            if now - access.expires > timedelta(days=1):
                del self._access[token]

    def _token(self, grant: Grant, now: datetime, claims: dict[str, object]) -> str:
        """A JSON Web Token; clients read its claims, only this process checks it."""
        issued = int(now.timestamp())
        payload = {
            "nbf": issued,
            "exp": issued + int(ACCESS_LIFE.total_seconds()),
            "iss": "xero-sandbox",
            "client_id": self.client_id,
            "authentication_event_id": grant.auth_event_id,
            **claims,
        }
        head = _base64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        body = _base64(json.dumps(payload).encode())
        signature = hmac.new(self._key, f"{head}.{body}".encode(), hashlib.sha256).digest()
        return f"{head}.{body}.{_base64(signature)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _challenge(verifier: str | None) -> str | None:
    """The S256 code challenge of a verifier (RFC 7636)."""
    return _base64(hashlib.sha256(verifier.encode()).digest()) if verifier else None
