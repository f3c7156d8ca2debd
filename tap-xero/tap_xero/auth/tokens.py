"""Access tokens: which grant gives them, when they are renewed, and who may do it.

Xero replaces the refresh token at every use. The new one is kept durably before the access
token that came with it is used, under a lock that keeps other processes out, so a crash
between Xero's answer and our write leaves the old one, which works for 30 minutes more.
The access token is kept too: threads and processes share it, and one renews for all.

Source: Xero, OAuth 2.0 FAQ (30-minute access tokens, rotation, grace, 60 days) and
Custom integration FAQ (client credentials).
"""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tap_xero.api.errors import (
    CredentialsRefusedError,
    OtherTokensError,
    RefreshTokenRefusedError,
    TemporaryError,
    TokenServiceDownError,
)
from tap_xero.auth.stored_tokens import StoredTokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_xero.api.retries import Clock, Retries
    from tap_xero.auth.store import TokenStore
    from tap_xero.auth.token_service import Answer, TokenService

T = TypeVar("T")

RENEW_BEFORE = 300
"""Seconds before its end at which an access token is replaced, so that none dies in flight."""

_COMMAND_TIMEOUT = 120


class Tokens(Protocol):
    """Hands out access tokens."""

    @property
    def custom_connection(self) -> bool:
        """Whether the token may reach one organisation only and be unable to list any."""

    def token(self) -> str:
        """An access token that is good for the next minutes."""

    def reject(self, token: str) -> None:
        """Take note that Xero called a token expired."""

    def reject_kept(self, token: str) -> bool:
        """Take note that Xero refused a token.

        Returns:
            Whether another one may do: this one was not made in this run.
        """


class Credentials:
    """Access tokens of an app: of a consent in the store, else of a custom connection.

    A refresh token of the config is a seed: it is used once, when the store has none, and from
    then on the store knows better. Tokens that it does not stand for may be another pipeline's:
    they are neither used nor replaced.
    """

    def __init__(
        self,
        *,
        service: TokenService,
        store: TokenStore,
        client_id: str,
        seed: str | None,
        scopes: str | None,
        clock: Clock,
        retries: Retries,
    ) -> None:
        """Prepare; nothing is sent or read before the first token is asked for.

        Args:
            service: Xero's token service.
            store: Keeps the tokens.
            client_id: Client id of the app.
            seed: Refresh token of the config.
            scopes: Scopes to ask for with client credentials, separated by spaces.
            clock: Time.
            retries: How to repeat what failed for a moment.
        """
        self._service = service
        self._store = store
        self._client_id = client_id
        self._seed = (seed or "").strip() or None
        self._scopes = scopes
        self._clock = clock
        self._retries = retries
        self._lock = threading.Lock()
        self._token: str | None = None
        self._rejected: str | None = None
        self._made: set[str] = set()
        self._expires = 0.0

    @property
    def custom_connection(self) -> bool:
        """Whether there is no consent, so that the token reaches exactly one organisation."""
        return self._seed is None and self._store.load() is None

    def token(self) -> str:
        """An access token, renewed when its end is near.

        Raises:
            CredentialsRefusedError: Xero refused the client or the refresh token.
            CredentialStoreError: The store failed, or keeps tokens of another consent.
            TokenServiceDownError: Xero's identity service kept failing.
        """
        with self._lock:
            if self._token is None or self._clock.time() >= self._expires - RENEW_BEFORE:
                self._token, self._expires = _to_its_end(self._renew)
            return self._token

    def reject(self, token: str) -> None:
        """Forget a token that Xero called expired, unless it was renewed meanwhile."""
        with self._lock:
            if token == self._token:
                self._token, self._rejected = None, token

    def reject_kept(self, token: str) -> bool:
        """Forget a token that Xero refused, if it was in the store; whether it was."""
        if token in self._made:
            return False
        self.reject(token)
        return True

    def _renew(self) -> tuple[str, float]:
        """A new token and its end, from another process that was faster or from Xero."""
        if self.custom_connection:
            answer = self._ask(lambda: self._service.client_credentials(self._scopes))
            self._made.add(answer.access_token)
            return answer.access_token, self._clock.time() + answer.lives
        with self._store.lock():
            stored = self._store.load()
            tokens = self._stored_or_seed(stored)
            if not self._is_fresh(tokens):
                tokens = self._exchange(tokens)
            if tokens is not stored:
                self._store.save(tokens)
        return tokens.access_token, tokens.expires

    def _stored_or_seed(self, stored: StoredTokens | None) -> StoredTokens:
        """What the store has, or else the seed itself, with the seed on record.

        Raises:
            CredentialsRefusedError: There is neither.
            OtherTokensError: The seed does not stand for what the store has.
        """
        if self._seed is None:
            if stored is None:
                raise CredentialsRefusedError(
                    "The credential store was emptied while the tap ran: run tap-xero-login."
                )
            return stored
        tokens = stored or StoredTokens(self._client_id, self._seed)
        if not tokens.is_of(self._seed):
            raise OtherTokensError(
                f"The credential store {self._store.name} keeps tokens that do not come from the "
                "refresh_token of the settings, so they may open another pipeline's books. Nothing "
                "was read, and they were left as they are. If they are the ones to use, take "
                "refresh_token out of the settings. If not, give this pipeline a credential_store "
                "(or credential_store_command) of its own, or sign in anew with tap-xero-login, "
                "which replaces them."
            )
        return tokens.recording(self._seed)

    def _is_fresh(self, tokens: StoredTokens) -> bool:
        return (
            bool(tokens.access_token)
            and tokens.access_token != self._rejected
            and self._clock.time() < tokens.expires - RENEW_BEFORE
        )

    def _exchange(self, tokens: StoredTokens) -> StoredTokens:
        """New tokens for those that are kept, or for the seed."""
        try:
            answer = self._ask(lambda: self._service.refresh(tokens.refresh_token))
        except RefreshTokenRefusedError as error:
            if other := self._store.beside:
                raise RefreshTokenRefusedError(
                    f"{error} The credential store {other} keeps tokens that do not come from this "
                    "refresh_token; if they are the ones to use, take refresh_token out of the "
                    "settings."
                ) from error
            raise
        self._made.add(answer.access_token)
        return tokens_of(answer, tokens, self._clock.time())

    def _ask(self, request: Callable[[], Answer]) -> Answer:
        """Ask Xero, some times over; the call that wants the token need not try again."""
        try:
            return self._retries.run(request)
        except TemporaryError as error:
            raise TokenServiceDownError(
                f"{error} It kept failing, so nothing more can be read: run the tap again later, "
                "it goes on from here."
            ) from error


