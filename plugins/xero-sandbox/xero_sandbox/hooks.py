"""Hooks between pages: something happens to the books just after a certain page was read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

Action = Callable[[], object]


@dataclass(frozen=True)
class _Hook:
    path: str
    page: int | None
    tenant: str | None
    action: Action


class Hooks:
    """Actions waiting for a page; each fires once."""

    def __init__(self) -> None:
        self._waiting: list[_Hook] = []
        self._lock = threading.Lock()

    def after_page(
        self, path: str, page: int | None, action: Action, *, tenant: str | None = None
    ) -> None:
        """Run `action` once, when the page has been read from the books but not yet sent.

        Args:
            path: Endpoint, e.g. `Invoices`.
            page: Page number; None for whichever page is read next. For journals, the offset.
            action: Called without arguments on a thread of the server.
            tenant: Tenant id or name; None for whichever reads first.
        """
        with self._lock:
            self._waiting.append(_Hook(path, page, tenant, action))

    def page_read(self, path: str, page: int | None, tenant_id: str, tenant_name: str) -> None:
        """Fire the hooks that waited for this page."""
        with self._lock:
            due = [
                hook
                for hook in self._waiting
                if hook.path == path
                and hook.page in (None, page)
                and hook.tenant in (None, tenant_id, tenant_name)
            ]
            self._waiting = [hook for hook in self._waiting if hook not in due]
        for hook in due:
            hook.action()
