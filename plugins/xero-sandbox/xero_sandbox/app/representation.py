"""The lighter forms of documents: what lists leave out, and how many decimals unit amounts have.

Documents are JSON text and stay so where they can: one that has nothing to leave out is not parsed.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from xero_sandbox import wire
from xero_sandbox.endpoint import Endpoint, Paging

if TYPE_CHECKING:
    from xero_sandbox.app.request import AccountingCall

_UNIT_AMOUNT = re.compile(rb'"(UnitAmount|UnitPrice)":(-?\d+\.\d{3,})')
_CENT = Decimal("0.01")


def lighten(
    call: AccountingCall, endpoint: Endpoint, rows: list[bytes], *, paged: bool
) -> list[bytes]:
    """The documents of a list in the form that its parameters call for."""
    shape = endpoint.shape
    rows = without(rows, shape.paged_omits)
    if endpoint.paging is Paging.SIZED and not paged:
        rows = without(rows, shape.unpaged_omits, emptied=True)
    if endpoint.summary_only and call.flag("summaryOnly"):
        rows = without(rows, shape.summary_omits)
    if endpoint.name == "TrackingCategories":
        rows = [_visible_options(row, archived=call.flag("includeArchived")) for row in rows]
    return unit_decimals(call, endpoint, rows)


def without(rows: list[bytes], names: tuple[str, ...], *, emptied: bool = False) -> list[bytes]:
    """The documents without some properties; those that have none of them are not parsed.

    Args:
        rows: The documents.
        names: The properties to leave out.
        emptied: Leave arrays in place but empty, as unpaged lists do.
    """
    if not names:
        return rows
    marks = [f'"{name}":'.encode() for name in names]
    light = []
    for row in rows:
        if any(mark in row for mark in marks):
            document = wire.decode(row)
            for name in names:
                value = document.pop(name, None)
                if emptied and isinstance(value, list):
                    document[name] = []
            light.append(wire.encode(document))
        else:
            light.append(row)
    return light


def _visible_options(row: bytes, *, archived: bool) -> bytes:
    category = wire.decode(row)
    hidden = {"DELETED"} if archived else {"DELETED", "ARCHIVED"}
    category["Options"] = [
        option for option in category.get("Options", ()) if option.get("Status") not in hidden
    ]
    return wire.encode(category)


def unit_decimals(call: AccountingCall, endpoint: Endpoint, rows: list[bytes]) -> list[bytes]:
    """Unit amounts rounded to two places, unless four are asked for."""
    if not endpoint.unitdp or call.query.get("unitdp") == "4":
        return rows
    return [_UNIT_AMOUNT.sub(_rounded, row) for row in rows]


def _rounded(match: re.Match[bytes]) -> bytes:
    amount = Decimal(match[2].decode()).quantize(_CENT, ROUND_HALF_UP)
    return b'"%s":%s' % (match[1], format(amount, "f").encode())
