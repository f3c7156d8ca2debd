"""What a used-up day leaves to read: how many calls at least, and how long they take.

Xero counts the rows of a window in its first answer, so what is left of a stream that was
begun is known. Of a stream that was not, nothing is known but that it takes a call.

Source: Xero, Rate limits (60 calls a minute; 1,000 a day on the Starter tier, 5,000 above).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_xero.api.limits import XERO
from tap_xero.models import resources
from tap_xero.models.dates import format_instant
from tap_xero.models.resources import Paging

if TYPE_CHECKING:
    from tap_xero.models.resources import Resource

_DAY = timedelta(days=1)


def calls_left(resource: Resource, items: Any, page: Any) -> tuple[int, bool]:
    """Calls that a stream of an organisation still takes, and whether Xero has counted them.

    Args:
        resource: The stream's row of the resource table.
        items: Rows of the window by Xero's last count, if the state remembers them.
        page: Page to read next, if the state remembers one.
    """
    if resource.paging is Paging.WHOLE and not resource.detail:
        return 1, True
    if resource.paging is not Paging.PAGES or not isinstance(items, int):
        return 1, False
    pages = -(-items // resources.PAGE_SIZE)
    return max(1, pages - (page if isinstance(page, int) else 1) + 1), True


@dataclass
class Backlog:
    """What is left of one organisation.

    Attributes:
        tenant_id: The organisation.
        resumes: When there are new calls, as far as Xero said.
        a_day: Calls a day that the tap may make.
        calls: Calls left, by stream.
        counted: Whether Xero has counted all of them, so that there are no more.
    """

    tenant_id: str
    resumes: datetime | None
    a_day: int
    calls: dict[str, int] = field(default_factory=dict)
    counted: bool = True

    def add(self, stream: str, calls: int, counted: bool) -> None:
        """Add what is left of a stream."""
        self.calls[stream] = calls
        self.counted = self.counted and counted

    @property
    def total(self) -> int:
        """Calls left, at least."""
        return sum(self.calls.values())

    @property
    def reading(self) -> timedelta:
        """How long they take from the moment there are new calls."""
        days, last_day = divmod(self.total - 1, self.a_day)
        return days * _DAY + timedelta(minutes=(last_day + 1) / XERO.minute)

    def line(self, organisation: str) -> str:
        """One sentence for people."""
        largest = sorted(self.calls.items(), key=lambda each: -each[1])[:3]
        named = ", ".join(f"{stream} {calls:,}" for stream, calls in largest)
        more = ", …" if len(self.calls) > len(largest) else ""
        least = "" if self.counted else "at least "
        when = (
            f"from {self.resumes:%Y-%m-%d %H:%M} UTC on"
            if self.resumes
            else "once there are new calls, within a day"
        )
        return (
            f"Left to read of {organisation}: {least}{self.total:,} calls ({named}{more}), which "
            f"take {least}{_span(self.reading)} {when}."
        )

    def entry(self, organisation: str) -> dict[str, Any]:
        """The same for machines."""
        return {
            "organisation": organisation,
            "tenant_id": self.tenant_id,
            "calls": self.calls,
            "counted": self.counted,
            "calls_a_day": self.a_day,
            "resumes": format_instant(self.resumes) if self.resumes else None,
            "seconds_of_reading": round(self.reading.total_seconds()),
        }


def _span(span: timedelta) -> str:
    """`3 days`, `2.5 hours`, `1 minute`."""
    minutes = span / timedelta(minutes=1)
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes >= size:
            number = f"{minutes / size:.1f}".removesuffix(".0")
            return f"{number} {unit}" + "s" * (number != "1")
    whole = max(1, round(minutes))
    return f"{whole} minute" + "s" * (whole > 1)
