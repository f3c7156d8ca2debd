"""OAuth for machines: discovery and the token endpoint.

Source: Databricks, "Authorize service principal access with OAuth"; RFC 6749 section 4.4 and 5.2.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from databricks_sandbox.app.messages import base_url, error_response, form, path_of
from databricks_sandbox.faults import FaultPlan
from databricks_sandbox.identity import Identity, UnauthorizedError
from databricks_sandbox.limits import TOKEN_SECONDS
from databricks_sandbox.switches import Switches

ACCOUNT_ID = "7f0c1c5e-5b1f-4b7e-9d0c-0f6f2f1c9a11"
WORKSPACE_ID = "7405605318"


class OAuth:
    """Answers requests that need no token.

    Args:
        identity: issues tokens.
        faults: what goes wrong with it.
        switches: whether the host is one of several workspaces.
    """

    def __init__(self, identity: Identity, faults: FaultPlan, switches: Switches) -> None:
        self._switches = switches
        self._identity = identity
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        """Answer a request below `/oidc` or `/.well-known`."""
        base, path = base_url(request), path_of(request)
        if path == "/.well-known/databricks-config":
            # A host of several workspaces is an account's.
            where = (
                {"account_id": ACCOUNT_ID}
                if self._switches.unified_host
                else {"workspace_id": WORKSPACE_ID}
            )
            return JSONResponse({"oidc_endpoint": f"{base}/oidc", **where})
        if path == "/oidc/.well-known/oauth-authorization-server":
            return JSONResponse(
                {
                    "issuer": f"{base}/oidc",
                    "authorization_endpoint": f"{base}/oidc/v1/authorize",
                    "token_endpoint": f"{base}/oidc/v1/token",
                    "grant_types_supported": ["client_credentials"],
                    "scopes_supported": ["all-apis"],
                    "token_endpoint_auth_methods_supported": [
                        "client_secret_basic",
                        "client_secret_post",
                    ],
                }
            )
        if path == "/oidc/v1/token" and request.method == "POST":
            return await self._token(request)
        return error_response(404, "ENDPOINT_NOT_FOUND", f"No endpoint '{path}'.")

    async def _token(self, request: Request) -> Response:
        fields = await form(request)
        client_id, secret = _basic(request) or (
            fields.get("client_id", ""),
            fields.get("client_secret", ""),
        )
        await self._faults.strike_call("token", client_id)
        if fields.get("grant_type") != "client_credentials":
            return _refusal("unsupported_grant_type", f"Grant '{fields.get('grant_type')}'.", 400)
        if "all-apis" not in fields.get("scope", "").split():
            return _refusal("invalid_scope", "The scope must be 'all-apis'.", 400)
        try:
            token = self._identity.issue(client_id, secret)
        except UnauthorizedError as error:
            return _refusal("invalid_client", str(error), 401)
        return JSONResponse(
            {
                "access_token": token,
                "scope": "all-apis",
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
            }
        )


def _refusal(error: str, description: str, status: int) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(name), unquote(secret)
