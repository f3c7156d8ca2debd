"""Calls to Xero's Accounting API, one organisation at a time.

Thin: it sends, counts, tells success from failure and parses. What to ask for, and in
which order, is decided in `tap_xero.reading`.

Source: Xero, Requests and responses; Xero, Response codes; Xero, Rate limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import requests
import urllib3

from tap_xero import wire
from tap_xero.auth import TIMEOUT
from tap_xero.errors import (
    AccessDeniedError,
    CredentialsRefusedError,
    NotFoundError,
    Refusal,
    TemporaryError,
    TokenExpiredError,
    classify,
)

if TYPE_CHECKING:
    from tap_xero.auth import Credentials
    from tap_xero.retries import Retries

_API = "/api.xro/2.0/"


@dataclass(frozen=True)
class Tenant:
    """A Xero organisation that the credentials reach.

    Attributes:
        id: Xero's tenant id.
        name: Its name, for people.
        header: Whether calls must name it: a custom connection reaches only one.
    """

    id: str
    name: str
    header: bool = True


@dataclass
class Usage:
    """What calls have cost, since it was last read.

    Attributes:
        calls: Requests sent, failed ones included.
        bytes: Bytes of the bodies as they came over the wire, compressed.
        day_left: Calls left of the organisation's day, by the last answer that said so.
    """

    calls: int = 0
    bytes: int = 0
    day_left: int | None = None


class Client:
    """Xero's API behind one set of credentials."""

    def __init__(
        self,
        *,
        http: requests.Session,
        api_url: str,
        credentials: Credentials,
        retries: Retries,
        user_agent: str,
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._http = http
        self._url = api_url.rstrip("/")
        self._credentials = credentials
        self._retries = retries
        self._headers = {
            # Without it, Xero answers in XML.
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": user_agent,
        }

    def tenants(self) -> list[Tenant]:
        """The organisations the credentials reach.

        A custom connection may not be allowed to list connections; then the organisation
        is asked for its own id, which is its tenant id.

        Raises:
            AccessDeniedError: Xero does not say.
        """
        usage = Usage()
        try:
            body = self._get("/connections", {}, {}, "the connections of this app", usage, True)
        except (AccessDeniedError, NotFoundError):
            if not self._credentials.custom_connection:
                raise
            own = self.get(Tenant("", "", header=False), "Organisation", {}, usage=usage)
            return [
                Tenant(each["OrganisationID"], each["Name"], header=False)
                for each in own["Organisations"]
            ]
        return [
            Tenant(each["tenantId"], each.get("tenantName") or each["tenantId"])
            for each in body
            if each.get("tenantType", "ORGANISATION") == "ORGANISATION"
        ]

    def get(
        self,
        tenant: Tenant,
        path: str,
        params: dict[str, str],
        *,
        usage: Usage,
        since: str | None = None,
        verbatim: bool = True,
    ) -> dict[str, Any]:
        """One GET of the Accounting API.

        Args:
            tenant: The organisation.
            path: Path below `/api.xro/2.0/`.
            params: Query.
            usage: Is told what it cost.
            since: ISO 8601 in UTC; only rows changed since then are wanted.
            verbatim: How to read numbers, see `tap_xero.wire.decode`.

        Returns:
            The envelope.

        Raises:
            Exception: One of `tap_xero.errors`, by what to do about it.
        """
        headers = {}
        if tenant.header:
            headers["xero-tenant-id"] = tenant.id
        if since is not None:
            # Xero documents yyyy-mm-ddThh:mm:ss in UTC, to the second.
            headers["If-Modified-Since"] = since[:19]
        where = f"{path} of {tenant.name}" if tenant.name else path
        body = self._get(_API + path, params, headers, where, usage, verbatim)
        if not isinstance(body, dict):
            raise TemporaryError(f"Xero answered with something else than an envelope at {where}.")
        return body

    def _get(
        self,
        path: str,
        params: dict[str, str],
        headers: dict[str, str],
        where: str,
        usage: Usage,
        verbatim: bool,
    ) -> Any:
        expired = 0

        def call() -> Any:
            nonlocal expired
            token = self._credentials.token()
            try:
                return self._send(path, params, headers, token, where, usage, verbatim)
            except TokenExpiredError as error:
                self._credentials.expired(token)
                expired += 1
                if expired > 1:
                    raise CredentialsRefusedError(
                        f"Xero calls a fresh access token expired ({where})."
                    ) from error
                return call()

        return self._retries.run(call)

    def _send(
        self,
        path: str,
        params: dict[str, str],
        headers: dict[str, str],
        token: str,
        where: str,
        usage: Usage,
        verbatim: bool,
    ) -> Any:
        usage.calls += 1
        try:
            response = self._http.get(
                self._url + path,
                params=params,
                headers={**self._headers, **headers, "Authorization": f"Bearer {token}"},
                timeout=TIMEOUT,
                stream=True,
            )
            # In one piece: requests itself reads ten kilobytes at a time, and a thread that
            # comes back for the interpreter so often hardly gets on beside a busy one.
            content = response.raw.read(decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise TemporaryError(
                f"The connection failed at {where} ({type(error).__name__})."
            ) from error
        usage.bytes += response.raw.tell()
        left = response.headers.get("X-DayLimit-Remaining", "")
        if left.isdigit():
            usage.day_left = int(left)
        try:
            body = wire.decode(content, verbatim=verbatim)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if response.ok:
                raise TemporaryError(
                    f"Xero answered with something else than JSON at {where}."
                ) from error
            body = None
        if response.ok:
            return body
        raise classify(Refusal(response.status_code, response.headers, body, where))
