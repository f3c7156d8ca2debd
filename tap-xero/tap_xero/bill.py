"""The bill: what a run read, what it cost, and what it could not read.

Source of what is counted: Xero, Rate limits (calls per organisation and day) and Pricing
(egress).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from tap_xero.client import Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tap_xero.client import Tenant

_WIDTH = 100
_UNBROKEN = "\N{NO-BREAK SPACE}"


@dataclass
class Entry:
    """One stream of one organisation.

    Attributes:
        usage: What reading it cost.
        rows: Records it gave.
        skipped: Why it was not read, or not to its end; empty when it was.
    """

    usage: Usage = field(default_factory=Usage)
    rows: int = 0
    skipped: str = ""


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
        return self.entries.setdefault((tenant.name, stream), Entry())

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
            lines += _listed(f"{stream} {_brief(entry)}" for stream, entry in mine.items())
        lines += [f"Not read: {remark}" for remark in self.remarks]
        return lines


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
    return f"{plural(rows, 'row')}, {plural(calls, 'call')}, {size(transferred)}"


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
    return f"; {plural(known[-1], 'call')} left today" if known else ""
