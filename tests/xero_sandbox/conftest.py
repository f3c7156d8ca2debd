"""A plain HTTP client for the sandbox's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

NOON = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)


class Client:
    """Calls of one organisation of a sandbox, authorised and in JSON unless told otherwise."""

    def __init__(self, sandbox: Sandbox, tenant: int = 0) -> None:
        self.sandbox = sandbox
        self.tenant_id = sandbox.tenants[tenant].tenant_id
        self.session = requests.Session()
        self.session.headers.update(sandbox.headers(tenant))

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        url = f"{self.sandbox.url}/api.xro/2.0/{path}"
        return self.session.request(method, url, timeout=30, **options)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        """A response, or what is wrong with it."""
        return self.call("GET", path, params=query, headers=headers)

    def json(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        response = self.get(path, headers, **query)
        assert response.status_code == 200, response.text
        return response.json(parse_float=Decimal)

    def rows(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.json(path, headers, **query)[path.split("/")[0]]

    def stored(self, resource: str) -> list[dict[str, Any]]:
        """Every document of a resource, from the store itself."""
        from xero_sandbox import wire

        self.sandbox.books.write_journals(self.tenant_id)
        page = self.sandbox.store.page(self.tenant_id, resource)
        return [wire.decode(text) for text in page.documents]


@pytest.fixture(scope="session")
def standing_sandbox() -> Iterator[Sandbox]:
    """A sandbox for tests that only read; 260 invoices, its clock stands still."""
    with Sandbox(organisations=2, invoices=260, clock=ManualClock(NOON)) as running:
        yield running


@pytest.fixture(scope="session")
def reader(standing_sandbox: Sandbox) -> Client:
    """A client of the first organisation of the standing sandbox."""
    return Client(standing_sandbox)


@pytest.fixture
def client_of() -> Callable[..., Client]:
    """Makes a client of an organisation of a sandbox."""
    return Client
