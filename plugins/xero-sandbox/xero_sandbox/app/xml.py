"""Xero's other spelling: the XML that a client gets when it does not ask for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from xero_sandbox import wire

# Lists whose elements are not simply called the singular of the list.
_ELEMENTS = {
    "Tracking": "TrackingCategory",
    "SalesTrackingCategories": "SalesTrackingCategory",
    "PurchasesTrackingCategories": "PurchasesTrackingCategory",
    "JournalLines": "JournalLine",
    "Elements": "DataContractBase",
}


def to_xml(name: str, value: Mapping[str, Any]) -> bytes:
    """A document with `name` as its root; `.NET` dates become ISO, as Xero writes them in XML."""
    return f'<?xml version="1.0" encoding="utf-8"?>{_element(name, value)}'.encode()


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(_element(_singular(name), item) for item in value)
    else:
        inner = escape(_text(value))
    return f"<{name}>{inner}</{name}>" if inner else f"<{name} />"


def _singular(name: str) -> str:
    if name in _ELEMENTS:
        return _ELEMENTS[name]
    if name.endswith("ies"):
        return name[:-3] + "y"
    if name.endswith("sses"):
        return name[:-2]
    return name.removesuffix("s")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith("/Date("):
        moment = wire.to_datetime(wire.parse_net_date(value))
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + (
            f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
        )
    return str(value)
