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
    from collections.abc import Collection, Sequence

    from tap_xero.api.client import Tenant
    from tap_xero.sync.backlog import Backlog

NOT_DUE = "not due"
"""Why a stream is not read of which the cadence says so."""

_HEAD = ("rows", "calls", "retries", "waited", "bytes")
_WIDTH = 100

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
        """The report as lines of text: a table, and below it what was not read."""
        if not self.entries and not self.not_read:
            return []
        lines = ["The bill of this run:", *self._table()]
        lines += [f"Not read: {remark}" for remark in self.not_read]
        lines += [backlog.line(name) for name, backlog in self.backlogs.items()]
        return lines

    def _table(self) -> list[str]:
        """Organisations with their streams; streams without anything to tell share a line."""
        rows: list[_Row] = [("organisation, stream", *_HEAD, "")]
        for name in dict.fromkeys(name for name, _ in self.entries):
            mine = {
                stream: entry for (owner, stream), entry in self.entries.items() if owner == name
            }
            rows.append((name, *_cells(mine.values()), _left(mine.values())))
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
        f"{waited:,.1f} s" if waited >= 0.05 else "",
        size(sum(usage.bytes for usage in usages)),
    )


def _remark(entry: Entry) -> str:
    if entry.skipped:
        return "not read, see below"
    return "unchanged, not sent again" if entry.unchanged else ""


def _listed(title: str, streams: Sequence[str]) -> list[str]:
    """Streams in a row below their organisation."""
    if not streams:
        return []
    text = f"{title}: {', '.join(streams)}"
    return wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _left(entries: Collection[Entry]) -> str:
    left = [entry.usage.day_left for entry in entries if entry.usage.day_left is not None]
    return f"{plural(min(left), 'call')} left today" if left else ""
