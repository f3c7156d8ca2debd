"""What is asked for: rows of `xero_writeback`, whoever sends them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from target_xero.resources import RESOURCES
from target_xero.values import UnfitError, by_plain_name, canonical, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_xero.resources import Resource

_SEPARATORS = re.compile(r"[-.]")


@dataclass(frozen=True)
class Wish:
    """One record that somebody wants Xero to have.

    Attributes:
        resource: The stream.
        tenant_id: The organisation.
        id: Id of the record, in small letters; None where it is named by its natural key.
        natural: Natural key, where there is no id.
        parent: Id of the record that it is part of.
        fields: Desired values, canonical, of the fields that are owned.
        reason: Why.
        loaded: Values as loaded, where the record itself brings them.
        problem: What is wrong with it, in words; then nothing of it is written.
    """

    resource: Resource
    tenant_id: str
    id: str | None
    natural: str | None
    fields: Mapping[str, Any]
    parent: str | None = None
    reason: str | None = None
    loaded: Mapping[str, Any] | None = None
    problem: str | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """The record's name in plan and ledger: its id, or its natural key."""
        inside = f"{self.parent}/" if self.parent and not self.id else ""
        return self.id or f"{inside}{self.natural or '?'}"


def resource_of(stream: str) -> Resource | None:
    """What a stream writes: its name, with or without a schema before it."""
    return RESOURCES.get(_SEPARATORS.split(stream)[-1].lower())


def wish_of(resource: Resource, record: Mapping[str, Any]) -> Wish | None:
    """The wish of a record; None for one that was deleted, which means nothing."""
    members = by_plain_name(
        {name: value for name, value in record.items() if not name.startswith("_")}
    )
    hidden = {name: value for name, value in record.items() if name.startswith("_")}
    if hidden.get("_sdc_deleted_at") is not None:
        return None
    tenant_id = _text(members.pop("tenantid", None)).lower()
    record_id = _text(members.pop(plain(resource.id), None)).lower() or None
    parent = resource.parent and _text(members.pop(plain(resource.parent), None)).lower()
    reason = members.pop("reason", None)
    fields, problems = _fields(resource, members)
    natural = None if record_id else _text(fields.get(resource.natural)) or None
    problems = _identity(resource, tenant_id, record_id, natural, parent) + problems
    return Wish(
        resource,
        tenant_id,
        record_id,
        natural,
        fields,
        parent or None,
        None if reason is None else str(reason),
        _loaded(resource, hidden.get("_loaded")),
        "; ".join(problems) or None,
    )


def _loaded(resource: Resource, row: Any) -> dict[str, Any] | None:
    """What a record itself says was loaded."""
    return loaded_values(resource, row, whole=False) if isinstance(row, dict) else None


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _identity(
    resource: Resource,
    tenant_id: str,
    record_id: str | None,
    natural: str | None,
    parent: str | None,
) -> list[str]:
    problems = []
    if not tenant_id:
        problems.append("it has no tenant_id")
    if not record_id and not natural:
        problems.append(f"it has neither {resource.id} nor {resource.natural}")
    if resource.parent and not parent:
        problems.append(f"it has no {resource.parent}")
    return problems


def _fields(resource: Resource, members: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    fields, problems = {}, []
    known = {plain(name): each for name, each in resource.fields.items()}
    for name, value in members.items():
        if value is None:
            continue
        owned = known.get(name)
        if owned is None:
            problems.append(f"{name} cannot be written; own the columns only that Xero takes")
            continue
        try:
            wanted = canonical(owned, value)
        except UnfitError as error:
            problems.append(str(error))
            continue
        if wanted is not None:
            fields[owned.name] = wanted
    return fields, problems


def loaded_values(
    resource: Resource, row: Mapping[str, Any], *, whole: bool = True
) -> dict[str, Any]:
    """Values as loaded, canonical; what is not of its field's kind is taken for nothing.

    Args:
        resource: The stream.
        row: What was loaded.
        whole: Whether a field that is not there is empty, or not known.
    """
    members = by_plain_name(row)
    values = {}
    for name, each in resource.fields.items():
        if not whole and plain(name) not in members:
            continue
        try:
            values[name] = canonical(each, members.get(plain(name)))
        except UnfitError:
            values[name] = None
    return values


def without_contradictions(wishes: Iterable[Wish]) -> list[Wish]:
    """The wishes, one for each record; those that ask for two values of one field are refused."""
    merged: dict[tuple[str, str, str], Wish] = {}
    for wish in wishes:
        name = (wish.resource.stream, wish.tenant_id, wish.key.casefold())
        other = merged.get(name)
        if other is None:
            merged[name] = wish
            continue
        contrary = [
            each for each, value in wish.fields.items() if other.fields.get(each, value) != value
        ]
        problem = wish.problem or other.problem
        if contrary:
            problem = f"two rows ask for different values of {', '.join(contrary)}"
        merged[name] = replace(other, fields={**other.fields, **wish.fields}, problem=problem)
    return list(merged.values())
