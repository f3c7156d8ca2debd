"""The log of calls that reached the sandbox, so that tests can count and inspect them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_MAXIMUM_CALLS = 100_000


@dataclass(frozen=True)
class Call:
    """One request and what came of it.

    Attributes:
        at: Time by the sandbox's clock.
        method: HTTP method.
        path: Path below `/api.xro/2.0/` for the Accounting API, else the whole path.
        query: Query parameters as they came; secrets never travel there.
        tenant_id: Organisation, where the call got as far as naming one.
        status: HTTP status of the answer.
        rows: Records in the answer.
        size: Bytes of the body as sent (compressed when it was).
        fault: Effect of the fault that struck, if any.
        modified_since: The `If-Modified-Since` header.
    """

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    tenant_id: str | None
    status: int
    rows: int = 0
    size: int = 0
    fault: str | None = None
    modified_since: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The call for the control API."""
        return {**asdict(self), "at": self.at.isoformat()}


class CallLog:
    """The calls so far, oldest first; only the last 100,000 are kept."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_MAXIMUM_CALLS)
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Append a call."""
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        """Forget the calls so far."""
        with self._lock:
            self._calls.clear()

    def of(
        self, path: str = "*", *, tenant_id: str | None = None, status: int | None = None
    ) -> list[Call]:
        """The calls whose path matches a shell pattern, perhaps of one tenant or status."""
        with self._lock:
            return [
                call
                for call in self._calls
                if fnmatchcase(call.path, path)
                and tenant_id in (None, call.tenant_id)
                and status in (None, call.status)
            ]

    def __len__(self) -> int:
        with self._lock:
            return len(self._calls)
