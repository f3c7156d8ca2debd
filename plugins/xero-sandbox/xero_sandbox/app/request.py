"""An Accounting call as the handlers see it: authorised, parsed, free of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from xero_sandbox.app.answers import ApiError, bad_request
from xero_sandbox.query import parse_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xero_sandbox.identity import Tenant


@dataclass(frozen=True)
class AccountingCall:
    """One call.

    Attributes:
        method: HTTP method.
        segments: Path below `/api.xro/2.0/`, split at slashes.
        query: Query parameters by lower-case name.
        headers: Headers by lower-case name.
        tenant: The organisation.
        body: Raw body.
    """

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    tenant: Tenant
    body: bytes = b""

    @property
    def path(self) -> str:
        """Path below `/api.xro/2.0/`."""
        return "/".join(self.segments)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean query parameter."""
        value = self.query.get(name.lower())
        return default if value is None else value.lower() == "true"

    def number(self, name: str) -> int | None:
        """A whole-number query parameter.

        Raises:
            ApiError: It is not a number.
        """
        value = self.query.get(name.lower())
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise bad_request(f"{name} must be a whole number, not '{value}'") from None

    @property
    def modified_since(self) -> datetime | None:
        """The `If-Modified-Since` header, to the second.

        Raises:
            ApiError: 412, the header is not a date.
        """
        text = self.headers.get("if-modified-since")
        if not text:
            return None
        try:
            moment = parse_moment(text)
        except ValueError:
            try:
                moment = parsedate_to_datetime(text)
            except ValueError:
                raise ApiError(412, "The If-Modified-Since header is not a date.") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(microsecond=0)
