"""Requests to Xero's token service: what is asked in each grant, and what it answers.

Source: Xero, The standard authorization code flow; PKCE flow; Custom connections. A client
with a secret names itself by HTTP Basic, one without by `client_id` in the form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from tap_xero.api.errors import CredentialsRefusedError, RefreshTokenRefusedError, TemporaryError
from tap_xero.api.network import unreachable
from tap_xero.api.retries import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Answer:
    """Tokens, as Xero issued them.

    Attributes:
        access_token: Opens the API.
        lives: Seconds that it does so.
        refresh_token: Gets the next ones; empty for a custom connection.
        scopes: What was granted; empty when Xero does not say.
    """

    access_token: str = field(repr=False)
    lives: float
    refresh_token: str = field(repr=False)
    scopes: tuple[str, ...]


class TokenService:
    """Xero's token service, for one app."""

    def __init__(
        self, http: requests.Session, identity_url: str, client_id: str, client_secret: str | None
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._http = http
        self._url = f"{identity_url.rstrip('/')}/connect/token"
        self._client_id = client_id
        self._client_secret = client_secret

    def refresh(self, refresh_token: str) -> Answer:
        """Exchange a refresh token for new tokens; it can be used again for 30 minutes.

        Raises:
            RefreshTokenRefusedError: It is used up, revoked or older than 60 days.
            CredentialsRefusedError: Xero does not accept the app.
            TemporaryError: The service failed.
        """
        return self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def client_credentials(self, scopes: str | None) -> Answer:
        """A token of a custom connection; with all its scopes when none are named.

        Raises:
            CredentialsRefusedError: Xero does not accept the app, or it is none.
            TemporaryError: The service failed.
        """
        form = {"grant_type": "client_credentials"}
        if scopes:
            form["scope"] = scopes
        return self._ask(form)

    def exchange_code(self, code: str, redirect_uri: str, verifier: str) -> Answer:
        """Exchange the code of a consent for tokens.

        Raises:
            CredentialsRefusedError: Xero does not accept the app or the code.
            TemporaryError: The service failed.
        """
        return self._ask(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )

    def _ask(self, form: dict[str, str]) -> Answer:
        grant, auth = form["grant_type"], None
        if self._client_secret:
            auth = (self._client_id, self._client_secret)
        else:
            form = {**form, "client_id": self._client_id}
        try:
            response = self._http.post(self._url, data=form, auth=auth, timeout=TIMEOUT)
        except requests.RequestException as error:
            cause = unreachable(error, self._url, trust_env=self._http.trust_env)
            raise TemporaryError(
                f"Xero's identity service could not be reached: {cause}."
            ) from error
        try:
            parsed = response.json()
        except ValueError:
            parsed = None
        if response.ok and isinstance(parsed, dict) and isinstance(parsed.get("access_token"), str):
            return _answer(parsed)
        if response.ok or response.status_code == 429 or response.status_code >= 500:
            raise TemporaryError(
                f"Xero's identity service answered {response.status_code} without a token."
            )
        problem = str(parsed.get("error", "")) if isinstance(parsed, dict) else ""
        raise _refused(problem, response.status_code, grant)


def _answer(parsed: Mapping[str, Any]) -> Answer:
    return Answer(
        parsed["access_token"],
        float(parsed.get("expires_in", 1800)),
        str(parsed.get("refresh_token") or ""),
        tuple(str(parsed.get("scope") or "").split()),
    )


_ADVICE: dict[str, str] = {
    "invalid_client": "Check client_id and client_secret.",
    "invalid_scope": "Check scopes: the app may not ask for all of them.",
}


def _refused(problem: str, status: int, grant: str) -> CredentialsRefusedError:
    """The error of a refusal. No secret gets into its message."""
    refusal = f"Xero refused the credentials ({problem or status})."
    if problem == "invalid_grant" and grant == "refresh_token":
        return RefreshTokenRefusedError(
            f"{refusal} The refresh token is used up, revoked or older than 60 days: run "
            "tap-xero-login (meltano invoke tap-xero:login), or set a new refresh_token."
        )
    if problem == "invalid_grant":
        advice = "The consent took too long or was used already: run tap-xero-login again."
    elif problem in {"unauthorized_client", "unsupported_grant_type"} and (
        grant == "client_credentials"
    ):
        advice = (
            "Only custom connections work without a refresh token: run tap-xero-login, or set "
            "refresh_token."
        )
    else:
        advice = _ADVICE.get(problem, "Check client_id, client_secret and refresh_token.")
    return CredentialsRefusedError(f"{refusal} {advice}")
