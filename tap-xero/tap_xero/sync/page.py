"""A page of rows, and how one is asked for: what a reading, a scheduler and a task share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_xero.api.envelope import Row
    from tap_xero.sync.window import Window


class Fetch(Protocol):
    """Starts a call and returns the function that waits for its envelope.

    Starting before the answer is needed lets the next page travel while this one is
    written.
    """

    def __call__(
        self, path: str, params: dict[str, str], since: str | None, /
    ) -> Callable[[], dict[str, Any]]:
        """Start a GET of `path`."""


@dataclass(frozen=True)
class Page:
    """What one call brought.

    Attributes:
        rows: The rows that were not received before, as Xero sent them.
        window: Where the reading stands once these rows are written.
        number: Which page it is.
        pages: How many there are; None where Xero does not say.
        at: When Xero answered, ISO 8601 UTC.
    """

    rows: list[Row]
    window: Window
    number: int
    pages: int | None
    at: str
