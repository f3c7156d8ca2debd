"""The record hash: what tells an unchanged row from a changed one.

Two records have the same hash when they hold the same members with the same values, in whatever
order the members come and however the fractions are spelled (`12.50` and `12.5` are one amount). An
integer and a fraction without one (`12` and `12.0`) count as two: telling them to be one would cost
every record more than the rare rewrite it saves.
"""

from __future__ import annotations

import decimal
import hashlib
from collections.abc import Collection
from typing import Any

import orjson
import simplejson

from target_databricks.schema.plan import METADATA_PREFIX

HASH_LENGTH = 32
"""Hexadecimal digits kept of a SHA-256: 128 bits, far beyond accidental collision."""

_sha256 = hashlib.sha256
_SORTED = orjson.OPT_SORT_KEYS
_MARK = b'"' + METADATA_PREFIX.encode()
_ALL_DIGITS = decimal.Context(
    prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[]
)
"""The default context rounds to 28 digits, where a column may hold 38 and text any number."""


def names_metadata(text: bytes) -> bool:
    """Whether there may be names of metadata in a JSON text, of which ours do not count."""
    return _MARK in text


def record_hash(record: dict[str, Any], reserved: Collection[str] = frozenset()) -> str:
    """Hash a record that orjson has read.

    Args:
        record: Its members; numbers as orjson reads them, exact up to 15 digits.
        reserved: Members that do not count, because the target writes columns of these names;
            they matter to records whose text names metadata.
    """
    if reserved:
        record = _own_members(record, reserved)
    return _sha256(orjson.dumps(record, option=_SORTED)).hexdigest()[:HASH_LENGTH]


def exact_record_hash(record: dict[str, Any], reserved: Collection[str] = frozenset()) -> str:
    """Hash a record whose numbers a float could confuse; they must be Decimal or int here."""
    text = simplejson.dumps(
        _normal(_own_members(record, reserved)),
        use_decimal=True,
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=True,
    )
    return _sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]


def _own_members(record: dict[str, Any], reserved: Collection[str]) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k not in reserved}


def _normal(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return value.normalize(_ALL_DIGITS) if value.is_finite() else value
    if isinstance(value, dict):
        return {k: _normal(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_normal(v) for v in value]
    return value
