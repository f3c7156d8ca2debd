"""A whole sandbox as one object: organisations, books, identity, limits, faults and a server."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from xero_sandbox.app import create_app
from xero_sandbox.app.accounting import AccountingApi
from xero_sandbox.app.control import ControlApi
from xero_sandbox.app.gate import Gate
from xero_sandbox.app.identity import IdentityApi
from xero_sandbox.app.reading import Reader
from xero_sandbox.app.writing import write
from xero_sandbox.behaviour import Behaviour
from xero_sandbox.books import Books
from xero_sandbox.calls import CallLog
from xero_sandbox.clock import Clock, SystemClock
from xero_sandbox.faults import FaultPlan
from xero_sandbox.hooks import Hooks
from xero_sandbox.identity import Identity, Tenant
from xero_sandbox.irregularities import Irregularities
from xero_sandbox.limits import Allowance, Limits
from xero_sandbox.scopes import ALL_SCOPES
from xero_sandbox.server import Server
from xero_sandbox.store import Store
from xero_sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import TracebackType
    from typing import Self

    from starlette.applications import Starlette


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
        features: What Xero does by itself, named in `stories.features`; nothing by default.
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
        identity: Apps, consents, tokens and connections.
        limits: Xero's rate limits, and what is left of them.
        faults: The fault plan.
        irregularities: What Xero may do and mostly does not.
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
        features: Sequence[str] = (),
        **behaviour: Any,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.store = Store()
        self.books = Books(
            self.store,
            self.clock,
            organisations=organisations,
            seed=seed,
            invoices=invoices,
            features=features,
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
        self.limits = Limits(
            self.clock,
            limits if isinstance(limits, Allowance) else Allowance(),
            enforced=bool(limits),
        )
        self.identity = identity
        self.client_id: str = identity.client_id
        self.client_secret: str = identity.client_secret
        self.refresh_token: str = identity.refresh_token
        self.faults = FaultPlan()
        self.irregularities = Irregularities()
        self.books.irregularities = self.irregularities
        self.hooks = Hooks()
        self.calls = CallLog()
        try:
            self._server = Server(self._app(Behaviour(**behaviour)), port)
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

    def _app(self, behaviour: Behaviour) -> Starlette:
        gate = Gate(self.identity, self.clock, behaviour.journals)
        write_lock = threading.RLock()
        accounting = AccountingApi(
            gate,
            Reader(
                self.books, self.store, self.clock, behaviour.high_volume, self.irregularities
            ).read,
            partial(write, self.books, self.store),
            self.clock,
            self.limits,
            self.faults,
            self.hooks,
            self.calls,
            self.irregularities,
            write_lock,
            latency=behaviour.latency,
            latency_per_row=behaviour.latency_per_row,
        )
        identity = IdentityApi(
            self.identity,
            gate,
            self.clock,
            self.calls,
            self.faults,
            auto_approve=behaviour.auto_approve,
        )
        control = ControlApi(
            self.clock,
            self.books,
            self.store,
            self.identity,
            self.faults,
            self.hooks,
            self.calls,
            self.webhooks,
            self.irregularities,
            write_lock,
        )
        return create_app(accounting, identity, control)

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
