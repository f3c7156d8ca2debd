"""Which reading a resource takes, by how Xero hands its rows out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.models.resources import Paging
from tap_xero.sync.journals import JournalReading
from tap_xero.sync.paging import PagedReading
from tap_xero.sync.reading import Reading

if TYPE_CHECKING:
    from tap_xero.models.resources import Resource
    from tap_xero.sync.page import Fetch
    from tap_xero.sync.window import Window

READINGS: dict[Paging, type[Reading]] = {
    Paging.WHOLE: Reading,
    Paging.OFFSET: JournalReading,
    Paging.PAGES: PagedReading,
    Paging.HUNDREDS: PagedReading,
}


def reading_of(fetch: Fetch, resource: Resource, window: Window, **options: Any) -> Reading:
    """One reading of a window; the arguments are those of `Reading`."""
    return READINGS[resource.paging](fetch, resource, window, **options)
