"""Calls to Xero's Accounting API, one organisation at a time.

Thin: it sends, counts, tells success from failure and parses. What to ask for, and in
which order, is decided in `tap_xero.sync.readings`. The tap reads only; `Client.write` is for
`target-xero`, whose calls count with the tap's.

Source: Xero, Requests and responses; Xero, Response codes; Xero, Rate limits.
"""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import requests
import urllib3

from tap_xero.api import envelope as envelope_of
from tap_xero.api import wire
from tap_xero.api.errors import (
    AccessDeniedError,
    CredentialsRefusedError,
    DayLimitError,
    NotFoundError,
    OrganisationGoneError,
    Refusal,
    SlowAnswerError,
    TemporaryError,
    ThrottledError,
    TokenExpiredError,
    TokenRefusedError,
    classify,
)
from tap_xero.api.limits import daily_calls
from tap_xero.api.network import host_of, unreachable
from tap_xero.api.retries import TIMEOUT
from tap_xero.api.usage import Usage
from tap_xero.models.resources import is_large

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tap_xero.api.limits import Limiter
    from tap_xero.api.retries import Retries
    from tap_xero.auth.tokens import Tokens

_API = "/api.xro/2.0/"


@dataclass(frozen=True)
class Tenant:
    """A Xero organisation that the credentials reach.

    Attributes:
        id: Xero's tenant id.
        name: Its name, for people; with the beginning of its id where two have the same.
        header: Whether calls must name it: a custom connection reaches only one.
    """

    id: str
    name: str
    header: bool = True


@dataclass(frozen=True)
class Change:
    """A write.

    Attributes:
        method: PUT or POST.
        path: Path below `/api.xro/2.0/`.
        body: JSON text.
    """

    method: str
    path: str
    body: bytes


