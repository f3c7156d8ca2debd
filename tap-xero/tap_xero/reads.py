"""The stream `stream_reads`: when each stream of each organisation was last read to its end.

With it whoever has the tables can tell how fresh they are, organisation by organisation: a stream
that gave nothing new leaves no other trace there. No call; a setting switches it on, as it writes a
row for each stream of each organisation at each run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_xero.models.dates import format_instant
from tap_xero.models.fields import Model, moment, text, whole
from tap_xero.models.own import own_resource
from tap_xero.models.resources import RESOURCES
from tap_xero.streams import XeroStream
from tap_xero.sync.reading import Reading
from tap_xero.sync.singer import utc_now
from tap_xero.sync.task import WindowTask
from tap_xero.sync.usage_report import NOT_DUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk import Tap

    from tap_xero.sync.page import Fetch, Page
    from tap_xero.sync.run import Run
    from tap_xero.sync.window import Window

NAME = "stream_reads"

COMPLETE, FAILED, WITHHELD = OUTCOMES = ("complete", "failed", "withheld")
"""How a reading can end: to its end, before it, or with Xero's refusal to hand the stream out."""

_READ = Model(
    "StreamRead",
    "When the readings of a stream last ended like this; a row for each way to end.",
    (
        text("Stream", "The stream."),
        text("Outcome", f"How they ended: {', '.join(OUTCOMES)}."),
        moment(
            "BegunDateUTC", "When the last run began that ended so: what was read is from then on."
        ),
        whole("Rows", "Records that it gave."),
        text("Reason", "Why it was not read to its end."),
    ),
)


RESOURCE = own_resource(NAME, _READ, ("Stream", "Outcome"), RESOURCES[0], NAME)


class ReadsReading(Reading):
    """What the run knows of the streams that it has read of an organisation; no call."""

    def __init__(
        self,
        fetch: Fetch,
        window: Window,
        rows: Callable[[], list[dict[str, Any]]],
        turn: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            fetch: Starts calls; none is made.
            window: The window, which stays as it is.
            rows: The rows, once all other streams of the organisation are read.
            turn: Returns when they are.
        """
        super().__init__(fetch, RESOURCE, window, params={}, now=utc_now)
        self._told = rows
        self._turn = turn

    def pages(self) -> Iterator[Page]:
        """One page."""
        self._turn()
        yield self._page(self._told(), {}, number=1, pages=1)
        self.complete = True


class ReadsTask(WindowTask):
    """Tells of the readings of one organisation, whose last stream this one is."""

    def start(
        self,
        ahead: Callable[[], int] = lambda: 1,
        turn: Callable[[], None] = lambda: None,
    ) -> Reading | None:
        """Begin; the arguments are those of `WindowTask`."""
        self._turn = turn
        return super().start(ahead, turn)

    def reading(
        self,
        fetch: Fetch,
        window: Window,
        params: dict[str, str],  # noqa: ARG002
        ahead: Callable[[], int],  # noqa: ARG002
    ) -> Reading:
        """What is known in the end; the arguments are those of `WindowTask`."""
        return ReadsReading(fetch, window, self._rows, self._turn)

    def leave(self) -> None:
        """Tell of an organisation that was left, too."""
        reading = self.start()
        for page in reading.pages() if reading is not None else ():
            self.take(page)
        self.end(reading, None)

    def _rows(self) -> list[dict[str, Any]]:
        run, name = self.stream.run, self.tenant.name
        begun = format_instant(datetime.fromtimestamp(run.begun, UTC))
        rows = []
        for (organisation, stream), entry in list(run.report.entries.items()):
            if organisation != name or stream == NAME or entry.skipped == NOT_DUE:
                continue
            outcome, reason = COMPLETE, entry.skipped or run.unfinished.get((name, stream), "")
            if reason:
                gated = name in run.report.gated.get((stream, reason), ())
                outcome = WITHHELD if gated else FAILED
            rows.append(
                {
                    "Stream": stream,
                    "Outcome": outcome,
                    "BegunDateUTC": begun,
                    "Rows": entry.rows,
                    "Reason": reason or None,
                }
            )
        return rows


class ReadsStream(XeroStream):
    """The readings of every organisation."""

    task_class = ReadsTask

    def __init__(self, tap: Tap, run: Run) -> None:
        """Make the stream."""
        super().__init__(tap, RESOURCE, run)

    @property
    def versioned(self) -> bool:
        """Never: how a run before ended stays, although it is not said again."""
        return False
