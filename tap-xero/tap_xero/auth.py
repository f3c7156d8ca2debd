"""Access tokens: the OAuth grants, and when to renew.

A token store keeps the refresh token between renewals. The one here keeps it in memory,
for the length of a run: Xero replaces the refresh token at every use and lets the old one
live for 30 minutes more, so whoever runs the tap with a refresh token in a config file
has to put a fresh one there. Anything that implements `TokenStore` can take its place.

Source: Xero, OAuth 2.0 FAQ (30-minute access tokens, rotation, grace, 60 days) and
Custom integration FAQ (client credentials).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import requests

from tap_xero.errors import CredentialsRefusedError, TemporaryError

if TYPE_CHECKING:
    from tap_xero.retries import Clock, Retries

RENEW_BEFORE = 300
"""Seconds before its end at which an access token is replaced, so that none dies in flight."""

TIMEOUT = (10, 60)
"""Seconds to connect, and to wait for an answer."""


class TokenStore(Protocol):
    """Where the refresh token lives."""

    def load(self) -> str | None:
        """The latest refresh token, or None when there is none."""

    def save(self, refresh_token: str) -> None:
        """Keep a new refresh token. When this returns, it must not get lost."""


class MemoryTokenStore:
    """Keeps the refresh token for the length of the run."""

    def __init__(self, refresh_token: str | None) -> None:
        """Start with the refresh token of the config, if it has one."""
        self._refresh_token = refresh_token
        self.rotated = False

    def load(self) -> str | None:
        """The latest refresh token."""
        return self._refresh_token

    def save(self, refresh_token: str) -> None:
        """Keep a new one until the process ends."""
        self.rotated = self.rotated or refresh_token != self._refresh_token
        self._refresh_token = refresh_token


class Credentials:
    """Hands out access tokens that are good for the next five minutes.

    With a refresh token in the store, the refresh grant is used; without one, the client
    credentials grant of a custom connection.
    """

    def __init__(
        self,
        *,
        http: requests.Session,
        identity_url: str,
        client_id: str,
        client_secret: str,
        store: TokenStore,
        scopes: str | None,
        clock: Clock,
        retries: Retries,
    ) -> None:
        """Prepare; nothing is sent before the first token is asked for.

        Args:
            http: Session to send with.
            identity_url: Base URL of Xero's identity service.
            client_id: Client id of the app.
            client_secret: Client secret of the app.
            store: Keeps the refresh token.
            scopes: Scopes to ask for with client credentials, separated by spaces.
            clock: Time.
            retries: How to repeat what failed for a moment.
        """
        self._http = http
        self._url = f"{identity_url.rstrip('/')}/connect/token"
        self._client = (client_id, client_secret)
        self._store = store
        self._scopes = scopes
        self._clock = clock
        self._retries = retries
        self._lock = threading.Lock()
        self._token: str | None = None
        self._expires = 0.0

    @property
    def custom_connection(self) -> bool:
        """Whether the token reaches exactly one organisation and needs no tenant header."""
        return self._store.load() is None

    def token(self) -> str:
        """An access token, renewed when its end is near.

        Raises:
            CredentialsRefusedError: Xero refused the client or the refresh token.
            TemporaryError: Xero's identity service kept failing.
        """
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._expires - RENEW_BEFORE:
                self._renew()
            return self._token or ""

    def expired(self, token: str) -> None:
        """Forget a token that Xero called expired, unless it was renewed meanwhile."""
        with self._lock:
            if token == self._token:
                self._token = None

    def _renew(self) -> None:
        answer = self._retries.run(self._request)
        if refresh_token := answer.get("refresh_token"):
            self._store.save(refresh_token)
        self._token = answer["access_token"]
        self._expires = self._clock.monotonic() + float(answer.get("expires_in", 1800))

    def _request(self) -> dict[str, Any]:
        refresh_token = self._store.load()
        if refresh_token is None:
            form = {"grant_type": "client_credentials"}
            if self._scopes:
                form["scope"] = self._scopes
        else:
            form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            response = self._http.post(self._url, data=form, auth=self._client, timeout=TIMEOUT)
        except requests.RequestException as error:
            raise TemporaryError(
                f"Xero's identity service could not be reached ({type(error).__name__})."
            ) from error
        return _read_answer(response, form["grant_type"])


def _read_answer(response: requests.Response, grant: str) -> dict[str, Any]:
    """The token answer, or the error it stands for. No secret gets into a message."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if response.ok and isinstance(answer, dict) and isinstance(answer.get("access_token"), str):
        return answer
    if response.ok or response.status_code == 429 or response.status_code >= 500:
        raise TemporaryError(
            f"Xero's identity service answered {response.status_code} without a token."
        )
    problem = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    raise CredentialsRefusedError(
        f"Xero refused the credentials ({problem or response.status_code}). "
        + _advice(problem, grant)
    )


_advice_by_problem: dict[str, str] = {
    "invalid_grant": (
        "The refresh_token is used up, revoked or older than 60 days: "
        "authorise the app again and set refresh_token."
    ),
    "invalid_client": "Check client_id and client_secret.",
    "invalid_scope": "Check scopes: the app may not ask for all of them.",
}


def _advice(problem: str, grant: str) -> str:
    if problem in {"unauthorized_client", "unsupported_grant_type"} and (
        grant == "client_credentials"
    ):
        return "Only custom connections work without refresh_token: set refresh_token."
    return _advice_by_problem.get(problem, "Check client_id, client_secret and refresh_token.")
