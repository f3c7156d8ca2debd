"""What an answer of Xero says, when it says it oddly: each odd part stands for nothing.

An envelope is a JSON object with the rows under a name of their own, `DateTimeUTC`, when Xero
answered, and for paged resources `pagination` with `pageCount` and `itemCount`. Seen in the field
or possible by the specification: numbers as text or with a point, null for an empty list, rows that
are null or have no id, and times that are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.api import wire
from tap_xero.models.dates import instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]


def rows(envelope: Mapping[str, Any], name: str) -> list[Any] | None:
    """The rows of an answer as they came, one alone as a list; None when there is no such list."""
    listed = envelope.get(name)
    if listed is None:
        return [] if name in envelope else None
    if isinstance(listed, dict):
        return [listed]
    return listed if isinstance(listed, list) else None


def usable(listed: Sequence[Any], identity: str) -> list[Row]:
    """The rows that can be told from one another: an id is a text or a whole number.

    Args:
        listed: Rows as they came.
        identity: Property that identifies one.
    """
    return [
        row for row in listed if isinstance(row, dict) and type(row.get(identity)) in (str, int)
    ]


def connections(listed: Any) -> dict[str, str] | None:
    """The names of connected organisations by their ids, each once; None when there is no list.

    A connection may be listed once for each consent that made it.

    Args:
        listed: What the list of connections says.
    """
    if not isinstance(listed, list):
        return None
    return {
        each["tenantId"]: str(each.get("tenantName") or each["tenantId"])
        for each in usable(listed, "tenantId")
        if each.get("tenantType", "ORGANISATION") == "ORGANISATION"
        and isinstance(each["tenantId"], str)
    }


def number(header: str) -> int | None:
    """The number in a header; None for what is none."""
    return int(header) if header.isascii() and header.isdigit() and len(header) < 10 else None


def counts(envelope: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """Pages and rows in the window, where Xero counts them."""
    pagination = (envelope or {}).get("pagination")
    if not isinstance(pagination, dict):
        return None, None
    return _whole(pagination.get("pageCount")), _whole(pagination.get("itemCount"))


def answered_at(envelope: Mapping[str, Any]) -> str | None:
    """When Xero answered, ISO 8601 UTC; None when it does not say."""
    try:
        said = instant(envelope.get("DateTimeUTC"))
        parse_instant(said)
    except (TypeError, ValueError):
        return None
    return str(said)


def _whole(value: Any) -> int | None:
    """A count, however it is written; None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    text = value if isinstance(value, str) else wire.encode(value).decode()
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() and number >= 0 else None
