"""What the first load of an organisation will take, from a call a stream and before any is read.

Xero counts the rows of lists in pages, so a page of one row tells how many calls they take. Of
lists that come whole it is known that they take one, and one more for each row where the list
leaves something out. Journals are not counted: each posted document makes one at least, and so many
are assumed. Quotes and linked transactions are not counted either, and take a call at least.

Source: Xero, Requests and responses (`pagination`); Xero, Rate limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_xero.annexes import table as annexes
from tap_xero.api import envelope as envelope_of
from tap_xero.api.client import read
from tap_xero.api.errors import ClosedError
from tap_xero.api.limits import XERO
from tap_xero.api.usage import Usage
from tap_xero.models import resources
from tap_xero.models.resources import RESOURCES, Paging, Resource
from tap_xero.sync import cuts, queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_xero.api.client import Client, Tenant

WITHIN = 1.5
"""How far calls may be off, either way, of an organisation whose books stay as they are."""

BYTES_WITHIN = 4
"""The same of bytes of what Xero counts: one row has to stand for all."""

_COMPRESSED = 5.0
"""How much smaller a page is on the wire than its text; a row alone is hardly smaller. Measured:
5.5 for pages of 1,000 invoices with four lines."""

_POSTING = frozenset(
    {"invoices", "credit_notes", "prepayments", "overpayments", "payments", "bank_transactions"}
) | {"manual_journals"}
_POSTING_CASH = _POSTING - {"invoices", "credit_notes"}
_JOURNALS = {"journals": _POSTING, "journals_cash": _POSTING_CASH}
"""Streams whose records stand in the ledger, by the stream of journals that has them."""

_JOURNAL_BYTES = 1_500
"""Text of a journal of three lines."""


@dataclass(frozen=True)
class Part:
    """One stream of an organisation.

    Attributes:
        stream: Its name.
        calls: Calls that it takes.
        rows: Rows that it has; None when nobody has counted them.
        bytes: What comes over the wire; None when that is not known.
        counted: Whether Xero has counted, so that calls are exact as long as nothing changes.
        refused: Why Xero does not hand it out; empty when it does.
    """

    stream: str
    calls: int
    rows: int | None = None
    bytes: int | None = None
    counted: bool = False
    refused: str = ""


@dataclass
class Estimate:
    """The first load of an organisation.

    Attributes:
        tenant: The organisation.
        a_day: Calls a day that the tap may make.
        left: Calls left today, as far as Xero said.
        parts: Its streams.
        asked: Calls that the estimate took.
    """

    tenant: Tenant
    a_day: int = 0
    left: int | None = None
    parts: list[Part] = field(default_factory=list)
    asked: int = 0

    @property
    def calls(self) -> int:
        """Calls in all."""
        return sum(part.calls for part in self.parts)

    @property
    def rows(self) -> int:
        """Rows in all, as far as they are counted."""
        return sum(part.rows or 0 for part in self.parts)

    @property
    def bytes(self) -> int:
        """Bytes over the wire, as far as they are known."""
        return sum(part.bytes or 0 for part in self.parts)

    @property
    def days(self) -> int:
        """Days whose calls it uses, with what is left of today as the first."""
        today = self.a_day if self.left is None else max(0, min(self.left, self.a_day))
        return 1 + max(0, -(-(self.calls - today) // max(1, self.a_day)))

    @property
    def minutes(self) -> int:
        """Minutes of reading, by the calls that Xero allows in one."""
        return max(1, -(-self.calls // XERO.minute))

    def entry(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "organisation": self.tenant.name,
            "tenant_id": self.tenant.id,
            "calls": self.calls,
            "minutes": self.minutes,
            "days": self.days,
            "bytes": self.bytes,
            "rows": self.rows,
            "calls_a_day": self.a_day,
            "calls_left_today": self.left,
            "streams": [{**vars(part), "refused": part.refused or None} for part in self.parts],
        }


def estimated(
    client: Client,
    tenant: Tenant,
    config: Mapping[str, Any],
    wanted: Callable[[str], bool] = lambda _: True,
) -> Estimate:
    """Ask Xero what there is of an organisation.

    Args:
        client: The way to Xero.
        tenant: The organisation.
        config: The tap's settings; a start_date leaves out what has not changed since.
        wanted: Whether a stream will be read.

    Raises:
        Exception: One of `tap_xero.api.errors` that is not about a single stream.
    """
    estimate, usage = Estimate(tenant), Usage()
    since = queries.start_date(config)
    now = datetime.now(UTC)
    counts: dict[str, int] = {}
    for resource in RESOURCES:
        needed = wanted(resource.stream) or _is_needed(resource.stream, config, wanted)
        if not needed:
            continue
        try:
            part = _part(client, tenant, resource, config, usage, since, now, counts)
        except ClosedError as error:
            part = Part(resource.stream, 1, refused=queries.refusal(resource, error))
        if part.rows is not None and part.counted:
            counts[resource.stream] = part.rows
        if wanted(resource.stream):
            estimate.parts.append(part)
    estimate.parts += _annexed(config, counts, wanted)
    estimate.left, estimate.asked = usage.day_left, usage.calls
    estimate.a_day = client.calls_a_day(tenant)
    return estimate


def _is_needed(stream: str, config: Mapping[str, Any], wanted: Callable[[str], bool]) -> bool:
    """Whether a stream has to be counted for another one's sake."""
    posts = any(wanted(ledger) and stream in posting for ledger, posting in _JOURNALS.items())
    of_annexes = [parents for annex, parents in annexes.named(config) if wanted(annex.stream)]
    return posts or any(stream == parent.stream for parents in of_annexes for parent in parents)


