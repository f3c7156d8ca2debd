"""A whole sandbox as one object: organisations, books, identity, limits, faults and a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xero_sandbox.app import create_app
from xero_sandbox.books import Books
from xero_sandbox.clock import Clock, SystemClock
from xero_sandbox.identity import Identity, Tenant
from xero_sandbox.limits import Allowance, Limits
from xero_sandbox.scopes import ALL_SCOPES
from xero_sandbox.server import Server
from xero_sandbox.services import Behaviour, Services
from xero_sandbox.store import Store
from xero_sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from xero_sandbox.calls import CallLog
    from xero_sandbox.faults import FaultPlan
    from xero_sandbox.hooks import Hooks


class Sandbox:
    """A Xero to run against, served on a free loopback port; a context manager.

    Example:
        >>> with Sandbox(organisations=1, invoices=20) as xero:
        ...     requests.get(f"{xero.url}/connections", headers=xero.headers())

    Args:
        organisations: How many, or their names.
        invoices: Invoices and bills of each in 2024 and 2025; more come as the clock goes on.
        seed: Decides everything the generator makes up, and the first credentials.
        clock: What time it is; the machine's by default.
        limits: Whether Xero's rate limits apply, or the limits to apply.
        port: Port on 127.0.0.1; 0 takes a free one.
        scopes: What the app may ask for; the first refresh token has all of it.
        granular_only: Refuse the broad scopes, as for apps created since March 2026.
        machine_reaches_all: Client credentials reach every organisation, not the first only.
        behaviour: Latency, gating and thresholds of the HTTP face (see `Behaviour`).

    Raises:
        OSError: The port is taken.

    Attributes:
        url: Base URL that stands for all of Xero's hosts.
        client_id: The app's id.
        client_secret: The app's secret.
        refresh_token: The first refresh token: a user's consent for all organisations and scopes.
        tenants: The organisations.
        clock: The sandbox's clock.
        books: The books; edit, add and void there.
        store: The stored documents.
        faults: The fault plan.
        hooks: Actions between pages.
        calls: The log of calls.
        webhooks: The app's webhook: subscribe, disturb, count.
    """

    def __init__(
        self,
        *,
        organisations: int | Sequence[str] = 3,
        invoices: int = 400,
        seed: int = 1,
        clock: Clock | None = None,
        limits: bool | Allowance = False,
        port: int = 0,
        scopes: Collection[str] = ALL_SCOPES,
        granular_only: bool = False,
        machine_reaches_all: bool = False,
        **behaviour: Any,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.store = Store()
        self.books = Books(
            self.store, self.clock, organisations=organisations, seed=seed, invoices=invoices
        )
        self.tenants: list[Tenant] = [
            Tenant(row.tenant_id, row.name) for row in self.books.organisations
        ]
        identity = Identity(
            self.clock,
            self.tenants,
            seed,
            scopes=scopes,
            granular_only=granular_only,
            machine_reaches_all=machine_reaches_all,
        )
        self.webhooks = Webhooks(self.clock, identity.webhook_key, self.prepare)
        self.books.announce = self.webhooks.announce
        self.services = Services(
            self.clock,
            self.store,
            self.books,
            identity,
            Limits(
                self.clock,
                limits if isinstance(limits, Allowance) else Allowance(),
                enforced=bool(limits),
            ),
            self.webhooks,
            Behaviour(**behaviour),
        )
        self.identity = identity
        self.client_id: str = identity.client_id
        self.client_secret: str = identity.client_secret
        self.refresh_token: str = identity.refresh_token
        self.faults: FaultPlan = self.services.faults
        self.hooks: Hooks = self.services.hooks
        self.calls: CallLog = self.services.calls
        try:
            self._server = Server(create_app(self.services), port)
        except OSError:
            self.store.close()
            raise
        self.url: str = self._server.url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving and remove the books."""
        self.webhooks.close()
        self._server.stop()
        self.store.close()

    def prepare(self) -> None:
        """Write the books up to now; otherwise an organisation's first call does it."""
        for tenant in self.tenants:
            self.books.advance(tenant.tenant_id)

    def access_token(self) -> str:
        """A fresh access token for all organisations and scopes, without a call."""
        return self.identity.access_token()

    def headers(self, tenant: int = 0) -> dict[str, str]:
        """Headers of an authorised JSON call to one of the organisations."""
        return {
            "Authorization": f"Bearer {self.access_token()}",
            "xero-tenant-id": self.tenants[tenant].tenant_id,
            "Accept": "application/json",
        }

    def connection_details(self) -> dict[str, Any]:
        """What a client needs to connect, as the command line prints it."""
        return {
            "url": self.url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            "tenants": [
                {"tenantId": tenant.tenant_id, "tenantName": tenant.name} for tenant in self.tenants
            ],
        }
