"""The stream `stream_ids`: which rows Xero lists of chosen streams, by id.

Whoever has counts that differ (`stream_counts`) learns from it which row is missing or too many. A
call for each 1,000 rows; a setting says of which streams and organisations.

Source: Xero, Requests and responses (`pagination`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.api import envelope as envelope_of
from tap_xero.api.errors import ClosedError
from tap_xero.counts import COUNTED
from tap_xero.models.fields import Model, moment, text
from tap_xero.models.own import own_resource
from tap_xero.models.resources import Resource
from tap_xero.streams import XeroStream
from tap_xero.sync import queries
from tap_xero.sync.reading import Reading
from tap_xero.sync.singer import utc_now
from tap_xero.sync.task import WindowTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk import Tap

    from tap_xero.sync.page import Fetch, Page
    from tap_xero.sync.run import Run
    from tap_xero.sync.window import Window

NAME = "stream_ids"

_NUMBERS = (
    *("InvoiceNumber", "CreditNoteNumber", "PurchaseOrderNumber", "Name", "Reference", "Narration"),
)
"""What people call a row, the first that it has."""

_ID = Model(
    "StreamID",
    "A row that Xero lists of a stream, with archived, voided and deleted ones.",
    (
        text("RecordID", "Its id."),
        text("Stream", "The stream."),
        text("Number", "Its number, else its name, reference or narration."),
        moment("ReadDateUTC", "When Xero was asked; the same for all rows of one reading."),
    ),
)


RESOURCE = own_resource(NAME, _ID, ("RecordID", "Stream"), COUNTED[0], "pagination")


def problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the setting, one sentence each."""
    names = [resource.stream for resource in COUNTED]
    return [
        f"Setting stream_ids: Xero counts no stream '{stream}'; it counts {', '.join(names)}."
        for stream in config.get(NAME) or {}
        if stream not in names
    ]


class IdReading(Reading):
    """Lists the rows of some streams of an organisation, each stream whole or not at all."""

    def __init__(
        self,
        fetch: Fetch,
        window: Window,
        streams: Sequence[Resource],
        *,
        remark: Callable[[str], None],
        now: Callable[[], str],
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            fetch: Starts calls.
            window: The window; ids have no bookmark, so it stays as it is.
            streams: What to list.
            remark: Takes a sentence about what cannot be listed.
            now: The time, for an answer of Xero that does not say.
        """
        super().__init__(fetch, RESOURCE, window, params={}, now=now)
        self._streams = streams
        self._remark = remark

    def pages(self) -> Iterator[Page]:
        """List all; a page for each stream."""
        for number, resource in enumerate(self._streams, 1):
            try:
                rows, envelope, items = self._listed(resource)
            except ClosedError as error:
                self._remark(f"{resource.stream}: {queries.refusal(resource, error)}")
                continue
            if items != len(rows):
                self._remark(
                    f"{resource.stream}: Xero counts {items} rows and lists {len(rows)}; the books "
                    "moved meanwhile, or Xero's count is wrong: nobody can tell which are missing."
                )
                continue
            moment = self._at(envelope)
            for row in rows:
                row["ReadDateUTC"] = moment
            yield self._page(rows, envelope, number=number, pages=None)
        self.complete = True

    def _listed(self, resource: Resource) -> tuple[list[dict[str, Any]], dict[str, Any], Any]:
        """The rows of a stream by id, the first answer, and how many rows it counts."""
        params = resource.query(include_archived=True)
        # Large organisations may not have one; that nothing is missing is seen in the end.
        params.pop("order", None)
        rows: dict[str, dict[str, Any]] = {}
        first = self._fetch(resource.path, {**params, "page": "1"}, None)()
        pages, items = envelope_of.counts(first)
        for page in range(1, (pages or 1) + 1):
            asked = {**params, "page": str(page)}
            envelope = first if page == 1 else self._fetch(resource.path, asked, None)()
            listed = envelope_of.rows(envelope, resource.envelope) or []
            for row in envelope_of.usable(listed, resource.identity):
                number = next((row[name] for name in _NUMBERS if row.get(name)), None)
                identity = row[resource.identity]
                rows[identity] = {
                    "RecordID": identity,
                    "Stream": resource.stream,
                    "Number": number,
                }
        return list(rows.values()), first, items


class IdTask(WindowTask):
    """Reads the ids of one organisation."""

    def reading(
        self,
        fetch: Fetch,
        window: Window,
        params: dict[str, str],  # noqa: ARG002
        ahead: Callable[[], int],  # noqa: ARG002
    ) -> Reading:
        """All ids; the arguments are those of `WindowTask`."""
        stream, tenant = self.stream, self.tenant
        wanted: dict[str, list[str]] = stream.config[NAME]
        streams = [
            resource
            for resource in COUNTED
            if resource.stream in wanted
            and (not wanted[resource.stream] or tenant.id in wanted[resource.stream])
        ]

        def remark(text: str) -> None:
            stream.run.remark(f"{stream.name} of {tenant.name}: {text}")

        return IdReading(fetch, window, streams, remark=remark, now=utc_now)


class IdStream(XeroStream):
    """The ids of every organisation."""

    task_class = IdTask

    def __init__(self, tap: Tap, run: Run) -> None:
        """Make the stream."""
        super().__init__(tap, RESOURCE, run)
