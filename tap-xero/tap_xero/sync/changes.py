"""Reads rows by their ids: in batches where the endpoint takes a list, else one by one.

Source: Xero's OpenAPI description (`IDs` of Contacts and Invoices, `unitdp` of single documents);
how many ids fit a URL as reported by users of the API.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tap_xero.api.errors import NotFoundError
from tap_xero.sync.page import Page
from tap_xero.sync.reading import Reading
from tap_xero.sync.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_xero.models.resources import Resource
    from tap_xero.sync.page import Fetch

IDS_A_CALL = 40
"""Ids of one call; with about 52 the URL becomes too long for Xero."""

NOT_RETURNED = "Xero has no such record (404)."
"""Why a row is missing: it got a 404, or was left out of a list."""


class ChangedRows(Reading):
    """One reading of rows that are known to have changed.

    Attributes:
        missing: Why rows were not received, by id.
    """

    def __init__(
        self,
        fetch: Fetch,
        resource: Resource,
        ids: Sequence[str],
        *,
        now: Callable[[], str],
        ahead: Callable[[], int] = lambda: 1,
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            fetch: Starts calls.
            resource: What the rows are.
            ids: The rows, each once, in lower case.
            now: The time, for an answer of Xero that does not say.
            ahead: How many calls may be on their way while a page is used.
        """
        params = resource.query(include_archived=True)
        if not resource.by_ids:
            params = {name: value for name, value in params.items() if name == "unitdp"}
        super().__init__(fetch, resource, Window(), params=params, now=now, ahead=ahead)
        self.missing: dict[str, str] = {}
        size = IDS_A_CALL if resource.by_ids else 1
        self._batches = [ids[first : first + size] for first in range(0, len(ids), size)]

    def pages(self) -> Iterator[Page]:
        """Read them all; a page for each call."""
        calls: deque[Callable[[], dict[str, Any]]] = deque()
        requested = 0
        for number, batch in enumerate(self._batches, 1):
            while requested < len(self._batches) and len(calls) < max(1, self._ahead()):
                calls.append(self._ask(self._batches[requested]))
                requested += 1
            try:
                envelope = calls.popleft()()
            except NotFoundError:
                self.missing.update(dict.fromkeys(batch, NOT_RETURNED))
                continue
            rows = self._rows(envelope)
            received = {str(row.get(self._resource.identity)).lower() for row in rows}
            self.missing.update((each, NOT_RETURNED) for each in batch if each not in received)
            yield self._page(rows, envelope, number=number, pages=len(self._batches))

    def _ask(self, batch: Sequence[str]) -> Callable[[], dict[str, Any]]:
        if not self._resource.by_ids:
            return self._fetch(f"{self._resource.path}/{batch[0]}", self._params, None)
        params = {**self._params, "IDs": ",".join(batch), "page": "1"}
        return self._fetch(self._resource.path, params, None)
