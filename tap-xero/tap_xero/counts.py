"""The stream `stream_counts`: how many rows Xero counts of each resource that it counts, and when.

With it whoever has the tables can tell whether they are complete. A call of one row for each
resource and organisation; a setting switches it on.

Source: Xero, Requests and responses (`pagination`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.api import envelope as envelope_of
from tap_xero.api.errors import ClosedError
from tap_xero.models.fields import Model, moment, text, whole
from tap_xero.models.own import own_resource
from tap_xero.models.resources import RESOURCES, Paging, Resource
from tap_xero.streams import XeroStream
from tap_xero.sync import queries
from tap_xero.sync.reading import Reading
from tap_xero.sync.singer import utc_now
from tap_xero.sync.task import WindowTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk import Tap

    from tap_xero.sync.page import Fetch, Page
    from tap_xero.sync.run import Run
    from tap_xero.sync.window import Window

NAME = "stream_counts"

COUNTED = tuple(resource for resource in RESOURCES if resource.paging is Paging.PAGES)
"""What Xero counts."""

_COUNT = Model(
    "StreamCount",
    "How many rows Xero counts of a stream, with archived, voided and deleted ones that it lists.",
    (
        text("Stream", "The stream."),
        whole("ItemCount", "How many rows it has in Xero."),
        moment("CountedDateUTC", "When Xero counted them."),
    ),
)


RESOURCE = own_resource(NAME, _COUNT, ("Stream",), COUNTED[0], "pagination")


class CountReading(Reading):
    """Asks for one row of each resource that Xero counts."""

    def __init__(
        self,
        fetch: Fetch,
        window: Window,
        *,
        remark: Callable[[str], None],
        now: Callable[[], str],
        ahead: Callable[[], int],
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            fetch: Starts calls.
            window: The window; counts have no bookmark, so it stays as it is.
            remark: Takes a sentence about what Xero does not count for us.
            now: The time, for an answer of Xero that does not say.
            ahead: How many calls may be on their way while one is used.
        """
        super().__init__(fetch, RESOURCE, window, params={}, now=now, ahead=ahead)
        self._remark = remark

    def pages(self) -> Iterator[Page]:
        """Ask for all; a page for each.

        Raises:
            ClosedError: Xero gives none of them.
        """
        calls: list[Callable[[], dict[str, Any]]] = []
        refused: ClosedError | None = None
        pages = 0
        for number, resource in enumerate(COUNTED, 1):
            while len(calls) < min(len(COUNTED), number - 1 + max(1, self._ahead())):
                calls.append(self._count_of(COUNTED[len(calls)]))
            try:
                envelope = calls[number - 1]()
            except ClosedError as error:
                refused = error
                self._remark(f"{resource.stream}: {queries.refusal(resource, error)}")
                continue
            items = envelope_of.counts(envelope)[1]
            if items is None:
                self._remark(f"{resource.stream}: Xero's answer does not count.")
                continue
            pages += 1
            row = {"Stream": resource.stream, "ItemCount": items, "CountedDateUTC": None}
            row["CountedDateUTC"] = self._at(envelope)
            yield self._page([row], envelope, number=pages, pages=None)
        if refused is not None and not pages:
            raise refused
        self.complete = True

    def _count_of(self, resource: Resource) -> Callable[[], dict[str, Any]]:
        params = {"page": "1", "pageSize": "1"}
        params |= {resource.archived: "true"} if resource.archived else {}
        return self._fetch(resource.path, params, None)


class CountTask(WindowTask):
    """Reads the counts of one organisation."""

    def reading(
        self,
        fetch: Fetch,
        window: Window,
        params: dict[str, str],  # noqa: ARG002
        ahead: Callable[[], int],
    ) -> Reading:
        """All counts; the arguments are those of `WindowTask`."""
        stream, tenant = self.stream, self.tenant

        def remark(text: str) -> None:
            stream.run.remark(f"{stream.name} of {tenant.name}: {text}")

        return CountReading(fetch, window, remark=remark, now=utc_now, ahead=ahead)


class CountStream(XeroStream):
    """The counts of every organisation."""

    task_class = CountTask

    def __init__(self, tap: Tap, run: Run) -> None:
        """Make the stream."""
        super().__init__(tap, RESOURCE, run)