def tokens_of(answer: Answer, before: StoredTokens, now: float) -> StoredTokens:
    """What the store keeps of an answer.

    Args:
        answer: Tokens of Xero.
        before: What was kept until now; its refresh token stays if Xero sent no new one.
        now: Seconds since 1970.
    """
    return replace(
        before,
        refresh_token=answer.refresh_token or before.refresh_token,
        access_token=answer.access_token,
        expires=now + answer.lives,
        renewed=now,
        scopes=answer.scopes or scopes_of(answer.access_token),
    )


class CommandTokens:
    """Access tokens of somebody else: a command that asks a broker or a secret manager.

    It prints the token, or JSON with `access_token` and perhaps `expires_in`.
    """

    custom_connection = True

    def __init__(self, command: str, clock: Clock) -> None:
        """Use a command line, split as a shell would, but run without one."""
        self._command = shlex.split(command)
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._rejected: str | None = None
        self._expires = 0.0

    def token(self) -> str:
        """The command's token, asked for again when its end is near.

        Raises:
            CredentialsRefusedError: The command failed, printed no token, or printed one
                again that Xero had called expired.
        """
        with self._lock:
            if self._token is None or self._clock.time() >= self._expires - RENEW_BEFORE:
                self._token, self._expires = self._ask()
            return self._token

    def reject(self, token: str) -> None:
        """Forget a token that Xero called expired."""
        with self._lock:
            if token == self._token:
                self._token, self._rejected = None, token

    def reject_kept(self, token: str) -> bool:  # noqa: ARG002
        """False: whoever is behind the command knows best which token is good."""
        return False

    def _ask(self) -> tuple[str, float]:
        try:
            done = subprocess.run(  # noqa: S603 (the user's own command)
                self._command, stdout=subprocess.PIPE, check=False, timeout=_COMMAND_TIMEOUT
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed(f"failed ({type(error).__name__})") from error
        printed = done.stdout.decode(errors="replace").strip()
        if done.returncode:
            raise self._failed(f"failed (exit code {done.returncode}); what it said is above")
        token, lives = _printed_token(printed)
        if not token or any(map(str.isspace, token)):
            raise self._failed("printed no token, and no JSON with access_token")
        if token == self._rejected:
            raise self._failed("printed the access token again that Xero calls expired")
        ends = _claims(token).get("exp")
        if lives is not None:
            return token, self._clock.time() + lives
        # Of a token that tells nothing, nothing is known beyond the next minute.
        return token, float(ends) if ends else self._clock.time() + RENEW_BEFORE + 60

    def _failed(self, how: str) -> CredentialsRefusedError:
        return CredentialsRefusedError(
            f"Setting access_token_command: `{shlex.join(self._command)}` {how}."
        )


def _printed_token(printed: str) -> tuple[str, float | None]:
    if not printed.startswith("{"):
        return printed, None
    try:
        parsed = json.loads(printed)
        lives = parsed.get("expires_in")
        return str(parsed.get("access_token") or ""), None if lives is None else float(lives)
    except (ValueError, TypeError):
        return "", None


def scopes_of(access_token: str) -> tuple[str, ...]:
    """The scopes that an access token names; none when it is not readable."""
    scopes = _claims(access_token).get("scope")
    if isinstance(scopes, str):
        return tuple(scopes.split())
    return tuple(map(str, scopes)) if isinstance(scopes, list) else ()


def _claims(access_token: str) -> dict[str, Any]:
    """What a JSON Web Token says; nothing for a token that is none. Nothing is verified."""
    parts = access_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _to_its_end(work: Callable[[], T]) -> T:
    """Do something that a signal must not interrupt half-way.

    A signal ends the main thread where it stands. The interpreter waits for this other
    thread, so a renewal that has begun is kept before the process ends.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 (whoever waits gets it)
            future.set_exception(error)

    threading.Thread(target=run, name="xero-renewal", daemon=False).start()
    # Not join: before Python 3.13, a join that a signal interrupts makes the interpreter forget
    # the thread and end without it.
    return future.result()
