"""Puts the way to Xero together from the settings: sandbox or Xero, tokens, limits, client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from tap_xero.api import limits
from tap_xero.api.client import Client
from tap_xero.api.limits import Allowance, Limiter
from tap_xero.api.sandbox import SandboxAccess, SandboxProcess, sandbox_of
from tap_xero.auth.places import store_path
from tap_xero.auth.store import MemoryStore, open_store
from tap_xero.auth.token_service import TokenService
from tap_xero.auth.tokens import CommandTokens, Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_xero.api.retries import Retries
    from tap_xero.auth.store import TokenStore
    from tap_xero.auth.tokens import Tokens

_CONNECTIONS = 64
"""Connections kept open: as many calls as there can be in flight in one run."""

_UNLIMITED = Allowance(minute=1_000_000, app_minute=1_000_000)
"""For the sandbox of a run, which has no limits either."""


@dataclass
class Connection:
    """The way to Xero.

    Attributes:
        client: Calls the API.
        tokens: Gives access tokens.
        store: Keeps the tokens.
        service: Xero's token service.
        limiter: Keeps Xero's limits.
        sandbox: The sandbox that runs for this connection, if one does.
    """

    client: Client
    tokens: Tokens
    store: TokenStore
    service: TokenService
    limiter: Limiter
    sandbox: SandboxProcess | None

    def close(self) -> None:
        """Stop the sandbox, if there is one, and let go of files. Safe to call again."""
        self.limiter.close()
        if self.sandbox is not None:
            self.sandbox.stop()


def connect(config: Mapping[str, Any], retries: Retries, warn: Callable[[str], None]) -> Connection:
    """Open the way to Xero that the settings describe; no call is made yet.

    Args:
        config: The tap's settings, validated.
        retries: How to repeat what failed for a moment.
        warn: Told what should be changed one day.

    Raises:
        ConfigValidationError: A sandbox is wanted and did not start.
    """
    sandbox, access, identity_url = _access(config)
    http = requests.Session()
    for scheme in ("https://", "http://"):
        http.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
    # Without an auth of its own, a session would put what ~/.netrc says about the
    # host in the place of the access token.
    http.auth = lambda request: request
    # A proxy of the environment cannot reach the sandbox of this machine.
    http.trust_env = sandbox is None
    service = TokenService(http, identity_url, access.client_id, access.client_secret or None)
    store: TokenStore = open_store(config, warn) if sandbox is None else MemoryStore()
    command = config.get("access_token_command")
    tokens: Tokens
    if command and sandbox is None:
        tokens = CommandTokens(command, retries.clock)
    else:
        tokens = Credentials(
            service=service,
            store=store,
            client_id=access.client_id,
            seed=access.refresh_token,
            scopes=config.get("scopes"),
            clock=retries.clock,
            retries=retries,
        )
    limiter = Limiter(
        None if sandbox is not None else store_path(config).with_suffix(".calls"),
        retries.clock,
        allowance=limits.XERO if sandbox is None else _UNLIMITED,
        warn=warn,
    )
    client = Client(
        http=http,
        api_url=access.url,
        credentials=tokens,
        retries=retries,
        limiter=limiter,
        user_agent=config["user_agent"],
        reserve=config.get("daily_call_reserve") or 0,
    )
    return Connection(client, tokens, store, service, limiter, sandbox)


def _access(config: Mapping[str, Any]) -> tuple[SandboxProcess | None, SandboxAccess, str]:
    options = config.get("sandbox")
    if options is not None:
        sandbox = sandbox_of(options)
        return sandbox, sandbox.access, sandbox.access.url
    access = SandboxAccess(
        config["api_url"],
        config.get("client_id") or "",
        config.get("client_secret") or "",
        config.get("refresh_token") or "",
    )
    return None, access, config["identity_url"]
