"""Values of fields: read from anybody's record, compared, merged.

A value is canonical when its objects have Xero's names and no part that is null. Null means nothing
everywhere, so a merge only ever adds to what Xero has, or replaces it.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_xero.resources import Field


class UnfitError(ValueError):
    """A value is not of its field's kind."""


def plain(name: str) -> str:
    """A name without what tells `email_address` from `EmailAddress`."""
    return name.replace("_", "").lower()


def by_plain_name(row: Mapping[str, Any]) -> dict[str, Any]:
    """A record or object with its members by their plain names."""
    return {plain(name): value for name, value in row.items()}


def canonical(field: Field, value: Any) -> Any:
    """A value as Xero has it; None for one that means nothing.

    Raises:
        UnfitError: It is not of the field's kind.
    """
    if value is None:
        return None
    if field.kind in ("object", "list"):
        return _nested(field, value)
    if field.kind == "flag":
        return _flag(field, value)
    if field.kind == "number":
        return _number(field, value)
    if isinstance(value, (dict, list)):
        raise UnfitError(f"{field.name} is a text")
    return str(value)


def _nested(field: Field, value: Any) -> Any:
    if isinstance(value, str):
        # A view or a CSV may have nested values as JSON.
        try:
            value = json.loads(value, parse_float=Decimal)
        except ValueError:
            raise UnfitError(f"{field.name} is JSON or nested") from None
    if field.kind == "object":
        return _object(field, value)
    if not isinstance(value, list):
        raise UnfitError(f"{field.name} is a list")
    return [row for each in value if (row := _object(field, each))] or None


def _object(field: Field, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise UnfitError(f"{field.name} is made of objects")
    members = by_plain_name(value)
    parts = {
        name: part_value
        for name, part in field.parts.items()
        if (part_value := canonical(part, members.get(plain(name)))) is not None
    }
    return parts or None


def _flag(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    spoken = {"true": True, "false": False}.get(str(value).lower())
    if spoken is None:
        raise UnfitError(f"{field.name} is true or false")
    return spoken


def _number(field: Field, value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise UnfitError(f"{field.name} is a number") from None
    if not number.is_finite():
        raise UnfitError(f"{field.name} is a number")
    return number


def same(field: Field, one: Any, other: Any) -> bool:
    """Whether two canonical values are one to Xero, which has nothing, null and empty alike."""
    if field.kind == "object":
        one, other = one or {}, other or {}
        return all(same(part, one.get(name), other.get(name)) for name, part in field.parts.items())
    if field.kind == "list":
        one, other = one or [], other or []
        return len(one) == len(other) and all(
            same(part, left.get(name), right.get(name))
            for left, right in zip(one, other, strict=True)
            for name, part in field.parts.items()
        )
    if field.kind == "number":
        return bool(one == other)
    return bool((one or None) == (other or None))


def overlay(field: Field, now: Any, desired: Any) -> Any:
    """What Xero has, with what is desired put over it: lists and objects are merged."""
    if desired is None:
        return now
    if field.kind == "object":
        return _overlaid(field, now or {}, desired)
    if field.kind == "list":
        rows = [dict(row) for row in now or ()]
        for wanted in desired:
            at = position(field, rows, wanted)
            if at is None:
                rows.append(wanted)
            else:
                rows[at] = _overlaid(field, rows[at], wanted)
        return rows
    return desired


def _overlaid(field: Field, now: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    parts = field.parts
    return {
        **now,
        **{name: overlay(parts[name], now.get(name), value) for name, value in desired.items()},
    }


def position(
    field: Field, rows: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]
) -> int | None:
    """Where in a list the object is that another one stands for, if there is one."""
    for identity in field.identities:
        key = _identity(wanted, identity)
        if key is None:
            continue
        for at, row in enumerate(rows):
            if _identity(row, identity) == key:
                return at
    return None


def _identity(row: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...] | None:
    key = tuple(str(row.get(name) or "").strip().casefold() for name in names)
    return key if any(key) else None


def projection(field: Field, value: Any, desired: Any) -> Any:
    """Of a value only what is desired of it: the same parts, the same objects of a list."""
    if field.kind == "object":
        return _projected(field, value or {}, desired)
    if field.kind == "list":
        rows = value or []
        places = [position(field, rows, wanted) for wanted in desired]
        return [
            {} if at is None else _projected(field, rows[at], wanted)
            for at, wanted in zip(places, desired, strict=True)
        ]
    return value


def _projected(
    field: Field, value: Mapping[str, Any], desired: Mapping[str, Any]
) -> dict[str, Any]:
    parts = field.parts
    return {
        name: projection(parts[name], value.get(name), wanted) for name, wanted in desired.items()
    }


def too_long(field: Field, value: Any) -> list[str]:
    """What is longer than Xero takes, or not among what it knows; one sentence each."""
    if value is None:
        return []
    if field.kind == "object":
        return [
            line for name, part in field.parts.items() for line in too_long(part, value.get(name))
        ]
    if field.kind == "list":
        return [
            line
            for row in value
            for name, part in field.parts.items()
            for line in too_long(part, row.get(name))
        ]
    if field.length is not None and len(value) > field.length:
        return [f"{field.name} is longer than the {field.length} characters that Xero takes"]
    if field.choices and value and value not in field.choices:
        return [f"{field.name} is '{value}', and Xero knows {', '.join(field.choices)}"]
    return []
