"""Principals and their tokens: OAuth machine-to-machine and personal access tokens.

Source: Databricks, "Authorize service principal access with OAuth" (tokens live one hour).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import uuid
from dataclasses import dataclass, field, replace

from databricks_sandbox.clock import Clock
from databricks_sandbox.limits import TOKEN_SECONDS


@dataclass(frozen=True)
class Principal:
    """A service principal or a user.

    Attributes:
        name: what `current_user()` says and grants are given to: the application id of a service
            principal, the e-mail address of a user.
        display_name: for people.
        admin: a metastore admin may do everything.
        can_use_warehouse: has CAN USE on the warehouse; without it every session is refused.
        sql_access: has the entitlement `databricks-sql-access` of the workspace; without it all but
            the question who one is is refused.
        client_secret: of a service principal; None for a user.
        access_token: a personal access token.
        groups: groups it belongs to; `account users` always.
        number: the id of the principal in the workspace.
    """

    name: str
    display_name: str
    admin: bool = False
    can_use_warehouse: bool = True
    sql_access: bool = True
    client_secret: str | None = field(default=None, repr=False)
    access_token: str = field(default="", repr=False)
    groups: tuple[str, ...] = ("account users",)
    number: int = 0

    @property
    def client_id(self) -> str:
        """The application id, which is also its name."""
        return self.name


class UnauthorizedError(Exception):
    """A token or client secret that is wrong or over; the text is for the client."""


class ExpiredError(UnauthorizedError):
    """A token of a machine that is over, which a workspace answers like a missing privilege."""


class Identity:
    """Who may talk to the workspace.

    Args:
        clock: decides when tokens are over.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._principals: dict[str, Principal] = {}
        self._oauth: dict[str, tuple[str, float]] = {}
        self._personal: dict[str, str] = {}

    def add_service_principal(
        self,
        display_name: str,
        *,
        admin: bool = False,
        can_use_warehouse: bool = True,
        sql_access: bool = True,
    ) -> Principal:
        """A new service principal with a client secret and a personal access token."""
        # Derived, so that a statement that grants to it reads the same in every run.
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"databricks-sandbox/{display_name}"))
        secret = "dose" + secrets.token_hex(16)
        principal = Principal(name, display_name, admin, can_use_warehouse, sql_access, secret)
        return self._add(principal)

    def add_user(
        self, email: str, *, admin: bool = False, can_use_warehouse: bool = True
    ) -> Principal:
        """A new user with a personal access token."""
        return self._add(Principal(email, email, admin, can_use_warehouse))

    def entitle(self, name: str) -> None:
        """Give a principal the entitlement `databricks-sql-access`, as an administrator does."""
        with self._lock:
            self._principals[name] = replace(self._principals[name], sql_access=True)

    def _add(self, new: Principal) -> Principal:
        name = new.name
        principal = replace(
            new,
            access_token="dapi" + secrets.token_hex(16),
            number=int(hashlib.sha256(name.encode()).hexdigest()[:12], 16),
        )
        with self._lock:
            self._principals[name] = principal
            self._personal[principal.access_token] = name
        return principal

    def find(self, name: str) -> Principal | None:
        """The principal of this name."""
        with self._lock:
            return self._principals.get(name)

    def groups(self) -> set[str]:
        """Names of all groups that grants can be given to."""
        with self._lock:
            return {group for one in self._principals.values() for group in one.groups}

    def issue(self, client_id: str, client_secret: str) -> str:
        """A new OAuth access token that lives `TOKEN_SECONDS`.

        Raises:
            UnauthorizedError: the client is unknown or its secret is wrong.
        """
        principal = self.find(client_id)
        expected = principal.client_secret if principal else None
        if expected is None or not secrets.compare_digest(expected, client_secret):
            raise UnauthorizedError("Client authentication failed")
        token = "eyJ" + secrets.token_urlsafe(32)
        with self._lock:
            self._oauth[token] = (client_id, self._clock.now() + TOKEN_SECONDS)
        return token

    def principal_of(self, token: str) -> Principal:
        """Who a bearer token belongs to.

        Raises:
            UnauthorizedError: the token is unknown, revoked or over.
        """
        with self._lock:
            name = self._personal.get(token)
            if name is None:
                name, until = self._oauth.get(token, (None, 0.0))
                if name is not None and self._clock.now() >= until:
                    raise ExpiredError("Token is expiring within 30 seconds. (token expired)")
            principal = self._principals.get(name) if name else None
        if principal is None:
            raise UnauthorizedError("Invalid access token.")
        return principal

    def is_admin(self, token: str) -> bool:
        """Whether a bearer token belongs to an admin."""
        try:
            return self.principal_of(token).admin
        except UnauthorizedError:
            return False

    def revoke_tokens(self) -> None:
        """Make all OAuth tokens invalid that were issued so far."""
        with self._lock:
            self._oauth.clear()
