"""The bill: what a run read, what it cost, and what it could not read.

Source of what is counted: Xero, Rate limits (calls per organisation and day) and Pricing
(egress).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from tap_xero.client import Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tap_xero.client import Tenant

NOT_DUE = "not due"
"""Why a stream is not read of which the cadence says so."""

_WIDTH = 100
_UNBROKEN = "\N{NO-BREAK SPACE}"


@dataclass
class Entry:
    """One stream of one organisation.

    Attributes:
        usage: What reading it cost.
        rows: Records it gave.
        skipped: Why it was not read, or not to its end; empty when it was.
        tenant_id: The organisation.
    """

    usage: Usage = field(default_factory=Usage)
    rows: int = 0
    skipped: str = ""
    tenant_id: str = ""


@dataclass
class Bill:
    """Everything a run read and did not read.

    Attributes:
        entries: By name of the organisation and stream, in the order they were read.
        remarks: What was skipped and why, one sentence each.
        failures: Streams of organisations that failed lastingly.
    """

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def entry(self, tenant: Tenant, stream: str) -> Entry:
        """The entry of a stream of an organisation, made when it is new."""
        return self.entries.setdefault((tenant.name, stream), Entry(tenant_id=tenant.id))

    def lines(self) -> list[str]:
        """The bill as lines of text: organisations, their streams, and what was skipped."""
        if not self.entries and not self.remarks:
            return []
        lines = ["The bill of this run:"]
        for name in dict.fromkeys(name for name, _ in self.entries):
            mine = {
                stream: entry for (owner, stream), entry in self.entries.items() if owner == name
            }
            lines.append(f"{name}: {_cost(mine.values())}{_left(mine.values())}")
            read = {stream: entry for stream, entry in mine.items() if entry.usage.calls}
            lines += _listed(f"{stream} {_brief(entry)}" for stream, entry in read.items())
            due_later = [stream for stream, entry in mine.items() if entry.skipped == NOT_DUE]
            if due_later:
                lines += _listed([f"not due: {due_later[0]}", *due_later[1:]])
        lines += [f"Not read: {remark}" for remark in self.remarks]
        return lines

    def summary(self) -> str:
        """The bill as JSON in one line, for machines.

        Returns:
            An object with `bill`, a list of one object for each stream of each organisation
            (organisation, tenant_id, stream, rows, calls, retries, waited_seconds, bytes,
            skipped, and calls_left_today, null where Xero did not say), `remarks` and
            `failures`.
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
                "calls_left_today": entry.usage.day_left,
            }
            for (name, stream), entry in self.entries.items()
        ]
        return json.dumps({"bill": bill, "remarks": self.remarks, "failures": self.failures})


def plural(number: int, noun: str) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def size(number: int) -> str:
    """A number of bytes for people, in powers of 1,000."""
    value = float(number)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _cost(entries: Collection[Entry]) -> str:
    calls = sum(entry.usage.calls for entry in entries)
    rows = sum(entry.rows for entry in entries)
    transferred = sum(entry.usage.bytes for entry in entries)
    cost = f"{plural(rows, 'row')}, {plural(calls, 'call')}, {size(transferred)}"
    if retries := sum(entry.usage.retries for entry in entries):
        cost += f", {plural(retries, 'call')} tried again"
    return cost


def _brief(entry: Entry) -> str:
    """Rows, and calls when it was not the one that everything costs."""
    calls = "" if entry.usage.calls == 1 else f"{plural(entry.usage.calls, 'call')}, "
    return f"{entry.rows:,} ({calls}{size(entry.usage.bytes)})"


def _listed(items: Iterable[str]) -> list[str]:
    """Indented lines of items, none of which is broken in two."""
    text = ", ".join(item.replace(" ", _UNBROKEN) for item in items)
    wrapped = wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [line.replace(_UNBROKEN, " ") for line in wrapped]


def _left(entries: Collection[Entry]) -> str:
    known = [entry.usage.day_left for entry in entries if entry.usage.day_left is not None]
    return f"; {plural(min(known), 'call')} left today" if known else ""
