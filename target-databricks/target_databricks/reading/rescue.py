"""The rescue path: records that Arrow's reader refused, one value at a time.

Whatever fits its column goes there; whatever does not (an unknown member, a value of another
type, more digits than the column has) goes to `_rescued_data` as JSON, under the path it had. No
value is dropped and no record stops a run. About a hundred times slower than the block reader,
and only used for the blocks that need it.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson
import simplejson

from target_databricks.limits import DECIMAL_DIGITS
from target_databricks.schema.plan import DELETED_AT
from target_databricks.schema.types import Field, Kind, Node

Rescued = dict[str, Any]

_INT64 = range(-(2**63), 2**63)
_INT_OF_ORJSON = range(-(2**63), 2**64)
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<fraction>\d+))?"
    r"\s*(?P<zone>Z|z|[+-]\d\d(?::?\d\d)?)?)?"
)
_CONTEXT = decimal.Context(prec=DECIMAL_DIGITS, traps=[decimal.Inexact, decimal.InvalidOperation])


TOO_DEEP = "nested too deeply to be read"
"""Why a line is refused that Python could read only by raising the limit of its own stack."""


class DoesNotFitError(ValueError):
    """The value cannot stand in its column without changing."""


def loads(text: bytes) -> Any:
    """Read JSON with numbers of any length exact; NaN and infinities as Python writes them.

    Raises:
        ValueError: When the text is not JSON.
    """
    try:
        return simplejson.loads(text, use_decimal=True, allow_nan=True)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error


def dumps(value: Any) -> str:
    """Write JSON with the digits that were read."""
    return simplejson.dumps(
        value, use_decimal=True, ensure_ascii=False, separators=(",", ":"), allow_nan=True
    )


def fit_record(
    record: Mapping[str, Any], root: Node, reserved: Collection[str] = frozenset()
) -> tuple[dict[str, Any], str | None]:
    """Sort a record's values into its columns.

    Args:
        record: The record.
        root: Its columns.
        reserved: Members that the target writes itself, and that are not even rescued.

    Returns:
        The row (column name to a Python value of the column's Arrow type) and the rescued rest
        as JSON, or None when everything fitted.
    """
    rescued: Rescued = {}
    own = {name: value for name, value in record.items() if name not in reserved}
    row = _members(own, root, "", rescued)
    return row, _clean(dumps(rescued)) if rescued else None


def fit(node: Node, value: Any, path: str, rescued: Rescued) -> Any:
    """Convert one value for its column, or put it aside under `path` and return None."""
    if value is None:
        return None
    if node.kind is Kind.STRUCT and isinstance(value, Mapping):
        return _members(value, node, f"{path}.", rescued)
    if node.item is not None and isinstance(value, list):
        item = node.item
        return [fit(item, v, f"{path}[{i}]", rescued) for i, v in enumerate(value)]
    try:
        return _CONVERT[node.kind](node, value)
    except (ValueError, ArithmeticError):
        rescued[path] = value
        return None


def _members(value: Mapping[str, Any], node: Node, prefix: str, rescued: Rescued) -> dict[str, Any]:
    fields: dict[str, Field] = {f.source: f for f in node.fields}
    row = {}
    for source, member in value.items():
        field = fields.get(source)
        if field is not None:
            row[field.name] = fit(field.node, member, prefix + source, rescued)
        elif member is not None and (prefix or source != DELETED_AT):
            rescued[prefix + source] = member
    return row


def beyond_floats(value: Any, node: Node | None) -> bool:
    """Whether a float would confuse some number below with its neighbour.

    Such a record is hashed from its exact digits. A DOUBLE column is where they are not wanted.

    Args:
        value: A record, or a part of one, as `loads` reads it.
        node: What is fields of it; None for what the schema does not mention.
    """
    if isinstance(value, dict):
        nodes = {f.source: f.node for f in node.fields} if node is not None else {}
        return any(beyond_floats(v, nodes.get(k)) for k, v in value.items())
    if isinstance(value, list):
        item = node.item if node is not None else None
        return any(beyond_floats(v, item) for v in value)
    if node is not None and node.kind is Kind.DOUBLE:
        return False
    return isinstance(value, (int, decimal.Decimal)) and not _survives_a_float(value)


def _survives_a_float(number: int | decimal.Decimal) -> bool:
    if isinstance(number, int):
        return number in _INT_OF_ORJSON
    return decimal.Decimal(repr(float(number))) == number


def _text(node: Node, value: Any) -> str:  # noqa: ARG001
    return _clean(value if isinstance(value, str) else _open_text(value))


def _open_text(value: Any) -> str:
    """JSON as orjson writes it on the fast path, but for numbers that only exact digits tell."""
    try:
        return orjson.dumps(_for_orjson(value)).decode()
    except orjson.JSONEncodeError:  # nested deeper than it writes, so the fast path had none either
        return dumps(value)


def _for_orjson(value: Any) -> Any:
    if isinstance(value, dict):
        return {_clean(k): _for_orjson(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_for_orjson(v) for v in value]
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, decimal.Decimal) and _survives_a_float(value):
        return float(value)
    if isinstance(value, decimal.Decimal) or (
        isinstance(value, int) and not _survives_a_float(value)
    ):
        return orjson.Fragment(str(value).encode())
    if isinstance(value, float):  # only NaN and the infinities are read as floats
        return orjson.Fragment(dumps(value).encode())
    return value


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON may spell but UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def is_long(value: Any) -> bool:
    """Whether a value is an integer that a BIGINT column can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and value in _INT64


def _integer(node: Node, value: Any) -> int:  # noqa: ARG001
    number = _number(value)
    whole = int(number)
    if whole != number or whole not in _INT64:
        raise DoesNotFitError
    return whole


def _double(node: Node, value: Any) -> float:  # noqa: ARG001
    number = _number(value)
    double = float(number)
    if math.isinf(double) and not isinstance(number, float):
        raise DoesNotFitError  # too large; an infinity in the text is read as a float
    return double


def _decimal(node: Node, value: Any) -> decimal.Decimal:
    scale = decimal.Decimal(1).scaleb(-node.arrow.scale)
    number = decimal.Decimal(_number(value)).quantize(scale, context=_CONTEXT)
    if not number.is_finite() or len(number.as_tuple().digits) > node.arrow.precision:
        raise DoesNotFitError
    return number


def _number(value: Any) -> decimal.Decimal | int | float:
    if isinstance(value, bool):
        raise DoesNotFitError
    if isinstance(value, (int, float, decimal.Decimal)):
        return value
    if isinstance(value, str):
        return decimal.Decimal(value.strip())
    raise DoesNotFitError


def _boolean(node: Node, value: Any) -> bool:  # noqa: ARG001
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise DoesNotFitError


def _timestamp(node: Node, value: Any) -> dt.datetime:
    """ISO 8601 in any of its usual spellings; without a zone it is UTC; digits below µs go."""
    if not isinstance(value, str) or not (match := _ISO.fullmatch(value.strip())):
        raise DoesNotFitError
    moment = dt.datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00'}")
    micros = int(((match["fraction"] or "") + "000000")[:6])
    moment = moment.replace(microsecond=micros, tzinfo=_zone(match["zone"]))
    moment = moment.astimezone(dt.UTC)
    return moment if node.arrow.tz else moment.replace(tzinfo=None)


def _zone(text: str | None) -> dt.timezone:
    if text in {None, "", "Z", "z"}:
        return dt.UTC
    digits = str(text)[1:].replace(":", "").ljust(4, "0")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(-offset if str(text)[0] == "-" else offset)


def _date(node: Node, value: Any) -> dt.date:  # noqa: ARG001
    """A calendar date; one that carries a time of day other than midnight does not fit."""
    if not isinstance(value, str) or not (match := _ISO.fullmatch(value.strip())):
        raise DoesNotFitError
    if (match["time"] or "0").replace(":", "").strip("0") or (match["fraction"] or "").strip("0"):
        raise DoesNotFitError
    return dt.date.fromisoformat(match["date"])


def _never(node: Node, value: Any) -> Any:  # noqa: ARG001
    raise DoesNotFitError


_CONVERT: Mapping[Kind, Callable[[Node, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.ANY: _text,
    Kind.TIMESTAMP: _timestamp,
    Kind.DATE: _date,
    Kind.DECIMAL: _decimal,
    Kind.DOUBLE: _double,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.STRUCT: _never,
    Kind.LIST: _never,
}
