"""The routes of Xero's identity service: consent page, tokens, revocation, connections."""

from __future__ import annotations

import base64
import binascii
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from xero_sandbox.app import effects
from xero_sandbox.app.answers import ApiError, not_found, render_error
from xero_sandbox.calls import Call
from xero_sandbox.faults import Target
from xero_sandbox.identity import Connection, Identity, OAuthError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from xero_sandbox.app.gate import Gate
    from xero_sandbox.calls import CallLog
    from xero_sandbox.clock import Clock
    from xero_sandbox.faults import FaultPlan

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Xero sandbox: allow access</title></head>
<body><h1>Allow access</h1>
<p>An app asks for access to the organisations of this sandbox.</p>
<form method="post">{hidden}{organisations}
<p>It asks for: {scopes}</p>
<button name="decision" value="allow">Allow access</button>
<button name="decision" value="cancel">Cancel</button>
</form></body></html>"""


class IdentityApi:
    """The routes of the identity service.

    Args:
        identity: Apps, consents, tokens and connections.
        gate: Reads the token of a call.
        clock: The sandbox's clock.
        calls: The log of calls.
        faults: The fault plan.
        auto_approve: Whether the consent page approves by itself, for all organisations.
    """

    def __init__(
        self,
        identity: Identity,
        gate: Gate,
        clock: Clock,
        calls: CallLog,
        faults: FaultPlan,
        *,
        auto_approve: bool,
    ) -> None:
        self._identity, self._gate, self._clock, self._calls = identity, gate, clock, calls
        self._faults = faults
        self._auto_approve = auto_approve

    async def authorize(self, request: Request) -> Response:
        """The consent page, and what follows when a user decides."""
        form = await _form(request) if request.method == "POST" else {}
        query = {**request.query_params, **form}
        redirect_uri = query.get("redirect_uri", "")
        if query.get("client_id") != self._identity.client_id:
            return HTMLResponse("<h1>Sorry</h1><p>unauthorized_client: Unknown client</p>", 400)
        if urlsplit(redirect_uri).scheme not in ("http", "https"):
            return HTMLResponse("<h1>Sorry</h1><p>invalid_request: Invalid redirect_uri</p>", 400)
        try:
            scopes = self._scopes(query)
        except OAuthError as error:
            return _back(
                redirect_uri, query, {"error": error.code, "error_description": str(error)}
            )
        tenants = [tenant.tenant_id for tenant in self._identity.tenants]
        if request.method == "GET" and not self._auto_approve:
            return HTMLResponse(self._consent_page(query, scopes))
        if request.method == "POST":
            if query.get("decision") != "allow":
                return _back(redirect_uri, query, {"error": "access_denied"})
            tenants = [tenant_id for tenant_id in tenants if f"tenant-{tenant_id}" in query]
        code = self._identity.authorize(
            scopes, tenants, redirect_uri, query.get("code_challenge") or None
        )
        return _back(redirect_uri, query, {"code": code, "scope": " ".join(sorted(scopes))})

    async def token(self, request: Request) -> Response:
        """The token endpoint: three grants, clients known by Basic header or form."""
        form = await _form(request)
        try:
            answer = _tokens(self._identity, form, *_client(request, form))
        except OAuthError as error:
            return self._logged(request, _oauth_error(error))
        return self._logged(request, JSONResponse(answer, headers={"Cache-Control": "no-store"}))

    async def revocation(self, request: Request) -> Response:
        """Revoke a refresh token; unknown tokens are answered like known ones (RFC 7009)."""
        form = await _form(request)
        try:
            self._identity.check_client(*_client(request, form))
        except OAuthError as error:
            return self._logged(request, _oauth_error(error))
        self._identity.revoke(form.get("token", ""))
        return self._logged(request, Response(status_code=200))

    async def connections(self, request: Request) -> Response:
        """The organisations a token reaches; DELETE disconnects one."""
        try:
            access = self._gate.bearer(request.headers)
            rows = self._identity.connections_of(access.grant)
            target = Target(request.method, "/connections", "", "", None)
            if (fault := self._faults.next_for(target)) is not None:
                effects.refuse(fault, self._clock.now())
                rows = rows * {"none": 0, "twice": 2}.get(fault.effect, 1)
            connection_id = request.path_params.get("connection_id")
            if request.method == "DELETE":
                if connection_id not in [row.connection_id for row in rows]:
                    raise not_found(f"connections/{connection_id}")
                self._identity.disconnect(connection_id)
                return self._logged(request, Response(status_code=204))
        except ApiError as error:
            body, kind = render_error(error, json=True)
            return self._logged(request, Response(body, error.status, media_type=kind))
        event = request.query_params.get("authEventId")
        return self._logged(
            request,
            JSONResponse([_connection(row) for row in rows if event in (None, row.auth_event_id)]),
        )

    async def configuration(self, request: Request) -> Response:
        """The discovery document of OpenID Connect."""
        base = str(request.base_url).rstrip("/")
        return JSONResponse(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/identity/connect/authorize",
                "token_endpoint": f"{base}/connect/token",
                "revocation_endpoint": f"{base}/connect/revocation",
                "grant_types_supported": [
                    "authorization_code",
                    "refresh_token",
                    "client_credentials",
                ],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": sorted(self._identity.scopes),
            }
        )

    def _scopes(self, query: Mapping[str, str]) -> frozenset[str]:
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type")
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method must be S256")
        return self._identity.check_scopes(query.get("scope", ""))

    def _logged(self, request: Request, response: Response) -> Response:
        self._calls.add(
            Call(
                self._clock.now(),
                request.method,
                request.url.path.lstrip("/"),
                dict(request.query_params),
                None,
                response.status_code,
                size=len(response.body),
            )
        )
        return response

    def _consent_page(self, query: Mapping[str, str], scopes: frozenset[str]) -> str:
        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in query.items()
        )
        organisations = "".join(
            f'<p><label><input type="checkbox" checked name="tenant-{tenant.tenant_id}"> '
            f"{escape(tenant.name)}</label></p>"
            for tenant in self._identity.tenants
        )
        return _PAGE.format(
            hidden=hidden, organisations=organisations, scopes=escape(", ".join(sorted(scopes)))
        )


def _tokens(
    identity: Identity, form: Mapping[str, str], client_id: str | None, secret: str | None
) -> dict[str, object]:
    """Carry out the grant of a token request."""
    grant = form.get("grant_type", "")
    if grant == "authorization_code":
        return identity.exchange_code(
            form.get("code", ""),
            form.get("redirect_uri", ""),
            form.get("code_verifier"),
            client_id,
            secret,
        )
    if grant == "refresh_token":
        identity.check_client(client_id, secret, form.get("refresh_token", ""))
        return identity.refresh(form.get("refresh_token", ""))
    identity.check_client(client_id, secret)
    if grant == "client_credentials":
        return identity.client_credentials(form.get("scope", ""))
    raise OAuthError("unsupported_grant_type")


async def _form(request: Request) -> dict[str, str]:
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _client(request: Request, form: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Client id and secret, from HTTP Basic or else from the form."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id"), form.get("client_secret")
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client") from None
    return name, secret


def _oauth_error(error: OAuthError) -> Response:
    body = {"error": error.code}
    if str(error) != error.code:
        body["error_description"] = str(error)
    return JSONResponse(body, error.status)


def _back(redirect_uri: str, query: Mapping[str, str], values: dict[str, str]) -> Response:
    if "state" in query:
        values["state"] = query["state"]
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{joint}{urlencode(values)}", 302)


def _connection(row: Connection) -> dict[str, str]:
    return {
        "id": row.connection_id,
        "authEventId": row.auth_event_id,
        "tenantId": row.tenant.tenant_id,
        "tenantType": "ORGANISATION",
        "tenantName": row.tenant.name,
        "createdDateUtc": _seven_digits(row.created),
        "updatedDateUtc": _seven_digits(row.updated),
    }


def _seven_digits(moment: datetime) -> str:
    """ISO without zone and with the seven decimals that .NET writes."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"
