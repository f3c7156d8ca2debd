"""What a stream asks of Xero and takes from it, as its resource and the settings have it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tap_xero.api.errors import NotFoundError
from tap_xero.models.dates import format_instant, parse_instant
from tap_xero.models.resources import Paging
from tap_xero.sync.details import budget_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_xero.api.envelope import Row
    from tap_xero.api.errors import ClosedError
    from tap_xero.models.resources import Resource

_BUDGET_YEARS = 5
"""Years of budgets that are asked for, back and ahead, where start_date does not say."""


def start_date(config: Mapping[str, Any]) -> str | None:
    """The setting start_date, ISO 8601 UTC; None without one."""
    start = config.get("start_date")
    return format_instant(parse_instant(start)) if start else None


def details(
    resource: Resource,
    config: Mapping[str, Any],
    selects: Callable[[str], bool],
    today: datetime,
) -> list[dict[str, str]] | None:
    """Parameters of the single GETs of each row; None when the list has all that is wanted.

    Args:
        resource: What is read.
        config: The settings.
        selects: Whether a field is selected.
        today: The time; budgets are asked for by date.
    """
    if not any(selects(name) for name in resource.detail):
        return None
    if resource.stream != "budgets":
        return [{}]
    start = start_date(config)
    first = date.fromisoformat(start[:10]) if start else date(today.year - _BUDGET_YEARS, 1, 1)
    return budget_requests(first, date(today.year + _BUDGET_YEARS, 12, 31))


def without_archived(resource: Resource, config: Mapping[str, Any], rows: list[Row]) -> list[Row]:
    """The rows without those that are archived, if archived ones are not wanted."""
    if resource.hidden is None or config["include_archived"]:
        return rows
    name, value = resource.hidden
    return [row for row in rows if row.get(name) != value]


def refusal(resource: Resource, error: ClosedError) -> str:
    """Why Xero does not hand a stream out, and what would help."""
    if isinstance(error, NotFoundError):
        return f"Xero has nothing there ({error.detail})."
    scopes = " or ".join(dict.fromkeys((resource.granular, resource.scope)))
    advice = f"It takes the scope {scopes}"
    if resource.paging is Paging.OFFSET:
        advice += ", which Xero gives to apps of the Advanced tier only"
    return f"Xero does not let this app read them ({error.detail}). {advice}."
