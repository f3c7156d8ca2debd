"""The usage report: what a run read, what it cost, and what it could not read.

Source of what is counted: Xero, Rate limits (calls per organisation and day) and Pricing
(egress).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from tap_xero.api.usage import Usage
from tap_xero.text import plural, size, table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tap_xero.api.client import Tenant
    from tap_xero.sync.backlog import Backlog

NOT_DUE = "not due"
"""Why a stream is not read of which the cadence says so."""
DETAILS = "TAP_XERO_LOGLEVEL=DEBUG and the setting bill_path tell them all."

_HEAD = ("rows", "calls", "retries", "waited", "bytes")
_WIDTH = 100
_MOST = 12
"""Organisations of the table, and reasons below it, so that all of it fits on a screen."""
_NAMED = 2
"""Streams of an organisation that are named with what came of them."""
_WORTH_TELLING = 0.5
"""Seconds of waiting that are told."""

_Row = tuple[str, ...]


@dataclass
class Entry:
    """One stream of one organisation.

    Attributes:
        usage: What reading it cost.
        rows: Records it gave.
        skipped: Why it was not read, or not to its end; empty when it was.
        unchanged: Whether its records were not written, because they would have been the same.
        tenant_id: The organisation.
    """

    usage: Usage = field(default_factory=Usage)
    rows: int = 0
    skipped: str = ""
    unchanged: bool = False
    tenant_id: str = ""

    @property
    def is_quiet(self) -> bool:
        """Whether it gave nothing and cost no more than the call to learn that."""
        return not (self.rows or self.skipped or self.usage.retries) and self.usage.calls == 1


@dataclass
class UsageReport:
    """Everything a run read and did not read.

    Attributes:
        entries: By name of the organisation and stream, in the order they were read.
        remarks: What was skipped and why, one sentence each.
        gated: By stream and reason, the organisations whose data Xero does not hand out.
        failures: Streams of organisations that failed lastingly, and organisations that were
            lost on the way or gave nothing.
        backlogs: By name of the organisation, what a used-up day left to read.
    """

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    gated: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    backlogs: dict[str, Backlog] = field(default_factory=dict)

    def entry(self, tenant: Tenant, stream: str) -> Entry:
        """The entry of a stream of an organisation, made when it is new."""
        return self.entries.setdefault((tenant.name, stream), Entry(tenant_id=tenant.id))

    @property
    def not_read(self) -> list[str]:
        """What was not read, one sentence each; a reason once for all its organisations."""
        gated = [
            f"{stream} of {', '.join(names)}: {reason}"
            for (stream, reason), names in self.gated.items()
        ]
        return [*gated, *self.remarks]

    def lines(self) -> list[str]:
        """The report for people: a screen at most, of organisations and what was not read."""
        if not self.entries and not self.not_read:
            return []
        reasons = [f"Not read: {remark}" for remark in self.not_read]
        reasons += [backlog.line(name) for name, backlog in self.backlogs.items()]
        more = len(reasons) - _MOST
        if more > 0:
            reasons[_MOST:] = [f"… and {plural(more, 'reason')} more: {DETAILS}"]
        return ["The bill of this run:", *self._organisations(), *self._not_due(), *reasons]

    def details(self) -> list[str]:
        """The bill by organisation and stream, as lines of text."""
        return ["By stream:", *self._streams()] if self.entries else []

    def _by_organisation(self) -> dict[str, dict[str, Entry]]:
        """Streams with their entries, by name of the organisation."""
        found: dict[str, dict[str, Entry]] = {}
        for (name, stream), entry in self.entries.items():
            found.setdefault(name, {})[stream] = entry
        return found

    def _organisations(self) -> list[str]:
        """A row for each organisation, as far as they fit: those with most rows are named."""
        found = self._by_organisation()
        by_news = sorted(found, key=lambda name: -sum(e.rows for e in found[name].values()))
        named = set(by_news if len(by_news) <= _MOST else by_news[: _MOST - 1])
        others = [entry for name in found if name not in named for entry in found[name].values()]
        groups = [
            (name, [*mine.values()], _news(mine)) for name, mine in found.items() if name in named
        ]
        if others:
            groups.append((f"{len(found) - len(named):,} more", others, ""))
        # Columns without a figure, retries and waits as a rule, are left out.
        cells = [_cells(entries) for _, entries, _ in groups]
        kept = [column for column in range(len(_HEAD)) if any(row[column] for row in cells)]
        rows: list[_Row] = [
            ("organisation", *(_HEAD[column] for column in kept), "left today", "what came")
        ]
        rows += [
            (name, *(row[column] for column in kept), "" if left is None else f"{left:,}", news)
            for (name, entries, news), row in zip(groups, cells, strict=True)
            for left in [_left(entries)]
        ]
        return table(rows, figures=range(1, 2 + len(kept))) if found else []

    def _not_due(self) -> list[str]:
        """Streams that were not due, in one place for all organisations."""
        found = self._by_organisation()
        names = [
            {stream for stream, entry in mine.items() if entry.skipped == NOT_DUE}
            for mine in found.values()
        ]
        everywhere = set.intersection(*names) if names else set()
        some = set().union(*names) - everywhere
        streams = dict.fromkeys(stream for _, stream in self.entries)
        listed = [stream for stream in streams if stream in everywhere]
        listed += [f"{stream} (of some)" for stream in streams if stream in some]
        if not listed:
            return []
        return wrap(f"Not due: {', '.join(listed)}.", _WIDTH, subsequent_indent="  ")

    def _streams(self) -> list[str]:
        """Organisations with their streams; streams without anything to tell share a line."""
        rows: list[_Row] = [("organisation, stream", *_HEAD, "")]
        for name, mine in self._by_organisation().items():
            left = _left(mine.values())
            told = "" if left is None else f"{plural(left, 'call')} left today"
            rows.append((name, *_cells(mine.values()), told))
            quiet = [stream for stream, entry in mine.items() if entry.is_quiet]
            due_later = [stream for stream, entry in mine.items() if entry.skipped == NOT_DUE]
            rows += [
                (f"  {stream}", *_cells([entry]), _remark(entry))
                for stream, entry in mine.items()
                if stream not in {*quiet, *due_later}
            ]
            rows += [(line,) for line in _listed("nothing, a call each", quiet)]
            rows += [(line,) for line in _listed("not due", due_later)]
        return table(rows, figures=range(1, 1 + len(_HEAD)))

    def summary(self) -> str:
        """The report as JSON in one line, for machines.

        Returns:
            An object with `bill`, a list of one object for each stream of each organisation
            (organisation, tenant_id, stream, rows, calls, retries, waited_seconds, bytes,
            skipped, unchanged, and calls_left_today, null where Xero did not say), `remarks`,
            `failures` and `backlog`, a list of one object for each organisation that a used-up
            day cut short (organisation, tenant_id, calls by stream, counted, calls_a_day, resumes
            and seconds_of_reading).
        """
        bill = [
            {
                "organisation": name,
                "tenant_id": entry.tenant_id,
                "stream": stream,
                "rows": entry.rows,
                "calls": entry.usage.calls,
                "retries": entry.usage.retries,
                "waited_seconds": round(entry.usage.waited, 1),
                "bytes": entry.usage.bytes,
                "skipped": entry.skipped or None,
                "unchanged": entry.unchanged,
                "calls_left_today": entry.usage.day_left,
            }
            for (name, stream), entry in self.entries.items()
        ]
        backlog = [each.entry(name) for name, each in self.backlogs.items()]
        return json.dumps(
            {
                "bill": bill,
                "remarks": self.not_read,
                "failures": self.failures,
                "backlog": backlog,
            }
        )


def _cells(entries: Collection[Entry]) -> tuple[str, ...]:
    """The figures of a row of the table; what is zero and usually is stays empty."""
    usages = [entry.usage for entry in entries]
    retries = sum(usage.retries for usage in usages)
    waited = sum(usage.waited for usage in usages)
    return (
        f"{sum(entry.rows for entry in entries):,}",
        f"{sum(usage.calls for usage in usages):,}",
        f"{retries:,}" if retries else "",
        f"{waited:,.1f} s" if waited >= _WORTH_TELLING else "",
        size(sum(usage.bytes for usage in usages)),
    )


def _remark(entry: Entry) -> str:
    if entry.skipped:
        return "not read, see above"
    return "unchanged, not sent again" if entry.unchanged else ""


def _listed(title: str, streams: Sequence[str]) -> list[str]:
    """Streams in a row below their organisation."""
    if not streams:
        return []
    text = f"{title}: {', '.join(streams)}"
    return wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _left(entries: Iterable[Entry]) -> int | None:
    """Calls left of the day, of the organisation that has fewest; None where Xero did not say."""
    left = (entry.usage.day_left for entry in entries)
    return min((each for each in left if each is not None), default=None)


def _news(mine: Mapping[str, Entry]) -> str:
    """What came of an organisation: the streams with most rows, and how many more there are."""
    came = {s: e.rows for s, e in mine.items() if e.rows and not e.unchanged}
    largest = sorted(came, key=lambda stream: -came[stream])[:_NAMED]
    parts = [f"{stream} {came[stream]:,}" for stream in largest]
    if len(came) > _NAMED:
        parts.append(f"{plural(len(came) - _NAMED, 'stream')} more")
    skipped = sum(1 for entry in mine.values() if entry.skipped and entry.skipped != NOT_DUE)
    return ", ".join(parts or ["nothing new"]) + (
        f"; {plural(skipped, 'stream')} not read" if skipped else ""
    )