class Client:
    """Xero's API behind one set of credentials."""

    def __init__(
        self,
        *,
        http: requests.Session,
        api_url: str,
        credentials: Tokens,
        retries: Retries,
        limiter: Limiter,
        user_agent: str,
        reserve: int = 0,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            http: Session to send with.
            api_url: Base URL of Xero's API.
            credentials: Gives access tokens.
            retries: How to repeat what failed for a moment.
            limiter: Keeps Xero's limits.
            user_agent: How to introduce ourselves.
            reserve: Calls of each organisation's day to leave for others.
        """
        self._http = http
        self._url = api_url.rstrip("/")
        self._credentials = credentials
        self._retries = retries
        self._limiter = limiter
        self._reserve = reserve
        self._day_left: dict[str, int] = {}
        self._day_left_by: dict[str, int] = {}
        self._sent = itertools.count()
        self._most_left: dict[str, int] = {}
        self._headers = {
            # Without it, Xero answers in XML.
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": user_agent,
        }

    def tenants(self) -> list[Tenant]:
        """The organisations the credentials reach.

        A custom connection may not be allowed to list connections, or see none; then the
        organisation is asked for its own id, which is its tenant id.

        Raises:
            AccessDeniedError: Xero does not say.
            OrganisationGoneError: Xero says that nothing is connected.
        """
        custom = self._credentials.custom_connection
        try:
            content = self._ask(
                None, "/connections", {}, {}, "the connections of this app", Usage()
            )
            names = _connections(content)
        except (AccessDeniedError, NotFoundError, OrganisationGoneError):
            if not custom:
                raise
            names = {}
        if custom and not names:
            own = self.get(Tenant("", "", header=False), "Organisation", {}, usage=Usage())
            listed = envelope_of.rows(own, "Organisations") or ()
            return [
                Tenant(str(each["OrganisationID"]), str(each.get("Name") or ""), header=False)
                for each in envelope_of.usable(listed, "OrganisationID")
            ]
        bearers = Counter(names.values())
        return [
            Tenant(tenant_id, name if bearers[name] == 1 else f"{name} ({tenant_id[:8]})")
            for tenant_id, name in names.items()
        ]

    def get(
        self, tenant: Tenant, path: str, params: dict[str, str], *, usage: Usage
    ) -> dict[str, Any]:
        """One GET of the Accounting API, read at once; see `ask`.

        Returns:
            The envelope.
        """
        return read(self.ask(tenant, path, params, usage=usage), verbatim=True)

    def calls_a_day(self, tenant: Tenant) -> int:
        """Calls of an organisation's day that this tap may make, as far as answers tell."""
        return max(1, daily_calls(self._most_left.get(tenant.id, 0)) - self._reserve)

    def ask(
        self,
        tenant: Tenant,
        path: str,
        params: dict[str, str],
        *,
        usage: Usage,
        since: str | None = None,
    ) -> bytes:
        """One GET of the Accounting API.

        Args:
            tenant: The organisation.
            path: Path below `/api.xro/2.0/`.
            params: Query.
            usage: Is told what it cost.
            since: ISO 8601 in UTC; only rows changed since then are wanted.

        Returns:
            The envelope as JSON text, which is a quarter of what it takes when it is read.

        Raises:
            Exception: One of `tap_xero.api.errors`, by what to do about it.
        """
        headers = {}
        if tenant.header:
            headers["xero-tenant-id"] = tenant.id
        if since is not None:
            # Xero documents UTC to the second; its specification, an instant with its offset.
            headers["If-Modified-Since"] = f"{since[:19]}Z"
        where = f"{path} of {tenant.name}" if tenant.name else path
        return self._ask(tenant, _API + path, params, headers, where, usage)

    def write(
        self, tenant: Tenant, change: Change, params: dict[str, str], key: str, *, usage: Usage
    ) -> bytes:
        """One PUT or POST of the Accounting API, tried once: whether again is the caller's to say.

        Args:
            tenant: The organisation.
            change: What to send where.
            params: Query.
            key: Idempotency-Key, at most 128 characters.
            usage: Is told what it cost.

        Returns:
            The envelope as JSON text.

        Raises:
            Exception: One of `tap_xero.api.errors`. After a `TemporaryError` that is no
                `ThrottledError` nobody knows whether Xero has carried it out.
        """
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        if tenant.header:
            headers["xero-tenant-id"] = tenant.id
        where = f"{change.path} of {tenant.name}" if tenant.name else change.path
        return self._ask(tenant, _API + change.path, params, headers, where, usage, change)

    def _ask(
        self,
        tenant: Tenant | None,
        path: str,
        params: dict[str, str],
        headers: dict[str, str],
        where: str,
        usage: Usage,
        change: Change | None = None,
    ) -> bytes:
        expired = 0

        def call() -> bytes:
            nonlocal expired
            token = self._credentials.token()
            sent = {**self._headers, **headers, "Authorization": f"Bearer {token}"}
            try:
                with self._slot(tenant, where, usage):
                    # The answers that came while it waited may have used up the day.
                    self._keep_reserve(tenant, where)
                    response, content = self._send(tenant, path, params, sent, where, usage, change)
                # The slot is free again while the answer is looked through.
                return _checked(response, content, where, envelope=tenant is not None)
            except TokenExpiredError as error:
                self._credentials.reject(token)
                expired += 1
                if expired > 1:
                    raise CredentialsRefusedError(
                        f"Xero calls a fresh access token expired ({where}). Compare this "
                        "machine's clock with the time, and check access_token_command if set."
                    ) from error
                usage.count_retry(0)
                return call()
            except TokenRefusedError:
                # A token of another run may be one that was revoked since, whatever its end.
                if not self._credentials.reject_kept(token):
                    raise
                usage.count_retry(0)
                return call()
            except ThrottledError as error:
                if error.wait is not None and tenant is not None:
                    # Whoever else would call meanwhile has to wait as well.
                    self._limiter.hold(None if error.app else tenant.id, error.wait)
                raise

        if change is not None:
            return call()
        return self._retries.run(call, usage.count_retry, large=is_large(params))

    def _slot(
        self, tenant: Tenant | None, where: str, usage: Usage
    ) -> AbstractContextManager[None]:
        """A place among the calls of an organisation, unless the rest of its day is reserved.

        Raises:
            DayLimitError: It is.
        """
        if tenant is None:
            return nullcontext()
        self._keep_reserve(tenant, where)
        return self._limiter.slot(tenant.id, usage.count_wait)

    def _keep_reserve(self, tenant: Tenant | None, where: str) -> None:
        left = None if tenant is None else self._day_left.get(tenant.id)
        if self._reserve and left is not None and left <= self._reserve:
            raise DayLimitError(
                f"Of the day's calls {left:,} are left, which daily_call_reserve keeps for other "
                f"apps ({where})."
            )

    def _send(
        self,
        tenant: Tenant | None,
        path: str,
        params: dict[str, str],
        headers: dict[str, str],
        where: str,
        usage: Usage,
        change: Change | None,
    ) -> tuple[requests.Response, bytes]:
        usage.count_call()
        number = next(self._sent)
        method, body = ("GET", None) if change is None else (change.method, change.body)
        try:
            response = self._http.request(
                method,
                self._url + path,
                params=params,
                data=body,
                headers=headers,
                timeout=TIMEOUT,
                stream=True,
            )
            # In one piece: requests itself reads ten kilobytes at a time, and a thread that
            # comes back for the interpreter so often hardly gets on beside a busy one.
            content = response.raw.read(decode_content=True)
        except (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError) as error:
            raise SlowAnswerError(
                f"Xero did not answer in {TIMEOUT[1]} seconds at {where} ({host_of(self._url)})."
            ) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            cause = unreachable(error, self._url, trust_env=self._http.trust_env)
            raise TemporaryError(f"The connection failed at {where}: {cause}.") from error
        day_left = response.headers.get("X-DayLimit-Remaining", "")
        usage.count_answer(response.raw.tell(), day_left)
        if tenant is not None:
            self._limiter.answered(tenant.id, response.headers)
            # An answer to an older call may come later, and knows less.
            left = envelope_of.number(day_left)
            if left is not None and number >= self._day_left_by.get(tenant.id, 0):
                self._day_left_by[tenant.id] = number
                self._day_left[tenant.id] = left
                self._most_left[tenant.id] = max(left, self._most_left.get(tenant.id, 0))
        return response, content


def read(content: bytes, *, verbatim: bool) -> dict[str, Any]:
    """The envelope that `Client.ask` brought.

    Args:
        content: JSON text.
        verbatim: How to read numbers, see `tap_xero.api.wire.decode`.

    Raises:
        TemporaryError: It holds text that is no text.
    """
    try:
        envelope: dict[str, Any] = wire.decode(content, verbatim=verbatim)
    except UnicodeDecodeError:
        # Seen only where text is made of it: to look for it before would cost every page.
        return read(wire.mended(content), verbatim=verbatim)
    except msgspec.DecodeError as error:
        raise TemporaryError(f"Xero answered with something that is no JSON ({error}).") from error
    return envelope


def _checked(response: requests.Response, content: bytes, where: str, *, envelope: bool) -> bytes:
    """What an answer holds, or the error it stands for."""
    if not response.ok:
        raise classify(Refusal(response.status_code, response.headers, _body(content), where))
    try:
        content = wire.readable(content)
    except msgspec.DecodeError as error:
        raise TemporaryError(f"Xero answered with something else than JSON at {where}.") from error
    if envelope and not content.lstrip().startswith(b"{"):
        raise TemporaryError(f"Xero answered with something else than an envelope at {where}.")
    return content


def _body(content: bytes) -> Any:
    """The JSON of an error, if it is one."""
    try:
        return wire.decode(content, verbatim=True)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _connections(content: bytes) -> dict[str, str]:
    names = envelope_of.connections(wire.decode(content, verbatim=True))
    if names is None:
        raise TemporaryError("Xero answered with something else than a list of connections.")
    return names
