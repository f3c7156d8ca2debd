"""Reads a report of an organisation: what it needs to know first, then call by call.

Which day it is by Xero's clock and when financial years end is asked of the organisation itself,
once for all reports of a run.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from datetime import date
from typing import TYPE_CHECKING, Any

from tap_xero.api import envelope as envelope_of
from tap_xero.api.errors import AccessDeniedError
from tap_xero.models.resources import BY_STREAM
from tap_xero.reports.calendar import YearEnd
from tap_xero.reports.calls import Category, calls
from tap_xero.reports.flatten import UnexpectedReportError, flatten
from tap_xero.sync.page import Page
from tap_xero.sync.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_xero.api.envelope import Row
    from tap_xero.models.resources import Resource
    from tap_xero.reports.calls import Call
    from tap_xero.reports.table import Options, Report
    from tap_xero.sync.page import Fetch
    from tap_xero.sync.window import Window


class Answers:
    """Answers that several streams of an organisation need, each asked for once.

    Whoever needs one first asks, and the call counts as its own; the others wait.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._known: dict[tuple[str, str], Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def get(self, tenant_id: str, resource: Resource, fetch: Fetch) -> dict[str, Any]:
        """The envelope of a resource that comes in one response, with all that is archived.

        Reports go on showing what was archived after it was used.

        Raises:
            Exception: What asking for it raised, for everybody.
        """
        mine: Future[dict[str, Any]] = Future()
        with self._lock:
            future = self._known.setdefault((tenant_id, resource.path), mine)
        if future is mine:
            try:
                future.set_result(
                    fetch(resource.path, resource.query(include_archived=True), None)()
                )
            except BaseException as error:  # noqa: BLE001 (whoever waits gets it)
                future.set_exception(error)
        return future.result()


class ReportReading(Reading):
    """One reading of a report, for all periods asked for."""

    def __init__(
        self,
        fetch: Fetch,
        resource: Resource,
        window: Window,
        *,
        ask: Fetch,
        tenant_id: str,
        report: Report,
        options: Options,
        answers: Answers,
        remark: Callable[[str], None],
        now: Callable[[], str],
        ahead: Callable[[], int],
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            fetch: Starts calls.
            resource: The report as a resource.
            window: The window; reports have no bookmark, so it stays as it is.
            ask: Starts calls whose answers several reports wait for, so they must not wait for
                the stream's turn themselves.
            tenant_id: The organisation.
            report: Which report.
            options: What the setting says about it.
            answers: What other reports have asked for already.
            remark: Takes a sentence about what could not be read as asked.
            now: The time, for an answer of Xero that does not say.
            ahead: How many calls may be on their way while one is used.
        """
        super().__init__(fetch, resource, window, params={}, now=now, ahead=ahead)
        self._shared = ask
        self._tenant_id = tenant_id
        self._report = report
        self._options = options
        self._answers = answers
        self._remark = remark

    def pages(self) -> Iterator[Page]:
        """Read all periods; a page is the answer of one call."""
        planned = self._planned()
        pending: deque[Callable[[], dict[str, Any]]] = deque()
        requested = 0
        for number, call in enumerate(planned, 1):
            while requested < len(planned) and len(pending) < max(1, self._ahead()):
                pending.append(self._fetch(self._resource.path, planned[requested].params, None))
                requested += 1
            envelope = pending.popleft()()
            reports = self._rows(envelope)
            if not reports:
                raise UnexpectedReportError(f"Xero's answer for {self._resource.path} is empty.")
            rows = flatten(reports[0], call)
            yield self._page(rows, envelope, number=number, pages=len(planned))
        self.complete = True

    def _planned(self) -> list[Call]:
        try:
            envelope = self._ask("organisations")
            category = self._category()
        except AccessDeniedError as error:
            scope = BY_STREAM["organisations"].granular
            raise AccessDeniedError(
                str(error),
                f"{error.detail}, already of its calendar and tracking categories, for which it "
                f"takes the scope {scope}",
            ) from error
        listed = envelope_of.rows(envelope, "Organisations") or ()
        organisation: Row = next((each for each in listed if isinstance(each, dict)), {})
        year_end = YearEnd(
            organisation.get("FinancialYearEndMonth") or YearEnd().month,
            organisation.get("FinancialYearEndDay") or YearEnd().day,
        )
        today = date.fromisoformat(self._at(envelope)[:10])
        return calls(self._report, self._options, today, year_end, category)

    def _category(self) -> Category | None:
        """The organisation's tracking category of that name or id, if one is asked for.

        Of those that share a name, and of options that do, the one in use counts.
        """
        wanted = self._options.tracking_category
        if not wanted:
            return None
        listed = envelope_of.rows(self._ask("tracking_categories"), "TrackingCategories")
        for each in sorted(
            envelope_of.usable(listed or (), "TrackingCategoryID"), key=_is_archived
        ):
            names = (each["TrackingCategoryID"], each.get("Name"))
            if wanted.strip().casefold() in (str(name).casefold() for name in names):
                options = envelope_of.usable(each.get("Options") or (), "TrackingOptionID")
                options.sort(key=_is_archived, reverse=True)
                ids = {str(each.get("Name")): str(each["TrackingOptionID"]) for each in options}
                return Category(each["TrackingCategoryID"], ids)
        self._remark(f"there is no tracking category {wanted}, so it is not told apart by one")
        return None

    def _ask(self, stream: str) -> dict[str, Any]:
        return self._answers.get(self._tenant_id, BY_STREAM[stream], self._shared)


def _is_archived(row: Row) -> bool:
    return row.get("Status") != "ACTIVE"
