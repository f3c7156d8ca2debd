"""A report as a Singer stream.

Every run reads all the periods that the setting asks for, in as few calls as they fit in, and then
activates the version: whatever a report does not show any more (an account that became zero, a
section without accounts, a tracking option) is retired. Rows of zero instead would have to be made
up for lines that Xero no longer names, and reading only the open periods would miss what is booked
into closed ones after all, which is when figures differ at month end.

An organisation that cannot be read, or is not read because it is not due, has the version wait
until all are read, as in every other stream: a version is one of all organisations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tap_xero.api.errors import AccessDeniedError
from tap_xero.reports.reading import ReportReading
from tap_xero.reports.table import options, resource
from tap_xero.streams import XeroStream
from tap_xero.sync.singer import utc_now
from tap_xero.sync.task import WindowTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from singer_sdk import Tap

    from tap_xero.models.resources import Resource
    from tap_xero.reports.reading import Answers
    from tap_xero.reports.table import Report
    from tap_xero.sync.page import Fetch
    from tap_xero.sync.reading import Reading
    from tap_xero.sync.run import Run
    from tap_xero.sync.window import Window


class OrganisationTask(WindowTask):
    """Reads the organisation itself, whose answer the reports need too: whoever is first asks."""

    def fetch(self, turn: Callable[[], None]) -> Fetch:
        """Calls whose answers the reports see; the argument is that of `WindowTask`."""
        stream, tenant = cast("OrganisationStream", self.stream), self.tenant
        ask = stream.run.fetch(tenant, stream.name, verbatim=False)

        def start(
            path: str,  # noqa: ARG001
            params: dict[str, str],  # noqa: ARG001
            since: str | None,  # noqa: ARG001
        ) -> Callable[[], dict[str, Any]]:
            def answer() -> dict[str, Any]:
                envelope = stream.answers.get(tenant.id, stream.resource, ask)
                turn()
                return envelope

            return answer

        return start


class OrganisationStream(XeroStream):
    """The organisations.

    Attributes:
        answers: Where the reports look for what they need to know first.
    """

    task_class = OrganisationTask

    def __init__(self, tap: Tap, resource: Resource, answers: Answers, run: Run) -> None:
        """Make the stream."""
        super().__init__(tap, resource, run)
        self.answers = answers


class ReportTask(WindowTask):
    """Reads a report of one organisation."""

    def reading(
        self,
        fetch: Fetch,
        window: Window,
        params: dict[str, str],  # noqa: ARG002
        ahead: Callable[[], int],
    ) -> Reading:
        """All periods that the setting asks for; the arguments are those of `WindowTask`."""
        stream, tenant = cast("ReportStream", self.stream), self.tenant
        run = stream.run

        def remark(text: str) -> None:
            run.remark(f"{stream.name} of {tenant.name}: {text}.")

        return ReportReading(
            fetch,
            stream.resource,
            window,
            ask=run.fetch(tenant, stream.name, verbatim=False),
            tenant_id=tenant.id,
            report=stream.report,
            options=options(stream.config, stream.report),
            answers=stream.answers,
            remark=remark,
            now=utc_now,
            ahead=ahead,
        )

    def close(self, reading: Reading) -> None:
        """Keep in the state what of the organisation is done."""
        stream = cast("ReportStream", self.stream)
        stream.any_read = stream.any_read or reading.complete
        super().close(reading)

    def fail(self, error: Exception | None) -> None:
        """Note that the organisation was not read.

        One that never let us read the report has no rows that a version could retire.
        """
        stream = self.stream
        complete = stream.complete
        super().fail(error)
        if isinstance(error, AccessDeniedError) and self.tenant.id not in (
            stream.run.state.organisations(stream.name)
        ):
            stream.complete = complete


class ReportStream(XeroStream):
    """One of Xero's reports, of every organisation.

    Attributes:
        report: Its row of the table of reports.
        answers: What other reports have asked for already.
        any_read: Whether some organisation let us read it.
    """

    task_class = ReportTask

    def __init__(self, tap: Tap, report: Report, answers: Answers, run: Run) -> None:
        """Make the stream of a row of the table of reports."""
        super().__init__(tap, resource(report), run)
        self.report = report
        self.answers = answers
        self.any_read = False

    @property
    def emit_activate_version_messages(self) -> bool:
        """Always: figures that are gone from a report must not stay in its table."""
        return True

    @property
    def dated(self) -> bool:
        """Always, so that the state knows whose rows the table has."""
        return True

    def conclude(self) -> None:
        """Retire what was not sent again; a report that nobody let us read is not an empty one."""
        self.complete = self.complete and self.any_read
        super().conclude()
