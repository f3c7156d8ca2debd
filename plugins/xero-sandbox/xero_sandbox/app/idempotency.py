"""Idempotency keys: the first answer to a key is the answer for six minutes.

Source: Xero, "Idempotent requests".
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from xero_sandbox.app.answers import ApiError, bad_request

_RETENTION = timedelta(minutes=6)
_MAXIMUM_LENGTH = 128

Reply = tuple[int, bytes, str]


class IdempotencyKeys:
    """Remembers the fingerprint of a keyed request and its reply (status, body, content type)."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[datetime, object, Reply]] = {}
        self._lock = threading.Lock()

    def recall(self, tenant_id: str, key: str, request: object, now: datetime) -> Reply | None:
        """The earlier reply to this very request; None for a key not seen in six minutes.

        Raises:
            ApiError: The key is too long or belongs to another request.
        """
        if len(key) > _MAXIMUM_LENGTH:
            raise bad_request(f"The Idempotency-Key is longer than {_MAXIMUM_LENGTH} characters.")
        with self._lock:
            entry = self._entries.get((tenant_id, key))
            if entry is None or now - entry[0] > _RETENTION:
                return None
            if entry[1] != request:
                raise ApiError(
                    400,
                    {
                        "ErrorNumber": 10,
                        "Type": "IdempotencyKeyException",
                        "Message": f"Idempotency-Key '{key}' is used with a different request.",
                    },
                )
            return entry[2]

    def remember(
        self, tenant_id: str, key: str, request: object, reply: Reply, now: datetime
    ) -> None:
        """Keep the reply to a keyed request, counted from its first call."""
        with self._lock:
            self._entries = {
                name: entry for name, entry in self._entries.items() if now - entry[0] <= _RETENTION
            }
            self._entries[tenant_id, key] = (now, request, reply)
