"""What can be said of an endpoint of the Accounting API; `endpoints` says it of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xero_sandbox.shapes import RESOURCES, Resource


class Paging(Enum):
    """How a list is cut into responses."""

    NONE = "everything in one response"
    SIZED = "page and pageSize (up to 1000) with a pagination object"
    FIXED = "page of 100, no pagination object"
    OFFSET = "100 numbers above an offset"


@dataclass(frozen=True)
class ListFilter:
    """One query parameter that narrows a list.

    Attributes:
        parameter: Name in the query string, matched without regard to case.
        field: Property it is compared with.
        operator: `in` for comma-separated values, `search` for text anywhere in any of the
            space-separated fields, else a comparison operator of the `where` language.
    """

    parameter: str
    field: str
    operator: str = "in"


@dataclass(frozen=True)
class Endpoint:
    """One row of the Accounting API.

    Attributes:
        name: Path segment, envelope key and name of the resource in the store.
        scopes: Stems of the scopes that open it (`accounting.` left out, read or write).
        fields: Properties that `where` and `order` know, each as `Name:type` with the types
            s (string), u (guid), d (date or timestamp), n (number) and b (boolean).
        by_number: Whether the number of the shape may stand in the path instead of the key.
        paging: How its list is cut.
        modified_since: Whether `If-Modified-Since` narrows the list.
        where: Whether the list accepts `where`.
        order: Whether the list accepts `order`.
        filters: Other parameters that narrow the list.
        list_only: The endpoint has no single document.
        unitdp: Whether `unitdp` decides the decimals of unit amounts.
        summary_only: Whether `summaryOnly` gives light rows.
        hidden_status: (property, value, parameter): rows with this value are left out of the
            list unless the parameter, where there is one, is true.
        high_volume: Whether unpaged requests above 100,000 rows are refused.
        optimised: The only properties that `where` and `order` (and those parameters that look
            like them here) may use above that many rows; empty where Xero's set is not known.
    """

    name: str
    scopes: tuple[str, ...]
    fields: str
    by_number: bool = False
    paging: Paging = Paging.NONE
    modified_since: bool = False
    where: bool = False
    order: bool = False
    filters: tuple[ListFilter, ...] = ()
    list_only: bool = False
    unitdp: bool = False
    summary_only: bool = False
    hidden_status: tuple[tuple[str, str, str | None], ...] = ()
    high_volume: bool = False
    optimised: frozenset[str] = frozenset()

    @property
    def types(self) -> dict[str, str]:
        """Property path to one-letter type, for `where` and `order`."""
        pairs = (item.partition(":") for item in self.fields.split())
        return {path: kind for path, _, kind in pairs}

    @property
    def shape(self) -> Resource:
        """Key, number and the properties that lighter forms leave out."""
        return RESOURCES[self.name]
