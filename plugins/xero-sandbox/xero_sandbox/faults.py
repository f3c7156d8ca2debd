"""Faults on demand: what may go wrong, for which calls and how often.

A fault is a condition on the call and an effect from the table `EFFECTS`. The HTTP face asks
`FaultPlan.next_for` once per Accounting call and carries the effect out.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

# Each effect, and what the client sees.
EFFECTS: dict[str, str] = {
    "token_expired": "401 with Detail TokenExpired; the next call with the same token passes",
    "scope_missing": "401 with Detail AuthorizationUnsuccessful",
    "tenant_revoked": "403 with Detail AuthenticationUnsuccessful",
    "blocked": "403 with an HTML page, as a proxy answers that stands in between",
    "not_found": "404",
    "rate_minute": "429, X-Rate-Limit-Problem minute, with Retry-After",
    "rate_day": "429, X-Rate-Limit-Problem day, with Retry-After",
    "rate_concurrent": "429, X-Rate-Limit-Problem concurrent, no Retry-After",
    "rate_app_minute": "429, X-Rate-Limit-Problem appminute, no Retry-After",
    "server_error": "500 with a text body",
    "unavailable": "503 with a text body",
    "organisation_offline": "503, the organisation is offline",
    "slow": "the right answer, `seconds` late",
    "cut": "the connection closes in the middle of the right answer",
    "html": "200 with an HTML page instead of JSON",
    "truncated_json": "200 whose JSON stops in the middle, with a length that agrees",
    "none": "200 with an empty list, of connections",
    "twice": "each entry twice, of connections",
    "unknown_field": "the right answer, with a property in each record that no schema knows",
}


@dataclass
class Fault:
    """One fault and the calls it strikes.

    Attributes:
        effect: A key of `EFFECTS`.
        tenant: Tenant id or name; None strikes any.
        path: Endpoint of the Accounting API as a shell pattern (`Invoices`, `Invoices/*`, `*`), or
            `/connections`.
        method: HTTP method; None strikes any.
        page: Page number of the call; None strikes any.
        count: How many calls it strikes before it is spent; None never ends.
        after: How many matching calls pass before the first is struck.
        probability: Chance that a matching call is struck.
        seconds: Delay of `slow`, Retry-After of `rate_minute` and `rate_day`.
    """

    effect: str
    tenant: str | None = None
    path: str = "*"
    method: str | None = None
    page: int | None = None
    count: int | None = 1
    after: int = 0
    probability: float = 1.0
    seconds: float = 1.0
    struck: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS:
            raise ValueError(f"unknown fault '{self.effect}'; known are: {', '.join(EFFECTS)}")

    def matches(self, call: Target) -> bool:
        """Whether the call meets every condition."""
        return (
            (self.tenant is None or self.tenant in (call.tenant_id, call.tenant_name))
            and (self.method is None or self.method.upper() == call.method)
            and (self.page is None or self.page == call.page)
            and call.path.startswith("/") == self.path.startswith("/")
            and fnmatchcase(call.path, self.path)
        )


@dataclass(frozen=True)
class Target:
    """What a fault looks at in a call."""

    method: str
    path: str
    tenant_id: str
    tenant_name: str
    page: int | None


class FaultPlan:
    """The faults that are still to come, in the order they were added."""

    def __init__(self, seed: int = 0) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def add(self, effect: str, **conditions: Any) -> Fault:
        """Plan a fault; the keywords are the attributes of `Fault`.

        Returns:
            The fault; its `struck` counts the calls it has struck.

        Raises:
            ValueError: No such effect.
            TypeError: No such condition.
        """
        fault = Fault(effect, **conditions)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    @property
    def pending(self) -> list[Fault]:
        """The faults that may still strike."""
        with self._lock:
            return list(self._faults)

    def next_for(self, call: Target) -> Fault | None:
        """The fault that strikes this call, if any; it is counted."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(call):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.probability < 1 and self._random.random() >= fault.probability:
                    continue
                fault.struck += 1
                if fault.count is not None and fault.struck >= fault.count:
                    self._faults.remove(fault)
                return fault
        return None
