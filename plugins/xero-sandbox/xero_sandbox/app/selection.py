"""Which documents a list holds and in which order, from the parameters of a call.

Source: Xero, "Requests and responses" (filtering, ordering, optimised queries).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xero_sandbox import columns, expressions, query
from xero_sandbox.app.answers import bad_query, bad_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from xero_sandbox.app.request import AccountingCall
    from xero_sandbox.endpoint import Endpoint, ListFilter
    from xero_sandbox.store import Page, Store


@dataclass(frozen=True)
class Selection:
    """A list as the store reads it.

    Attributes:
        since: Only documents changed at or after this moment.
        where: SQL condition.
        parameters: Its values.
        order: Pairs of an SQL expression and whether it descends.
    """

    since: datetime | None
    where: str | None
    parameters: Sequence[expressions.Scalar]
    order: Sequence[tuple[str, bool]]

    def page(
        self,
        store: Store,
        call: AccountingCall,
        name: str,
        limit: int | None,
        offset: int = 0,
    ) -> Page:
        """A part of the list; its total counts all of it."""
        return store.page(
            call.tenant.tenant_id,
            name,
            since=self.since,
            where=self.where,
            parameters=self.parameters,
            order=self.order,
            limit=limit,
            offset=offset,
        )


def select(store: Store, call: AccountingCall, endpoint: Endpoint, high_volume: int) -> Selection:
    """Read the parameters of a list.

    Args:
        store: Knows how long the list is.
        call: The call.
        endpoint: What the list accepts.
        high_volume: Rows above which only optimised properties may be used.

    Raises:
        ApiError: 400 for an expression that cannot be understood, or that Xero would refuse on a
            list as long as this.
    """
    since = call.modified_since if endpoint.modified_since else None
    types = endpoint.types
    try:
        keys = _order(call, endpoint, types)
        parts = _conditions(call, endpoint, types)
    except query.QueryError as error:
        raise bad_query(str(error)) from None
    used = [path for path, _ in keys]
    used += [path for part in parts for path in expressions.paths_of(part)]
    _refuse_unoptimised(store, call, endpoint, used, high_volume)
    for path, value, parameter in endpoint.hidden_status:
        if parameter is None or not call.flag(parameter):
            status = expressions.property_of(path, types)
            parts.append(expressions.Comparison(status, "!=", expressions.Literal(value, "s")))

    def column(path: str, kind: str) -> str:
        return columns.column(endpoint.name, path, kind)

    tree = expressions.all_of(parts)
    where, parameters = expressions.to_sql(tree, column) if tree else (None, [])
    order = [(column(path, types[path]), descending) for path, descending in keys]
    return Selection(since, where, parameters, order)


def _order(
    call: AccountingCall, endpoint: Endpoint, types: dict[str, str]
) -> list[tuple[str, bool]]:
    text = call.query.get("order")
    return query.parse_order(text, types, _entity(endpoint)) if endpoint.order and text else []


def _conditions(
    call: AccountingCall, endpoint: Endpoint, types: dict[str, str]
) -> list[expressions.Expression]:
    """The conditions that the caller asked for."""
    parts: list[expressions.Expression] = []
    text = call.query.get("where")
    if endpoint.where and text:
        parts.append(query.parse_where(text, types, _entity(endpoint)))
    for item in endpoint.filters:
        value = call.query.get(item.parameter.lower())
        if value:
            parts.append(_narrow(item, value, types))
    return parts


def _refuse_unoptimised(
    store: Store, call: AccountingCall, endpoint: Endpoint, used: Sequence[str], most: int
) -> None:
    unfit = [path for path in used if endpoint.optimised and path not in endpoint.optimised]
    if not unfit:
        return
    if store.count(call.tenant.tenant_id, endpoint.name) > most:
        raise bad_request(
            f"This organisation has more than {most} {endpoint.name}; where and order may not use "
            f"{', '.join(sorted(set(unfit)))} there"
        )


def _narrow(item: ListFilter, value: str, types: dict[str, str]) -> expressions.Expression:
    if item.operator == "search":
        return expressions.Junction(
            "OR",
            tuple(
                expressions.TextTest(
                    expressions.property_of(path, types), "contains", value, ignore_case=True
                )
                for path in item.field.split()
            ),
        )
    subject = expressions.property_of(item.field, types)
    values = [part.strip() for part in value.split(",")] if item.operator == "in" else [value]
    if subject.kind == "u":
        values = [part.lower() for part in values]
    if item.operator == "in":
        return expressions.Membership(subject, tuple(values))
    if subject.kind != "d":
        return expressions.Comparison(
            subject, item.operator, expressions.Literal(values[0], subject.kind)
        )
    try:
        literal = expressions.date_literal(query.parse_moment(value))
    except ValueError:
        raise query.QueryError(f"{item.parameter} must be a date, not '{value}'") from None
    return expressions.Comparison(subject, item.operator, literal)


def _entity(endpoint: Endpoint) -> str:
    return endpoint.shape.key.removesuffix("ID") or endpoint.name
