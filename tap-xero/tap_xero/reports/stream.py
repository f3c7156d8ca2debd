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

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_xero.api.errors import AccessDeniedError
from tap_xero.reports.reading import ReportReading
from tap_xero.reports.table import options, resource
from tap_xero.streams import XeroStream
from tap_xero.sync.cadence import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_xero.api.client import Tenant
    from tap_xero.reports.reading import Answers
    from tap_xero.reports.table import Report
    from tap_xero.sync.reading import Fetch, Reading
    from tap_xero.sync.state import Window
    from tap_xero.tap import TapXero


class ReportStream(XeroStream):
    """One of Xero's reports, of every organisation."""

    def __init__(self, tap: TapXero, report: Report, answers: Answers) -> None:
        """Make the stream of a row of the table of reports."""
        super().__init__(tap, resource(report))
        self._report = report
        self._answers = answers
        self._read = False

    @property
    def emit_activate_version_messages(self) -> bool:
        """Always: figures that are gone from a report must not stay in its table."""
        return True

    @property
    def _dated(self) -> bool:
        """Always, so that the state knows whose rows the table has."""
        return True

    def close(self, tenant: Tenant, reading: Reading, write_messages: bool = True) -> None:
        """Keep in the state what of an organisation is done."""
        self._read = self._read or reading.complete
        super().close(tenant, reading, write_messages)

    def conclude(self) -> None:
        """Retire what was not sent again; a report that nobody let us read is not an empty one."""
        self._complete = self._complete and self._read
        super().conclude()

    def fail(self, tenant: Tenant, error: Exception | None) -> None:
        """Note that an organisation was not read.

        One that never let us read the report has no rows that a version could retire.
        """
        complete = self._complete
        super().fail(tenant, error)
        if isinstance(error, AccessDeniedError) and tenant.id not in (
            self._xero.organisations_in_state(self.name)
        ):
            self._complete = complete

    def _reading(
        self,
        tenant: Tenant,
        fetch: Fetch,
        window: Window,
        params: dict[str, str],  # noqa: ARG002
        ahead: Callable[[], int],
    ) -> Reading:
        def remark(text: str) -> None:
            self._session.remark(f"{self.name} of {tenant.name}: {text}.")

        return ReportReading(
            fetch,
            self.resource,
            window,
            ask=self._session.fetch(tenant, self.name, verbatim=False),
            tenant_id=tenant.id,
            report=self._report,
            options=options(self.config, self._report),
            answers=self._answers,
            remark=remark,
            now=lambda: stamp(datetime.now(timezone.utc)),
            ahead=ahead,
        )
