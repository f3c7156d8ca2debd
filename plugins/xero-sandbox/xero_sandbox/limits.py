"""Xero's rate limits: what a call may still do, and the refusal when it may not.

Pure bookkeeping over an injected clock; the HTTP face turns the results into headers and 429s.

Source: Xero, "API rate limits" and the pricing tiers of March 2026.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xero_sandbox.clock import Clock

_MINUTE = 60
_DAY = 86_400


@dataclass(frozen=True)
class Allowance:
    """The limits of an app.

    Attributes:
        concurrent: Calls in flight per organisation.
        minute: Calls per organisation in a minute.
        day: Calls per organisation in a day: 1,000 on the Starter tier, 5,000 above.
        app_minute: Calls in a minute over all organisations.
    """

    concurrent: int = 5
    minute: int = 60
    day: int = 5_000
    app_minute: int = 10_000


@dataclass(frozen=True)
class Remaining:
    """What the three `X-…Limit-Remaining` headers say after a call."""

    day: int
    minute: int
    app_minute: int


@dataclass(frozen=True)
class Refusal:
    """A call that is one too many.

    Attributes:
        problem: Value of `X-Rate-Limit-Problem`.
        retry_after: Seconds until the window opens again; only the minute and the day say so.
    """

    problem: str
    retry_after: int | None = None


@dataclass
class _Window:
    """A count that starts anew whenever its fixed window does."""

    length: int
    offset: int = 0
    number: int = -1
    used: int = 0

    def at(self, seconds: float) -> _Window:
        number = int(seconds - self.offset) // self.length
        if number != self.number:
            self.number, self.used = number, 0
        return self

    def opens_in(self, seconds: float) -> int:
        return max(1, int((self.number + 1) * self.length + self.offset - seconds + 0.999))


@dataclass
class _Tenant:
    minute: _Window
    day: _Window
    in_flight: int = 0


@dataclass
class Limits:
    """Counts calls per organisation and app.

    Windows are fixed and start at another moment for each organisation, as Xero's do. A refused
    call uses nothing up.

    Attributes:
        clock: The sandbox's clock; advancing it opens windows.
        allowance: The limits to apply.
        enforced: When false every call passes and the headers show untouched limits.
    """

    clock: Clock
    allowance: Allowance = field(default_factory=Allowance)
    enforced: bool = True
    _tenants: dict[str, _Tenant] = field(default_factory=dict)
    _app: _Window = field(default_factory=lambda: _Window(_MINUTE))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, tenant_id: str) -> Refusal | None:
        """Count a call in; call `leave` after it unless it was refused."""
        if not self.enforced:
            return None
        seconds = self.clock.now().timestamp()
        with self._lock:
            tenant = self._tenant(tenant_id)
            day, minute, app = tenant.day.at(seconds), tenant.minute.at(seconds), self._app
            app.at(seconds)
            if day.used >= self.allowance.day:
                return Refusal("day", day.opens_in(seconds))
            if minute.used >= self.allowance.minute:
                return Refusal("minute", minute.opens_in(seconds))
            if app.used >= self.allowance.app_minute:
                return Refusal("appminute")
            if tenant.in_flight >= self.allowance.concurrent:
                return Refusal("concurrent")
            for window in (day, minute, app):
                window.used += 1
            tenant.in_flight += 1
            return None

    def leave(self, tenant_id: str) -> None:
        """Count a call out that `enter` let in."""
        if self.enforced:
            with self._lock:
                tenant = self._tenant(tenant_id)
                tenant.in_flight = max(0, tenant.in_flight - 1)

    def remaining(self, tenant_id: str | None) -> Remaining:
        """What is left; without a known organisation, the full allowance."""
        allowed = self.allowance
        if not self.enforced:
            return Remaining(allowed.day, allowed.minute, allowed.app_minute)
        seconds = self.clock.now().timestamp()
        with self._lock:
            app = allowed.app_minute - self._app.at(seconds).used
            if tenant_id is None or tenant_id not in self._tenants:
                return Remaining(allowed.day, allowed.minute, app)
            tenant = self._tenants[tenant_id]
            return Remaining(
                allowed.day - tenant.day.at(seconds).used,
                allowed.minute - tenant.minute.at(seconds).used,
                app,
            )

    def _tenant(self, tenant_id: str) -> _Tenant:
        if tenant_id not in self._tenants:
            spread = zlib.crc32(tenant_id.encode())
            self._tenants[tenant_id] = _Tenant(
                _Window(_MINUTE, spread % _MINUTE), _Window(_DAY, spread % _DAY)
            )
        return self._tenants[tenant_id]
