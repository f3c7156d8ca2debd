"""From a value of a JSON text to the value of a column that is equal to it, or none.

Equal means: a number prints back to the same decimal (of a DOUBLE, its shortest spelling), an
instant is the same to the microsecond, a text is the same code point by code point. What would have
to be altered does not fit.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from target_databricks.limits import DECIMAL_DIGITS
from target_databricks.reading.json_text import survives_a_float
from target_databricks.schema.types import Kind, Node

_INT64 = range(-(2**63), 2**63)
_DIGITS_OF_INT64 = 19
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NO_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<fraction>\d+))?"
    r"\s*(?P<zone>Z|z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_CONTEXT = decimal.Context(prec=DECIMAL_DIGITS, traps=[decimal.Inexact, decimal.InvalidOperation])
_MICROSECOND = 6
"""Digits of a second's fraction that a TIMESTAMP has."""


class DoesNotFitError(ValueError):
    """The value cannot stand in its column without changing."""


def is_long(value: Any) -> bool:
    """Whether a value is an integer that a BIGINT column can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and value in _INT64


def _number(value: Any) -> decimal.Decimal | float:
    """A number, sent as one or as text; NaN and the infinities as floats."""
    if isinstance(value, str):
        text = value.strip()
        if text in _NO_NUMBERS:
            return _NO_NUMBERS[text]
        if not _NUMBER.fullmatch(text):
            raise DoesNotFitError
        return decimal.Decimal(text)
    if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
        raise DoesNotFitError
    return value if isinstance(value, float) else decimal.Decimal(value)


def _integer(node: Node, value: Any) -> int:
    number = _number(value)
    # Before it becomes an int: one of an exponent of millions would take for ever.
    if isinstance(number, float) or number.adjusted() >= _DIGITS_OF_INT64:
        raise DoesNotFitError
    whole = int(number)
    half = 1 << (node.arrow.bit_width - 1)
    if whole != number or not -half <= whole < half:
        raise DoesNotFitError
    return whole


def _double(node: Node, value: Any) -> float:
    number = _number(value)
    if isinstance(number, float):
        return number
    if not survives_a_float(number):
        raise DoesNotFitError
    double = float(number)  # a FLOAT is packed below, which refuses what is too large for it
    if pa.types.is_float32(node.arrow) and _shortest(double) != number:
        raise DoesNotFitError
    return double


def _shortest(double: float) -> decimal.Decimal:
    """The decimal of the fewest digits that is the same FLOAT of 32 bits."""
    packed = struct.pack("f", double)
    (single,) = struct.unpack("f", packed)
    texts = (f"{single:.{digits}g}" for digits in range(1, 10))
    return next(decimal.Decimal(t) for t in texts if struct.pack("f", float(t)) == packed)


def _decimal(node: Node, value: Any) -> decimal.Decimal:
    scale = decimal.Decimal(1).scaleb(-node.arrow.scale)
    number = decimal.Decimal(_number(value)).quantize(scale, context=_CONTEXT)
    if not number.is_finite() or len(number.as_tuple().digits) > node.arrow.precision:
        raise DoesNotFitError
    return number


def _boolean(node: Node, value: Any) -> bool:  # noqa: ARG001
    """True and false, also as text, and as the numbers that databases without booleans keep."""
    if isinstance(value, int) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise DoesNotFitError


def _timestamp(node: Node, value: Any) -> dt.datetime:
    """ISO 8601 in any of its usual spellings; without a zone it is UTC."""
    moment = _moment(value)
    return moment if node.arrow.tz else moment.replace(tzinfo=None)


def _date(node: Node, value: Any) -> dt.date:  # noqa: ARG001
    """A calendar date; one with a time of day fits if that is midnight in UTC."""
    moment = _moment(value)
    if moment.time() != dt.time():
        raise DoesNotFitError
    return moment.date()


def _moment(value: Any) -> dt.datetime:
    if not isinstance(value, str) or not (match := _ISO.fullmatch(value.strip())):
        raise DoesNotFitError
    fraction = match["fraction"] or ""
    if fraction[_MICROSECOND:].strip("0"):
        raise DoesNotFitError
    moment = dt.datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00'}")
    micros = int(fraction[:_MICROSECOND].ljust(_MICROSECOND, "0"))
    return moment.replace(microsecond=micros, tzinfo=_zone(match["zone"])).astimezone(dt.UTC)


def _zone(text: str | None) -> dt.timezone:
    if text in {None, "", "Z", "z"}:
        return dt.UTC
    digits = str(text)[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes >= 60:
        raise DoesNotFitError
    offset = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-offset if str(text)[0] == "-" else offset)


def _never(node: Node, value: Any) -> Any:  # noqa: ARG001
    raise DoesNotFitError


CONVERT: Mapping[Kind, Callable[[Node, Any], Any]] = {
    Kind.TIMESTAMP: _timestamp,
    Kind.DATE: _date,
    Kind.DECIMAL: _decimal,
    Kind.DOUBLE: _double,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.FOREIGN: _never,
    Kind.STRUCT: _never,
    Kind.LIST: _never,
}
"""How a value of each kind is made; text is for `rescue.py`. A `ValueError` or an
`ArithmeticError` says that the value does not fit."""