def _part(
    client: Client,
    tenant: Tenant,
    resource: Resource,
    config: Mapping[str, Any],
    usage: Usage,
    since: str | None,
    now: datetime,
    counts: Mapping[str, int],
) -> Part:
    def ask(params: dict[str, str], since: str | None) -> bytes:
        return client.ask(tenant, resource.path, params, usage=usage, since=since)

    if not resource.since:
        since = None
    if resource.paging is Paging.PAGES:
        params = resource.query(include_archived=bool(config["include_archived"]))
        content = ask({**params, "page": "1", "pageSize": "1"}, since)
        items = envelope_of.counts(read(content, verbatim=True))[1]
        if items is None:
            return Part(resource.stream, 1)
        pages = cuts.number_of(items, resources.PAGE_SIZE)
        size = round(items * len(content) / _COMPRESSED)
        return Part(resource.stream, pages, items, size, counted=True)
    if resource.paging is Paging.OFFSET:
        # Of the time to come there are none: what is learned is whether the app may have them.
        ahead = f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
        ask(dict(resource.fixed), ahead)
        rows = sum(counts.get(stream, 0) for stream in _JOURNALS[resource.stream])
        calls = -(-rows // resources.FIXED_PAGE_SIZE) + 1
        return Part(resource.stream, calls, rows, round(rows * _JOURNAL_BYTES / _COMPRESSED))
    requests = queries.details(resource, config, lambda _: True, now)
    if requests is not None:
        content = ask(resource.query(include_archived=bool(config["include_archived"])), since)
        rows = len(envelope_of.rows(read(content, verbatim=True), resource.envelope) or ())
        return Part(resource.stream, 1 + rows * len(requests), rows, None, counted=True)
    return Part(resource.stream, 1, counted=resource.paging is Paging.WHOLE)


def _annexed(
    config: Mapping[str, Any], counts: Mapping[str, int], wanted: Callable[[str], bool]
) -> Iterable[Part]:
    """What hangs on records: a call for each, at most, and their lists once more."""
    for annex, parents in annexes.named(config):
        if wanted(annex.stream):
            numbers = [counts.get(parent.stream, 0) for parent in parents]
            rows, lists = sum(numbers), sum(max(1, -(-n // annex.page_size)) for n in numbers)
            yield Part(annex.stream, rows + lists)
